"""Pixels at the largest value that a detector gives: the light there was more than that."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

DETECTOR_TOPS = (255, 1023, 2047, 4095, 8191, 16383, 32767, 65535)
"""Largest values of detectors of 8 and 10 to 16 bit, and of those with a sign of a bit more."""
SATURATED_FRACTION = 0.05
"""An image, or a part of it, of which more is at the top value is saturated."""


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


def saturated_fraction(pixels: npt.NDArray[Any]) -> float:
    """Part of the pixels at the detector's top value, where that is too large; else 0.

    A file of floats is judged like the integers that it was made of.
    """
    top = highest_value(pixels)
    if top not in DETECTOR_TOPS:
        return 0.0
    fraction = float((pixels == top).mean())
    return fraction if fraction > SATURATED_FRACTION else 0.0
