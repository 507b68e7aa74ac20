"""Windows of frames: read once, and measured in a thread of their own."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from threading import local
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.traces.circles import circles_on_frames
from napari_zstack_align.cells.traces.frame_reader import FrameReader, blocks_of
from napari_zstack_align.cells.traces.inputs import Inputs
from napari_zstack_align.errors import InputError

MOST_FRAMES = 64
MOST_CIRCLES = 12_000
"""Windows are short: a cancelled run waits for those in work."""
UNREADABLE = "unreadable"
"""Flag of frames that can't be read."""
ROOM = 1.25
"""Circles may grow so much on raw frames before memory is made anew."""


@dataclass(frozen=True)
class Window:
    """What a window of frames showed.

    Attributes
    ----------
    start, stop : int
        Frames.
    F, Fneu : numpy.ndarray
        (C, N, n) float32 means of circles and rings.
    flags : dict of int to str
        Frames that can't be read, and why.
    sample : numpy.ndarray, optional
        (C, Y, X) float64 sum of the frames that were asked for; None: there were none.
    n_sampled : int
        How many.
    """

    start: int
    stop: int
    F: npt.NDArray[np.float32]
    Fneu: npt.NDArray[np.float32]
    flags: dict[int, str]
    sample: npt.NDArray[np.float64] | None
    n_sampled: int


class WindowReader:
    """Measures windows of frames, in any number of threads.

    Parameters
    ----------
    inputs : Inputs
    sampled : numpy.ndarray
        (T,) bool: frames to be summed for an estimate of the dark level.
    """

    def __init__(self, inputs: Inputs, sampled: npt.NDArray[np.bool_]) -> None:
        self._inputs, self._sampled = inputs, sampled
        circles = inputs.rois.circles
        self._order = np.argsort(circles[:, 2], kind="stable")
        self._blocks = blocks_of(ROOM * circles[self._order, 2])
        for block in self._blocks:
            # Neighbours one after another: their pixels are then in the processor's cache.
            self._order[block] = self._order[block][np.argsort(circles[self._order[block], 0])]
        self._circles = circles[self._order]
        self._of_thread = local()

    def windows(self) -> list[tuple[int, int]]:
        """First frames and ends of all windows."""
        n_frames, step = self._inputs.stack.n_frames, self._inputs.stack.frames_per_chunk
        step = max(min(step, MOST_FRAMES, MOST_CIRCLES // len(self._order)), 1)
        return [(start, min(start + step, n_frames)) for start in range(0, n_frames, step)]

    def read(self, frames: tuple[int, int]) -> Window:
        """Read and measure a window."""
        start, stop = frames
        inputs = self._inputs
        images, flags = _read(inputs, start, stop)
        circles = circles_on_frames(self._circles, inputs.transforms, start, stop)
        reader = self._reader(circles)
        shape = (2, inputs.stack.shape[1], len(self._order), stop - start)
        means = np.full(shape, np.nan, np.float32)
        placed = inputs.placed[start:stop]
        wanted = [image if known else None for image, known in zip(images, placed, strict=True)]
        for i, measured in enumerate(reader.measure(wanted, circles, self._blocks)):
            if measured is not None:
                means[0, :, self._order, i], means[1, :, self._order, i] = (m.T for m in measured)
        chosen = self._sampled[start:stop]
        sampled = [f for f, use in zip(images, chosen, strict=True) if use and f is not None]
        self._leave_out_slices(means, start, stop)
        total = np.asarray(np.sum(sampled, axis=0, dtype=np.float64)) if sampled else None
        return Window(start, stop, means[0], means[1], flags, total, len(sampled))

    def _reader(self, circles: npt.NDArray[np.float64]) -> FrameReader:
        """The thread's own reader, with room for these circles."""
        limit = 2.0 * max(self._inputs.frame_shape)
        largest = min(float(np.nanmax(circles[:, 2], initial=0.0)), limit)
        known: tuple[float, FrameReader] | None = getattr(self._of_thread, "reader", None)
        if known is None or known[0] < largest:
            room = float(ceil(ROOM * max(largest, self._circles[:, 2].max())))
            known = room, FrameReader(room, self._inputs.ring, self._inputs.frame_shape)
            self._of_thread.reader = known
        return known[1]

    def _leave_out_slices(self, means: npt.NDArray[np.float32], start: int, stop: int) -> None:
        on_slices = self._inputs.on_slices(start, stop)
        if on_slices is not None:
            means[:, :, ~on_slices] = np.nan


def _read(
    inputs: Inputs, start: int, stop: int
) -> tuple[list[npt.NDArray[Any] | None], dict[int, str]]:
    """Frames (C, Y, X), None for those that can't be read, and what is the matter with them."""
    try:
        return list(inputs.stack.read(start, stop)), {}
    except (OSError, InputError) as error:
        if stop - start == 1:
            return [None], {start: f"{UNREADABLE}: {error}"}
    images: list[npt.NDArray[Any] | None] = []
    flags: dict[int, str] = {}
    for t in range(start, stop):
        image, flag = _read(inputs, t, t + 1)
        images += image
        flags |= flag
    return images, flags
