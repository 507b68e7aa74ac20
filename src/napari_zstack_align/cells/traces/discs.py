"""Means over circles, with the exact area of the circle in each pixel.

In a column of pixels, the area of a disc between its middle line and a height is the column's
width times that height where the disc reaches higher, and the area under its arc where it doesn't.
The area in a pixel is the difference between the heights of its two edges.
"""

from __future__ import annotations

from math import asin, ceil, floor, isfinite, nan, pi, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.compiled import compiled

Numbers = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

INSIDE_PART = 0.9
"""Part of a circle's area that must have pixels."""


@compiled
def disc_means(
    image: npt.NDArray[Any], tissue: Mask | None, circles: Numbers, means: npt.NDArray[Any]
) -> None:
    """Mean over each circle, pixels counted by their area in it.

    Parameters
    ----------
    image : numpy.ndarray
        (Y, X), not finite where pixels are missing.
    tissue : numpy.ndarray, optional
        (Y, X) bool: pixels that count; None: all (compiled apart, which saves reading a mask).
    circles : numpy.ndarray
        (3, N) y, x, radius in px.
    means : numpy.ndarray
        (N,) is filled: NaN where less than 90 % of the circle has pixels.
    """
    for n in range(circles.shape[1]):
        y, x, radius = circles[0, n], circles[1, n], circles[2, n]
        means[n] = nan
        if not (isfinite(y) and isfinite(x) and isfinite(radius)):
            continue
        rows, columns = touched(y, radius, image.shape[0]), touched(x, radius, image.shape[1])
        areas = pixel_areas(y, x, radius, rows, columns)
        total = known = 0.0
        for i in range(areas.shape[0]):
            for j in range(areas.shape[1]):
                row, column = rows[0] + i, columns[0] + j
                value = image[row, column]
                if (tissue is None or tissue[row, column]) and isfinite(value):
                    total += areas[i, j] * value
                    known += areas[i, j]
        if known >= INSIDE_PART * pi * radius**2:
            means[n] = total / known


@compiled
def disc_shares(
    image: npt.NDArray[Any],
    tissue: Mask | None,
    circles: Numbers,
    level: float,
    shares: npt.NDArray[np.float32],
) -> None:
    """Share of each circle's area, as far as it has pixels, that is at a level or above it.

    Parameters
    ----------
    image, tissue, circles
        As of `disc_means`.
    level : float
    shares : numpy.ndarray
        (N,) is filled: 0 for a circle without pixels.
    """
    for n in range(circles.shape[1]):
        y, x, radius = circles[0, n], circles[1, n], circles[2, n]
        shares[n] = 0.0
        if not (isfinite(y) and isfinite(x) and isfinite(radius)):
            continue
        rows, columns = touched(y, radius, image.shape[0]), touched(x, radius, image.shape[1])
        areas = pixel_areas(y, x, radius, rows, columns)
        above = known = 0.0
        for i in range(areas.shape[0]):
            for j in range(areas.shape[1]):
                row, column = rows[0] + i, columns[0] + j
                value = image[row, column]
                if (tissue is None or tissue[row, column]) and isfinite(value):
                    known += areas[i, j]
                    if value >= level:
                        above += areas[i, j]
        if known > 0.0:
            shares[n] = above / known


@compiled
def touched(centre: float, radius: float, size: int) -> tuple[int, int]:
    """First and last pixel along an axis that a circle touches; none: the last is before it."""
    return max(floor(centre - radius + 0.5), 0), min(ceil(centre + radius - 0.5), size - 1)


@compiled
def pixel_areas(
    y: float, x: float, radius: float, rows: tuple[int, int], columns: tuple[int, int]
) -> Numbers:
    """Area of a circle in each pixel of some rows and columns, px².

    Parameters
    ----------
    y, x, radius : float
        The circle, px.
    rows, columns : tuple of int
        First and last, inclusive.
    """
    n_rows, n_columns = max(rows[1] - rows[0] + 1, 0), max(columns[1] - columns[0] + 1, 0)
    areas, below = np.empty((n_rows, n_columns)), np.empty(n_columns)
    left = columns[0] - 0.5 - x
    arcs = np.empty(n_columns + 1)
    for j in range(n_columns + 1):
        arcs[j] = _under_arc(left + j, radius)
    for i in range(n_rows + 1):
        edge = rows[0] - 0.5 - y + i
        height = min(max(edge, -radius), radius)
        reach = sqrt((radius - height) * (radius + height))
        arc = _under_arc(reach, radius)
        for j in range(n_columns):
            area = _below(abs(height), reach, arc, left + j, arcs[j], arcs[j + 1])
            area = area if height > 0 else -area
            if i > 0:
                areas[i - 1, j] = area - below[j]
            below[j] = area
    return areas


@compiled
def _below(
    height: float, reach: float, arc: float, left: float, arc_left: float, arc_right: float
) -> float:
    """Area between the middle line and a height in the column from ``left`` to ``left + 1``.

    The disc is higher than that from ``-reach`` to ``reach``; ``arc`` is the area under its arc
    from 0 to there, ``arc_left`` and ``arc_right`` those to the column's edges.
    """
    begin, end = max(left, -reach), min(left + 1, reach)
    if begin >= end:
        return arc_right - arc_left
    area = height * (end - begin)
    if begin > left:
        area -= arc + arc_left
    if end < left + 1:
        area += arc_right - arc
    return area


@compiled
def _under_arc(x: float, radius: float) -> float:
    """Area under the arc from 0 to x, within the radius; negative for x < 0."""
    part = min(max(x / radius, -1.0), 1.0)
    # (1 - p) (1 + p), for 1 - p² would lose all digits where the arc is steep.
    return 0.5 * radius**2 * (part * sqrt((1 - part) * (1 + part)) + asin(part))
