"""What shows the same in every frame: it is taken out where frames are compared.

Burnt-in boxes, dead, hot or saturated pixels, the black around a window, and stripes of the
detector make frames of any two slices alike.

A pixel counts as fixed where it has the same value in a few frames. So has a dark pixel, by chance,
where only now and then a photon comes: but then about as many others have that value in all of
these frames but one. Stripes are rows or columns whose mean stands out from that of those beside
them, in most of these frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter

from napari_zstack_align.spread import spread_of

FIXED_FRAMES = 8
"""Frames in which the value of a pixel has to be the same."""
BY_CHANCE = 0.1
"""Dark pixels of a value are so by chance where this part of them has it in all frames but one."""
MOST_FIXED = 0.75
"""Where more of an image is, hardly a photon comes, and what is left would be noise."""
AROUND = 9
"""Rows, or columns, among which stripes stand out: fewer than half of them are."""
LEAST_SPREADS = 8.0
"""A stripe stands out by this many times what rows usually do."""
LEAST_PART = 0.25
"""... and by this part of the spread of the pixels of a row."""

Image = npt.NDArray[Any]
Pixels = npt.NDArray[np.bool_]


def compared_for_fixed(frames: Sequence[int]) -> Sequence[int]:
    """Which frames to look at for fixed pixels, from all over those that will be compared."""
    return frames[:: max(len(frames) // FIXED_FRAMES, 1)]


@dataclass(frozen=True, eq=False)
class FixedPattern:
    """What shows the same in every frame.

    Attributes
    ----------
    pixels : numpy.ndarray
        (Y, X) bool: pixels that always have one value.
    stripes : numpy.ndarray
        (Y, X) float64 by how much rows and columns stand out; 0 where they don't.
    """

    pixels: Pixels
    stripes: npt.NDArray[np.float64]

    @classmethod
    def of(cls, images: Sequence[Image]) -> FixedPattern:
        """Find it in a few frames (Y, X)."""
        pixels = fixed_pixels(images)
        filled = [_filled(image, pixels) for image in images]
        down, across = _stripes(filled), _stripes([image.T for image in filled])
        return cls(pixels, down[:, np.newaxis] + across)

    def taken_out_of(self, image: Image) -> Image:
        """Give fixed pixels of a frame (Y, X) the median of the others; subtract stripes."""
        image = _filled(image, self.pixels)
        return image - self.stripes if self.stripes.any() else image


def fixed_pixels(images: Sequence[Image]) -> Pixels:
    """(Y, X) bool: pixels that have the same value in all of a few frames, bright or dark."""
    usual = images[0]
    if len(images) > 2:  # a value that all but one have, two of three have
        usual = np.where(images[0] == images[1], images[0], images[2])
    agreeing = np.zeros(usual.shape, np.intp)
    for image in images:
        agreeing += image == usual
    fixed = agreeing == len(images)
    if fixed.mean() > MOST_FIXED or not fixed.any():
        return np.zeros_like(fixed)
    is_dark = usual <= np.median(usual[np.isfinite(usual)])
    dark, nearly = fixed & is_dark, (agreeing == len(images) - 1) & is_dark
    fixed[dark] = _is_rarely_left(usual[dark], usual[nearly])
    return fixed


def _filled(image: Image, fixed: Pixels) -> Image:
    if not fixed.any():
        return image
    return np.where(fixed, np.median(image[~fixed]).astype(image.dtype), image)


def _is_rarely_left(values: Image, nearly: Image) -> Pixels:
    """(n,) bool: whether pixels of such a value have it always, few of them nearly always."""
    each, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    among = np.searchsorted(nearly := np.sort(nearly), each, "right")
    among -= np.searchsorted(nearly, each, "left")
    return np.asarray((among <= BY_CHANCE * counts)[which.reshape(-1)], bool)


def _stripes(images: Sequence[Image]) -> npt.NDArray[np.float64]:
    """(Y,) by how much each row stands out from those beside it, in most of a few frames."""
    usual = np.median([image.mean(axis=1, dtype=np.float64) for image in images], axis=0)
    if len(usual) < 2 * AROUND or not np.isfinite(usual).all():
        return np.zeros(len(usual))
    excess = usual - median_filter(usual, AROUND, mode="reflect")
    pixels = float(np.median([image.std(axis=1, dtype=np.float64) for image in images]))
    least = max(LEAST_SPREADS * spread_of(excess), LEAST_PART * pixels)
    return np.where(np.abs(excess) > least, excess, 0)
