"""Regions fixed to the detector whose pixels change, such as a burnt-in clock.

Pairs of frames are compared between which the tissue moved: once as they lie, and once with the
second frame moved to where the tissue of the first one went. Tissue differs less when it is moved,
and then by little more than noise. A fixed region differs by far more than noise, and less as it
lies: parts of a clock stay the same from frame to frame. From such places a region grows over those
beside them that differ by far more than noise, too.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_propagation

from napari_zstack_align.register.artefacts.joint import Groups, Image, Shifts
from napari_zstack_align.register.artefacts.movement import Movement
from napari_zstack_align.register.artefacts.noise import Noise

Pixels = npt.NDArray[np.bool_]

LEAST_MOVE_PX = 2.0
MOST_PAIRS, FEWEST_PAIRS = 48, 6
BOX_PX = 7
"""Differences are averaged over so many pixels along each axis."""
SMOOTH_PX = 5.0
"""Light that changes more slowly over the image doesn't count."""
LEVEL_PERCENTILE = 95.0
"""... and brighter pixels count as bright as that: they would darken what is around them."""
CAP = 8.0
"""Pixels are cut to so many standard deviations of noise."""
MOST_DIFFERENT = 10.0
"""The difference of a pair counts up to so many variances of noise: most pairs have to agree, not
the few in which a cell lights up."""
FIXED_PART = 0.7
"""Where a region is fixed for sure, pairs differ by less than this part as they lie."""
TIMES_NOISE, TIMES_NOISE_GROWN = 2.5, 2.0
"""... and by so many times as much as in most places when they are moved."""
REACH_PX = 12
"""A region grows so far from where it is fixed for sure."""
FEWEST_PIXELS = 120
"""Smaller ones may come from what was filled in beside a border without numbers."""
MARGIN = np.ones((5, 5), np.uint8)


def fixed_regions(images: Image, groups: Groups, movement: Movement, noise: Noise) -> Pixels:
    """(Y, X) bool: regions that are fixed to the detector though they change.

    Parameters
    ----------
    images : numpy.ndarray
        (n, Y, X) float32 frames.
    groups : numpy.ndarray
        (n,) frames of a group show the same tissue.
    movement : Movement
    noise : Noise
    """
    shifts, planes = movement.of_frames, movement.affine
    nothing = np.zeros(images.shape[1:], bool)
    pairs = _pairs(groups, shifts)
    if len(pairs) < FEWEST_PAIRS:
        return nothing
    still, moved, count = (np.zeros(images.shape[1:], np.float32) for _ in range(3))
    for one, other in pairs:
        first, second = (_flat(images[t], noise) for t in (one, other))
        back, inside = _moved_back(second, planes[other] - planes[one])
        still += np.minimum(_differences(first, second), MOST_DIFFERENT) * inside
        moved += np.minimum(_least_differences(first, back), MOST_DIFFERENT) * inside
        count += inside
    seen = count >= FEWEST_PAIRS
    still, moved = (np.where(seen, total / np.maximum(count, 1), 0) for total in (still, moved))
    usual = float(np.median(moved[seen])) if seen.any() else 0.0
    if usual <= 0:
        return nothing
    sure = (moved > TIMES_NOISE * usual) & (still < FIXED_PART * moved)
    near = cv2.dilate(sure.astype(np.uint8), np.ones((2 * REACH_PX + 1,) * 2)).astype(bool)
    grown = near & (moved > TIMES_NOISE_GROWN * usual)
    return _without_small(binary_propagation(sure, mask=grown))


def _pairs(groups: Groups, shifts: Shifts) -> list[tuple[int, int]]:
    """Pairs of frames of one group between which the tissue moved: the nearest in time, and any.

    No frame is in many of them: a cell may be active in it.
    """
    rng = np.random.default_rng(0)
    found = set()
    for g in np.unique(groups):
        frames = np.flatnonzero(groups == g)
        for t in frames.tolist():
            far = np.hypot(*(shifts[frames] - shifts[t]).T)
            apart = frames[far >= LEAST_MOVE_PX]
            if len(apart):
                found.add((t, int(apart[np.argmin(np.abs(apart - t))])))
                found.add((t, int(rng.choice(apart))))
    pairs = sorted(found)
    if len(pairs) <= MOST_PAIRS:
        return pairs
    return [pairs[i] for i in np.linspace(0, len(pairs) - 1, MOST_PAIRS).astype(int)]


def _flat(image: Image, noise: Noise) -> Image:
    """Image in units of its noise, without slow changes and extremes."""
    stable = noise.stabilised(image)
    level = cv2.GaussianBlur(
        np.minimum(stable, np.percentile(stable, LEVEL_PERCENTILE)), (0, 0), SMOOTH_PX
    )
    return np.asarray(np.clip(stable - level, -CAP, CAP), np.float32)


def _differences(first: Image, second: Image) -> Image:
    return np.asarray(cv2.blur(cv2.subtract(first, second) ** 2, (BOX_PX, BOX_PX)), np.float32)


def _least_differences(first: Image, back: Image) -> Image:
    """Differences to an image that was moved back, within a pixel of where it belongs."""
    least = np.full(first.shape, np.inf, np.float32)
    for y, x in np.ndindex(3, 3):
        near = np.roll(back, (y - 1, x - 1), axis=(0, 1))
        np.minimum(least, _differences(first, near), out=least)
    return least


def _moved_back(image: Image, plane: npt.NDArray[np.float64]) -> tuple[Image, Image]:
    """Image (Y, X) moved back by a + b y + c x (2, 3) px, and 1 where it is known, else 0."""
    y, x = np.indices(image.shape, np.float32)
    at_y, at_x = (
        np.asarray(at + a + b * y + c * x, np.float32)
        for at, (a, b, c) in zip((y, x), plane, strict=True)
    )
    # Interpolation would take noise off.
    back = cv2.remap(image, at_x, at_y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    inside = (at_y >= 1) & (at_y < image.shape[0] - 2) & (at_x >= 1) & (at_x < image.shape[1] - 2)
    return back, inside.astype(np.float32)


def _without_small(pixels: Pixels) -> Pixels:
    """Regions (Y, X) without those of few pixels, and with the pixels beside."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(pixels.astype(np.uint8), connectivity=8)
    large = np.flatnonzero(stats[:, cv2.CC_STAT_AREA] >= FEWEST_PIXELS)
    kept = np.isin(labels, large[large > 0]).astype(np.uint8)
    return np.asarray(cv2.dilate(kept, MARGIN), bool)
