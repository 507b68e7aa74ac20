"""How well a frame can resemble the mean of others at all, by its own noise.

The pixels of a frame are split like a chessboard: in every block of 2 × 2 the two diagonals see the
same tissue around the same centre, and their noise is independent. What the two halves share, band-
passed as the compared images are, is signal, and the rest is noise. Neither motion nor the other
frames come into it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.quality import (
    band_for_comparison,
    comparison_factor,
    without_extremes,
)
from napari_zstack_align.alignment.warp import shrink

Image = npt.NDArray[np.float32]
KERNEL_PX = 65


@dataclass(frozen=True)
class Power:
    """Variances of a frame as it is compared.

    Attributes
    ----------
    signal, noise : float
        Of what all frames of a slice share, and of the frame's own noise; at least 0.
    """

    signal: float
    noise: float

    def expected_correlation(self, n_own: float, n_others: float) -> float:
        """Correlation of the mean of ``n_own`` such frames with that of ``n_others`` other ones.

        0 where there is no signal, as where there are no others.
        """
        own, others = (self._part(n) for n in (n_own, n_others))
        return float(np.sqrt(own * others))

    def _part(self, n: float) -> float:
        """Part of signal in the variance of a mean of n frames."""
        if self.signal <= 0 or n <= 0:
            return 0.0
        return self.signal / (self.signal + self.noise / n)


def power_of(image: Image, weights: Image | None = None) -> Power:
    """Tell signal from noise in one frame.

    Parameters
    ----------
    image : numpy.ndarray
        (Y, X) float32 raw frame, free of NaN.
    weights : numpy.ndarray, optional
        Mask at the size of the compared images.
    """
    rows, columns = (2 * (size // 2) for size in image.shape)
    even, odd = image[0:rows:2], image[1:rows:2]
    half = np.float32(0.5)
    one: Image = half * (even[:, 0:columns:2] + odd[:, 1:columns:2])
    other: Image = half * (even[:, 1:columns:2] + odd[:, 0:columns:2])
    if comparison_factor(image.shape) == 2:
        return _of_halves(one, other, weights)
    return _of_pixels(image, one - other, weights)


def _of_halves(one: Image, other: Image, weights: Image | None) -> Power:
    """Power at half size, where each half is an image of its own."""
    first, second, both = (
        without_extremes(band_for_comparison(half))
        for half in (one, other, np.float32(0.5) * (one + other))
    )
    shared = _covariance(first, second, weights)
    return Power(max(shared, 0.0), max(_covariance(both, both, weights) - shared, 0.0))


def _of_pixels(image: Image, difference: Image, weights: Image | None) -> Power:
    """Power at full size: the noise of single pixels, and what the band leaves of it."""
    point = np.zeros((KERNEL_PX, KERNEL_PX), np.float32)
    point[KERNEL_PX // 2, KERNEL_PX // 2] = 1
    kept = float((band_for_comparison(point) ** 2).sum())
    compared = without_extremes(band_for_comparison(image))
    whole = _covariance(compared, compared, weights)
    small = None if weights is None else shrink(weights, 2)[: len(difference)]
    noise = min(kept * _covariance(difference, difference, small), whole)
    return Power(whole - noise, noise)


def _covariance(first: Image, second: Image, weights: Image | None) -> float:
    weight = np.ones(first.shape, np.float32) if weights is None else weights
    total = float(weight.sum())
    if total <= 0:
        return 0.0
    a, b = (image - float((weight * image).sum()) / total for image in (first, second))
    return float((weight * a * b).sum()) / total
