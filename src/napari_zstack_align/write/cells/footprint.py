"""The pixels of a circle, with the part of each that lies inside."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.rois import Circles
from napari_zstack_align.cells.traces.areas import circle_patches, patch_size
from napari_zstack_align.cells.traces.scratch import Scratch

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
    size = patch_size(float(circle[2]))
    patch = circle_patches(circle[:, np.newaxis], size, shape, Scratch())
    touched = patch.areas > LEAST_AREA
    if touched.any():
        rows, columns = np.unravel_index(patch.places[touched], shape)
        return Footprint(rows, columns, patch.areas[touched])
    row, column = np.clip(np.rint(circle[:2]), 0, np.array(shape) - 1).astype(np.intp)
    return Footprint(np.array([row]), np.array([column]), np.ones(1, np.float32))
