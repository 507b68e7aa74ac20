"""Cubic B-spline fields on a regular grid of control points (Rueckert et al. 1999, IEEE TMI).

A field over an image axis of ``size`` pixels has control points every ``spacing`` pixels, enough
of them to reach over both ends, and centred on the axis: the same grid serves every level of a
pyramid.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from math import ceil

import numpy as np
import numpy.typing as npt

Coefficients = npt.NDArray[np.float32]

LARGEST_PRODUCT = 200_000
"""Multiplications of a product of matrices that BLAS doesn't share among all processors.

The threads that read frames side by side would wait for one another there.
"""
TAPS = 4
"""Control points that a cubic B-spline needs at a position."""


def n_control_points(size: int, spacing: float) -> int:
    """Return the number of control points over an axis of ``size`` pixels."""
    return max(ceil((size - 1) / spacing), 1) + TAPS - 1


def grid_shape(image_shape: tuple[int, int], spacing: float) -> tuple[int, int]:
    """Return the shape (gy, gx) of the control grid over an image (Y, X)."""
    return n_control_points(image_shape[0], spacing), n_control_points(image_shape[1], spacing)


def basis_taps(
    positions: npt.ArrayLike, size: int, spacing: float, derivative: int = 0
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """First control point and weights of the spline at each position of an axis.

    Parameters
    ----------
    positions : array-like
        (N,) positions in px; those outside [0, size - 1] are moved to its ends, so that the field
        is held constant there.
    size : int
        Length of the axis in px.
    spacing : float
        Distance of the control points in px.
    derivative : {0, 1, 2}
        Order of the derivative along the axis, in units of 1/px.

    Returns
    -------
    first : numpy.ndarray
        (N,) index of the first of `TAPS` control points.
    weights : numpy.ndarray
        (N, TAPS) weights of these control points.
    """
    inside = np.clip(np.asarray(positions, np.float64), 0, size - 1)
    intervals = n_control_points(size, spacing) - TAPS + 1
    margin = (intervals * spacing - (size - 1)) / 2
    scaled = (inside + margin) / spacing
    first = np.clip(np.floor(scaled).astype(np.intp), 0, intervals - 1)
    u = scaled - first
    if derivative == 0:
        parts = [(1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3]
    elif derivative == 1:
        parts = [-3 * (1 - u) ** 2, 9 * u**2 - 12 * u, -9 * u**2 + 6 * u + 3, 3 * u**2]
    else:
        parts = [6 * (1 - u), 18 * u - 12, -18 * u + 6, 6 * u]
    return first, np.stack(parts, axis=-1) / (6 * spacing**derivative)


def basis_matrix(
    positions: npt.ArrayLike, size: int, spacing: float, derivative: int = 0
) -> npt.NDArray[np.float32]:
    """(N, n_control_points) float32 matrix B such that ``B @ c`` is the field at the positions."""
    first, weights = basis_taps(positions, size, spacing, derivative)
    matrix = np.zeros((len(first), n_control_points(size, spacing)), np.float32)
    np.put_along_axis(matrix, first[:, np.newaxis] + np.arange(TAPS), weights, axis=1)
    return matrix


def pixel_positions(size: int, factor: int) -> npt.NDArray[np.float64]:
    """Positions of the pixels of a pyramid level in px of the full image."""
    return factor * (np.arange(max(size // factor, 1), dtype=np.float64) + 0.5) - 0.5


@lru_cache(maxsize=64)
def pixel_basis(size: int, spacing: float, factor: int = 1) -> npt.NDArray[np.float32]:
    """Basis at the pixels of a pyramid level: pixel i lies at ``factor * (i + 0.5) - 0.5``."""
    matrix = basis_matrix(pixel_positions(size, factor), size, spacing)
    matrix.setflags(write=False)
    return matrix


@lru_cache(maxsize=64)
def identity(image_shape: tuple[int, int], spacing: float, factor: int = 1) -> Coefficients:
    """(2, gy, gx) coefficients of the pixels' own positions, in px of a pyramid level.

    Cubic B-splines reproduce a straight line from its values at the control points.
    """
    axes = []
    for size in image_shape:
        n = n_control_points(size, spacing)
        # The grid is centred on the axis.
        places = (size - 1) / 2 + spacing * (np.arange(n) - (n - 1) / 2)
        axes.append((places + 0.5) / factor - 0.5)
    coefficients = np.stack(np.meshgrid(*axes, indexing="ij")).astype(np.float32)
    coefficients.setflags(write=False)
    return coefficients


def field_on_pixels(
    coefficients: npt.NDArray[np.float32],
    image_shape: tuple[int, int],
    spacing: float,
    factor: int = 1,
) -> npt.NDArray[np.float32]:
    """Field on the pixels of an image or of its pyramid level.

    Parameters
    ----------
    coefficients : numpy.ndarray
        (2, gy, gx) float32, in px of the full image, order (dy, dx).
    image_shape : tuple of int
        (Y, X) of the full image.
    spacing : float
        Distance of the control points in px of the full image.
    factor : int
        How many times smaller the level is.

    Returns
    -------
    numpy.ndarray
        (2, Y // factor, X // factor) float32, in px of the full image.
    """
    height, width = (max(size // factor, 1) for size in image_shape)
    along_y = np.empty((2, height, coefficients.shape[2]), np.float32)
    for pixels, points, weights in _stretches(image_shape[0], spacing, factor):
        np.matmul(weights, coefficients[:, points], out=along_y[:, pixels])
    field = np.empty((2, height, width), np.float32)
    lines, along_x = along_y.reshape(2 * height, -1), field.reshape(2 * height, -1)
    for pixels, points, weights in _stretches(image_shape[1], spacing, factor):
        step = max(LARGEST_PRODUCT // weights.size, 1)
        for start in range(0, len(lines), step):
            part = slice(start, start + step)
            np.matmul(lines[part, points], weights.T, out=along_x[part, pixels])
    return field


@lru_cache(maxsize=64)
def _stretches(
    size: int, spacing: float, factor: int
) -> list[tuple[slice, slice, npt.NDArray[np.float32]]]:
    """Stretches of an axis that depend on the same control points: pixels, points and basis.

    Of all columns of `pixel_basis` but these few, the products would be with zeros.
    """
    first, weights = basis_taps(pixel_positions(size, factor), size, spacing)
    borders = [0, *(np.flatnonzero(np.diff(first)) + 1).tolist(), len(first)]
    return [
        (slice(a, b), slice(int(first[a]), int(first[a]) + TAPS), weights[a:b].astype(np.float32))
        for a, b in pairwise(borders)
    ]


def field_at_points(
    coefficients: npt.NDArray[np.float32],
    points: npt.NDArray[np.float64],
    image_shape: tuple[int, int],
    spacing: float,
) -> npt.NDArray[np.float64]:
    """Field at scattered points; held constant outside the image.

    Parameters
    ----------
    coefficients : numpy.ndarray
        (2, gy, gx), order (dy, dx).
    points : numpy.ndarray
        (N, 2) float64 positions (y, x) in px; NaN gives NaN.

    Returns
    -------
    numpy.ndarray
        (N, 2) float64 displacement (dy, dx) in px.
    """
    known = np.asarray(np.isfinite(points).all(axis=1))
    where = np.where(known[:, np.newaxis], points, 0.0)
    first_y, weight_y = basis_taps(where[:, 0], image_shape[0], spacing)
    first_x, weight_x = basis_taps(where[:, 1], image_shape[1], spacing)
    field = np.zeros((len(points), 2), np.float64)
    for i in range(TAPS):
        for j in range(TAPS):
            weight = weight_y[:, i] * weight_x[:, j]
            field += weight[:, np.newaxis] * coefficients[:, first_y + i, first_x + j].T
    field[~known] = np.nan
    return field
