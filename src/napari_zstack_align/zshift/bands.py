"""Band-passed images: neither pixel noise nor uneven light, offsets or the gain's slow changes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

SHRINK_FROM = 3.0
"""A blur this wide is made at half size, in a fraction of the time."""


@dataclass(frozen=True)
class BandPass:
    """Difference of two Gaussian blurs, of standard deviations in px."""

    fine_px: float
    coarse_px: float

    def __call__(self, image: Image, valid: Mask | None = None) -> Image:
        """Band-pass an image (Y, X); 0 where it isn't valid.

        Parameters
        ----------
        image : numpy.ndarray
            (Y, X) float32; what stands where it isn't valid doesn't matter.
        valid : numpy.ndarray, optional
            (Y, X) bool; None: all of it.
        """
        if valid is None or valid.all():
            return cv2.subtract(_blur(image, self.fine_px), _blur(image, self.coarse_px))
        if not valid.any():
            return np.zeros(image.shape, np.float32)
        filled = self._filled(image, valid)
        band = cv2.subtract(_blur(filled, self.fine_px), _blur(filled, self.coarse_px))
        return np.where(valid, band, np.float32(0))

    def _filled(self, image: Image, valid: Mask) -> Image:
        """Put the valid pixels' local mean where nothing is known."""
        known = np.where(valid, image, np.float32(0))
        weight = _blur(valid.astype(np.float32), self.coarse_px)
        mean = np.float32(known.sum(dtype=np.float64) / np.count_nonzero(valid))
        local = (_blur(known, self.coarse_px) + 1e-3 * mean) / (weight + np.float32(1e-3))
        return np.where(valid, image, local)

    def noise_kernel(self) -> npt.NDArray[np.float32]:
        """(n, n) what the band leaves of a single bright pixel, for how it correlates noise."""
        reach = int(np.ceil(3 * self.coarse_px))
        dot = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
        dot[reach, reach] = 1
        return self(dot)


def _blur(image: Image, sigma: float) -> Image:
    if sigma < SHRINK_FROM or min(image.shape) < 8:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float32)
    height, width = image.shape
    size = ((width + 1) // 2, (height + 1) // 2)
    half = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    blurred = _blur(np.asarray(half), sigma / 2)
    return np.asarray(cv2.resize(blurred, (width, height)), np.float32)
