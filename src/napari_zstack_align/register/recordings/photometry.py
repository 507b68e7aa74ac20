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


def normalised(image: Image, params: KeypointParams) -> Image:
    """Clip an image (Y, X) to two levels and stretch it to [0, 1]; NaN becomes 0.

    The levels are ``params.intensity_range``, or percentiles of the image.
    """
    known = image[np.isfinite(image)]
    if not known.size:
        return np.zeros_like(image)
    if params.intensity_range is not None:
        low, high = params.intensity_range
    else:
        low, high = np.percentile(known, params.intensity_percentiles)
    if not high > low:
        return np.zeros_like(image)
    scaled = np.clip((image - np.float32(low)) / np.float32(high - low), 0, 1)
    result: Image = np.nan_to_num(scaled, nan=0.0)
    return result


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
