"""First reading of a recording: chunk means, and what happened to single frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from napari_zstack_align.flags import Fault, Flag
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.register.brightness import DARK_PERCENTILE, Levels, joined
from napari_zstack_align.register.recordings.chunks import Range, chunk_ranges, cut, windows_of
from napari_zstack_align.register.recordings.events import (
    FLASH,
    black_frames,
    find_steps,
    intensity_outliers,
    passing,
    twitches,
)
from napari_zstack_align.register.recordings.measure import Linker, MeasuredFrames
from napari_zstack_align.register.recordings.state import RecordingState
from napari_zstack_align.register.recordings.trace import Trace
from napari_zstack_align.stack import Stack


class FirstReading:
    """Takes in the windows of a recording, one after the other.

    Parameters
    ----------
    state : RecordingState
        What is filled in.
    params : KeypointParams
    on_chunk : callable
        Called with each chunk whose mean is known.
    """

    def __init__(
        self, state: RecordingState, params: KeypointParams, on_chunk: Callable[[int], object]
    ) -> None:
        self._state, self._params, self._on_chunk = state, params, on_chunk
        self._shape = (state.stack.shape[2], state.stack.shape[3])
        self._ranges = chunk_ranges(state.stack, params)
        state.set_ranges(self._ranges)
        self._linker = Linker(self._shape, params.max_shift_px)
        self._traces: list[Trace] = []
        self._levels: list[Levels] = []
        self._structure: list[npt.NDArray[np.float64]] = []
        self._steps: list[npt.NDArray[np.float64]] = []
        self._total, self._count, self._chunk = np.zeros(self._shape, np.float32), 0, 0
        self._dark = np.inf

    def take(self, window: MeasuredFrames) -> None:
        """Take in the next window."""
        state = self._state
        self._traces.append(Trace.placed(window, self._linker))
        self._levels.append(window.levels)
        self._structure.append(window.structure)
        self._steps.append(window.steps)
        state.artefact_rows.append(window.artefact_rows)
        self._total += window.total
        self._count += window.count
        for t, fault in enumerate(window.faults, window.start):
            if fault:
                state.frame_flags.mark([t], fault)
        state.read = window.stop
        if window.stop == self._ranges[self._chunk][1]:
            self._end_chunk()

    def finish(self) -> None:
        """Find jumps, twitches and flashes of the whole recording."""
        state, params = self._state, self._params
        state.trace = trace = Trace.joined(self._traces)
        for chunk in range(len(state.chunks)):  # now that the weights are known
            state.place_midpoint(chunk)
        levels = joined(self._levels)
        levels = levels.lifted(passing(np.concatenate(self._steps)))
        flashes = np.zeros(len(levels.mean), bool)
        if params.outlier_mad:
            black = black_frames(np.concatenate(self._structure, axis=1), levels, self._dark)
            others = levels.where(~black).at(np.flatnonzero(~black), len(black))
            flashes = black | intensity_outliers(others, self._dark, params.outlier_mad)
        state.frame_flags.mark(np.flatnonzero(flashes), FLASH)
        state.trace = trace = trace.without(flashes)
        if params.detect_steps:
            state.steps = find_steps(trace.shift, trace.turn)
            away = twitches(trace.shift, state.steps)
            for t in np.flatnonzero(away):
                text = f"fast motion: {away[t]:.1f} px off its neighbours"
                state.frame_flags.mark([t], Fault(Flag.FAST_MOTION, text))

    def _end_chunk(self) -> None:
        state, chunk = self._state, self._chunk
        if self._count:
            mean = self._total / np.float32(self._count)
            # The darkest chunk is nearest to no light: haze bleaches with the tissue.
            self._dark = min(self._dark, float(np.percentile(mean, DARK_PERCENTILE)))
            state.image_numbers[chunk] = state.images.add(mean)
        state.count_frames(chunk)
        self._on_chunk(chunk)
        self._total[:], self._count, self._chunk = 0, 0, chunk + 1


def first_windows(stack: Stack, params: KeypointParams) -> list[Range]:
    """Windows of the first reading; nothing is read."""
    return list(windows_of(chunk_ranges(stack, params), (stack.shape[2], stack.shape[3])))


def mend_chunks(state: RecordingState, ranges: list[Range]) -> list[int]:
    """Give the recording other chunks; returns those that have to be averaged anew."""
    changed = []
    known = {_key(row): (row.copy(), i) for i, row in enumerate(state.chunks)}
    numbers = state.image_numbers
    state.set_ranges(ranges)
    for i, row in enumerate(state.chunks):
        if _key(row) in known:
            before, number = known[_key(row)]
            before["chunk"], before["segment"] = row["chunk"], row["segment"]
            state.chunks[i], state.image_numbers[i] = before, numbers[number]
        else:
            changed.append(i)
    return changed


def _key(row: np.void) -> tuple[int, int, int]:
    """Frames are only ever taken out, so their number tells whether a mean still holds."""
    return int(row["start"]), int(row["stop"]), int(row["n_frames"])


def why_without_image(faults: Sequence[Fault]) -> Fault:
    """Say why a chunk has no good frame: what ails most of its frames.

    Parameters
    ----------
    faults : sequence of Fault
        Of those of its frames that have one.
    """
    if not faults:
        return Fault(Flag.NO_FRAMES, "no usable frames: the chunk is empty")
    (flag, _), *_ = Counter(fault.flag for fault in faults).most_common(1)
    return Fault(flag, next(fault.detail for fault in faults if fault.flag is flag))


def final_ranges(state: RecordingState) -> list[Range]:
    """Ranges of the chunks, cut at jumps."""
    return cut([(int(row["start"]), int(row["stop"])) for row in state.chunks], state.steps)
