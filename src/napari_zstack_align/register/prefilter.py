"""What is done to images before they are compared: variance-stabilised, band-passed, shrunk.

The band keeps edges and drops shading and shot noise, so that anatomy that changes from slice to
slice, bleaching and laser power disturb the registration little.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.warp import shrink

Image = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Band:
    """What of an image is compared.

    Attributes
    ----------
    fine_px, coarse_px : float
        Standard deviations of the difference of Gaussians, in px of the pyramid level.
    offset : float
        Offset under the square root, as a fraction of the intensity range: it keeps dim noise
        small.
    """

    fine_px: float = 0.9
    coarse_px: float = 2.5
    offset: float = 0.2


USUAL = Band()

WIDE_PX = 2.0
"""A blur is reckoned at a size at which its standard deviation is still so large."""
SMALLEST_WIDE = 16
"""Images of fewer such pixels are blurred as they are."""
BLOCK_VARIANCE = 1 / 12 + 1 / 6
"""Of a block of one pixel and of a triangle of two, px²."""
MEAN_RATIO_LIMITS = (0.2, 5.0)
"""How far a frame's brightness may be rescaled to that of the reference."""


@dataclass(frozen=True)
class Prefilter:
    """Band-pass of the square root of the intensity above the dark level.

    Attributes
    ----------
    dark : float
        Intensity that counts as dark.
    offset : float
        Added under the square root, above 0.
    band : Band
        Scales that are kept.
    """

    dark: float
    offset: float
    band: Band = USUAL

    @classmethod
    def for_image(cls, image: Image, band: Band = USUAL) -> Self:
        """Choose dark level and offset from a first mean image (Y, X) float32."""
        dark, bright = levels_of(image)
        offset = band.offset * (bright - dark)
        return cls(dark, offset if offset > 0 else 1.0, band)

    def __call__(self, image: Image, factor: int, gain: float = 1.0) -> Image:
        """Filter an image at a pyramid level.

        Parameters
        ----------
        image : numpy.ndarray
            (Y, X) float32, free of NaN.
        factor : int
            How many times smaller the level is.
        gain : float
            The image's brightness above dark is multiplied by it first.

        Returns
        -------
        numpy.ndarray
            (Y // factor, X // factor) float32.
        """
        small = shrink(image, factor)
        stabilised = (small - np.float32(self.dark)) * np.float32(gain)
        np.maximum(stabilised, 0, out=stabilised)
        stabilised += np.float32(self.offset)
        cv2.sqrt(stabilised, stabilised)
        return band_pass(stabilised, self.band.fine_px, self.band.coarse_px)

    def gain(self, image_mean: float, reference_mean: float) -> float:
        """Factor that brings a frame's mean brightness to that of the reference."""
        above, wanted = image_mean - self.dark, reference_mean - self.dark
        if above <= 0 or wanted <= 0:
            return 1.0
        return float(np.clip(wanted / above, *MEAN_RATIO_LIMITS))


def levels_of(image: Image) -> tuple[float, float]:
    """Dark and bright places of a mean image (Y, X) float32."""
    smooth = cv2.GaussianBlur(image, (0, 0), 2.0)
    dark, bright = np.percentile(smooth, (0.1, 99.5))
    return float(dark), float(bright)


def band_pass(image: Image, fine: float, coarse: float) -> Image:
    """Difference of two Gaussians with standard deviations ``fine`` < ``coarse`` in px."""
    return cv2.subtract(_blur(image, fine), _blur(image, coarse))


def _blur(image: Image, sigma: float) -> Any:
    """Gaussian blur; a wide one at a fraction of the size, as it leaves no fine detail."""
    factor = int(sigma / WIDE_PX)
    if factor < 2 or min(image.shape) < SMALLEST_WIDE * factor:
        return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    height, width = image.shape
    size = -(-width // factor), -(-height // factor)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    # Averaging blocks and drawing lines between them blurs too.
    left = math.sqrt((sigma / factor) ** 2 - BLOCK_VARIANCE)
    small = cv2.GaussianBlur(small, (0, 0), left, borderType=cv2.BORDER_REFLECT_101)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
