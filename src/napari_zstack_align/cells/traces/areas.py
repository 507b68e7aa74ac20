"""Areas of circles on pixels, exactly.

In a column of pixels, the area of a disc between its middle line and a height y is y times the
column's width where the disc reaches higher throughout, and the area under its arc where it
nowhere does. Only the two columns in which the edge passes that height need more. So all that is
costly is a function of one coordinate, and reckoned along the edges of a patch, not in its pixels.
The area in a pixel is the difference between the heights of its two edges.

Arrays run over the circles along their last axis: numpy is fastest along a long last axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.traces.scratch import Scratch

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Patches:
    """Square patches of pixels, one a circle, with the circle's area in each pixel.

    Attributes
    ----------
    places : numpy.ndarray
        (k, k, n) index of each pixel in the flattened frame; pixels beyond the frame stand for
        its nearest ones.
    areas : numpy.ndarray
        (k, k, n) float32 area of the circle in each pixel, px², to about 1e-6; 0 beyond the
        frame.
    """

    places: Places
    areas: npt.NDArray[np.float32]


def patch_size(largest_radius: float) -> int:
    """Pixels along a patch that a circle of this radius can touch, wherever its centre is."""
    return ceil(2 * largest_radius) + 1


def circle_patches(
    circles: Numbers, size: int, shape: tuple[int, int], scratch: Scratch
) -> Patches:
    """Areas of circles in the pixels of a frame.

    Parameters
    ----------
    circles : numpy.ndarray
        (3, n) y, x, radius in px.
    size : int
        k, at least `patch_size` of the largest radius.
    shape : tuple of int
        (Y, X) of the frame.
    scratch : Scratch
        Holds the result, until it is used for the next one.
    """
    *centre, radius = circles
    sides = [_side(centre[axis], radius, size, shape[axis]) for axis in (0, 1)]
    (rows, y, inside_y), (columns, x, inside_x) = sides
    areas = _areas(y, x, radius, scratch)
    if not (inside_y.all() and inside_x.all()):
        areas *= inside_y[:, np.newaxis]
        areas *= inside_x
    places = scratch.array("places", areas.shape, np.intp)
    np.add((rows * shape[1])[:, np.newaxis], columns, out=places)
    return Patches(places, areas)


def _side(
    centre: Numbers, radius: Numbers, size: int, n_pixels: int
) -> tuple[Places, Numbers, npt.NDArray[np.bool_]]:
    """Pixels (k, n) along an axis, clipped; edges (k + 1, n) from the centre; what is inside."""
    first = np.floor(centre - radius + 0.5)
    pixels = first.astype(np.intp) + np.arange(size)[:, np.newaxis]
    edges = (first - centre) + (np.arange(size + 1) - 0.5)[:, np.newaxis]
    clipped = np.minimum(np.maximum(pixels, 0), n_pixels - 1)
    return clipped, edges, clipped == pixels


def _areas(y: Numbers, x: Numbers, radius: Numbers, scratch: Scratch) -> npt.NDArray[np.float32]:
    """(k, k, n) areas from the edges (k + 1, n) of the pixels, measured from the centre."""
    height = np.minimum(np.abs(y), radius)
    reach = np.sqrt(radius**2 - height**2)
    arc = _under_arc(x, radius)
    n_edges, n = y.shape
    columns = scratch.array("columns", (n_edges, n_edges - 1, n), np.float32)
    under = (arc[1:] - arc[:-1]).astype(np.float32)
    np.minimum(height.astype(np.float32)[:, np.newaxis], under, out=columns)
    _cut_columns(columns, height, x[0], reach, arc, _under_arc(reach, radius))
    columns *= np.sign(y).astype(np.float32)[:, np.newaxis]
    areas = scratch.array("areas", (n_edges - 1, n_edges - 1, n), np.float32)
    return np.subtract(columns[1:], columns[:-1], out=areas)


def _cut_columns(
    columns: npt.NDArray[np.float32],
    height: Numbers,
    left: Numbers,
    reach: Numbers,
    arc: Numbers,
    reach_arc: Numbers,
) -> None:
    """Correct the two columns, at each height, in which the disc's edge passes that height."""
    n_levels, n_columns, n = columns.shape
    circle = np.arange(n)
    level = np.arange(n_levels)[:, np.newaxis] * (n_columns * n) + circle
    for edge in (-reach, reach):
        column = np.floor(edge - left)
        np.minimum(np.maximum(column, 0, out=column), n_columns - 1, out=column)
        begin = left + column
        place = column.astype(np.intp) * n
        arc_begin, arc_end = arc.take(place + circle), arc.take(place + (circle + n))
        area = height * (np.minimum(begin + 1, reach) - np.maximum(begin, -reach))
        area += arc_end - np.minimum(arc_end, reach_arc)
        area += np.maximum(arc_begin, -reach_arc) - arc_begin
        columns.reshape(-1)[level + place] = area


def _under_arc(x: Numbers, radius: Numbers) -> Numbers:
    """S(x): area under the arc from 0 to x; negative for x < 0."""
    part = np.minimum(np.maximum(x / radius, -1), 1)
    area = part * np.sqrt(1 - part**2)
    area += np.arcsin(part)
    area *= 0.5 * radius**2
    return area
