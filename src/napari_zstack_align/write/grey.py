"""Images in grey, as pictures for people: raw and aligned between the same limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float32]

CONTRAST_PERCENT = (1.0, 99.8)
"""Of an image, from black to white."""


def contrast_of(
    values: npt.NDArray[Any], percent: tuple[float, float] = CONTRAST_PERCENT
) -> tuple[float, float]:
    """Counts that are shown black and white: percentiles of all that are numbers; they differ."""
    known = values[np.isfinite(values)]
    if not known.size:
        return 0.0, 1.0
    low, high = map(float, np.percentile(known, percent))
    return low, high if high > low else low + 1.0


def in_grey(image: Image, limits: tuple[float, float]) -> npt.NDArray[np.uint8]:
    """Image (Y, X) from black to white between two limits; NaN is black."""
    low, high = limits
    scaled = (np.nan_to_num(image, nan=low) - low) / (high - low)
    return np.asarray(np.clip(scaled, 0, 1) * 255, np.uint8)
