"""Images in grey, as pictures for people: raw and aligned between the same limits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float32]

CONTRAST_PERCENT = (1.0, 99.8)
"""Of an image, from black to white."""


def contrast_of(image: Image) -> tuple[float, float]:
    """Counts that are shown black and white; of an image without numbers, any."""
    known = image[np.isfinite(image)]
    if not known.size:
        return 0.0, 1.0
    low, high = np.percentile(known, CONTRAST_PERCENT)
    return float(low), float(high)


def in_grey(image: Image, limits: tuple[float, float]) -> npt.NDArray[np.uint8]:
    """Image (Y, X) from black to white between two limits; NaN is black."""
    low, high = limits
    scaled = (np.nan_to_num(image, nan=low) - low) / max(high - low, 1e-9)
    return np.asarray(np.clip(scaled, 0, 1) * 255, np.uint8)
