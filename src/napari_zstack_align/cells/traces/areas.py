"""Areas of circles on pixels, exactly.

In a column of pixels, the area of a disc between its middle line and a height y is y times the
column's width where the disc reaches higher throughout, and the area under its arc where it
nowhere does. Only the two columns in which the edge passes that height need more. So all that is
costly is a function of one coordinate, and reckoned along the edges of a patch, not in its pixels.
The area in a pixel is the difference between the heights of its two edges.

From where the edges of a patch are known, all is float32: areas are good to some 1e-6 px² for the
radii of cells, and a mean by them to 1e-7 of the contrast within the circle.

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
Short = npt.NDArray[np.float32]


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
    areas: Short


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
    radius = circles[2]
    sizes = np.array(shape)[:, np.newaxis, np.newaxis]
    first = np.floor(circles[:2] - radius + 0.5)
    steps = np.arange(size + 1)[:, np.newaxis]
    edges = ((first - circles[:2])[:, np.newaxis] + (steps - 0.5)).astype(np.float32)
    pixels = first.astype(np.intp)[:, np.newaxis] + steps[:-1]
    clipped = np.minimum(np.maximum(pixels, 0), sizes - 1)
    areas = _areas(edges[0], edges[1], radius.astype(np.float32), scratch)
    inside = clipped == pixels
    if not inside.all():
        areas *= inside[0][:, np.newaxis]
        areas *= inside[1]
    places = scratch.array("places", areas.shape, np.intp)
    np.add((clipped[0] * shape[1])[:, np.newaxis], clipped[1], out=places)
    return Patches(places, areas)


def _areas(y: Short, x: Short, radius: Short, scratch: Scratch) -> Short:
    """(k, k, n) areas from the edges (k + 1, n) of the pixels, measured from the centre."""
    height = np.minimum(np.abs(y), radius)
    reach = np.sqrt((radius - height) * (radius + height))
    within = np.minimum(np.maximum(x, -radius), radius)
    arc, reach_arc = _under_arc(np.stack([within, reach]), radius)
    n_edges, n = y.shape
    columns = scratch.array("columns", (n_edges, n_edges - 1, n), np.float32)
    np.minimum(height[:, np.newaxis], arc[1:] - arc[:-1], out=columns)
    _cut_columns(columns, height, x[0], reach, arc, reach_arc)
    columns *= np.sign(y)[:, np.newaxis]
    areas = scratch.array("areas", (n_edges - 1, n_edges - 1, n), np.float32)
    return np.subtract(columns[1:], columns[:-1], out=areas)


def _cut_columns(
    columns: Short,
    height: Short,
    left: Short,
    reach: Short,
    arc: Short,
    reach_arc: Short,
) -> None:
    """Correct the two columns, at each height, in which the disc's edge passes that height."""
    n_levels, n_columns, n = columns.shape
    column = np.floor(np.stack([-reach, reach]) - left)
    np.minimum(np.maximum(column, 0, out=column), n_columns - 1, out=column)
    begin = left + column
    place = (column * n + np.arange(n)).astype(np.intp)
    flat = arc.reshape(-1)
    arc_begin, arc_end = flat.take(place), flat[n:].take(place)
    # From begin to begin + 1: what is below the height, and what is under the arc elsewhere.
    area = np.minimum(begin + 1, reach)
    area -= np.maximum(begin, -reach)
    area *= height
    area += arc_end
    area -= np.minimum(arc_end, reach_arc)
    area += np.maximum(arc_begin, -reach_arc)
    area -= arc_begin
    place += np.arange(n_levels)[:, np.newaxis] * (n_columns * n)
    columns.reshape(-1)[place] = area


def _under_arc(x: Short, radius: Short) -> Short:
    """S(x): area under the arc from 0 to x, within the radius; negative for x < 0."""
    part = x / radius
    # (1 - p) (1 + p), for 1 - p² would lose all digits where the arc is steep.
    area = np.sqrt((1 - part) * (1 + part))
    area *= part
    area += np.arcsin(part)
    area *= 0.5 * radius**2
    return area
