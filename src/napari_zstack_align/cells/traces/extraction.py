"""One extraction: the windows of a recording, read or taken over, and the traces made of them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, replace
from functools import partial
from time import monotonic
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.fingerprint import fingerprint
from napari_zstack_align.alignment.watched_frames import watched_frames
from napari_zstack_align.cells.traces.dark import (
    DarkLevel,
    estimated,
    judged,
    mean_of_dark_frames,
    of_dark_frames,
    stated_dark_level,
)
from napari_zstack_align.cells.traces.derive import Derived, derive
from napari_zstack_align.cells.traces.inputs import Inputs
from napari_zstack_align.cells.traces.means import means_type
from napari_zstack_align.cells.traces.remarks import check_readable, remarks_of
from napari_zstack_align.cells.traces.sample import Levels, Sample, sampled_frames
from napari_zstack_align.cells.traces.saturated import saturated_frames
from napari_zstack_align.cells.traces.traces import Traces
from napari_zstack_align.cells.traces.window import Window, WindowReader
from napari_zstack_align.counting import counted
from napari_zstack_align.flags import Flag, mark
from napari_zstack_align.paced import PacedSource
from napari_zstack_align.parallel import patient_map, worker_threads
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.read import several_images
from napari_zstack_align.remark import Remark
from napari_zstack_align.saved import Units, UnitStore, key_of

READING, DERIVING = "Reading traces", "Baselines"
DARK_FRAMES, DARK_SAMPLE = "mean of dark frames 2", "levels of a sample 4"
"""The methods of these units: another number where a result may change."""
ROIS_AT_ONCE = 8
SNAPSHOT_S = 5.0
SNAPSHOT_SHARE = 20
"""A snapshot is due so many times later than making the last one took."""


class Extraction:
    """Reads the traces of one recording, once.

    Parameters
    ----------
    inputs : Inputs
    threads : int
        Windows worked on at once.

    Raises
    ------
    InputError
        Where the parameters don't fit the stack.
    """

    def __init__(self, inputs: Inputs, threads: int) -> None:
        self.inputs, self._threads = inputs, threads
        self._stated_dark = stated_dark_level(inputs.stack, inputs.params)

    def use_dark(self, level: DarkLevel) -> None:
        """Take a dark level that was found with other recordings."""
        self._stated_dark = level

    def run(self, journal: UnitStore, prefix: str = "") -> Job[Traces]:
        """Read all windows that the journal doesn't hold, then make the rest of the raw traces.

        Parameters
        ----------
        journal : Journal or NoJournal
        prefix : str
            Begins the names of its units.
        """
        stack = self.inputs.stack
        with (
            worker_threads(self._threads) as pool,
            closing(PacedSource(stack.source)) as source,
        ):
            frames = watched_frames(stack.replace(source=source), self.inputs.seen)
            units = Units(journal, frames, prefix)
            yield Progress(READING, 0, stack.n_frames)
            yield from units.check(pool, self._threads + 1)
            run = _Run(self.inputs, self._stated_dark, units, pool, self._threads + 1)
            yield from run.read()
            alignment = self.inputs.alignment
            known = None if alignment is None else alignment.remarks
            found = yield from several_images(units, known=known)
            units.frames.check_files()
            return (yield from run.traces(found))


class _Run:
    """State of an extraction: what was read so far."""

    def __init__(
        self,
        inputs: Inputs,
        dark: DarkLevel | None,
        units: Units,
        pool: ThreadPoolExecutor,
        ahead: int,
    ) -> None:
        self._inputs, self._dark, self._units = inputs, dark, units
        self._pool, self._ahead = pool, ahead
        self._reader = WindowReader(inputs, units)
        n_channels, n_frames = inputs.stack.shape[1], inputs.stack.n_frames
        shape = (n_channels, len(inputs.rois), n_frames)
        dtype = means_type(inputs.stack.dtype)
        self._F, self._Fneu = (np.full(shape, np.nan, dtype) for _ in range(2))
        self._saturated = np.zeros(shape, bool)
        self._highest = np.full((n_channels, n_frames), np.nan)
        self._heaped = np.zeros((n_channels, n_frames), bool)
        self._frames = inputs.frames()
        self._is_read = np.zeros(n_frames, bool)
        self._sampled = np.zeros(n_frames, bool)
        self._n_hidden = np.zeros(len(inputs.rois), np.int64)
        self._sample = Sample(inputs.stack.shape[1:], inputs.fixed)
        self._levels: Levels | None = None

    # -- reading -------------------------------------------------------------------------------

    def read(self) -> Job[None]:
        """Take over the windows that were finished before, and read the others."""
        yield from self._find_dark_level()
        kept, missing = yield from self._take_over()
        again = [frames for frames in kept if self._sampled[frames.start : frames.stop].any()]
        due = monotonic() + SNAPSHOT_S
        # In the order of the frames, whatever was finished before: the sample is a sum.
        for window in patient_map(
            self._pool,
            partial(self._read_or_sample, frozenset(again)),
            sorted([*missing, *again], key=lambda frames: frames.start),
            self._ahead,
        ):
            if window is not None:
                self._take(window)
            snapshot = None
            if monotonic() > due and not (self._is_read.all() or self._units.journal.id):
                begun = monotonic()
                snapshot = yield from self.traces()
                due = monotonic() + max(SNAPSHOT_S, SNAPSHOT_SHARE * (monotonic() - begun))
            yield self._progress(snapshot=snapshot)
        check_readable(self._inputs, self._frames)
        if self._levels is None:
            self._levels = self._sample.levels()
            self._units.put(
                "dark-sample",
                self._key_of_sample(),
                asdict(self._levels),
                np.flatnonzero(self._sampled),
            )

    def _find_dark_level(self) -> Job[None]:
        """Find the dark level, as far as other frames than those of a sample tell it."""
        params = self._inputs.params
        if self._dark is None and params.dark_frames is not None:
            frames, key = range(*params.dark_frames), key_of(DARK_FRAMES, fixed=self._inputs.fixed)
            arrays = self._units.get("dark-frames", key, frames)
            if arrays is None:
                values = yield from self._mean_of_dark_frames(frames)
                arrays = {"values": values}
                self._units.put("dark-frames", key, arrays, frames)
            self._dark = of_dark_frames(arrays["values"])
        some = sampled_frames(self._inputs.stack.n_frames)
        kept = self._units.get("dark-sample", self._key_of_sample(), some)
        if kept is None:
            self._sampled[some] = True
        else:
            self._levels = Levels(**kept)

    def _mean_of_dark_frames(
        self, frames: range
    ) -> Generator[Progress, None, npt.NDArray[np.float64]]:
        stack, fixed = self._units.frames.stack, self._inputs.fixed
        mean = partial(mean_of_dark_frames, stack, frames.start, frames.stop)
        for values in patient_map(self._pool, mean, [fixed], 1):
            if values is not None:
                return values
            yield self._progress()
        raise AssertionError("there is one result")

    def _key_of_sample(self) -> str:
        return key_of(DARK_SAMPLE, fixed=self._inputs.fixed)

    def _take_over(self) -> Generator[Progress, None, tuple[list[range], list[range]]]:
        """Take over finished windows; return the frames of these, and those of the others."""
        windows = self._reader.windows()
        if not self._units.journal.names():
            return [], windows
        kept, missing = [], []
        for found in patient_map(self._pool, self._reader.kept, windows, self._ahead):
            if isinstance(found, Window):
                self._take(found)
                kept.append(range(found.start, found.stop))
            elif found is not None:
                missing.append(found)
            yield self._progress()
        if kept:
            done, of = np.count_nonzero(self._is_read), counted(len(self._is_read), "frame")
            name = self._units.journal.name
            yield self._progress(f"Going on with {name}: {done} of {of} were finished.")
        return kept, missing

    def _read_or_sample(self, again: frozenset[range], frames: range) -> Window | _Sampled:
        if frames in again:
            return self._reader.sample(frames, self._sampled)
        return self._reader.read(frames, self._sampled)

    def _take(self, window: Window | _Sampled) -> None:
        samples = window.samples if isinstance(window, Window) else window
        for image in samples:
            self._sample.add(image)
        if not isinstance(window, Window):
            return
        frames = slice(window.start, window.stop)
        self._F[:, :, frames], self._Fneu[:, :, frames] = window.F, window.Fneu
        self._highest[:, frames], self._heaped[:, frames] = window.highest, window.heaped
        if window.saturated.any():
            self._saturated[:, :, frames] = window.saturated
        for t, fault in window.faults.items():
            mark(self._frames[t], fault)
            self._frames["used"][t], self._frames["confidence"][t] = False, 0
        hidden = window.hidden[0]
        if self._inputs.params.neuropil_factor:
            hidden = hidden | window.hidden[1]
        self._n_hidden += np.count_nonzero(hidden & self._frames["used"][frames], axis=1)
        self._is_read[frames] = True

    def _progress(self, note: str = "", snapshot: Traces | None = None) -> Progress:
        done = int(np.count_nonzero(self._is_read))
        return Progress(READING, done, len(self._is_read), note, snapshot)

    # -- what is made of it --------------------------------------------------------------------

    def traces(self, found: tuple[Remark, ...] = ()) -> Generator[Progress, None, Traces]:
        """Traces of what was read: a snapshot, as long as that isn't everything.

        ``found`` is what the frames show besides.
        """
        inputs, n_rois = self._inputs, len(self._inputs.rois)
        complete = self._is_read.all()
        F, Fneu = (raw if complete else raw.copy() for raw in (self._F, self._Fneu))
        frames = self._frames.copy()
        rest = ~self._is_read
        frames["flag"][rest], frames["detail"][rest] = Flag.NOT_RUN, ""
        frames["used"][rest], frames["confidence"][rest] = False, 0
        dark = self._judged_dark()
        corrected, dff = (np.empty(F.shape, np.float32) for _ in range(2))
        motion = np.empty(F.shape[:2], np.float32)

        def work(rows: slice) -> tuple[slice, Derived]:
            parts = F[:, rows], Fneu[:, rows]
            return rows, derive(*parts, rows, inputs, frames["used"], dark.subtracted)

        done = 0
        for result in patient_map(self._pool, work, _blocks(n_rois), self._ahead):
            if result is not None:
                rows, derived = result
                corrected[:, rows], dff[:, rows] = derived.corrected, derived.dff
                motion[:, rows] = derived.motion_explained
                done = rows.stop
            yield Progress(DERIVING, done, n_rois)
        traces = Traces(
            np.asarray(F, np.float32),
            np.asarray(Fneu, np.float32),
            corrected,
            dff,
            inputs.rois,
            frames,
            motion,
            inputs.stack.name,
            inputs.stack.channel_names,
            dark,
            inputs.params,
            inputs.frame_shape,
            inputs.stack.pixel_size_um,
            provenance=self._provenance(),
            saturated=self._saturated_frames(F, frames["used"]),
            unmeasured=self._unmeasured(corrected, frames["used"]),
            started_at=inputs.stack.started_at,
        )
        return replace(traces, remarks=remarks_of(traces, inputs) + found)

    def _saturated_frames(
        self, F: npt.NDArray[np.float32], used: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.float32]:
        """(C, N) as of `Traces`."""
        return saturated_frames(self._saturated, self._highest, self._heaped, np.isfinite(F) & used)

    def _unmeasured(
        self, corrected: npt.NDArray[np.float32], used: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.float32] | None:
        """(C, N) as of `Traces`."""
        if self._inputs.fixed is None and self._inputs.artefact_rows is None:
            return None
        known = np.count_nonzero(np.isfinite(corrected) & used, axis=2)
        return (self._n_hidden / np.maximum(known + self._n_hidden, 1)).astype(np.float32)

    def _judged_dark(self) -> DarkLevel:
        """Dark level, estimated from what was sampled so far, or compared with it."""
        levels = self._sample.levels() if self._levels is None else self._levels
        if self._dark is None:
            return estimated(levels, self._inputs.params)
        return judged(self._dark, levels, self._inputs.stack.channel_names)

    def _provenance(self) -> dict[str, Any]:
        journal = self._units.journal.id
        return self._inputs.provenance(
            fingerprint=fingerprint(self._units.frames.stack),
            **({"journal": journal} if journal else {}),
        )


_Sampled = list[npt.NDArray[Any]]
"""Frames (C, Y, X) of the sample."""


def _blocks(n_rois: int) -> Iterator[slice]:
    for start in range(0, n_rois, ROIS_AT_ONCE):
        yield slice(start, min(start + ROIS_AT_ONCE, n_rois))
