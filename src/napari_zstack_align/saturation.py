"""Pixels at the largest value that a detector gives: the light there was more than that."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

DETECTOR_TOPS = (255, 1023, 2047, 4095, 8191, 16383, 32767, 65535)
"""Largest values of detectors of 8 and 10 to 16 bit, and of those with a sign of a bit more."""
SATURATED_FRACTION = 0.05
"""An image, or a part of it, of which more is at the top value is saturated."""
HEAP_PIXELS = 6
"""Fewer pixels that share the largest value may do so by chance."""
TAIL_VALUES = 4
"""Below a heap, as many pixels as are in it hold so many other values at least."""


def highest_value(pixels: npt.NDArray[Any]) -> float:
    """Return the largest finite value of an image; NaN where it has none."""
    if pixels.dtype.kind == "f":
        highest = float(np.fmax.reduce(pixels, axis=None, initial=-np.inf))
        if highest == np.inf:
            highest = float(np.max(pixels, where=np.isfinite(pixels), initial=-np.inf))
        return highest if highest > -np.inf else float("nan")
    if pixels.dtype.kind not in "ui" or not pixels.size:
        return float("nan")
    return float(pixels.max())


def are_heaped(pixels: npt.NDArray[Any], top: float) -> bool:
    """Whether so many pixels lie at the largest value that brighter ones were cut off there.

    Values are the rarer, the brighter they are: below the largest, each has more pixels. Where
    light was cut off, as many pixels as are at the largest value spread over several below it.
    That holds at any value (12 bit shifted to 16, floats clipped to 1); images of few photons,
    where few values share all pixels, are none of it.

    Parameters
    ----------
    pixels : numpy.ndarray
        Of one image, of any shape; not finite where they are missing.
    top : float
        Their largest value, of `highest_value`.
    """
    at_top = int(np.count_nonzero(pixels == top))
    if at_top < HEAP_PIXELS:
        return False
    known = pixels[pixels <= top]
    brightest = min(2 * at_top, known.size)
    return len(np.unique(np.partition(known, -brightest)[-brightest:])) > TAIL_VALUES


def saturated_fraction(pixels: npt.NDArray[Any]) -> float:
    """Part of the pixels at the detector's top value, where that is too large; else 0.

    A file of floats is judged like the integers that it was made of.
    """
    top = highest_value(pixels)
    fraction = float(np.mean(pixels == top)) if pixels.size else 0.0
    if fraction <= SATURATED_FRACTION:
        return 0.0
    is_end = pixels.dtype.kind in "ui" and top == np.iinfo(pixels.dtype).max
    return fraction if is_end or top in DETECTOR_TOPS or are_heaped(pixels, top) else 0.0
