"""Writing burnt into the frames: pixels of one bright value that don't follow the tissue.

Photon noise spreads the values of tissue. A bright value that more pixels have than the values just
below it was written into the frames, or is where the detector saturates. Two things tell writing
from saturated tissue: it is lit where it was lit before, not where the tissue went; and its edges
are sharp, while tissue beside saturated pixels is bright as well.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_propagation

from napari_zstack_align.register.artefacts.constant import grown, largest_moves
from napari_zstack_align.register.artefacts.movement import MOVED_PX, movement

Image = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.bool_]
Shifts = npt.NDArray[np.float64]

STRIDE = 2
"""Every second pixel along each axis tells which values were written."""
LEAST_PERCENTILE = 90.0
"""Only values beyond this percentile."""
BELOW_PART, FEWEST_BELOW = 0.05, 3
"""A written value has more pixels than those below it together, as far as this part of its height
above the median, and at least so many."""
MOST_VALUES = 8
FEWEST_PIXELS = 20
"""Lit pixels of a region."""
FEWEST_FRAMES, LEAST_PART = 3, 0.05
"""A pixel of a region is lit in so many frames, and in so large a part of them."""
GAP_PX = 9
"""Between the strokes and digits of a region."""
FILLED_PART = 0.4
"""A region that fills so much of its rectangle is left out as that: writing stands in lines."""
MARGIN_PX = 1
"""Around it: digits of frames that aren't in the sample may be wider."""
APART_PX = 1.2
"""Pairs of frames count between which the tissue moved so far."""
FEWEST_PAIRS, MOST_PAIRS = 3, 100
TIMES_TISSUE = 1.3
"""Writing is lit so many times as often where it was as where the tissue went."""
SHARP_PART = 0.15
"""The pixels beside writing have no more than this part of its height above the median."""
PLAIN_PART = 0.5
"""Of the pixels between strokes, so many have one value where there is a box; a pixel has it in so
many frames that it belongs to the box."""
MOST_ALIKE = 0.02
"""No more of the other pixels are like the box: dark tissue that was cut off at 0 would be."""
BESIDE_PX = 12
"""The tissue's motion is told without what is so near."""


def of_written_values(images: Image) -> Pixels | None:
    """(n, Y, X) bool: pixels with a bright value that too many have; None: there are none.

    The frames are raw: one offset for all may have been taken off, nothing else.
    """
    some = images[:, ::STRIDE, ::STRIDE].ravel()
    middle, least = np.percentile(some, (50, LEAST_PERCENTILE))
    values, counts = np.unique(some[some >= least], return_counts=True)
    before = np.searchsorted(values, values - BELOW_PART * (values - middle))
    before = np.minimum(before, np.maximum(np.arange(len(values)) - FEWEST_BELOW, 0))
    total = np.concatenate([[0], np.cumsum(counts)])
    written = counts > np.maximum(total[:-1] - total[before], FEWEST_PIXELS)
    written[:1] = False
    most = np.flatnonzero(written)[np.argsort(-counts[written])[:MOST_VALUES]]
    if not len(most):
        return None
    lit = np.zeros(images.shape, bool)
    for value in values[most]:
        lit |= images == value
    return lit if regions_of(lit).any() else None


def regions_of(lit: Pixels) -> Pixels:
    """(Y, X) bool: regions of pixels that are lit (n, Y, X) again and again."""
    often = _often(lit)
    closed = cv2.morphologyEx(often.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((GAP_PX,) * 2))
    n, labels = cv2.connectedComponents(closed, connectivity=8)
    large = np.bincount(labels[often], minlength=n) >= FEWEST_PIXELS
    large[0] = False
    return np.asarray(large[labels])


def writing(images: Image, lit: Pixels, groups: npt.NDArray[np.intp]) -> Pixels:
    """(Y, X) bool: regions of writing, from the lit pixels of frames (n, Y, X).

    ``groups`` (n,) are the slices of the frames. Where the tissue doesn't move, nothing is told.
    """
    regions = regions_of(lit)
    found: Pixels = np.zeros(regions.shape, bool)
    moves = movement(images, groups, grown(regions, BESIDE_PX))
    if np.median(largest_moves(moves)) < MOVED_PX:
        return found
    changing = lit & ~lit.all(axis=0)  # constant pixels are looked for elsewhere
    n, labels, facts, _ = cv2.connectedComponentsWithStats(regions.astype(np.uint8))
    for number in range(1, n):
        x, y, width, height, area = map(int, facts[number])
        where = np.s_[y : y + height, x : x + width]
        region = np.asarray(labels == number)
        ink = changing & region
        if not ink.any() or not _height_beside(images, ink, lit) <= SHARP_PART:
            continue
        tile = moves.tile_of(np.array(y + height // 2), np.array(x + width // 2))
        if _stays(ink, where, moves.of_tiles[tile]) < TIMES_TISSUE:
            continue
        if area > FILLED_PART * width * height:
            region[where] = True
        found |= _with_box(images, lit & region, region)
    return grown(found, MARGIN_PX)


def _often(lit: Pixels) -> Pixels:
    """(Y, X) bool: pixels that are lit (n, Y, X) in several frames."""
    return np.asarray(lit.sum(axis=0) >= max(FEWEST_FRAMES, LEAST_PART * len(lit)))


def _stays(ink: Pixels, where: tuple[slice, slice], shifts: Shifts) -> float:
    """How many times as often pixels are lit where they were as where the tissue went.

    NaN where the tissue hardly moves. It may have gone a pixel farther than it seems: the best of
    nine places counts, but never that where the pixels were.
    """
    steps = shifts[np.newaxis] - shifts[:, np.newaxis]  # from first to second frame
    far = np.hypot(*np.moveaxis(steps, -1, 0)) >= APART_PX
    some = np.asarray(ink.any(axis=(1, 2)))
    first, second = np.nonzero(far & some & some[:, np.newaxis])
    if len(first) < FEWEST_PAIRS:
        return float("nan")
    kept = np.linspace(0, len(first) - 1, min(len(first), MOST_PAIRS)).astype(int)
    moved = np.round(steps).astype(int)
    reach = int(np.abs(moved).max()) + 1
    rows, columns = (slice(s.start, s.stop + 2 * reach) for s in where)
    seen = np.pad(np.ones(ink.shape[1:], bool), reach)[rows, columns]
    lit = np.pad(ink, [(0, 0), (reach, reach), (reach, reach)])[:, rows, columns]
    middle = np.s_[reach:-reach, reach:-reach]
    stays, goes = np.zeros((2, 9))
    for t, s in zip(first[kept], second[kept], strict=True):
        here, still = lit[t][middle], lit[s][middle]
        for place, beside in enumerate(np.ndindex(3, 3)):
            y, x = moved[t, s] + reach - 1 + beside
            if (y, x) == (reach, reach):
                continue
            there = np.s_[y : y + here.shape[0], x : x + here.shape[1]]
            inside = here & seen[there]
            stays[place] += (inside & still).sum()
            goes[place] += (inside & lit[s][there]).sum()
    return float((stays / np.maximum(goes, 1)).min())


def _height_beside(images: Image, ink: Pixels, lit: Pixels) -> float:
    """Height of unlit pixels beside some lit ones, as a part of theirs, above the median."""
    middle = np.median(images[:, ::STRIDE, ::STRIDE])
    heights = []
    for image, of_ink, of_all in zip(images, ink, lit, strict=True):
        beside = grown(of_ink, 1) & ~of_all
        if beside.any():
            heights.append((np.median(image[beside]), np.median(image[of_ink])))
    if not heights:
        return float("nan")
    ring, full = np.median(heights, axis=0) - middle
    return float(ring / full)


def _with_box(images: Image, ink: Pixels, region: Pixels) -> Pixels:
    """Region (Y, X) with the box of one value around it, where it has one."""
    shown = np.flatnonzero(ink.any(axis=(1, 2)))
    paper = [images[t][grown(region, 1) & ~ink[t]] for t in shown]
    values, counts = np.unique(np.concatenate(paper), return_counts=True)
    if counts.max() < PLAIN_PART * counts.sum():
        return region
    value = values[np.argmax(counts)]
    plain = np.mean([images[t] == value for t in shown], axis=0) > PLAIN_PART
    box = binary_propagation(region, mask=region | plain)
    return region if plain[~box].mean() > MOST_ALIKE else np.asarray(box)
