"""Reading traces in the worker: the dark level first, then all recordings."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtWidgets import QFileDialog

from napari_zstack_align.cells.traces import DarkLevel, Traces
from napari_zstack_align.cells.traces.dark_file import with_dark_file
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.cells import trace_jobs as jobs
from napari_zstack_align.gui.cells.trace_set import TraceSet, as_set
from napari_zstack_align.gui.cells.traces_tab import in_counts
from napari_zstack_align.gui.dataset import Movie
from napari_zstack_align.gui.file_dialogs import open_filter
from napari_zstack_align.params import TraceParams
from napari_zstack_align.progress import Progress

if TYPE_CHECKING:
    from napari_zstack_align.gui.cells.traces_part import TracesPart

DRAW_INTERVAL_S = 1.0
NO_ROIS = "There are no ROIs yet: find or draw some on the Cells tab."
NO_DFF = "⚠ No ROI has a ΔF/F: baselines are below the noise. Is the dark level too high?"
DARK_UNKNOWN = (
    "The files don't tell the dark level: accept the estimate above or type in a dark level, then "
    "read again. Without one, ΔF/F is unreliable."
)

AS_BEFORE = "Cancelled; the traces that were there before are as they were."

Then = Callable[[list[DarkLevel]], object]


class TracesRun:
    """Reads the traces of the recordings in view.

    Parameters
    ----------
    part : TracesPart
        Whose tab, ROIs and dock are used.
    """

    def __init__(self, part: TracesPart) -> None:
        self._part = part
        self._tab = part.tab
        self._bar = part.tab.run_bar
        self._looked_up: tuple[Any, ...] = ()
        self._drawn_at = 0.0
        self._movies: tuple[Movie, ...] = ()
        self._before = TraceSet(())
        self._dark_file: tuple[str, tuple[float, ...]] | None = None
        """Name of the last file without light, and the levels of its channels, as typed in."""
        self._read_with: tuple[float, ...] = ()

    def start(self) -> None:
        """Read the traces, once ROIs are in place and the dark level is known or was shown."""
        try:
            movies, params = self._given()
            rois = self._part.model.rois
            if not len(rois):
                raise InputError(NO_ROIS)
        except InputError as error:
            self._bar.say_error(str(error))
            return
        if self._part.in_place.waits(self._bar, [each.alignment for each in movies], self.start):
            return
        if dark_key(movies, params) != self._looked_up:
            self.look_up_dark(then=self._go_on_if_known)
            return
        self._movies = tuple(movies)
        self._before = self._part.traces
        self._read_with = params.dark_level
        self._bar.start(
            partial(jobs.reading, movies, rois, params),
            progress=self._on_progress,
            returned=self._on_returned,
            cancelled=self._on_cancelled,
            failed=lambda _: self._keep(self._bar.last_partial),
        )

    def look_up_dark(self, then: Then = lambda _: None) -> None:
        """Look for the dark level in the worker, show it, and go on with ``then``."""
        try:
            movies, params = self._given()
        except InputError as error:
            self._bar.say_error(str(error))
            return
        self._bar.start(
            partial(jobs.looking_up_dark, [movie.stack for movie in movies], params),
            returned=partial(self._on_dark, dark_key(movies, params), then),
        )

    def ask_dark_file(self) -> None:
        """Ask for a file without light, and read its dark level."""
        title = "Open a recording without light"
        name, _ = QFileDialog.getOpenFileName(self._tab, title, "", open_filter())
        if name:
            self.measure_dark(Path(name))

    def measure_dark(self, path: Path) -> None:
        """Read the dark level of a file without light in the worker, and type it in."""
        self._bar.start(
            partial(jobs.measuring_dark, path), returned=partial(self._on_measured, path)
        )

    def _on_measured(self, path: Path, level: DarkLevel) -> None:
        typed = tuple(round(v, 3) for v in level.values.tolist())
        self._tab.form.fields["dark_level"].set(typed)
        self._dark_file = path.name, typed
        values = ", ".join(map(in_counts, level.values.tolist()))
        self._tab.show_dark([level])
        self._bar.say(f"{path.name} has {values} counts without light: typed in as the dark level.")

    def _given(self) -> tuple[list[Movie], TraceParams]:
        return self._part.workspace.movies(), self._tab.form.values()

    # -- from the worker -----------------------------------------------------------------------

    def _on_dark(self, key: tuple[Any, ...], then: Then, levels: list[DarkLevel]) -> None:
        self._looked_up = key
        self._tab.show_dark(levels)
        then(levels)

    def _go_on_if_known(self, levels: list[DarkLevel]) -> None:
        """Read on where the dark level is known; else the user has to say something first."""
        if all(level.accepted for level in levels):
            self.start()
        else:
            self._bar.say(DARK_UNKNOWN)

    def _on_progress(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.partial is not None and now - self._drawn_at > DRAW_INTERVAL_S:
            self._drawn_at = now
            self._keep(progress.partial)

    def _with_dark_file(self, traces: TraceSet) -> TraceSet:
        """Say where the dark level is from, if it is still that of the file without light."""
        if self._dark_file is None or self._dark_file[1] != self._read_with:
            return traces
        name, levels = self._dark_file
        named = [with_dark_file(each, name, len(levels)) for each in traces.recordings]
        return replace(traces, recordings=tuple(named))

    def _on_returned(self, traces: TraceSet) -> None:
        traces = self._with_dark_file(traces)
        self._part.show(traces.with_stimuli_of(self._before))
        self._tab.show_dark([each.dark for each in traces.recordings])
        self._bar.say(read_words(traces.recordings))

    def _on_cancelled(self, partial_result: Any) -> None:
        self._keep(partial_result)
        if self._before.recordings and self._part.traces is self._before:
            self._bar.say(AS_BEFORE)
        elif partial_result is not None:
            self._bar.say("Cancelled; what was read is kept and can be saved.")

    def _keep(self, partial_result: Any) -> None:
        """Show what has been read where it is more than before; what was complete stays."""
        before = self._before
        if partial_result and not (before.recordings and before.complete):
            found = self._with_dark_file(as_set(partial_result)).with_stimuli_of(before)
            if found.n_read > before.n_read:
                self._part.show(replace(found, asked=len(self._movies), movies=self._movies))


def dark_key(movies: Sequence[Movie], params: TraceParams) -> tuple[Any, ...]:
    """What the dark level depends on."""
    of_params = (params.dark_level, params.dark_frames, params.same_detector)
    return (*[id(movie.stack) for movie in movies], *of_params)


def read_words(traces: Sequence[Traces]) -> str:
    """How reading ended, in sentences."""
    n_rois, n_frames = len(traces[0].rois), sum(len(each.frames) for each in traces)
    remarks = len({remark for each in traces for remark in each.remarks})
    more = f" {counted(remarks, 'remark')} above." if remarks else ""
    words = f"Read {counted(n_rois, 'ROI')} in {counted(n_frames, 'frame')}.{more}"
    return words if any(map(has_dff, traces)) else f"{words} {NO_DFF}"


def has_dff(traces: Traces) -> bool:
    """Whether any ROI has a ΔF/F in any frame; looks no further than the first."""
    rows = traces.dff.reshape(-1, traces.dff.shape[-1])
    return any(np.isfinite(row).any() for row in rows)
