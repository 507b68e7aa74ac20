"""Of what type the means over pixels are."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Means: TypeAlias = npt.NDArray[np.floating[Any]]

WITH_FEW_DIGITS = ("u1", "i1", "u2", "i2", "f2", "f4")
"""Pixels of these types lose nothing in float32."""


def means_type(pixels: np.dtype[Any]) -> np.dtype[np.floating[Any]]:
    """Type of means over pixels: a small signal on a huge offset needs all its digits."""
    few = f"{pixels.kind}{pixels.itemsize}" in WITH_FEW_DIGITS
    return np.dtype(np.float32 if few else np.float64)
