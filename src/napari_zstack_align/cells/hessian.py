"""Determinant of the Hessian by box filters over an integral image (Bay et al. 2008, SURF)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.compiled import compiled

Image = npt.NDArray[np.float64]

XY_WEIGHT = 0.81
"""Boxes overrate the mixed derivative: its square counts for so much."""


@compiled
def integral_image(image: Image) -> Image:
    """(Y, X) sums of all pixels above and to the left, the pixel's own among them."""
    sums = image.copy()
    for y in range(1, sums.shape[0]):
        sums[y] += sums[y - 1]
    for y in range(sums.shape[0]):
        for x in range(1, sums.shape[1]):
            sums[y, x] += sums[y, x - 1]
    return sums


@compiled
def hessian_determinant(integral: Image, size: int) -> Image:
    """(Y, X) determinant at the scale that boxes of this side stand for, from 3 px on."""
    lobe, half = size // 3, (size - 1) // 2
    long, offset = 2 * lobe - 1, 1 - lobe
    area = 1.0 / size / size
    determinant = np.empty_like(integral)
    parts = np.empty((3, integral.shape[1]))
    xx, yy, xy = parts[0], parts[1], parts[2]
    for y in range(integral.shape[0]):
        parts[:] = 0
        _add_boxes(xy, integral, (y - lobe, lobe), (1, lobe), 1.0)
        _add_boxes(xy, integral, (y + 1, lobe), (-lobe, lobe), 1.0)
        _add_boxes(xy, integral, (y - lobe, lobe), (-lobe, lobe), -1.0)
        _add_boxes(xy, integral, (y + 1, lobe), (1, lobe), -1.0)
        _add_boxes(xx, integral, (y + offset, long), (-(lobe // 2), lobe), -3.0)
        _add_boxes(xx, integral, (y + offset, long), (-half, size), 1.0)
        _add_boxes(yy, integral, (y - lobe // 2, lobe), (offset, long), -3.0)
        _add_boxes(yy, integral, (y - half, size), (offset, long), 1.0)
        for x in range(integral.shape[1]):
            mixed = xy[x] * area
            determinant[y, x] = (xx[x] * area) * (yy[x] * area) - XY_WEIGHT * (mixed * mixed)
    return determinant


@compiled
def _add_boxes(
    sums: Image, integral: Image, rows: tuple[int, int], columns: tuple[int, int], weight: float
) -> None:
    """Add the weighted sum over a box at every pixel of a row.

    A box is told by where it begins (a row of the image; steps from the pixel's column) and its
    size. One that begins beyond the image is moved inside; one that ends beyond it is cut off.
    """
    height, width = integral.shape
    top = min(max(rows[0], 0), height - 1)
    above, below = integral[top], integral[min(top + rows[1], height - 1)]
    step, wide = columns
    # Between these no box leaves the image: there the loop is simple, and fast for it.
    first = min(max(-step, 0), width)
    last = max(min(width - step - wide, width), first)
    for x in range(first):
        sums[x] += weight * _box(above, below, x + step, wide)
    inside, begin = sums[first:last], first + step
    left_above, right_above = above[begin:], above[begin + wide :]
    left_below, right_below = below[begin:], below[begin + wide :]
    for i in range(len(inside)):
        box = right_below[i] + left_above[i] - right_above[i] - left_below[i]
        inside[i] += weight * max(box, 0.0)
    for x in range(last, width):
        sums[x] += weight * _box(above, below, x + step, wide)


@compiled
def _box(above: Image, below: Image, left: int, wide: int) -> float:
    """Sum over a box between two rows of an integral image, brought inside; never negative."""
    left = min(max(left, 0), len(above) - 1)
    right = min(left + wide, len(above) - 1)
    return max(below[right] + above[left] - above[right] - below[left], 0.0)
