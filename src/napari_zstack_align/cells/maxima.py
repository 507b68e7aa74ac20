"""Local maxima over place and scale."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
import numpy.typing as npt

Response = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

FLOOR = 1e-10
"""Weaker maxima are rounding errors of a flat image."""

NEIGHBOURS = tuple(product((-1, 0, 1), repeat=2))


class Layer:
    """The response at one scale, with the largest one around each pixel in single precision.

    Rounding keeps order: a maximum in double precision is one in single precision too, where
    OpenCV finds it much faster. What is left is looked at again in double precision.
    """

    def __init__(self, response: Response) -> None:
        self.shape = (response.shape[0], response.shape[1])
        # A frame of one pixel, so that every pixel has eight neighbours.
        self.framed = cv2.copyMakeBorder(response, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
        coarse = response.astype(np.float32)
        self.around = cv2.dilate(coarse, np.ones((3, 3), np.uint8))
        peaks = cv2.compare(coarse, self.around, cv2.CMP_EQ)
        peaks &= cv2.compare(coarse, FLOOR, cv2.CMP_GT)
        points = cv2.findNonZero(peaks)
        x, y = np.zeros((2, 0), np.intp) if points is None else points.reshape(-1, 2).T
        self.y, self.x = y.astype(np.intp), x.astype(np.intp)

    @property
    def response(self) -> Response:
        """(Y, X) float64."""
        return self.framed[1:-1, 1:-1]


@dataclass(frozen=True)
class Maxima:
    """The local maxima at one scale.

    Attributes
    ----------
    largest : float
        Largest response of the scale.
    y, x : numpy.ndarray
        (n,) positions, in the order of the pixels.
    strength : numpy.ndarray
        (n,) float64 responses there.
    """

    largest: float
    y: Indices
    x: Indices
    strength: npt.NDArray[np.float64]


def local_maxima(layers: Iterable[Layer], inner: tuple[slice, slice]) -> Iterator[Maxima]:
    """Find, scale by scale, pixels that no neighbour in place or scale (3 x 3 x 3) exceeds.

    Three scales are held at a time. Neighbours beyond the image or the scales don't count.

    Parameters
    ----------
    layers : iterable of Layer
        A scale each.
    inner : tuple of slice
        (rows, columns) in which maxima count.
    """
    before: Layer | None = None
    here: Layer | None = None
    for after in layers:
        if here is not None:
            yield _maxima_of(here, (before, after), inner)
        before, here = here, after
    if here is not None:
        yield _maxima_of(here, (before, None), inner)


def _maxima_of(
    here: Layer, beside: tuple[Layer | None, Layer | None], inner: tuple[slice, slice]
) -> Maxima:
    rows, columns = inner
    y, x = here.y, here.x
    keep = (y >= rows.start) & (y < rows.stop) & (x >= columns.start) & (x < columns.stop)
    for other in filter(None, beside):
        keep &= here.around[y, x] >= other.around[y, x]
    y, x = y[keep], x[keep]
    strength = here.response[y, x]
    highest = np.ones(len(y), bool)
    place = (y + 1) * (here.shape[1] + 2) + x + 1
    for layer in filter(None, (here, *beside)):
        values = layer.framed.ravel()
        for dy, dx in NEIGHBOURS:
            highest &= strength >= values[place + dy * (here.shape[1] + 2) + dx]
    largest = float(here.response[inner].max())
    return Maxima(largest, y[highest], x[highest], strength[highest])
