"""First pass over a recording: read it once, and match its chunks to the reference."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from napari_zstack_align.flags import Flag, fault_of, mark
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.progress import Progress
from napari_zstack_align.register.recordings.chunks import Range
from napari_zstack_align.register.recordings.kept_chunks import KeptChunks, matching_key
from napari_zstack_align.register.recordings.kept_frames import KeptFrames
from napari_zstack_align.register.recordings.matching import Matcher
from napari_zstack_align.register.recordings.measure import MeasuredFrames
from napari_zstack_align.register.recordings.reading import (
    FirstReading,
    final_ranges,
    first_windows,
    mend_chunks,
    why_without_image,
)
from napari_zstack_align.register.recordings.state import RecordingState
from napari_zstack_align.register.recordings.sway import sways
from napari_zstack_align.register.recordings.table import halved, write_match
from napari_zstack_align.register.recordings.waiting import in_order, until_done

HALVINGS = 3

Steps = Generator[Progress, None, None]


@dataclass(frozen=True)
class Recording:
    """What is known of a recording, and the work on it."""

    state: RecordingState
    frames: KeptFrames
    chunks: KeptChunks


class FirstPass:
    """Reading, matching, mending and second chances.

    Parameters
    ----------
    matcher : Matcher
        With the reference.
    params : KeypointParams
    pool : ThreadPoolExecutor
    ahead : int
        How many pieces of work are done or waiting at once.
    report : callable
        Makes the `Progress` of a stage, from its name, how many frames were read since, and a
        remark.
    """

    def __init__(
        self,
        matcher: Matcher,
        params: KeypointParams,
        pool: ThreadPoolExecutor,
        ahead: int,
        report: Callable[[str, int, str], Progress],
    ) -> None:
        self._matcher, self._matching = matcher, matching_key(matcher)
        self._params, self._pool, self._ahead, self._report = params, pool, ahead, report

    def run(self, recording: Recording) -> Steps:
        """Do all of it."""
        yield from self._read(recording)
        yield from self._mend(recording, final_ranges(recording.state), is_first=True)
        yield from self._shorten(recording)
        yield from self._rescue(recording)

    def _read(self, recording: Recording) -> Steps:
        """Read a recording, and match its chunks as they come."""
        state = recording.state
        stage = f"Reading {state.stack.name}"
        pending: dict[int, Future[np.void | None]] = {}

        def submit(chunk: int) -> None:
            pending[chunk] = self._pool.submit(self._match, recording, chunk)

        reading = FirstReading(state, self._params, submit)

        def take(window: MeasuredFrames) -> Progress:
            reading.take(window)
            note = _settle(state, pending)
            return self._report(stage, window.stop - window.start, note)

        windows = first_windows(state.stack, self._params)
        waiting = self._report(stage, 0, "")
        work = recording.frames.window
        yield from in_order(self._pool, work, windows, self._ahead, take, waiting)
        yield from until_done(list(pending.values()), self._report(stage, 0, ""))
        _settle(state, pending)
        reading.finish()

    def _match(self, recording: Recording, chunk: int) -> np.void | None:
        return recording.chunks.match(chunk, self._matcher, self._matching)

    def _mend(self, recording: Recording, ranges: list[Range], *, is_first: bool = False) -> Steps:
        """Average and match anew the chunks that jumps cut, that lose frames, or that sway."""
        state = recording.state
        stage = f"Mending chunks of {state.stack.name}"

        def average_and_match(chunk: int) -> tuple[int, np.void | None]:
            start, stop = (int(edge) for edge in state.chunks[chunk][["start", "stop"]])
            image = recording.frames.mean(state.good_frames(start, stop), shifts[chunk])
            state.image_numbers[chunk] = None if image is None else state.images.add(image)
            return chunk, self._match(recording, chunk)

        def take(found: tuple[int, np.void | None]) -> Progress:
            return self._report(stage, 0, _note(state, *found))

        changed, waiting = mend_chunks(state, ranges), self._report(stage, 0, "")
        frames = [state.good_frames(row["start"], row["stop"]) for row in state.chunks]
        shifts = sways(state.trace, state.stretches, frames)
        if is_first:
            changed = [c for c in range(len(shifts)) if c in changed or shifts[c] is not None]
        yield from in_order(self._pool, average_and_match, changed, self._ahead, take, waiting)

    def _shorten(self, recording: Recording) -> Steps:
        """Halve chunks that turn or grow too much for a linear interpolation."""
        for _ in range(HALVINGS):
            ranges = halved(recording.state)
            if ranges is None:
                return
            yield from self._mend(recording, ranges)

    def _rescue(self, recording: Recording) -> Steps:
        """Second chances for the chunks that failed; those near good ones first."""
        state = recording.state
        failed = np.flatnonzero(state.chunks["flag"] != Flag.GOOD)
        good = state.good
        if len(good):
            failed = failed[np.argsort([np.abs(good - c).min() for c in failed], kind="stable")]
        work = recording.chunks.rescue
        for chunk in map(int, failed):
            task = self._pool.submit(work, chunk, self._matcher, self._matching)
            stage = self._report(f"Retrying chunks of {state.stack.name}", 0, "")
            yield from until_done([task], stage)
            if (found := task.result()) is not None:
                write_match(state.chunks[chunk], found)


def _settle(state: RecordingState, pending: dict[int, Future[np.void | None]]) -> str:
    """Write down the matches that are ready; returns a remark where one failed."""
    note = ""
    for chunk in [c for c, task in pending.items() if task.done()]:
        note = _note(state, chunk, pending.pop(chunk).result()) or note
    return note


def _note(state: RecordingState, chunk: int, found: np.void | None) -> str:
    """Write a match into the chunk table."""
    row = state.chunks[chunk]
    if found is None:
        frames = int(row["start"]), int(row["stop"])
        mark(row, why_without_image(list(state.frame_flags.faults(*frames).values())))
        row["method"] = "bridged"
    else:
        write_match(row, found)
    fault = fault_of(row)
    return f"{state.stack.name}, chunk {chunk}: {fault}" if fault else ""
