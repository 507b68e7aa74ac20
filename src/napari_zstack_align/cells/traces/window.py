"""Windows of frames: read once, and measured in a thread of their own."""

from __future__ import annotations

from dataclasses import dataclass
from threading import local
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.traces.circles import circles_on_frames
from napari_zstack_align.cells.traces.inputs import Inputs
from napari_zstack_align.errors import InputError
from napari_zstack_align.flags import Fault, unreadable

if TYPE_CHECKING:
    from napari_zstack_align.cells.traces.frame_reader import FrameReader

MOST_FRAMES = 64
MOST_CIRCLES = 12_000
"""Windows are short: a cancelled run waits for those in work."""


@dataclass(frozen=True)
class Window:
    """What a window of frames showed.

    Attributes
    ----------
    start, stop : int
        Frames.
    F, Fneu : numpy.ndarray
        (C, N, n) float32 means of circles and rings.
    faults : dict of int to Fault
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
    faults: dict[int, Fault]
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
        self._of_thread = local()

    def windows(self) -> list[tuple[int, int]]:
        """First frames and ends of all windows."""
        n_frames, step = self._inputs.stack.n_frames, self._inputs.stack.frames_per_chunk
        step = max(min(step, MOST_FRAMES, MOST_CIRCLES // len(self._inputs.rois)), 1)
        return [(start, min(start + step, n_frames)) for start in range(0, n_frames, step)]

    def read(self, frames: tuple[int, int]) -> Window:
        """Read and measure a window."""
        start, stop = frames
        inputs = self._inputs
        images, faults = _read(inputs, start, stop)
        circles = circles_on_frames(inputs.rois.circles, inputs.transforms, start, stop)
        shape = (2, inputs.stack.shape[1], len(inputs.rois), stop - start)
        means = np.full(shape, np.nan, np.float32)
        reader = self._reader()
        for i in np.flatnonzero(inputs.placed[start:stop]):
            if (image := images[i]) is not None:
                means[..., i] = reader.measure(image, circles[i])
        chosen = self._sampled[start:stop]
        sampled = [f for f, use in zip(images, chosen, strict=True) if use and f is not None]
        self._leave_out_slices(means, start, stop)
        total = np.asarray(np.sum(sampled, axis=0, dtype=np.float64)) if sampled else None
        return Window(start, stop, means[0], means[1], faults, total, len(sampled))

    def _reader(self) -> FrameReader:
        """The thread's own reader."""
        # The compiler takes half a second to import: not everybody reads traces.
        from napari_zstack_align.cells.traces.frame_reader import FrameReader

        if not hasattr(self._of_thread, "reader"):
            self._of_thread.reader = FrameReader(self._inputs.ring, self._inputs.frame_shape)
        reader: FrameReader = self._of_thread.reader
        return reader

    def _leave_out_slices(self, means: npt.NDArray[np.float32], start: int, stop: int) -> None:
        on_slices = self._inputs.on_slices(start, stop)
        if on_slices is not None:
            means[:, :, ~on_slices] = np.nan


def _read(
    inputs: Inputs, start: int, stop: int
) -> tuple[list[npt.NDArray[Any] | None], dict[int, Fault]]:
    """Frames (C, Y, X), None for those that can't be read, and what is the matter with them."""
    try:
        return list(inputs.stack.read(start, stop)), {}
    except (OSError, InputError) as error:
        if stop - start == 1:
            return [None], {start: unreadable(error)}
    images: list[npt.NDArray[Any] | None] = []
    faults: dict[int, Fault] = {}
    for t in range(start, stop):
        image, fault = _read(inputs, t, t + 1)
        images += image
        faults |= fault
    return images, faults
