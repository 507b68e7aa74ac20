"""Integral images, from which sums over rectangles are four values each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.traces.scratch import Scratch

MOST_BYTE_PIXELS = 2**31 // 256
"""Sums of so many bytes stay within 32 bits."""
LOW = 2**32 - 1


@dataclass(frozen=True)
class Integral:
    """Integral image of an image (Y, X).

    Attributes
    ----------
    values : numpy.ndarray
        (Y + 1, X + 1). Of 16-bit images each value holds two sums, of the low bytes in its low
        32 bits and of the high bytes above: OpenCV is fast for bytes only.
    paired : bool
        Whether it is such a one.
    """

    values: npt.NDArray[Any]
    paired: bool

    def sums(self, places: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
        """(n,) sums from places (2, k, n): of the values at the first k, less those at the rest.

        Values may run over within the sums, for the difference is that of the small numbers.
        """
        values = self.values.reshape(-1).take(places, mode="clip")
        added, subtracted = values.sum(axis=1, dtype=values.dtype)
        total = added - subtracted
        return (total & LOW) + 256 * (total >> 32) if self.paired else total


def integral_of(image: npt.NDArray[Any], name: str, scratch: Scratch) -> Integral:
    """Integral image of an image (Y, X) of uint8, uint16, int16, float32 or float64.

    Exact for integers; ``name`` is that of the memory it is made in.
    """
    larger = (image.shape[0] + 1, image.shape[1] + 1)
    kind, small = f"{image.dtype.kind}{image.dtype.itemsize}", image.size < MOST_BYTE_PIXELS
    if kind == "u1" and small:
        return Integral(cv2.integral(image, scratch.array(name, larger, np.int32)), False)
    if kind == "u2" and small:
        halves = scratch.array(f"{name} halves", (*larger, 2), np.int32)
        cv2.integral(image.view(np.uint8).reshape(*image.shape, 2), halves)
        return Integral(halves.view(np.int64)[..., 0], True)
    sums = scratch.array(f"{name} sums", larger)
    return Integral(cv2.integral(image, sums, sdepth=cv2.CV_64F), False)
