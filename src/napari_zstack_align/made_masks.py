"""Masks that are made at once instead of painted: bright tissue, a circle, another one changed."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.bool_]

SMOOTH_PART, SMOOTH_PX = 40, 2.0
"""Tissue is bright over more than single cells and their noise: over this part of the shorter side
of an image, and at least so far."""
PERCENTILES = (0.5, 99.5)
"""Dark and bright places of a smoothed image."""
LEVELS = 255
ROUNDING = 1e-6


def brightness(image: Image) -> Image:
    """How bright the surroundings of each pixel are, from dark (0) to bright (1).

    Parameters
    ----------
    image : numpy.ndarray
        (Y, X) float32; NaN counts as dark.

    Returns
    -------
    numpy.ndarray
        (Y, X) float32 in [0, 1]; zeros where the image is the same everywhere.
    """
    known = np.isfinite(image)
    if not known.any():
        return np.zeros(image.shape, np.float32)
    whole = np.where(known, image, image[known].min()).astype(np.float32)
    sigma = max(min(image.shape) / SMOOTH_PART, SMOOTH_PX)
    smooth = cv2.GaussianBlur(whole, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    dark, bright = np.percentile(smooth, PERCENTILES)
    if bright - dark <= ROUNDING * max(abs(bright), abs(dark)):
        return np.zeros(image.shape, np.float32)
    return np.clip((smooth - dark) / (bright - dark), 0, 1).astype(np.float32)


def usual_threshold(bright: Image) -> float:
    """Brightness between dark and bright places, in [0, 1] (Otsu 1979, IEEE Trans. SMC).

    Parameters
    ----------
    bright : numpy.ndarray
        (Y, X) float32 in [0, 1], as of `brightness`.
    """
    levels = np.rint(LEVELS * bright).astype(np.uint8)
    threshold, _ = cv2.threshold(levels, 0, LEVELS, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return float(threshold) / LEVELS


def circle(shape: tuple[int, int]) -> Pixels:
    """Largest circle in the middle of an image (Y, X), as (Y, X) bool."""
    y, x = (np.arange(size) - (size - 1) / 2 for size in shape)
    return np.asarray(np.hypot(y[:, np.newaxis], x) <= min(shape) / 2)


def grown(mask: Pixels, by_px: int) -> Pixels:
    """Mask (Y, X) bool, larger by so many px on all sides."""
    return cv2.dilate(mask.astype(np.uint8), _disc(by_px)) > 0


def shrunk(mask: Pixels, by_px: int) -> Pixels:
    """Mask (Y, X) bool, smaller by so many px on all sides but the edges of the image."""
    return cv2.erode(mask.astype(np.uint8), _disc(by_px)) > 0


def _disc(radius: int) -> npt.NDArray[np.uint8]:
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return (y**2 + x**2 <= (radius + 0.5) ** 2).astype(np.uint8)
