"""Small signals on large offsets: what float32, which holds seven digits, can't hold as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

MOST_CUT = 0.01
"""Counts stay float32 where its steps are no larger than this part of the pixels' spread."""


def is_long(dtype: np.dtype[Any]) -> bool:
    """Whether float32 can't hold all values of a dtype."""
    return dtype.itemsize > 4 or (dtype.kind in "ui" and dtype.itemsize == 4)


def counts_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Floats that hold all values of a dtype: float32, or float64."""
    return np.dtype(np.float64 if is_long(dtype) else np.float32)


def above_lowest(image: npt.NDArray[Any]) -> tuple[npt.NDArray[np.float32], np.float64]:
    """Take the lowest finite value off an image, before its digits are cut to those of float32.

    Parameters
    ----------
    image : numpy.ndarray
        (Y, X) of any real dtype; NaN and infinities stay.

    Returns
    -------
    above : numpy.ndarray
        (Y, X) float32.
    lowest : numpy.float64
        0 where no pixel is finite.
    """
    lowest = np.fmin.reduce(image, axis=None)
    if not np.isfinite(lowest):
        finite = np.isfinite(image)
        lowest = np.min(image, where=finite, initial=np.inf) if finite.any() else 0
    exact = image.astype(counts_dtype(image.dtype), copy=False)
    return np.subtract(exact, exact.dtype.type(lowest)).astype(np.float32), np.float64(lowest)


def without_needless_digits(image: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    """Image (Y, X) as float32, or as it is where that would cut its structure."""
    above, lowest = above_lowest(image)
    known = above[np.isfinite(above)]
    if not known.size:
        return image.astype(np.float32)
    largest = np.float32(max(abs(float(lowest)), abs(float(lowest) + float(known.max()))))
    cuts = float(np.spacing(largest)) > MOST_CUT * float(known.std(dtype=np.float64))
    return image if cuts and known.any() else image.astype(np.float32)
