"""Local maxima over place and scale."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_zstack_align.compiled import compiled

Response = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

FLOOR = 1e-10
"""Weaker maxima are rounding errors of a flat image."""


@dataclass(frozen=True, eq=False)
class Layer:
    """The response at one scale, and where it is highest among its neighbours in place.

    Attributes
    ----------
    response : numpy.ndarray
        (Y, X) float64.
    y, x : numpy.ndarray
        (n,) int64 positions, in the order of the pixels.
    """

    response: Response
    y: Indices
    x: Indices

    @classmethod
    def of(cls, response: Response) -> Layer:
        """Find the maxima of a response."""
        return cls(response, *np.divmod(_peaks(response), response.shape[1]))


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
    y, x = y[keep], x[keep]
    strength = here.response[y, x]
    highest = np.ones(len(y), bool)
    for layer in filter(None, beside):
        highest &= _none_higher(layer.response, y, x, strength)
    largest = float(here.response[inner].max())
    return Maxima(largest, y[highest], x[highest], strength[highest])


@compiled
def _peaks(response: Response) -> Indices:
    """(n,) places in the flattened image that none of their neighbours exceeds."""
    places = []
    height, width = response.shape
    highest = np.empty(width, np.bool_)
    for y in range(height):
        above, here, below = response[max(y - 1, 0)], response[y], response[min(y + 1, height - 1)]
        # A simple loop is faster, and leaves few for the one with borders.
        for x in range(width):
            highest[x] = (here[x] > FLOOR) & (here[x] >= above[x]) & (here[x] >= below[x])
        for x in range(width):
            if highest[x] and _is_highest(response, y, x, here[x]):
                places.append(y * width + x)
    return np.array(places, np.int64)


@compiled
def _none_higher(
    response: Response, y: Indices, x: Indices, strength: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """(n,) whether these values are not exceeded at their places, nor around them."""
    highest = np.empty(len(y), np.bool_)
    for i in range(len(y)):
        highest[i] = _is_highest(response, y[i], x[i], strength[i])
    return highest


@compiled
def _is_highest(response: Response, y: int, x: int, value: float) -> bool:
    """Whether a value is not exceeded at a pixel, nor at its neighbours."""
    height, width = response.shape
    for row in range(max(y - 1, 0), min(y + 2, height)):
        for column in range(max(x - 1, 0), min(x + 2, width)):
            if response[row, column] > value:
                return False
    return True
