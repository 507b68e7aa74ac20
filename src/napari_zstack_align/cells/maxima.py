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

NEIGHBOURS = tuple(product((-1, 0, 1), repeat=3))


class Layer:
    """The response at one scale, with the largest one around each pixel in single precision.

    Rounding keeps order: a maximum in double precision is one in single precision too, where
    OpenCV finds it much faster. What is left is looked at again in double precision.
    """

    def __init__(self, response: Response) -> None:
        self.response = response
        coarse = response.astype(np.float32)
        self.around = cv2.dilate(coarse, np.ones((3, 3), np.uint8))
        peaks = cv2.compare(coarse, self.around, cv2.CMP_EQ)
        peaks &= cv2.compare(coarse, FLOOR, cv2.CMP_GT)
        points = cv2.findNonZero(peaks)
        x, y = np.zeros((2, 0), np.intp) if points is None else points.reshape(-1, 2).T
        self.peaks: Indices = y.astype(np.intp) * response.shape[1] + x


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


def local_maxima(
    responses: Iterable[Response], inner: tuple[slice, slice] = (slice(None), slice(None))
) -> Iterator[Maxima]:
    """Find, scale by scale, pixels that no neighbour in place or scale (3 x 3 x 3) exceeds.

    Three scales are held at a time. Neighbours beyond the image or the scales don't count.

    Parameters
    ----------
    responses : iterable of numpy.ndarray
        (Y, X) float64, a scale each.
    inner : tuple of slice
        (rows, columns) in which maxima count; by default everywhere.
    """
    before: Layer | None = None
    here: Layer | None = None
    for response in responses:
        after = Layer(response)
        if here is not None:
            yield _maxima_of(here, [before, after], inner)
        before, here = here, after
    if here is not None:
        yield _maxima_of(here, [before, None], inner)


def _maxima_of(here: Layer, beside: list[Layer | None], inner: tuple[slice, slice]) -> Maxima:
    height, width = here.response.shape
    peaks = _within(here.peaks, here.response.shape, inner)
    values = here.response.ravel()[peaks]
    for other in filter(None, beside):
        not_less = values.astype(np.float32) >= other.around.ravel()[peaks]
        peaks, values = peaks[not_less], values[not_less]
    y, x = np.divmod(peaks, width)
    highest = np.ones(len(peaks), bool)
    layers = (beside[0], here, beside[1])
    for dz, dy, dx in NEIGHBOURS:
        if (layer := layers[dz + 1]) is not None:
            rows, columns = np.clip(y + dy, 0, height - 1), np.clip(x + dx, 0, width - 1)
            highest &= values >= layer.response[rows, columns]
    largest = float(here.response[inner].max())
    return Maxima(largest, y[highest], x[highest], values[highest])


def _within(peaks: Indices, shape: tuple[int, ...], inner: tuple[slice, slice]) -> Indices:
    (top, bottom, _), (left, right, _) = (p.indices(n) for p, n in zip(inner, shape, strict=True))
    y, x = np.divmod(peaks, shape[1])
    return peaks[(y >= top) & (y < bottom) & (x >= left) & (x < right)]
