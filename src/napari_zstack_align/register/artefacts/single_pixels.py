"""Pixels brighter or darker than their neighbours, in the same place of the detector throughout.

A candidate stands out from the median of 5 x 5 pixels around it in most frames. Fine tissue does
so too, where it moves little. So pairs of frames are compared between which the tissue moved: what
is fixed stands out at the same pixel in both, tissue where it moved to.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.register.artefacts.movement import Movement
from napari_zstack_align.register.artefacts.noise import Noise
from napari_zstack_align.register.artefacts.over_frames import median_over
from napari_zstack_align.spread import spread_of

Image = npt.NDArray[np.float32]
Differences = npt.NDArray[np.float16]
Pixels = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]
Shifts = npt.NDArray[np.float64]

STANDS_OUT = 1.5
"""A candidate differs from its neighbours by so much more than noise (σ), in the median frame."""
MOST_CANDIDATES = 0.05
LARGEST = 1e4
"""Differences are cut to so many standard deviations, which float16 can hold."""
APART_PX = 1.2
"""Pairs of frames count between which the tissue moved so far."""
FEWEST_PAIRS, MOST_PAIRS = 3, 200
TIMES_TISSUE = 3.0
"""Fixed pixels agree so many times better at the detector than at the tissue."""
BEST_OF_NINE = 1.485
"""Mean of the largest of nine numbers of normal noise, in standard deviations."""
MANY = 8
"""Dim pixels that look fixed are left out where there are so many: one or two do so by chance."""
CALM, SEEN = 0.4, 0.9
"""Pixels of less than this part of the noise were filled; so many places must not be."""
AGREEING = 0.8
"""A fixed pixel stands out in at least this part of the frames."""
SOME = 8
BLOCK = 2048
"""Candidates worked on at once."""


def differences(images: Image, noise: Noise) -> Differences:
    """Frames minus the medians of 5 x 5 pixels, in units of their noise.

    Half a float's digits are enough for what is compared with 1.5, and take half the memory.
    """
    result = np.empty(images.shape, np.float16)
    for out, image in zip(result, images, strict=True):
        stable = noise.stabilised(image)
        out[...] = np.clip(cv2.subtract(stable, cv2.medianBlur(stable, 5)), -LARGEST, LARGEST)
    return result


def fixed_pixels(out: Differences, movement: Movement, known: Pixels) -> Pixels:
    """(Y, X) bool: single pixels that are fixed to the detector.

    Parameters
    ----------
    out : numpy.ndarray
        (n, Y, X) float16, of `differences`.
    movement : Movement
    known : numpy.ndarray
        (Y, X) bool: pixels that are left out already.
    """
    clearly, likely = np.zeros((2, *out.shape[1:]), bool)
    median = median_over(out)
    noise = min(1.0, spread_of(out[::SOME].astype(np.float32)))
    calm = _mean_size(out) < CALM * noise
    y, x = np.unravel_index(_candidates(np.where(known, 0, median)), median.shape)
    tiles = movement.tile_of(y, x)
    for tile in np.unique(tiles):
        inside = np.flatnonzero(tiles == tile)
        shifts = movement.of_tiles[tile]
        for start in range(0, len(inside), BLOCK):
            some = inside[start : start + BLOCK]
            signs = np.sign(median[y[some], x[some]])
            which = y[some], x[some]
            clearly[which], likely[which] = _fixed(out, signs, *which, shifts, noise, calm)
    return likely if likely.sum() >= MANY else clearly


def _mean_size(out: Differences) -> Image:
    """(Y, X) mean of the absolute differences over the frames."""
    total = np.zeros(out.shape[1:], np.float32)
    for each in out:
        total += np.abs(each)
    return np.asarray(total / len(out), np.float32)


def _candidates(median: Image) -> Places:
    """(k,) flat places that stand out most, of the bright and of the dark ones."""
    most = int(MOST_CANDIDATES * median.size)
    chosen = []
    for strength in (median.ravel(), -median.ravel()):
        some = np.flatnonzero(strength > STANDS_OUT)
        if len(some) > most:
            some = some[np.argpartition(-strength[some], most)[:most]]
        chosen.append(some)
    return np.sort(np.concatenate(chosen))


def _fixed(
    out: Differences,
    signs: Image,
    y: Places,
    x: Places,
    shifts: Shifts,
    noise: float,
    calm: Pixels,
) -> tuple[Pixels, Pixels]:
    """Which pixels (k,) of a tile agree at the detector, and not where the tissue went.

    ``noise`` is the spread of differences, at most 1; ``calm`` (Y, X) has none: nothing is seen of
    tissue that went there. Returns those of which this is clear, whatever noise there is, and those
    that it is likely of.
    """
    steps = shifts[np.newaxis] - shifts[:, np.newaxis]  # from first to second frame
    apart = np.hypot(*np.moveaxis(steps, -1, 0)) >= APART_PX
    first, second = np.nonzero(apart)
    if len(first) < FEWEST_PAIRS:
        return np.zeros(len(y), bool), np.zeros(len(y), bool)
    if len(first) > MOST_PAIRS:
        kept = np.linspace(0, len(first) - 1, MOST_PAIRS).astype(int)
        first, second = first[kept], second[kept]
    here = signs * out[:, y, x]
    moved = np.round(steps[first, second]).astype(int)
    # Tissue is found within a pixel of where it should be; the pixel itself says nothing of it.
    there = np.full((len(first), len(y)), -np.inf, np.float32)
    beside = np.zeros((9, len(y)), np.float32)
    for place, (dy, dx) in enumerate(np.ndindex(3, 3)):
        by_y, by_x = moved[:, :1] + dy - 1, moved[:, 1:] + dx - 1
        at_y = np.clip(y + by_y, 0, out.shape[1] - 1)
        at_x = np.clip(x + by_x, 0, out.shape[2] - 1)
        if (dy, dx) == (1, 1):
            inside = (at_y == y + by_y) & (at_x == x + by_x) & ~calm[at_y, at_x]
        found = signs * out[second[:, np.newaxis], at_y, at_x]
        elsewhere = (by_y != 0) | (by_x != 0)
        np.maximum(there, found, out=there, where=elsewhere)
        beside[place] = (here[first] * found).mean(axis=0, where=elsewhere)
    stays = (here[first] * here[second]).mean(axis=0)
    goes = (here[first] * there).mean(axis=0)
    # The largest of nine is large by noise alone, unless nine are averaged over the pairs first.
    less = np.maximum(goes - BEST_OF_NINE * noise * here[first].mean(axis=0), beside.max(axis=0))
    much = (here > 0).mean(axis=0) >= AGREEING
    much &= stays > STANDS_OUT**2
    clear = much & (stays > TIMES_TISSUE * np.maximum(goes, 0))
    much &= inside.mean(axis=0) >= SEEN
    return clear, clear | (much & (stays > TIMES_TISSUE * np.maximum(less, 0)))
