"""Spline fields and their slopes at the places of many frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.compiled import compiled

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


@compiled
def field_at(
    coefficients: npt.NDArray[Any], first_y: Places, y: Numbers, first_x: Places, x: Numbers
) -> Numbers:
    """Value and slopes of the fields.

    Parameters
    ----------
    coefficients : numpy.ndarray
        (n, 2, gy, gx) of n frames, order (dy, dx).
    first_y, first_x : numpy.ndarray
        (n, N) first control points of the places.
    y, x : numpy.ndarray
        (n, N, 2, TAPS) weights of the value and of the slope.

    Returns
    -------
    numpy.ndarray
        (n, N, 2, 3): of dy and dx the value, the slope along y, and the slope along x.
    """
    frames, places, _, taps = y.shape
    field = np.zeros((frames, places, 2, 3))
    for t in range(frames):
        for n in range(places):
            for c in range(2):
                for i in range(taps):
                    value = slope = 0.0
                    for j in range(taps):
                        weight = coefficients[t, c, first_y[t, n] + i, first_x[t, n] + j]
                        value += weight * x[t, n, 0, j]
                        slope += weight * x[t, n, 1, j]
                    field[t, n, c, 0] += y[t, n, 0, i] * value
                    field[t, n, c, 1] += y[t, n, 1, i] * value
                    field[t, n, c, 2] += y[t, n, 0, i] * slope
    return field
