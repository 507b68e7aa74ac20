"""Missing pixels of an image, filled from their neighbours."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float32]

FIRST_SIGMA_PX = 0.8
LEAST_WEIGHT = 0.05
"""A pixel is filled at the first blur in which known pixels have so much weight."""


REACH = np.ones((9, 9), np.uint8)
"""A band-pass carries what was filled a few pixels into what is known."""


def safely_known(known: npt.NDArray[np.floating] | npt.NDArray[np.bool_]) -> Image:
    """(Y, X) float32: 1 where an image is known so far around that a band-pass knows it; else 0."""
    whole = (np.asarray(known, np.float32) >= 1).astype(np.float32)
    return np.asarray(cv2.erode(whole, REACH), np.float32)


def filled(image: Image) -> Image:
    """Image (Y, X) float32 whose missing pixels (NaN) continue what is around them.

    Each is a Gaussian mean of the known pixels near it, of the narrowest Gaussian that reaches
    enough of them: a single pixel takes after its neighbours, and a hole has no edges that could
    be registered. An image without any known pixel becomes 0.
    """
    if np.isfinite(cv2.sumElems(image)[0]):
        return image
    known = np.isfinite(image)
    if not known.any():
        return np.zeros_like(image)
    result, total, weight = image.copy(), np.where(known, image, 0), known.astype(np.float32)
    missing, sigma, factor = ~known, FIRST_SIGMA_PX, 1
    while missing.any():
        if sigma > max(image.shape):
            result[missing] = image[known].mean(dtype=np.float64)
            break
        if min(total.shape) >= 16 and sigma >= 2 * FIRST_SIGMA_PX * factor:
            # A wider Gaussian at half the size: each step costs a quarter of the one before.
            size = ((total.shape[1] + 1) // 2, (total.shape[0] + 1) // 2)
            total, weight = (
                cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in (total, weight)
            )
            factor *= 2
        blurred, reached = (
            cv2.GaussianBlur(part, (0, 0), sigma / factor, borderType=cv2.BORDER_REFLECT)
            for part in (total, weight)
        )
        mean = np.divide(blurred, reached, out=np.zeros_like(blurred), where=reached > 0)
        if factor > 1:
            size = (image.shape[1], image.shape[0])
            mean, reached = (
                cv2.resize(part, size, interpolation=cv2.INTER_LINEAR) for part in (mean, reached)
            )
        now = missing & (reached > LEAST_WEIGHT)
        result[now] = mean[now]
        missing &= ~now
        sigma *= 2
    return result
