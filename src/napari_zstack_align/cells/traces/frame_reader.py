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
from napari_zstack_align.saturation import (
    DETECTOR_TOPS,
    SATURATED_FRACTION,
    are_heaped,
    highest_value,
)

Numbers = npt.NDArray[np.float64]

COMPILED_FOR = ("u1", "u2", "i2", "f4", "f8")
"""Pixels of other types are read as float64."""
RING_PART = 0.9
"""Of a ring that loses more in a frame, what is left shows other neuropil than in the others."""
FARTHEST = 1e6
"""Circles farther from the frame, or larger, px, are as good as nowhere."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What the circles on a frame show.

    Attributes
    ----------
    inside, around : numpy.ndarray
        (C, N) float32 means of circles and rings; NaN where less than 90 % of a circle has pixels,
        and where there is no ring, or rows that were left out take more than 10 % of it.
    saturated : numpy.ndarray
        (C, N) bool: circles of which more than 5 % is at ``highest``, where that may be the
        largest value of a detector.
    highest : numpy.ndarray
        (C,) float64 largest value of the frame; NaN where there is none.
    heaped : numpy.ndarray
        (C,) bool: whether brighter pixels of the frame were cut off at that value.
    hidden : numpy.ndarray
        (2, N) bool: circles and rings without a value because of pixels that were left out; of
        rings, because of rows alone.
    """

    inside: Means
    around: Means
    saturated: npt.NDArray[np.bool_]
    highest: Numbers
    heaped: npt.NDArray[np.bool_]
    hidden: npt.NDArray[np.bool_]


class FrameReader:
    """Reads circles from frame after frame; for one thread.

    Parameters
    ----------
    ring : Ring
    shape : tuple of int
        (Y, X) of the frames.
    fixed : numpy.ndarray, optional
        (Y, X) bool: pixels of all frames that don't come from tissue.
    """

    def __init__(
        self, ring: Ring, shape: tuple[int, int], fixed: npt.NDArray[np.bool_] | None = None
    ) -> None:
        self._ring = ring.gap_px, ring.width_px
        self._tissue = None if fixed is None else ~fixed
        self._fixed = None if fixed is None else np.flatnonzero(fixed)
        self._free = np.empty(shape, np.bool_)
        longer = (shape[0], shape[1] + 1)
        self._counts = np.empty(longer, np.int32)
        self._sums = {kind: np.empty(longer, kind) for kind in (np.int64, np.float64)}

    def measure(
        self,
        frame: npt.NDArray[Any],
        circles: Numbers,
        rows: npt.NDArray[np.bool_] | None = None,
    ) -> Measured:
        """Mean of each circle, pixels counted by their area in it, and of its neuropil ring.

        Parameters
        ----------
        frame : numpy.ndarray
            Raw frame (C, Y, X), NaN for missing pixels.
        circles : numpy.ndarray
            (3, N) y, x, radius in px of the frame; NaN for a circle that is nowhere.
        rows : numpy.ndarray, optional
            (Y,) bool: rows of this frame that don't come from tissue.

        Returns
        -------
        Measured
        """
        circles = np.where(np.abs(circles) < FARTHEST, circles, np.nan)
        whole, pixels = self._measure(frame, circles, self._tissue, self._fixed)
        if self._fixed is not None:
            whole.hidden[0] = self._has_value(frame, circles, np.isnan(whole.inside))
        if rows is None:
            return whole
        tissue = np.ones(frame.shape[1:], bool) if self._tissue is None else self._tissue.copy()
        tissue[rows] = False
        part, left = self._measure(frame, circles, tissue, np.flatnonzero(~tissue))
        part.around[left < RING_PART * pixels] = np.nan
        both = ((whole.inside, part.inside), (whole.around, part.around))
        for hidden, before, (known, now) in zip(part.hidden, whole.hidden, both, strict=True):
            hidden[:] = before | (np.isfinite(known) & np.isnan(now)).any(axis=0)
        return part

    def _has_value(
        self, frame: npt.NDArray[Any], circles: Numbers, asked: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """(N,) bool: circles that are asked for (C, N), and have a value in a frame as it is."""
        found = np.zeros(circles.shape[1], bool)
        some = np.flatnonzero(asked.any(axis=0))
        means = np.empty(len(some))
        for image, of_channel in zip(map(_image, frame), asked[:, some], strict=True):
            disc_means(image, None, np.ascontiguousarray(circles[:, some]), means)
            found[some] |= of_channel & np.isfinite(means)
        return found

    def _measure(
        self,
        frame: npt.NDArray[Any],
        circles: Numbers,
        tissue: npt.NDArray[np.bool_] | None,
        out: npt.NDArray[np.intp] | None,
    ) -> tuple[Measured, npt.NDArray[np.int32]]:
        """Measure a frame where it is tissue (Y, X); and how many pixels each ring has, (C, N).

        ``out`` are the flat places of the other pixels. None: all of it is tissue.
        """
        shape, dtype = (len(frame), circles.shape[1]), means_type(frame.dtype)
        measured = Measured(
            np.empty(shape, dtype),
            np.empty(shape, dtype),
            np.zeros(shape, bool),
            np.empty(len(frame)),
            np.zeros(len(frame), bool),
            np.zeros((2, shape[1]), bool),
        )
        pixels = np.empty(shape, np.int32)
        outside_circles(circles, self._free)
        if tissue is not None:
            self._free &= tissue
        for c, image in enumerate(map(_image, frame)):
            sums = self._sums[np.float64 if image.dtype.kind == "f" else np.int64]
            disc_means(image, tissue, circles, measured.inside[c])
            running, around = (sums, self._counts), measured.around[c]
            ring_means(image, self._free, circles, self._ring, running, around, pixels[c])
            seen = _lowered(image, out)
            measured.highest[c] = highest = highest_value(seen)
            measured.heaped[c] = heaped = are_heaped(seen, highest)
            if heaped or highest in DETECTOR_TOPS:
                shares = np.empty(shape[1], np.float32)
                disc_shares(image, tissue, circles, highest, shares)
                measured.saturated[c] = shares > SATURATED_FRACTION
        return measured, pixels


def _lowered(image: npt.NDArray[Any], out: npt.NDArray[np.intp] | None) -> npt.NDArray[Any]:
    """Image (Y, X) in which some pixels hold its smallest value."""
    if out is None:
        return image
    lowered = image.copy()
    lowered.ravel()[out] = image.min()
    return lowered


def _image(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Pixels of a type that the loops are compiled for."""
    known = f"{pixels.dtype.kind}{pixels.dtype.itemsize}" in COMPILED_FOR
    dtype = pixels.dtype.newbyteorder("=") if known else np.dtype(np.float64)
    return np.require(pixels, dtype, ["C", "A", "W"])
