"""Smooth ways in which a frame can be displaced, from the stiffest to the most bent.

The modes are those of a thin plate over the frame: orthogonal fields of cubic B-splines, ordered by
their bending energy. The first is a shift, the next two are linear in y and x, and each degree more
has one mode more. How large a mode is says how large motion of that scale is, so that each can be
believed as far as the data show it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
import numpy.typing as npt
import scipy.linalg

from napari_zstack_align.alignment.spline import (
    basis_matrix,
    grid_shape,
    n_control_points,
)

Array = npt.NDArray[np.float64]

SPACING_PX = 48.0
"""Distance of the control points, as for z-stacks."""
FINEST_PX = 36.0
"""Modes are kept up to the degree whose half-waves are so long."""
SHIFT, LINEAR = 0, 1
"""Degrees of the modes that are a shift, and linear in y or x."""


@dataclass(frozen=True)
class SmoothModes:
    """The modes of a frame.

    Attributes
    ----------
    shape : tuple of int
        (Y, X).
    basis : numpy.ndarray
        (gy * gx, K) spline coefficients of each mode, whose root mean square over the frame is 1.
    degree : numpy.ndarray
        (K,) int: 0 for the shift, 1 for the linear ones, and so on.
    """

    shape: tuple[int, int]
    basis: Array
    degree: npt.NDArray[np.intp]

    @classmethod
    def of(cls, shape: tuple[int, int]) -> Self:
        """Return the modes of frames (Y, X)."""
        basis, degree = _modes(shape)
        return cls(shape, basis, degree)

    def __len__(self) -> int:
        return len(self.degree)

    def up_to(self, degree: int) -> SmoothModes:
        """Return the stiffest modes only."""
        kept = self.degree <= degree
        return SmoothModes(self.shape, self.basis[:, kept], self.degree[kept])

    def at(self, points: Array) -> Array:
        """(N, K) the modes at points (N, 2)."""
        rows, columns = (
            basis_matrix(at, size, SPACING_PX).astype(float)
            for at, size in zip(points.T, self.shape, strict=True)
        )
        each = rows[:, :, np.newaxis] * columns[:, np.newaxis]
        return np.asarray(each.reshape(len(points), -1) @ self.basis)

    def grid(self, amplitudes: Array) -> npt.NDArray[np.float32]:
        """(2, gy, gx) float32 spline coefficients of amplitudes (2, K) in px."""
        flat = amplitudes @ self.basis.T
        return flat.reshape(2, *grid_shape(self.shape, SPACING_PX)).astype(np.float32)


@lru_cache(maxsize=8)
def _modes(shape: tuple[int, int]) -> tuple[Array, npt.NDArray[np.intp]]:
    """Solve for the fields that extremise bending energy at a mean square of 1."""
    rows, columns = ([_gram(size, d) for d in range(3)] for size in shape)
    mass = np.kron(rows[0], columns[0])
    bending = (
        np.kron(rows[2], columns[0])
        + 2 * np.kron(rows[1], columns[1])
        + np.kron(rows[0], columns[2])
    )
    _, basis = scipy.linalg.eigh(bending, mass)
    # The three without any energy come mixed: a shift, and straight lines down and across.
    places = straight(shape).reshape(2, -1).astype(float)
    middle = (np.array(shape) - 1) / 2
    lines = np.column_stack([np.ones(places.shape[1]), *(places - middle[:, np.newaxis])])
    basis[:, :3] = lines / np.sqrt(np.einsum("ik,ij,jk->k", lines, mass, lines))
    highest = max(int(max(shape) / FINEST_PX), LINEAR)
    degree = np.concatenate([np.full(n + 1, n) for n in range(highest + 1)])[: basis.shape[1]]
    return np.ascontiguousarray(basis[:, : len(degree)]), degree


def _gram(size: int, derivative: int) -> Array:
    """Mean products over the pixels of the basis functions' derivatives along an axis."""
    basis = basis_matrix(np.arange(size), size, SPACING_PX, derivative).astype(float)
    return np.asarray(basis.T @ basis / size)


@lru_cache(maxsize=8)
def straight(shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """(2, gy, gx) coefficients of the positions of an image's pixels, in px.

    Cubic B-splines reproduce a straight line from its values at the control points.
    """
    axes = []
    for size in shape:
        n = n_control_points(size, SPACING_PX)
        # The grid is centred on the axis.
        axes.append((size - 1) / 2 + SPACING_PX * (np.arange(n) - (n - 1) / 2))
    coefficients = np.stack(np.meshgrid(*axes, indexing="ij")).astype(np.float32)
    coefficients.setflags(write=False)
    return coefficients
