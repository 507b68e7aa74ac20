"""Spline fields on pixels, compiled: in long calls, which other threads run beside."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.compiled import compiled

Floats = npt.NDArray[np.float32]
Index = npt.NDArray[np.int64]


@compiled
def fill_field(
    coefficients: Floats,
    scale: np.float32,
    first_y: Index,
    weights_y: Floats,
    borders: Index,
    first_x: Index,
    weights_x: Floats,
    starts: Floats,
    field: Floats,
) -> None:
    """Write a field on the pixels of an image.

    The spline is a sum over the 4 × 4 control points around a pixel. A row has one sum along y for
    each column of control points; between two of these, all pixels share their four sums.

    Parameters
    ----------
    coefficients : numpy.ndarray
        (2, gy, gx) float32.
    scale : float
        Times which the field is written.
    first_y, weights_y : numpy.ndarray
        (Y,) first control point of each row, and (Y, 4) float32 weights of the four.
    borders, first_x : numpy.ndarray
        Columns at which the first control point changes, with 0 and X, and that control point.
    weights_x : numpy.ndarray
        (4, X) float32 weights.
    starts : numpy.ndarray
        Empty, or (n,) float32 positions 0, 1, ... of rows and columns, which are added then.
    field : numpy.ndarray
        (2, Y, X) float32, is written.
    """
    height, width = field.shape[1], field.shape[2]
    sums = np.empty(coefficients.shape[2], np.float32)
    for y in range(height):
        k = first_y[y]
        for c in range(2):
            a, b = coefficients[c, k], coefficients[c, k + 1]
            d, e = coefficients[c, k + 2], coefficients[c, k + 3]
            for j in range(sums.size):
                sums[j] = scale * (
                    weights_y[y, 0] * a[j]
                    + weights_y[y, 1] * b[j]
                    + weights_y[y, 2] * d[j]
                    + weights_y[y, 3] * e[j]
                )
            row = field[c, y]
            for s in range(first_x.size):
                left, right, j = borders[s], borders[s + 1], first_x[s]
                s0, s1, s2, s3 = sums[j], sums[j + 1], sums[j + 2], sums[j + 3]
                w0, w1 = weights_x[0, left:right], weights_x[1, left:right]
                w2, w3 = weights_x[2, left:right], weights_x[3, left:right]
                part = row[left:right]
                for x in range(part.size):
                    part[x] = s0 * w0[x] + s1 * w1[x] + s2 * w2[x] + s3 * w3[x]
            if starts.size and c == 0:
                at = starts[y]
                for x in range(width):
                    row[x] += at
            elif starts.size:
                for x in range(width):
                    row[x] += starts[x]
