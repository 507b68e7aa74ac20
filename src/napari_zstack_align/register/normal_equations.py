"""Normal equations of a spline field: assembled from separable products, factorised as a band.

A basis function overlaps only the three on either side of it along each axis. The matrix is
therefore banded, and it is built from two matrix products with the image instead of a sum over
pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.spline import TAPS
from napari_zstack_align.register.smoothness import Smoothness

Matrix = npt.NDArray[np.float32]
Index = npt.NDArray[np.intp]

RIDGE = 1e-6
"""Added to the diagonal, relative to its mean, so that images without detail can be factorised."""


@dataclass(frozen=True)
class NormalEquations:
    """Factorised matrix of data and prior for the coefficients (2, gy, gx).

    Attributes
    ----------
    columns, rows : numpy.ndarray
        (n, w) float32 Cholesky factor: of each unknown, what stands from the diagonal on downwards,
        and what stands left of the diagonal.
    grid : tuple of int
        (gy, gx).
    """

    columns: Matrix
    rows: Matrix
    grid: tuple[int, int]

    @classmethod
    def of(cls, band: Matrix, grid: tuple[int, int]) -> Self:
        """Factorise a symmetric matrix, given as its lower band (w, n)."""
        from napari_zstack_align.register.gauss_newton import factorise_band

        columns = np.ascontiguousarray(band.T, np.float32)
        factorise_band(columns)
        rows = np.zeros((columns.shape[0], columns.shape[1] - 1), np.float32)
        for below in range(1, columns.shape[1]):
            rows[below:, -below] = columns[:-below, below]
        return cls(columns, rows, grid)

    def solve(self, gradient: Matrix) -> Matrix:
        """Solve for a step, given the gradient (2, gy, gx), or for many, (n, 2, gy, gx)."""
        from napari_zstack_align.register.gauss_newton import step_of

        steps = np.array(gradient, np.float32, order="C")
        for step in steps.reshape(-1, 2, *self.grid):
            step_of(self.columns, self.rows, step)
        return steps


def normal_equations(
    weighted_gradients: tuple[Matrix, Matrix],
    gradients: tuple[Matrix, Matrix],
    bases: tuple[Matrix, Matrix],
    prior: Smoothness,
    prior_scale: float,
) -> NormalEquations:
    """Assemble and factorise Σ W ∇R ∇Rᵀ ⊗ B Bᵀ + prior.

    Parameters
    ----------
    weighted_gradients, gradients : tuple of numpy.ndarray
        W·∂R/∂y, W·∂R/∂x and ∂R/∂y, ∂R/∂x of the reference, (Y, X) float32.
    bases : tuple of numpy.ndarray
        Spline bases (Y, gy) and (X, gx) at the pixels.
    prior : Smoothness
        Energy of the field.
    prior_scale : float
        Factor of the prior.
    """
    grid = bases[0].shape[1], bases[1].shape[1]
    pairs_y, pairs_x = _lower_pairs(grid[0]), _pairs(grid[1])
    products_y = np.ascontiguousarray(_pair_products(bases[0], pairs_y).T)
    products_x = _pair_products(bases[1], pairs_x)
    smooth = prior_scale * sum(y[pairs_y][:, np.newaxis] * x[pairs_x] for y, x in prior.terms)
    band = np.zeros((_bandwidth(grid) + 1, 2 * grid[0] * grid[1]), np.float32)
    for a, b in ((0, 0), (1, 1), (0, 1)):
        values = products_y @ (weighted_gradients[a] * gradients[b]) @ products_x
        if a == b:
            values += smooth
        for first, second in {(a, b), (b, a)}:
            rows, columns, kept = _band_index(grid, first, second)
            band[rows - columns, columns] = values.ravel()[kept]
    band[0] += RIDGE * band[0].mean() + np.finfo(np.float32).tiny
    return NormalEquations.of(band, grid)


def _pairs(n: int) -> tuple[Index, Index]:
    """Ordered pairs (i, j) of control points whose basis functions overlap."""
    first, second = np.indices((n, n)).reshape(2, -1)
    overlap = np.abs(first - second) < TAPS
    return first[overlap], second[overlap]


def _lower_pairs(n: int) -> tuple[Index, Index]:
    """Overlapping pairs (i, j) with i >= j: all that the lower half of the matrix needs."""
    first, second = _pairs(n)
    lower = first >= second
    return first[lower], second[lower]


def _pair_products(basis: Matrix, pairs: tuple[Index, Index]) -> Matrix:
    return basis[:, pairs[0]] * basis[:, pairs[1]]


def _bandwidth(grid: tuple[int, int]) -> int:
    reach = (TAPS - 1) * grid[1] + TAPS - 1
    return min(2 * reach + 1, 2 * grid[0] * grid[1] - 1)


@lru_cache(maxsize=32)
def _band_index(grid: tuple[int, int], a: int, b: int) -> tuple[Index, Index, Index]:
    """Rows and columns, in the lower band, of the pair products of components a and b."""
    (i_y, j_y), (i_x, j_x) = _lower_pairs(grid[0]), _pairs(grid[1])
    rows = 2 * (i_y[:, np.newaxis] * grid[1] + i_x).ravel() + a
    columns = 2 * (j_y[:, np.newaxis] * grid[1] + j_x).ravel() + b
    kept = np.flatnonzero(rows >= columns)
    return rows[kept], columns[kept], kept
