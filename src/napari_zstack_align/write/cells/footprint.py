"""The pixels of a circle, with the part of each that lies inside."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.rois import Circles

LEAST_AREA = 1e-4
"""Part of a pixel below which it doesn't count: rounding leaves less than that."""


class Footprint(NamedTuple):
    """Pixels of a ROI: (n,) rows and columns, and (n,) float32 parts of their area."""

    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    weights: npt.NDArray[np.float32]


def footprint(circle: Circles, shape: tuple[int, int]) -> Footprint:
    """Pixels that a circle touches.

    Programs that take masks can't do with an empty one: of a circle outside the image this is the
    pixel nearest to its centre.

    Parameters
    ----------
    circle : numpy.ndarray
        (3,) y, x, radius in px.
    shape : tuple of int
        (Y, X) of the image.
    """
    # The compiler is slow to import: not everybody exports cells.
    from napari_zstack_align.cells.traces.discs import pixel_areas, touched

    y, x, radius = circle
    rows, columns = touched(y, radius, shape[0]), touched(x, radius, shape[1])
    areas = pixel_areas(y, x, radius, rows, columns)
    inside = areas > LEAST_AREA
    if inside.any():
        row, column = np.nonzero(inside)
        weights = areas[inside].astype(np.float32)
        return Footprint(row + rows[0], column + columns[0], weights)
    row, column = np.clip(np.rint(circle[:2]), 0, np.array(shape) - 1).astype(np.intp)
    return Footprint(np.array([row]), np.array([column]), np.ones(1, np.float32))
