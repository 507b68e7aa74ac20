"""Cubic B-spline fields on a regular grid of control points (Rueckert et al. 1999, IEEE TMI).

A field over an image axis of ``size`` pixels has control points every ``spacing`` pixels, enough
of them to reach over both ends, and centred on the axis: the same grid serves every level of a
pyramid.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Coefficients = npt.NDArray[np.float32]

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
    field = np.empty((2, *(max(size // factor, 1) for size in image_shape)), np.float32)
    write_field(coefficients, image_shape, spacing, field, factor)
    return field


def write_field(
    coefficients: npt.NDArray[np.float32],
    image_shape: tuple[int, int],
    spacing: float,
    out: npt.NDArray[np.float32],
    factor: int = 1,
) -> None:
    """Write the field that `field_on_pixels` returns into (2, Y // factor, X // factor) float32."""
    _fill(coefficients, 1.0, image_shape, spacing, factor, np.empty(0, np.float32), out)


def write_positions(
    coefficients: npt.NDArray[np.float32],
    image_shape: tuple[int, int],
    spacing: float,
    out: npt.NDArray[np.float32],
    factor: int = 1,
) -> None:
    """Write where the pixels of a level come to lie, in px of that level: (2, y, x) float32."""
    starts = _indices(max(out.shape))
    _fill(coefficients, 1 / factor, image_shape, spacing, factor, starts, out)


def _fill(
    coefficients: npt.NDArray[np.float32],
    scale: float,
    image_shape: tuple[int, int],
    spacing: float,
    factor: int,
    starts: npt.NDArray[np.float32],
    out: npt.NDArray[np.float32],
) -> None:
    # The compiler is slow to import: not everybody looks at fields.
    from napari_zstack_align.alignment.spline_loops import fill_field

    y, x = (axis_taps(size, spacing, factor) for size in image_shape)
    points = np.array(coefficients, np.float32, order="C")
    fill_field(
        points, np.float32(scale), y.first, y.weights, x.borders, x.points, x.by_tap, starts, out
    )


class AxisTaps(NamedTuple):
    """Control points and weights of the pixels along an axis.

    Attributes
    ----------
    first, weights : numpy.ndarray
        (n,) first of the `TAPS` control points of each pixel, and (n, TAPS) float32 weights.
    borders, points : numpy.ndarray
        Pixels at which the first control point changes, with 0 and n, and these control points.
    by_tap : numpy.ndarray
        (TAPS, n) float32, the weights again.
    """

    first: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]
    borders: npt.NDArray[np.int64]
    points: npt.NDArray[np.int64]
    by_tap: npt.NDArray[np.float32]


@lru_cache(maxsize=64)
def axis_taps(size: int, spacing: float, factor: int = 1) -> AxisTaps:
    """Control points and weights of the pixels of a pyramid level; not to be written to."""
    first, exact = basis_taps(pixel_positions(size, factor), size, spacing)
    borders = np.array([0, *(np.flatnonzero(np.diff(first)) + 1), len(first)], np.int64)
    first, weights = first.astype(np.int64), exact.astype(np.float32)
    by_tap = np.ascontiguousarray(weights.T)
    return AxisTaps(first, weights, borders, first[borders[:-1]], by_tap)


@lru_cache(maxsize=8)
def _indices(count: int) -> npt.NDArray[np.float32]:
    return np.arange(count, dtype=np.float32)


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
