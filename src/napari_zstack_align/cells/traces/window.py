"""Windows of frames: the units that traces are read in, each in a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import local
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.artefact_rows import rows_of_frames
from napari_zstack_align.alignment.readable import FrameOrFault, read_each
from napari_zstack_align.cells.traces.circles import circles_on_frames
from napari_zstack_align.cells.traces.inputs import Inputs
from napari_zstack_align.cells.traces.means import Means, means_type
from napari_zstack_align.flags import Fault
from napari_zstack_align.saved import Units, key_of

if TYPE_CHECKING:
    from napari_zstack_align.cells.traces.frame_reader import FrameReader

METHOD = "traces of a window 5"
"""Of the units: another number where a result may change."""
ARRAYS = ("F", "Fneu", "saturated", "highest", "heaped", "hidden")
"""What of a window is kept."""
MOST_FRAMES = 64
MOST_CIRCLES = 32_000
"""Windows are short: a stopped run loses those in work, and a cancelled one waits for them."""


@dataclass(frozen=True)
class Window:
    """What a window of frames showed.

    Attributes
    ----------
    start, stop : int
        Frames.
    F, Fneu : numpy.ndarray
        (C, N, n) means of circles and rings, of the type of `means_type`.
    saturated : numpy.ndarray
        (C, N, n) bool: circles that are at the frame's largest value, as of `Measured`.
    highest : numpy.ndarray
        (C, n) float64 largest value of each frame.
    heaped : numpy.ndarray
        (C, n) bool: frames whose brighter pixels were cut off at that value.
    hidden : numpy.ndarray
        (2, N, n) bool: circles and rings without a value because of artefacts, as of `Measured`.
    faults : dict of int to Fault
        Frames that can't be read, and why.
    samples : list of numpy.ndarray
        (C, Y, X) each: the frames that were asked for, as far as they could be read.
    """

    start: int
    stop: int
    F: Means
    Fneu: Means
    saturated: npt.NDArray[np.bool_]
    highest: npt.NDArray[np.float64]
    heaped: npt.NDArray[np.bool_]
    hidden: npt.NDArray[np.bool_]
    faults: dict[int, Fault] = field(default_factory=dict)
    samples: list[npt.NDArray[Any]] = field(default_factory=list)


class WindowReader:
    """Measures windows of frames, in any number of threads.

    Parameters
    ----------
    inputs : Inputs
    units : Units
        Keeps what was measured; all frames are read through it.
    """

    def __init__(self, inputs: Inputs, units: Units) -> None:
        self._inputs, self._units = inputs, units
        self._stack = units.frames.stack
        self._of_thread = local()

    def windows(self) -> list[range]:
        """Frames of all windows."""
        n_frames = self._stack.n_frames
        step = max(min(MOST_FRAMES, MOST_CIRCLES // len(self._inputs.rois)), 1)
        return [range(start, min(start + step, n_frames)) for start in range(0, n_frames, step)]

    def kept(self, frames: range) -> Window | range:
        """Return a window that was finished before; its frames where it was not."""
        arrays = self._units.get(_unit(frames), self._key(frames), frames)
        if arrays is None:
            return frames
        F, Fneu, saturated, highest, heaped, hidden = (arrays[name] for name in ARRAYS)
        empty = [t for t in frames if self._units.frames.empty[t]]
        found = ((t, read_each(self._stack, t, t + 1)[0][1]) for t in empty)
        faults = {t: fault for t, fault in found if fault is not None}
        return Window(
            frames.start, frames.stop, F, Fneu, saturated, highest, heaped, hidden, faults
        )

    def read(self, frames: range, sampled: npt.NDArray[np.bool_]) -> Window:
        """Read, measure and keep a window.

        Parameters
        ----------
        frames : range
        sampled : numpy.ndarray
            (T,) bool: frames to be handed out for an estimate of the dark level.
        """
        start, stop, inputs = frames.start, frames.stop, self._inputs
        circles = circles_on_frames(inputs.rois.circles, inputs.transforms, start, stop)
        shape = (2, self._stack.shape[1], len(inputs.rois), len(frames))
        means = np.full(shape, np.nan, means_type(self._stack.dtype))
        saturated = np.zeros(shape[1:], bool)
        highest = np.full((shape[1], shape[3]), np.nan)
        heaped = np.zeros(highest.shape, bool)
        hidden = np.zeros((2, *shape[2:]), bool)
        faults: dict[int, Fault] = {}
        samples = []
        reader = self._reader()
        for t, (image, fault) in self._frames(frames):
            if fault is not None:
                faults[t] = fault
            if image is None:
                continue
            if inputs.placed[t]:
                i, rows = t - start, inputs.rows_left_out(t)
                found = reader.measure(image, circles[i], rows)
                means[0, :, :, i], means[1, :, :, i] = found.inside, found.around
                saturated[:, :, i], highest[:, i] = found.saturated, found.highest
                heaped[:, i], hidden[:, :, i] = found.heaped, found.hidden
            if sampled[t]:
                samples.append(image.copy())
        on_slices = inputs.on_slices(start, stop)
        if on_slices is not None:
            means[:, :, ~on_slices], saturated[:, ~on_slices] = np.nan, False
            hidden[:, ~on_slices] = False
        window = Window(
            start, stop, means[0], means[1], saturated, highest, heaped, hidden, faults, samples
        )
        arrays = {name: getattr(window, name) for name in ARRAYS}
        self._units.put(_unit(frames), self._key(frames), arrays, frames)
        return window

    def sample(self, frames: range, sampled: npt.NDArray[np.bool_]) -> list[npt.NDArray[Any]]:
        """Read those frames of a window alone that are asked for."""
        some = [t for t in frames if sampled[t]]
        found = [read_each(self._stack, t, t + 1)[0][0] for t in some]
        return [image for image in found if image is not None]

    def _frames(self, frames: range) -> Iterator[tuple[int, FrameOrFault]]:
        """Frames of a window, of which only so many are in memory at once."""
        at_once = self._stack.frames_per_read
        for start in range(frames.start, frames.stop, at_once):
            part = range(start, min(start + at_once, frames.stop))
            yield from zip(part, read_each(self._stack, part.start, part.stop), strict=True)

    def _reader(self) -> FrameReader:
        """The thread's own reader."""
        # The compiler is slow to import: not everybody reads traces.
        from napari_zstack_align.cells.traces.frame_reader import FrameReader

        if not hasattr(self._of_thread, "reader"):
            self._of_thread.reader = FrameReader(
                self._inputs.ring, self._inputs.frame_shape, self._inputs.fixed
            )
        reader: FrameReader = self._of_thread.reader
        return reader

    def _key(self, frames: range) -> str:
        """Key of a window: nothing of what is only made of the raw traces touches it."""
        inputs, part = self._inputs, slice(frames.start, frames.stop)
        transforms = inputs.transforms
        return key_of(
            METHOD,
            frame=(self._stack.shape[1:], self._stack.dtype.str),
            rois=inputs.rois.circles,
            on_slices=inputs.on_slices(frames.start, frames.stop),
            ring=(inputs.ring.gap_px, inputs.ring.width_px),
            transforms=None if transforms is None else transforms.parts(part),
            placed=inputs.placed[part],
            fixed=inputs.fixed,
            artefact_rows=rows_of_frames(inputs.artefact_rows, frames.start, frames.stop),
        )


def _unit(frames: range) -> str:
    return f"window-{frames.start:08}"
