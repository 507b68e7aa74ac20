"""Gauss–Newton steps of one frame, compiled: few, long calls that other threads run beside."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.spline_loops import Floats, Index
from napari_zstack_align.compiled import compiled

NEAR = 4
"""Basis functions so far apart along an axis don't overlap."""


@compiled
def take_residual(warped: Floats, image: Floats, own: Floats, share: np.float32) -> None:
    """Turn a warped frame into its residual, in place.

    Parameters
    ----------
    warped : numpy.ndarray
        (Y, X) float32; NaN, where the frame isn't known, becomes 0.
    image : numpy.ndarray
        (Y, X) float32 reference.
    own : numpy.ndarray
        Empty, or (Y, X) float32 what the frame itself is of the reference, which is taken out. It
        is written first where ``share`` isn't 0: the residual times that.
    share : float
        1 / (n - 1) where the reference is the mean of n frames and this is one of them.
    """
    zero = np.float32(0)
    for y in range(warped.shape[0]):
        row, reference = warped[y], image[y]
        for x in range(row.size):
            value = row[x] - reference[x]
            row[x] = value if value == value else zero
        if not own.size and share:
            for x in range(row.size):
                row[x] += share * row[x]
        elif own.size:
            part = own[y]
            if share:
                for x in range(row.size):
                    part[x] = share * row[x]
            for x in range(row.size):
                row[x] += part[x]


@compiled
def data_gradient(
    residual: Floats,
    limit: Floats,
    weighted_y: Floats,
    weighted_x: Floats,
    first_y: Index,
    weights_y: Floats,
    borders: Index,
    first_x: Index,
    weights_x: Floats,
    gradient: Floats,
) -> None:
    """Write the gradient of half the weighted square of a residual: Bᵀ W∇R e.

    The rows are summed up first, each into the four rows of control points around it, and what
    that gives is summed along x.

    Parameters
    ----------
    residual : numpy.ndarray
        (Y, X) float32 e.
    limit : numpy.ndarray
        Empty, or (Y, X) float32: the residual counts as no larger (Huber).
    weighted_y, weighted_x : numpy.ndarray
        (Y, X) float32 W∇R along y and x.
    first_y, weights_y, borders, first_x, weights_x : numpy.ndarray
        As of `spline.AxisTaps`, along y and x.
    gradient : numpy.ndarray
        (2, gy, gx) float32, is written.
    """
    height, width = residual.shape
    sums = np.zeros((2, gradient.shape[1], width), np.float32)
    cut, product = np.empty(width, np.float32), np.empty(width, np.float32)
    for y in range(height):
        row = residual[y]
        if limit.size:
            most = limit[y]
            for x in range(width):
                cut[x] = min(max(row[x], -most[x]), most[x])
            row = cut
        for c in range(2):
            slope = weighted_y[y] if c == 0 else weighted_x[y]
            for x in range(width):
                product[x] = slope[x] * row[x]
            for k in range(NEAR):
                weight, total = weights_y[y, k], sums[c, first_y[y] + k]
                for x in range(width):
                    total[x] += weight * product[x]
    gradient[:] = 0
    for c in range(2):
        for i in range(gradient.shape[1]):
            for s in range(first_x.size):
                line = sums[c, i, borders[s] : borders[s + 1]]
                for k in range(NEAR):
                    weight_x = weights_x[k, borders[s] : borders[s + 1]]
                    added = np.float32(0)
                    for x in range(line.size):
                        added += weight_x[x] * line[x]
                    gradient[c, i, first_x[s] + k] += added


@compiled
def add_prior_gradient(
    along_y: Floats, along_x: Floats, scale: np.float32, bend: Floats, gradient: Floats
) -> None:
    """Add the gradient of the prior, a sum of products of (n, gy, gy) and (n, gx, gx) matrices."""
    n_y, n_x = bend.shape[1], bend.shape[2]
    for c in range(2):
        for t in range(along_y.shape[0]):
            product = np.zeros((n_y, n_x), np.float32)
            for i in range(n_y):
                for k in range(n_x):
                    weight, line = bend[c, i, k], along_x[t, k]
                    for j in range(max(k - NEAR + 1, 0), min(k + NEAR, n_x)):
                        product[i, j] += weight * line[j]
            for i in range(n_y):
                for k in range(max(i - NEAR + 1, 0), min(i + NEAR, n_y)):
                    weight, line = scale * along_y[t, i, k], product[k]
                    for j in range(n_x):
                        gradient[c, i, j] += weight * line[j]


@compiled
def factorise_band(columns: Floats) -> None:
    """Cholesky factor of a banded matrix, in place: of each column, from the diagonal on downwards.

    SciPy's holds the GIL. A matrix that isn't positive definite gives NaN.
    """
    n, width = columns.shape
    for j in range(n):
        column = columns[j, : min(width, n - j)]
        pivot = np.sqrt(column[0])
        for i in range(column.size):
            column[i] /= pivot
        for i in range(1, column.size):
            value, below = column[i], column[i:]
            rest = columns[j + i, : below.size]
            for k in range(below.size):
                rest[k] -= value * below[k]


@compiled
def solve_band(columns: Floats, rows: Floats, right: Floats) -> None:
    """Solve L Lᵀ x = b for a banded Cholesky factor, in place.

    Parameters
    ----------
    columns, rows : numpy.ndarray
        (n, w) float32, the factor twice: what stands below each element of the diagonal, from it
        on, and what stands left of it.
    right : numpy.ndarray
        (n,) float32 b, becomes x.
    """
    n, width = columns.shape
    for j in range(n):
        value = right[j] / columns[j, 0]
        right[j] = value
        below = columns[j, 1 : min(width, n - j)]
        rest = right[j + 1 : j + 1 + below.size]
        for i in range(below.size):
            rest[i] -= value * below[i]
    for j in range(n - 1, -1, -1):
        value = right[j] / columns[j, 0]
        right[j] = value
        reach = min(width - 1, j)
        left, rest = rows[j, width - 1 - reach :], right[j - reach : j]
        for i in range(left.size):
            rest[i] -= value * left[i]


@compiled
def step_of(columns: Floats, rows: Floats, gradient: Floats) -> np.float32:
    """Solve for a step in place of the gradient (2, gy, gx); return its largest component."""
    n_y, n_x = gradient.shape[1], gradient.shape[2]
    right = np.empty(2 * n_y * n_x, np.float32)
    for c in range(2):
        for i in range(n_y):
            for j in range(n_x):
                right[2 * (i * n_x + j) + c] = gradient[c, i, j]
    solve_band(columns, rows, right)
    largest = np.float32(0)
    for c in range(2):
        for i in range(n_y):
            for j in range(n_x):
                value = right[2 * (i * n_x + j) + c]
                gradient[c, i, j] = value
                largest = max(largest, abs(value))
    return largest


@compiled
def gauss_newton_step(
    warped: Floats,
    image: Floats,
    own: Floats,
    share: np.float32,
    limit: Floats,
    weighted_y: Floats,
    weighted_x: Floats,
    first_y: Index,
    weights_y: Floats,
    borders: Index,
    first_x: Index,
    weights_x: Floats,
    along_y: Floats,
    along_x: Floats,
    scale: np.float32,
    bend: Floats,
    columns: Floats,
    rows: Floats,
    step: Floats,
) -> np.float32:
    """Take the residual of a warped frame and solve for the step, (2, gy, gx); how large it is.

    Parameters are those of the functions above; ``warped`` becomes the residual.
    """
    take_residual(warped, image, own, share)
    data_gradient(
        warped, limit, weighted_y, weighted_x, first_y, weights_y, borders, first_x, weights_x, step
    )
    add_prior_gradient(along_y, along_x, scale, bend, step)
    return step_of(columns, rows, step)


@compiled
def strip_sums(product: Floats, residual: Floats, starts: Index) -> npt.NDArray[np.float64]:
    """(n,) sums of a product of two images (Y, X) over strips of rows that begin at ``starts``."""
    height, width = product.shape
    sums = np.zeros(starts.size, np.float64)
    line = np.empty(width, np.float32)
    for s in range(starts.size):
        line[:] = 0
        for y in range(starts[s], starts[s + 1] if s + 1 < starts.size else height):
            first, second = product[y], residual[y]
            for x in range(width):
                line[x] += first[x] * second[x]
        for x in range(width):
            sums[s] += line[x]
    return sums
