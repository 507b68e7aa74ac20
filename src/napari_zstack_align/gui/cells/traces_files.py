"""Saving, loading and exporting of traces and ROIs, in the worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QFileDialog

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.session import unique_names
from napari_zstack_align.cells.rois import Rois
from napari_zstack_align.cells.traces import read_stimuli, with_stimuli
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui import copies, films
from napari_zstack_align.gui.cells import trace_jobs as jobs
from napari_zstack_align.gui.cells.outdated import marked_outdated
from napari_zstack_align.gui.cells.trace_set import TraceSet
from napari_zstack_align.gui.copies import Copy
from napari_zstack_align.gui.file_dialogs import ask_where_to_save, ask_where_to_write, saved_words
from napari_zstack_align.gui.outdated import may_be_written, name_of
from napari_zstack_align.gui.question import confirmed
from napari_zstack_align.saved import Kind
from napari_zstack_align.write.cells.export import export_rois, export_traces
from napari_zstack_align.write.cells.field import FieldOfView
from napari_zstack_align.write.several import destinations
from napari_zstack_align.write.writers import Takes, Writer

TABLES = "Tables (*.csv *.tsv *.txt);;All files (*)"
REPLACED = "The traces of {} are in no file of their own, and would be replaced by the loaded ones."

if TYPE_CHECKING:
    from napari_zstack_align.gui.cells.traces_part import TracesPart


class TracesFiles:
    """What the buttons under 'Save and export' do.

    Parameters
    ----------
    part : TracesPart
        Whose traces and ROIs are written.
    """

    def __init__(self, part: TracesPart) -> None:
        self._part = part
        self._tab = part.tab
        self._bar = part.tab.run_bar

    def save(self, folder: Path) -> None:
        """Save the traces as a folder."""
        self._bar.start(
            partial(copies.saving, partial(jobs.saving, self._traces(), folder)),
            returned=partial(self._on_saved, self._part.traces, folder, self._part.outdated),
        )

    def load(self, folder: Path) -> None:
        """Load traces, and the ROIs that they are of where there are none."""
        if self._may_replace():
            self._bar.start(
                partial(copies.opening, folder, partial(jobs.loading, folder)),
                returned=self._on_loaded,
            )

    def open_stimuli(self, path: Path) -> None:
        """Show the stimuli of a table behind the traces, and keep them with these."""
        traces = self._part.traces
        try:
            found = with_stimuli(traces.recordings, read_stimuli(path))
        except InputError as error:
            self._bar.say_error(str(error))
            return
        self._part.show(replace(traces, recordings=tuple(found)))
        self._bar.say("\n".join(str(each.remarks[-1]) for each in found))

    def remove_stimuli(self) -> None:
        """Take the stimuli out of the traces."""
        traces = self._part.traces
        self._part.show(replace(traces, recordings=tuple(with_stimuli(traces.recordings, None))))
        self._bar.say("The stimuli were removed.")

    def export(self, path: Path) -> None:
        """Write ROIs or traces in the chosen format; what is there already is replaced."""
        path = self._tab.writer.named(path)
        try:
            start = self._export(path)
        except InputError as error:
            self._bar.say_error(str(error))
            return
        why = self._part.outdated if self._tab.what_is_written is Takes.TRACES else ""
        self._bar.start(
            partial(jobs.writing, start),
            returned=lambda paths: self._say(f"Wrote {', '.join(map(str, paths))}", why),
            cancelled=lambda _: self._bar.say("Cancelled; no unfinished file was kept."),
        )

    def film(self, path: Path) -> None:
        """Write a film of the recording in view, with its traces; what is there is replaced."""
        try:
            traces, alignment = self._part.in_view()
        except InputError as error:
            self._bar.say_error(str(error))
            return
        why = self._part.outdated
        self._bar.start(
            films.film_to(path, alignment, traces),
            returned=lambda written: self._say(f"Wrote {written}", why),
            cancelled=lambda _: self._bar.say("Cancelled; no file was written."),
        )

    def _export(self, path: Path) -> Callable[[], Any]:
        """What starts the job, from a snapshot."""
        name = self._tab.writer.name
        if self._tab.what_is_written is Takes.ROIS:
            rois = self._part.model.rois
            field = self._field_of(rois)
            return partial(export_rois, path, rois, name, field=field, overwrite=True)
        recordings = list(self._traces().recordings)
        return partial(
            export_traces,
            path,
            recordings,
            name,
            field=self._field_of(recordings[0].rois),
            signal=self._part.dock.quantity.currentData(),
            nwb=self._tab.nwb.values() if name == "nwb" else None,
            overwrite=True,
        )

    def _traces(self) -> TraceSet:
        """The traces, which say themselves where they are outdated."""
        return marked_outdated(self._part.traces, self._part.outdated)

    def _may_replace(self) -> bool:
        """Ask before others take the place of traces that were not saved by themselves."""
        read, workspace = self._part.traces.recordings, self._part.workspace
        if workspace.saved_runs.are_in_files(read, self._tab):
            return True
        unsaved = [each for each in read if each not in workspace.in_files] or read
        return confirmed(
            self._tab,
            "Load other traces?",
            REPLACED.format(counted(len(unsaved), "recording")),
            yes="Load them",
            no="Keep these",
        )

    def _may_write(self) -> bool:
        return may_be_written(self._tab, "traces", self._part.outdated)

    def _alignments(self) -> list[Alignment | None] | None:
        """Of what is in view; None where there is nothing."""
        try:
            return [each.alignment for each in self._part.workspace.movies()]
        except InputError:
            return None

    def _field_of(self, rois: Rois) -> FieldOfView | None:
        """What ROIs lie in; None where no frames are there, only traces that were loaded.

        Without a picture where they lie on another reference than the one that is shown.
        """
        try:
            movies = self._part.workspace.movies()
        except InputError:
            return None
        stack, alignment = movies[0].stack, movies[0].alignment
        field = (
            FieldOfView(stack.shape[2:], pixel_size_um=stack.pixel_size_um)
            if alignment is None
            else FieldOfView.of(alignment)
        )
        raw = tuple(path for movie in movies for path in movie.stack.paths)
        if not field.holds(rois):
            field = replace(field, image=None, made_on=None)
        return replace(field, raw_paths=raw)

    def _on_saved(
        self, traces: TraceSet, folder: Path, why: str, written: tuple[Path, Copy | None]
    ) -> None:
        path, copy = written
        self._part.workspace.in_files.update(traces.recordings, copy)
        self._say(saved_words(path, folder), why)

    def _say(self, words: str, why: str) -> None:
        """Say what was written, and why it is outdated."""
        self._bar.say(f"{words}\n{why}" if why else words)

    def _on_loaded(self, opened: tuple[TraceSet, Copy | None]) -> None:
        traces, copy = opened
        self._part.workspace.in_files.update(traces.recordings, copy)
        count = len(traces.recordings)
        if not len(self._part.model.rois):
            self._part.model.set(traces.recordings[0].rois)
        self._part.show(traces)
        known = {int(i) for i in self._part.model.rois.ids}
        unknown = [roi for roi in traces.ids if roi not in known]
        words = f"Loaded the traces of {counted(count, 'recording')}."
        if unknown:
            words += f" {len(unknown)} of their ROIs are not among those in view."
        self._bar.say(words)

    # -- dialogs -------------------------------------------------------------------------------

    def ask_save(self) -> None:
        """Ask for a folder to save to."""
        traces, title = self._part.traces, "Save the traces as a folder"
        if not self._may_write():
            return
        kind, members = Kind.TRACES, []
        if traces.whole > 1:
            kind, members = Kind.SESSION_TRACES, unique_names(traces.names)
        folder = ask_where_to_save(
            self._tab, title, self._proposed("traces"), kind, members, complete=traces.complete
        )
        if folder is not None:
            self.save(folder)

    def ask_stimuli(self) -> None:
        """Ask for a table of stimulus times."""
        title = "Open a table of stimulus times"
        name, _ = QFileDialog.getOpenFileName(self._tab, title, "", TABLES)
        if name:
            self.open_stimuli(Path(name))

    def ask_load(self) -> None:
        """Ask for a folder to load."""
        name = QFileDialog.getExistingDirectory(self._tab, "Load traces (a folder)")
        if name:
            self.load(Path(name))

    def ask_export(self) -> None:
        """Ask for a file to export to."""
        writer = self._tab.writer
        what = str(self._tab.what_is_written)
        if self._tab.what_is_written is Takes.ROIS:
            if self._part.in_place.waits(self._bar, self._alignments(), self.ask_export):
                return
        else:
            if not self._may_write():
                return
            what = self._proposed(what)
        proposed = f"{what}{writer.suffix}"
        path = ask_where_to_write(self._tab, "Export", proposed, [writer], self._targets)
        if path is not None:
            self.export(path)

    def ask_film(self) -> None:
        """Ask for a file to write a film to."""
        if self._may_write():
            path = films.ask_film(self._tab, self._proposed(self._part.traces.names[0]))
            if path is not None:
                self.film(path)

    def _proposed(self, name: str) -> str:
        return name_of(name, self._part.outdated)

    def _targets(self, writer: Writer, path: Path) -> list[Path]:
        """Return what is written: in some formats one of each recording."""
        if self._tab.what_is_written is Takes.ROIS:
            return [path]
        names = [each.recording for each in self._part.traces.recordings]
        return [each.target for each in destinations(writer, path, names)]
