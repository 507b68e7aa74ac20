"""Means over neuropil rings of whole pixels.

A ring lies about the pixel that holds a cell's centre, and the cell's radius is rounded to whole
pixels for it. A row of a ring is what the outer disc has there and the inner one hasn't, and the
sum over a row of a disc is the difference of two running sums.
"""

from __future__ import annotations

from math import floor, isfinite, nan, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.compiled import compiled

Numbers = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

FEWEST_PIXELS = 10
"""A ring of fewer pixels, between cells or at the border, is no neuropil."""
MARGIN_PX = 1
"""Pixels so far outside another cell's circle are still left out of a ring."""
TIE_PX = 1e-9
"""A pixel this little outside a circle counts as inside, however the distance was rounded."""


@compiled
def outside_circles(circles: Numbers, free: Mask) -> None:
    """Fill ``free`` (Y, X): whether no circle (3, N), nor its margin, covers a pixel."""
    free[:] = True
    n_rows, n_columns = free.shape
    for n in range(circles.shape[1]):
        if not _is_finite(circles[:, n]):
            continue
        y, x, radius = _whole(circles[:, n])
        reach = radius + MARGIN_PX
        for row in range(max(y - reach, 0), min(y + reach + 1, n_rows)):
            half = _half_width(reach, row - y)
            free[row, max(x - half, 0) : max(min(x + half + 1, n_columns), 0)] = False


@compiled
def ring_means(
    image: npt.NDArray[Any],
    free: Mask,
    circles: Numbers,
    ring: tuple[float, float],
    running: tuple[npt.NDArray[Any], npt.NDArray[np.int32]],
    means: npt.NDArray[Any],
    pixels: npt.NDArray[np.int32],
) -> None:
    """Mean over each circle's ring, other circles left out.

    Parameters
    ----------
    image : numpy.ndarray
        (Y, X), not finite where pixels are missing.
    free : numpy.ndarray
        (Y, X) as of `outside_circles`.
    circles : numpy.ndarray
        (3, N) y, x, radius in px.
    ring : tuple of float
        Gap and width, px.
    running : tuple of numpy.ndarray
        (Y, X + 1) each, for running sums along the rows of values and of pixels.
    means : numpy.ndarray
        (N,) is filled: NaN where the centre is outside the image, or too few pixels are left.
    pixels : numpy.ndarray
        (N,) is filled: how many pixels of a ring there are.
    """
    sums, counts = running
    _run_along_rows(image, free, sums, counts)
    n_rows, n_columns = image.shape
    for n in range(circles.shape[1]):
        means[n], pixels[n] = nan, 0
        if not _is_finite(circles[:, n]):
            continue
        y, x, radius = _whole(circles[:, n])
        if not (0 <= y < n_rows and 0 <= x < n_columns):
            continue
        inner, outer = radius + ring[0], radius + ring[0] + ring[1]
        total, count = sums[0, 0] * 0, 0
        for row in range(max(y - floor(outer), 0), min(y + floor(outer) + 1, n_rows)):
            half, hole = _half_width(outer, row - y), _half_width(inner, row - y)
            left, right = max(x - half, 0), min(x + half + 1, n_columns)
            total += sums[row, right] - sums[row, left]
            count += counts[row, right] - counts[row, left]
            if hole >= 0:
                left, right = max(x - hole, 0), min(x + hole + 1, n_columns)
                total -= sums[row, right] - sums[row, left]
                count -= counts[row, right] - counts[row, left]
        pixels[n] = count
        if count >= FEWEST_PIXELS:
            means[n] = total / count


@compiled
def _run_along_rows(
    image: npt.NDArray[Any], free: Mask, sums: npt.NDArray[Any], counts: npt.NDArray[np.int32]
) -> None:
    """Sums of the free and known pixels to the left, and how many they are."""
    for row in range(image.shape[0]):
        total, count = sums[0, 0] * 0, 0
        sums[row, 0], counts[row, 0] = total, count
        for column in range(image.shape[1]):
            value = image[row, column]
            if free[row, column] and isfinite(value):
                total += value
                count += 1
            sums[row, column + 1], counts[row, column + 1] = total, count


@compiled
def _is_finite(circle: Numbers) -> bool:
    return isfinite(circle[0]) and isfinite(circle[1]) and isfinite(circle[2])


@compiled
def _whole(circle: Numbers) -> tuple[int, int, int]:
    """Pixel that holds the centre, and the radius in whole pixels."""
    return floor(circle[0] + 0.5), floor(circle[1] + 0.5), floor(circle[2] + 0.5)


@compiled
def _half_width(radius: float, row: int) -> int:
    """Pixels that a disc about a pixel reaches to either side in a row; -1 outside the disc."""
    square = (radius + TIE_PX) ** 2 - row**2
    return floor(sqrt(square)) if square >= 0 else -1
