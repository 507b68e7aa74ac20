"""The depth of every pixel, from that of the patches."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline

Numbers = npt.NDArray[np.float32]


def field_of(
    patch_values: Numbers,
    centres: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    shape: tuple[int, int],
) -> Numbers:
    """Natural cubic spline through values of patches, in straight lines beyond the outermost.

    Parameters
    ----------
    patch_values : numpy.ndarray
        (py, px)
    centres : tuple of numpy.ndarray
        (py,) y and (px,) x of the patches, px.
    shape : tuple of int
        (Y, X) of the result.

    Returns
    -------
    numpy.ndarray
        (Y, X) float32.
    """
    along_y, along_x = (
        _spline_matrix(tuple(centre.tolist()), size)
        for centre, size in zip(centres, shape, strict=True)
    )
    return np.asarray(along_y @ patch_values @ along_x.T, np.float32)


@lru_cache(maxsize=8)
def _spline_matrix(centres: tuple[float, ...], size: int) -> Numbers:
    """(size, n) weights of n values at each pixel."""
    n = len(centres)
    if n == 1:
        return np.ones((size, 1), np.float32)
    pixels = np.arange(size, dtype=np.float64)
    spline = CubicSpline(centres, np.eye(n), bc_type="natural")
    inside = np.clip(pixels, centres[0], centres[-1])
    # A natural spline is straight at its ends, and goes on so.
    beyond = (pixels - inside)[:, np.newaxis]
    return np.asarray(spline(inside) + beyond * spline(inside, 1), np.float32)
