"""Jobs that read the traces of recordings."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from time import monotonic

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.cells.rois import Rois
from napari_zstack_align.cells.traces.dark import (
    ESTIMATE_FRAMES,
    DarkLevel,
    estimate,
    known_dark_level,
)
from napari_zstack_align.cells.traces.derive import Derived, derive
from napari_zstack_align.cells.traces.inputs import Inputs, checked_inputs
from napari_zstack_align.cells.traces.remarks import check_readable, remarks_of
from napari_zstack_align.cells.traces.traces import Traces
from napari_zstack_align.cells.traces.window import Window, WindowReader
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.flags import Flag, mark
from napari_zstack_align.parallel import checked_threads, ordered_map, worker_threads
from napari_zstack_align.params import TraceParams
from napari_zstack_align.progress import Job, Progress, mapped, with_partial
from napari_zstack_align.stack import Stack

READING, DERIVING = "Reading traces", "Baselines"
ROIS_AT_ONCE = 8
SNAPSHOT_S = 5.0
SNAPSHOT_SHARE = 20
"""A snapshot is due so many times later than making the last one took."""


def extract_traces(
    stack: Stack,
    rois: Rois | npt.ArrayLike,
    alignment: Alignment | None = None,
    params: TraceParams | None = None,
    ids: npt.ArrayLike | None = None,
    *,
    threads: int | None = None,
) -> Job[Traces]:
    """Read the traces of ROIs from the raw frames of a recording.

    Each circle is carried to every raw frame, where it is averaged, pixels at its edge counted
    by the exact area of the circle in them. Nothing is resampled, and each frame is read once.

    Parameters
    ----------
    stack : Stack
        The raw frames, (T, C, Y, X); all channels are read.
    rois : Rois or array-like
        (N, 3) y, x, radius in px, in reference coordinates.
    alignment : Alignment, optional
        That of the recording; None: nothing moves, and every frame has confidence 1.
    params : TraceParams, optional
        Defaults to ``TraceParams()``.
    ids : array-like, optional
        (N,) ids of an array of circles; 1 to N by default.
    threads : int, optional
        Windows of frames worked on at once; the number of processors by default. The result
        doesn't depend on it.

    Returns
    -------
    generator of Progress
        Returns `Traces`; ``partial`` is Traces too, in which frames that weren't read are NaN
        and flagged 'not run'.

    Raises
    ------
    InputError
        At the call, where stack, ROIs, alignment and parameters don't fit together.

    Notes
    -----
    Baseline as a low percentile of a sliding window: Dombeck et al. 2007 (Neuron). Neuropil
    subtraction with a factor of 0.7: Chen et al. 2013 (Nature).
    """
    inputs = checked_inputs(stack, rois, alignment, params, ids)
    return _Extraction(inputs, checked_threads(threads)).run()


def extract_session_traces(
    stacks: Sequence[Stack],
    rois: Rois | npt.ArrayLike,
    alignments: Sequence[Alignment | None],
    params: TraceParams | None = None,
    *,
    threads: int | None = None,
) -> Job[list[Traces]]:
    """Read the traces of the same ROIs from the recordings of a session.

    Parameters
    ----------
    stacks : sequence of Stack
        The recordings.
    rois : Rois or array-like
        (N, 3) y, x, radius in px, in the coordinates of the common reference.
    alignments : sequence of Alignment
        One a recording, in the same order.
    params, threads
        As in `extract_traces`.

    Returns
    -------
    generator of Progress
        Returns a list of Traces, one a recording; ``partial`` is such a list, too, of the
        recordings that were begun.

    Raises
    ------
    InputError
        At the call, where something doesn't fit together.
    """
    if isinstance(stacks, Stack) or isinstance(alignments, Alignment):
        raise InputError(
            "Give a list of recordings and a list of alignments, or use extract_traces for one."
        )
    if not len(stacks):
        raise InputError("There are no recordings to read traces from.")
    if len(stacks) != len(alignments):
        raise InputError(
            f"{counted(len(stacks), 'recording')}, but {counted(len(alignments), 'alignment')}: "
            f"give one alignment a recording, in the same order."
        )
    rois = rois if isinstance(rois, Rois) else Rois.of(rois)
    number = checked_threads(threads)
    extractions = [
        _Extraction(checked_inputs(stack, rois, alignment, params), number)
        for stack, alignment in zip(stacks, alignments, strict=True)
    ]
    return _session(extractions)


def _session(extractions: list[_Extraction]) -> Job[list[Traces]]:
    done: list[Traces] = []
    for i, extraction in enumerate(extractions, 1):
        name = f"{extraction.inputs.stack.name} ({i} of {len(extractions)})"
        job = with_partial(extraction.run(), lambda traces: [*done, traces])
        done.append((yield from mapped(job, partial(_named, name))))
        yield Progress("Recordings", i, len(extractions), partial=list(done))
    return done


def _named(name: str, step: Progress) -> Progress:
    return replace(step, stage=f"{step.stage}: {name}")


class _Extraction:
    """State of one extraction: what was read so far."""

    def __init__(self, inputs: Inputs, threads: int) -> None:
        self.inputs, self._threads = inputs, threads
        n_channels, n_frames = inputs.stack.shape[1], inputs.stack.n_frames
        shape = (n_channels, len(inputs.rois), n_frames)
        self._F, self._Fneu = (np.full(shape, np.nan, np.float32) for _ in range(2))
        self._frames = inputs.frames()
        self._read = 0
        self._dark = known_dark_level(inputs.stack, inputs.params)
        self._sampled = np.zeros(n_frames, bool)
        if self._dark is None:
            some = np.linspace(0, n_frames - 1, ESTIMATE_FRAMES).astype(int)
            self._sampled[some] = True
        self._total = np.zeros((n_channels, *inputs.frame_shape) if self._dark is None else (0,))
        self._n_sampled = 0

    def run(self) -> Job[Traces]:
        """Read all windows, then make the rest of the raw traces."""
        reader = WindowReader(self.inputs, self._sampled)
        n_frames, due, cost = self.inputs.stack.n_frames, monotonic() + SNAPSHOT_S, 0.0
        with worker_threads(self._threads) as pool:
            yield Progress(READING, 0, n_frames)
            for window in ordered_map(pool, reader.read, reader.windows(), self._threads + 1):
                self._take(window)
                snapshot = None
                if monotonic() > due and self._read < n_frames:
                    begun = monotonic()
                    snapshot = yield from self._traces(pool)
                    cost = monotonic() - begun
                    due = monotonic() + max(SNAPSHOT_S, SNAPSHOT_SHARE * cost)
                yield Progress(READING, self._read, n_frames, partial=snapshot)
            check_readable(self.inputs.stack.name, self._frames)
            return (yield from self._traces(pool))

    def _take(self, window: Window) -> None:
        frames = slice(window.start, window.stop)
        self._F[:, :, frames], self._Fneu[:, :, frames] = window.F, window.Fneu
        for t, fault in window.faults.items():
            mark(self._frames[t], fault)
            self._frames["used"][t], self._frames["confidence"][t] = False, 0
        if window.sample is not None:
            self._total += window.sample
            self._n_sampled += window.n_sampled
        self._read = window.stop

    def _traces(self, pool: ThreadPoolExecutor) -> Generator[Progress, None, Traces]:
        """Traces of what was read: a snapshot, as long as that isn't everything."""
        inputs, n_rois = self.inputs, len(self.inputs.rois)
        complete = self._read == inputs.stack.n_frames
        F, Fneu = (raw if complete else raw.copy() for raw in (self._F, self._Fneu))
        frames = self._frames.copy()
        rest = frames[self._read :]
        rest["flag"], rest["detail"], rest["used"], rest["confidence"] = Flag.NOT_RUN, "", False, 0
        dark = self._dark_level()
        corrected, dff = np.empty_like(F), np.empty_like(F)
        motion = np.empty(F.shape[:2], np.float32)

        def work(rows: slice) -> tuple[slice, Derived]:
            parts = F[:, rows], Fneu[:, rows]
            return rows, derive(*parts, rows, inputs, frames["used"], dark.subtracted)

        blocks = [slice(i, min(i + ROIS_AT_ONCE, n_rois)) for i in range(0, n_rois, ROIS_AT_ONCE)]
        for rows, derived in ordered_map(pool, work, blocks, self._threads + 1):
            corrected[:, rows], dff[:, rows] = derived.corrected, derived.dff
            motion[:, rows] = derived.motion_explained
            yield Progress(DERIVING, rows.stop, n_rois)
        return Traces(
            F,
            Fneu,
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
            remarks_of(inputs, F, Fneu, frames, dark),
            inputs.provenance(),
        )

    def _dark_level(self) -> DarkLevel:
        if self._dark is not None:
            return self._dark
        with np.errstate(invalid="ignore"):
            return estimate(self._total / self._n_sampled, self.inputs.params)
