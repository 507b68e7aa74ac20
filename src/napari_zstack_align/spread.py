"""Standard deviation of what is normally distributed, whatever stands out of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

SD_PER_MAD = 1.4826
"""Standard deviation of a normal distribution whose median absolute deviation is 1."""


def spread_of(values: npt.NDArray[Any]) -> float:
    """Return the standard deviation of most values, from their median absolute deviation.

    Parameters
    ----------
    values : numpy.ndarray
        At least one, none of them NaN.
    """
    return SD_PER_MAD * float(np.median(np.abs(values - np.median(values))))
