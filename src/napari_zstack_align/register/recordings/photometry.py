"""What a chunk's mean goes through before keypoints are looked for: 8 bits between two levels."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.params import KeypointParams

Image = npt.NDArray[np.float32]
Image8 = npt.NDArray[np.uint8]

SIFT_OWN_BLUR_PX = 0.5
"""Blur that OpenCV's SIFT takes an image to have."""
USUAL_PERCENTILE = 50.0
"""Pixels so bright show how bright an image is, its lit cells apart."""
UNLIKE_WHITES = 1.25
"""Whites that differ by less leave much the same contrast."""


def normalised(image: Image, params: KeypointParams) -> Image:
    """Clip an image (Y, X) to two levels and stretch it to [0, 1]; NaN becomes 0.

    The levels are ``params.intensity_range``, or percentiles of the image.
    """
    known = image[np.isfinite(image)]
    if not known.size:
        return np.zeros_like(image)
    low, high = params.intensity_range or np.percentile(known, params.intensity_percentiles)
    if not high > low:
        return np.zeros_like(image)
    scaled = np.clip((image - np.float32(low)) / np.float32(high - low), 0, 1)
    result: Image = np.nan_to_num(scaled, nan=0.0)
    return result


def shared_levels(
    first: Image, second: Image, params: KeypointParams
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Levels for two images between which what is equally bright in both looks alike.

    Where a wave of activity lights up some cells of one image, its white leaves little contrast to
    the others. So both get the lower one of the two whites, seen from the brightness of most
    pixels, which neither activity nor bleaching changes against one another.

    Returns
    -------
    tuple of (float, float), or None
        (low, high) for either image; None where their own levels are much the same, or fixed.
    """
    if params.intensity_range is not None:
        return None
    low, high = params.intensity_percentiles
    percentiles = (low, USUAL_PERCENTILE, high)
    levels = [np.percentile(image[np.isfinite(image)], percentiles) for image in (first, second)]
    usual = [float(middle - dark) for dark, middle, _ in levels]
    if min(usual) <= 0:
        return None
    whites = [float(white - dark) / u for (dark, _, white), u in zip(levels, usual, strict=True)]
    if max(whites) < UNLIKE_WHITES * min(whites):
        return None
    one, other = (
        (float(dark), float(dark) + min(whites) * u)
        for (dark, *_), u in zip(levels, usual, strict=True)
    )
    return one, other


def prepared(image: Image, params: KeypointParams) -> Image8:
    """8-bit image for the detector, blurred by ``blur_px``.

    ``sigma_in`` is the blur the image is taken to have; OpenCV takes it to have half a pixel, so
    the difference is blurred in beforehand.
    """
    variance = params.blur_px**2
    if params.detector == "sift":
        variance += SIFT_OWN_BLUR_PX**2 - params.sigma_in**2
    smooth = normalised(image, params)
    if variance > 0:
        smooth = cv2.GaussianBlur(smooth, (0, 0), float(np.sqrt(variance)))
    result: Image8 = np.round(smooth * 255).astype(np.uint8)
    return result
