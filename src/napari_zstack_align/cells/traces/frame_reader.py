"""Means over circles and neuropil rings in raw frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.traces.discs import disc_means, disc_shares
from napari_zstack_align.cells.traces.inputs import Ring
from napari_zstack_align.cells.traces.means import Means, means_type
from napari_zstack_align.cells.traces.rings import outside_circles, ring_means
from napari_zstack_align.saturation import DETECTOR_TOPS, SATURATED_FRACTION, highest_value

Numbers = npt.NDArray[np.float64]

COMPILED_FOR = ("u1", "u2", "i2", "f4", "f8")
"""Pixels of other types are read as float64."""
FARTHEST = 1e6
"""Circles farther from the frame, or larger, px, are as good as nowhere."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What the circles on a frame show.

    Attributes
    ----------
    inside, around : numpy.ndarray
        (C, N) float32 means of circles and rings; NaN where less than 90 % of a circle has pixels,
        and where there is no ring.
    saturated : numpy.ndarray
        (C, N) bool: circles of which more than 5 % is at ``highest``, where that is the largest
        value of a detector.
    highest : numpy.ndarray
        (C,) float64 largest value of the frame; NaN where there is none.
    """

    inside: Means
    around: Means
    saturated: npt.NDArray[np.bool_]
    highest: Numbers


class FrameReader:
    """Reads circles from frame after frame; for one thread.

    Parameters
    ----------
    ring : Ring
    shape : tuple of int
        (Y, X) of the frames.
    """

    def __init__(self, ring: Ring, shape: tuple[int, int]) -> None:
        self._ring = ring.gap_px, ring.width_px
        self._free = np.empty(shape, np.bool_)
        longer = (shape[0], shape[1] + 1)
        self._counts = np.empty(longer, np.int32)
        self._sums = {kind: np.empty(longer, kind) for kind in (np.int64, np.float64)}

    def measure(self, frame: npt.NDArray[Any], circles: Numbers) -> Measured:
        """Mean of each circle, pixels counted by their area in it, and of its neuropil ring.

        Parameters
        ----------
        frame : numpy.ndarray
            Raw frame (C, Y, X), NaN for missing pixels.
        circles : numpy.ndarray
            (3, N) y, x, radius in px of the frame; NaN for a circle that is nowhere.

        Returns
        -------
        Measured
        """
        circles = np.where(np.abs(circles) < FARTHEST, circles, np.nan)
        shape, dtype = (len(frame), circles.shape[1]), means_type(frame.dtype)
        measured = Measured(
            np.empty(shape, dtype),
            np.empty(shape, dtype),
            np.zeros(shape, bool),
            np.empty(len(frame)),
        )
        outside_circles(circles, self._free)
        for c, image in enumerate(map(_image, frame)):
            sums = self._sums[np.float64 if image.dtype.kind == "f" else np.int64]
            disc_means(image, circles, measured.inside[c])
            ring_means(
                image, self._free, circles, self._ring, (sums, self._counts), measured.around[c]
            )
            measured.highest[c] = highest = highest_value(image)
            if highest in DETECTOR_TOPS:
                shares = np.empty(shape[1], np.float32)
                disc_shares(image, circles, highest, shares)
                measured.saturated[c] = shares > SATURATED_FRACTION
        return measured


def _image(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Pixels of a type that the loops are compiled for."""
    known = f"{pixels.dtype.kind}{pixels.dtype.itemsize}" in COMPILED_FOR
    dtype = pixels.dtype.newbyteorder("=") if known else np.dtype(np.float64)
    return np.require(pixels, dtype, ["C", "A", "W"])
