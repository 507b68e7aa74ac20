"""First reading of a recording: chunk means, and what happened to single frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from napari_zstack_align.flags import Fault, Flag, fault_of, mark, mark_each
from napari_zstack_align.parallel import ordered_map
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.register.recordings.chunks import Range, chunk_ranges, cut
from napari_zstack_align.register.recordings.events import (
    FLASH,
    find_steps,
    intensity_outliers,
    twitches,
)
from napari_zstack_align.register.recordings.measure import (
    Window,
    averaging,
    measure_window,
)
from napari_zstack_align.register.recordings.state import RecordingState
from napari_zstack_align.register.recordings.trace import Trace

Image = npt.NDArray[np.float32]

WINDOW_FRAMES = 100
WINDOW_PIXELS = WINDOW_FRAMES * 512 * 512
FEWEST_WINDOW_FRAMES = 12
"""Windows of large frames are shorter: a cancelled run waits for the window in work."""


def read_recording(
    state: RecordingState,
    params: KeypointParams,
    pool: ThreadPoolExecutor,
    ahead: int,
    on_chunk: Callable[[int], object],
) -> Generator[int, None, None]:
    """Read a recording once; yields the number of frames read with each window.

    ``on_chunk`` is called with each chunk whose mean is known.
    """
    ranges = chunk_ranges(state.stack, params)
    state.set_ranges(ranges)
    shape = (state.stack.shape[2], state.stack.shape[3])
    windows = list(windows_of(ranges, shape))

    def measure(frames: Range) -> Window:
        return measure_window(state.stack, *frames, params)

    measured: list[Window] = []
    total, count, chunk = np.zeros(shape, np.float32), 0, 0
    for window in ordered_map(pool, measure, windows, ahead):
        measured.append(_without_total(window))
        total += window.total
        count += window.count
        state.read = window.stop
        if window.stop == ranges[chunk][1]:
            if count:
                state.image_numbers[chunk] = state.images.add(total / np.float32(count))
            mark_each(state.frame_flags[slice(*ranges[chunk])], _faults(measured, *ranges[chunk]))
            state.count_frames(chunk)
            on_chunk(chunk)
            total[:], count, chunk = 0, 0, chunk + 1
        yield window.stop - window.start
    _find_events(state, measured, params)


def mend_chunks(
    state: RecordingState, params: KeypointParams, ranges: list[Range]
) -> Generator[None, None, list[int]]:
    """Give the recording other chunks; average anew those whose frames changed.

    Yields between blocks of frames; returns the chunks that were read again.
    """
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
            state.image_numbers[i] = yield from average(state, i, params)
            changed.append(i)
    return changed


def _key(row: np.void) -> tuple[int, int, int]:
    """Frames are only ever taken out, so their number tells whether a mean still holds."""
    return int(row["start"]), int(row["stop"]), int(row["n_frames"])


def average(
    state: RecordingState, chunk: int, params: KeypointParams
) -> Generator[None, None, int | None]:
    """Read and average the good frames of a chunk.

    Yields between blocks of frames; returns the number of the image, None without good frames.
    """
    start, stop = (int(edge) for edge in state.chunks[chunk][["start", "stop"]])
    good = set(state.good_frames(start, stop).tolist())
    mean = yield from averaging(state.stack, start, stop, params, good)
    return None if mean is None else state.images.add(mean)


def windows_of(
    ranges: list[Range], shape: tuple[int, int], most_frames: int = WINDOW_FRAMES
) -> Iterator[Range]:
    """Split chunks into windows of bounded size."""
    most = WINDOW_PIXELS // (shape[0] * shape[1])
    longest = min(max(most, FEWEST_WINDOW_FRAMES), most_frames)
    for start, stop in ranges:
        count = -(-(stop - start) // longest)
        edges = np.linspace(start, stop, count + 1).round().astype(int)
        yield from zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)


def why_without_image(flags: npt.NDArray[np.void]) -> Fault:
    """Say why a chunk has no good frame: what ails most of its frames.

    Parameters
    ----------
    flags : numpy.ndarray
        (n,) flags of its frames, as of `RecordingState`.
    """
    faults = [fault for fault in map(fault_of, flags) if fault]
    if not faults:
        return Fault(Flag.NO_FRAMES, "no usable frames: the chunk is empty")
    (flag, _), *_ = Counter(fault.flag for fault in faults).most_common(1)
    return Fault(flag, next(fault.detail for fault in faults if fault.flag is flag))


def _find_events(state: RecordingState, measured: list[Window], params: KeypointParams) -> None:
    """Jumps, twitches and flashes of the whole recording."""
    trace = Trace.of(measured, (state.stack.shape[2], state.stack.shape[3]), params.max_shift_px)
    level = np.concatenate([window.level for window in measured])
    flashes = intensity_outliers(level, _dark(state), params.outlier_mad)
    mark(state.frame_flags, FLASH, flashes)
    state.trace = trace = trace.without(flashes)
    if params.detect_steps:
        state.steps = find_steps(trace.shift, trace.turn)
        away = twitches(trace.shift, state.steps)
        for t in np.flatnonzero(away):
            text = f"fast motion: {away[t]:.1f} px off its neighbours"
            mark(state.frame_flags[t], Fault(Flag.FAST_MOTION, text))


def final_ranges(state: RecordingState) -> list[Range]:
    """Ranges of the chunks, cut at jumps."""
    return cut([(int(row["start"]), int(row["stop"])) for row in state.chunks], state.steps)


def _dark(state: RecordingState) -> float:
    """Intensity without light: what the darkest pixels of the first mean show."""
    for chunk in range(len(state.chunks)):
        image = state.image(chunk)
        if image is not None:
            return float(np.percentile(image, 0.5))
    return 0.0


def _faults(measured: list[Window], start: int, stop: int) -> list[Fault | None]:
    return [fault for w in measured if start <= w.start < stop for fault in w.faults]


def _without_total(window: Window) -> Window:
    return replace(window, total=np.zeros((0, 0), np.float32))
