"""Pixels that never change while the tissue moves: overlays, saturated blocks, dead columns.

Saturated tissue doesn't change either, in its middle. But where tissue moves, the pixels around a
constant region reach its value now and then; around an overlay they don't.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import label

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
AROUND = np.ones((3, 3), np.uint8)


def constant_pixels(images: Image, noise: Noise) -> Pixels:
    """(Y, X) bool: pixels of frames (n, Y, X) that don't change, though there is noise."""
    if len(images) < FEWEST_FRAMES:
        return np.zeros(images.shape[1:], bool)
    mean, spread = mean_and_spread(images)
    return np.asarray(spread < CONSTANT_PART * noise.spread(mean), bool)


def fixed_constant(images: Image, constant: Pixels, noise: Noise, movement: Movement) -> Pixels:
    """Constant pixels (Y, X) that stand still while the tissue around them moves."""
    if not constant.any():
        return constant
    value = median_over(images)
    high = cv2.dilate(np.where(constant, value, -np.inf).astype(np.float32), AROUND)
    low = cv2.erode(np.where(constant, value, np.inf).astype(np.float32), AROUND)
    ring = (high > -np.inf) & ~constant
    if not ring.any():
        return np.zeros_like(constant)
    y, x = np.nonzero(ring)
    seen = images[:, y, x]
    reach = np.maximum(ALIKE_SIGMAS * noise.spread(value[y, x]), quantum_of(images))
    alike = np.minimum(np.abs(seen - high[y, x]), np.abs(seen - low[y, x])) < reach
    far = largest_moves(movement)[movement.tile_of(y, x)] > MOVED_PX
    regions, n = label(constant, AROUND)
    # A pixel of the ring touches regions: it speaks for the one with the largest number.
    of_ring = cv2.dilate(regions.astype(np.float32), AROUND)[y, x].astype(int)
    counted = np.bincount(of_ring[far], minlength=n + 1)
    agreed = np.bincount(of_ring[far], alike.mean(axis=0)[far], minlength=n + 1)
    stands_out = (counted > 0) & (agreed < MOST_ALIKE * counted)
    stands_out[0] = False
    return np.asarray(stands_out[regions], bool)


def largest_moves(movement: Movement) -> npt.NDArray[np.float64]:
    """(tiles,) how far the tissue of each tile moves between frames, the farthest tenth aside."""
    low, high = np.percentile(movement.of_tiles, (10, 90), axis=1)
    return np.asarray(np.hypot(*(high - low).T))


def quantum_of(images: Image) -> float:
    """Step between values of whole-number data; 0 for others."""
    some = images[:, ::7, ::7]
    return 1.0 if np.array_equal(some, np.round(some)) else 0.0
