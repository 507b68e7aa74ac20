"""The pixels of a circle, with the part of each that lies inside."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.rois import Circles

SAMPLES = 16
"""Points along each side of a pixel; the area is right to about 1/100 of a pixel."""


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
    y, x, radius = circle.tolist()
    (y0, ys), (x0, xs) = _samples(y, radius, shape[0]), _samples(x, radius, shape[1])
    inside = (ys[:, None] - y) ** 2 + (xs[None, :] - x) ** 2 <= radius**2
    blocks = inside.reshape(len(ys) // SAMPLES, SAMPLES, len(xs) // SAMPLES, SAMPLES)
    area = blocks.sum(axis=(1, 3)).astype(np.float32) / SAMPLES**2
    rows, columns = np.nonzero(area)
    if not len(rows):
        row, column = (int(np.clip(round(c), 0, n - 1)) for c, n in zip((y, x), shape, strict=True))
        return Footprint(np.array([row]), np.array([column]), np.ones(1, np.float32))
    return Footprint(rows + y0, columns + x0, area[rows, columns])


def _samples(centre: float, radius: float, size: int) -> tuple[int, npt.NDArray[np.float64]]:
    """First pixel that a circle may touch along an axis, and the points of all of them."""
    first = max(int(np.floor(centre - radius + 0.5)), 0)
    last = min(int(np.floor(centre + radius + 0.5)), size - 1)
    n_points = max(last - first + 1, 0) * SAMPLES
    return first, first - 0.5 + (np.arange(n_points) + 0.5) / SAMPLES
