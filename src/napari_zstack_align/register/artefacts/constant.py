"""Pixels that never change while the tissue moves: overlays, saturated blocks, dead columns.

Saturated tissue doesn't change either, in its middle. But where tissue moves, the pixels around a
constant region reach its value now and then; around an overlay they don't.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import label, median

from napari_zstack_align.register.artefacts.movement import MOVED_PX, Movement
from napari_zstack_align.register.artefacts.noise import Noise
from napari_zstack_align.register.artefacts.over_frames import mean_and_spread, median_over

Image = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.bool_]

CONSTANT_PART = 0.2
"""Constant pixels scatter by less than this part of what noise would make them."""
FEWEST_FRAMES = 6
MOST_ALIKE = 0.1
"""The pixels around an overlay have its value in no larger part of the frames."""
ALIKE_SIGMAS = 0.25
MOST_BORDER = 0.75
"""A border takes no larger part of the frame."""
AROUND = np.ones((3, 3), np.uint8)


def constant_pixels(images: Image, noise: Noise, *, are_as_bright: bool = True) -> Pixels:
    """(Y, X) bool: pixels of frames (n, Y, X) that don't change, though there is noise.

    Tissue may be less bright than its pixels where a pattern is added to it: then it has at least
    the noise of darkness.
    """
    if len(images) < FEWEST_FRAMES:
        return np.zeros(images.shape[1:], bool)
    mean, spread = mean_and_spread(images)
    level = mean if are_as_bright else np.full_like(mean, noise.dark)
    return np.asarray(spread < CONSTANT_PART * noise.spread(level), bool)


def constant_border(images: Image) -> Pixels:
    """(Y, X) bool: whole rows and columns at the sides of frames (n, Y, X) that never change.

    Where the next row often has the same values, it is dark background that was cut off at 0.
    """
    border = np.zeros(images.shape[1:], bool)
    for turns in range(4):
        turned = np.rot90(images, turns, axes=(1, 2))
        # From the side inwards, so that most often one row is read.
        changes = (bool((row != row[0]).any()) for row in np.moveaxis(turned, 1, 0))
        n = next((i for i, does in enumerate(changes) if does), 0)
        if n == 0:
            continue
        beside, inner = turned[0, n - 1], turned[:, n]
        lit = (inner != inner[0]).any(axis=0)
        if (inner == beside)[:, lit].mean() < MOST_ALIKE:
            np.rot90(border, turns)[:n] = True
    return border if border.mean() < MOST_BORDER else np.zeros_like(border)


class Constant(NamedTuple):
    """Constant pixels (Y, X), both bool: what is told to be fixed, and what may be.

    Of the latter, the tissue around hardly moves, so that nothing tells; their neighbours never
    have their value, though, as around an overlay.
    """

    fixed: Pixels
    untested: Pixels


def fixed_constant(images: Image, constant: Pixels, noise: Noise, movement: Movement) -> Constant:
    """Constant pixels (Y, X) that stand still while the tissue around them moves.

    Where it hardly moves, what has the value of others that stand still is fixed as well.
    """
    none = np.zeros_like(constant)
    if not constant.any():
        return Constant(none, none)
    value = median_over(images)
    high = cv2.dilate(np.where(constant, value, -np.inf).astype(np.float32), AROUND)
    low = cv2.erode(np.where(constant, value, np.inf).astype(np.float32), AROUND)
    ring = (high > -np.inf) & ~constant
    if not ring.any():
        return Constant(none, none)
    y, x = np.nonzero(ring)
    seen = images[:, y, x]
    reach = np.maximum(ALIKE_SIGMAS * noise.spread(value[y, x]), quantum_of(images))
    alike = np.minimum(np.abs(seen - high[y, x]), np.abs(seen - low[y, x])) < reach
    far = largest_moves(movement)[movement.tile_of(y, x)] > MOVED_PX
    regions, n = label(constant, AROUND)
    # A pixel of the ring touches regions: it speaks for the one with the largest number.
    of_ring = cv2.dilate(regions.astype(np.float32), AROUND)[y, x].astype(int)
    share = alike.mean(axis=0)
    stands_out = _few_alike(of_ring[far], share[far], n)
    untested = _few_alike(of_ring, share, n) & (np.bincount(of_ring[far], minlength=n + 1) == 0)
    if stands_out.any() and untested.any():
        levels = median(value, regions, np.arange(n + 1))
        stands_out |= untested & np.isin(levels, levels[stands_out])
    untested &= ~stands_out
    return Constant(np.asarray(stands_out[regions], bool), np.asarray(untested[regions], bool))


def _few_alike(of_ring: npt.NDArray[np.intp], share: npt.NDArray[np.float64], n: int) -> Pixels:
    """(n + 1,) bool: regions whose neighbours are seldom like them; False for 0, and for no ring.

    ``share`` is the part of the frames in which each pixel of the ring is like its region.
    """
    counted = np.bincount(of_ring, minlength=n + 1)
    agreed = np.bincount(of_ring, share, minlength=n + 1)
    few = (counted > 0) & (agreed < MOST_ALIKE * counted)
    few[0] = False
    return np.asarray(few)


def largest_moves(movement: Movement) -> npt.NDArray[np.float64]:
    """(tiles,) how far the tissue of each tile moves between frames, the farthest tenth aside."""
    low, high = np.percentile(movement.of_tiles, (10, 90), axis=1)
    return np.asarray(np.hypot(*(high - low).T))


def grown(pixels: Pixels, reach: int) -> Pixels:
    """Pixels (Y, X), and those no farther away along each axis."""
    square = np.ones((2 * reach + 1,) * 2, np.uint8)
    return np.asarray(cv2.dilate(pixels.astype(np.uint8), square), bool)


def quantum_of(images: Image) -> float:
    """Step between values of whole-number data; 0 for others."""
    some = images[:, ::7, ::7]
    return 1.0 if np.array_equal(some, np.round(some)) else 0.0
