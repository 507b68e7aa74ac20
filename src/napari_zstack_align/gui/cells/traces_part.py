"""The Traces tab, the dock below the image, and ROIs on the frames: what ties them together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QWidget

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.cells.outdated import frames_changed, rois_changed
from napari_zstack_align.gui.cells.pointer import RoiPointer
from napari_zstack_align.gui.cells.raw_rois import RoisOnFrames
from napari_zstack_align.gui.cells.roi_model import RoiModel
from napari_zstack_align.gui.cells.trace_set import N_FIRST, TraceSet
from napari_zstack_align.gui.cells.traces_dock import TracesDock
from napari_zstack_align.gui.cells.traces_files import TracesFiles
from napari_zstack_align.gui.cells.traces_run import TracesRun
from napari_zstack_align.gui.cells.traces_tab import TracesTab
from napari_zstack_align.gui.dataset import FrameInView, Place, what_words
from napari_zstack_align.gui.dock_below import hide_below, show_below, take_away
from napari_zstack_align.gui.in_place import InPlace
from napari_zstack_align.gui.outdated import movies_in
from napari_zstack_align.gui.part import Part
from napari_zstack_align.gui.project.opening import Opened
from napari_zstack_align.gui.project.snapshot import read_from, with_params, with_view
from napari_zstack_align.gui.workspace import Workspace
from napari_zstack_align.project import Project
from napari_zstack_align.saved import Kind
from napari_zstack_align.settings import in_titles

DOCK = "Traces of cells"


class TracesPart(Part):
    """Reads, shows, saves and exports the traces of the panel's ROIs.

    Parameters
    ----------
    workspace : Workspace
        Whose stacks and recordings are read.
    model : RoiModel
        The ROIs.
    on_frames : RoisOnFrames
        Shows them in the viewer.
    in_place : InPlace
        Says whether they lie on the reference there is now.
    """

    titles = ("Traces",)
    kinds = (Kind.TRACES, Kind.SESSION_TRACES)

    def __init__(
        self,
        workspace: Workspace,
        model: RoiModel,
        on_frames: RoisOnFrames,
        in_place: InPlace,
    ) -> None:
        super().__init__(workspace)
        self.in_place = in_place
        self.workspace = workspace
        self.viewer = workspace.viewer
        self.model = model
        self.tab = TracesTab()
        self.dock = TracesDock()
        self.traces = TraceSet(())
        self.on_frames = on_frames
        self.pointer = RoiPointer(self.on_frames, self.words_now, self._is_open)
        self.run = TracesRun(self)
        self.files = TracesFiles(self)
        self._connect()
        self._on_rois()

    # -- what the panel asks -------------------------------------------------------------------

    @property
    def tabs(self) -> tuple[QWidget, ...]:
        """The tab."""
        return (self.tab,)

    @property
    def run_bars(self) -> tuple[Any, ...]:
        """Where jobs may run."""
        return (self.tab.run_bar,)

    def enter(self) -> None:
        """The tab is in front: name the sliders of what is in view, and say what would be read."""
        dataset = self.workspace.dataset
        if dataset is not None:
            dataset.name_sliders()
        self.say_what()

    def follow(self, view: FrameInView | None) -> None:
        """The words over the image go with the sliders."""
        self.workspace.say_frame()

    def toggle(self) -> None:
        """Switch between raw and aligned frames."""
        dataset = self.workspace.dataset
        if dataset is not None:
            dataset.toggle()
            self.workspace.look()

    def open_saved(self, folder: Path) -> None:
        """Load saved traces."""
        self.tab_wanted.emit(self.tab)
        self.files.load(folder)

    def collect(self, project: Project) -> Project:
        """Add the traces, what they were read from, and the parameters."""
        project = with_params(project, "Traces", self.tab.form.values)
        project = with_params(project, "NWB", self.tab.nwb.values)
        name, found = next(iter(project.traces), "traces"), self.traces
        project = project.replace(traces={name: found.recordings} if found.recordings else {})
        facts = {"asked": found.asked, **read_from(project, found, self._frames_changed())}
        return with_view(project, traces=facts)

    def restore(self, opened: Opened) -> Iterator[None]:
        """Show the traces and the parameters of a project."""
        self.tab.form.take(opened.project.params.get("Traces"))
        self.tab.nwb.take(opened.project.params.get("NWB"))
        yield
        if opened.traces is not None:
            self.show(opened.traces)
        elif self.traces.recordings:
            self.traces = TraceSet(())
            self.dock.show_traces(self.traces)
            self.tab.show_remarks(())
            self._set_result()
            hide_below(self.dock)

    def set_theme(self, name: str) -> None:
        """Use the colours of a napari theme."""
        self.dock.set_theme(name)

    def let_go(self) -> None:
        """Disconnect from the viewer, and take the dock away."""
        self.pointer.stop()
        with contextlib.suppress(LookupError, RuntimeError, AttributeError):
            # of a window that is being closed, parts are gone already
            take_away(self.viewer, self.dock)

    # -- showing -------------------------------------------------------------------------------

    def show(self, traces: TraceSet) -> None:
        """Show traces in the dock; where no ROI with one is selected, the liveliest ones."""
        self.traces = traces
        self.open_dock()
        self.dock.show_traces(traces)
        self.tab.show_remarks(traces.recordings)
        if not set(traces.ids) & set(self.model.selected):
            self.model.select(traces.liveliest)
        self._on_selection()
        self.move_line()
        self._set_result()

    def open_dock(self) -> None:
        """Put the dock below the image, or show it again."""
        show_below(self.viewer, self.dock, DOCK)

    def words_now(self, roi: int) -> str:
        """What the trace of a ROI says in the frame in view; '' where there is none."""
        place = self._place()
        return "" if place is None else self.dock.value_words(roi, *place)

    def move_line(self, _: Any = None) -> None:
        """Move the line of the current frame."""
        if self.traces.recordings and (place := self._place()) is not None:
            self.dock.plot.go_to(*place)

    def say_what(self) -> None:
        """Say what would be read."""
        try:
            self.tab.what.setText(what_words(self.workspace.movies(), len(self.model.rois)))
        except InputError as error:
            self.tab.what.setText(in_titles(str(error)))

    # -- inside --------------------------------------------------------------------------------

    def _connect(self) -> None:
        actions = {
            "dark": self.run.look_up_dark,
            "dark_file": self.run.ask_dark_file,
            "save": self.files.ask_save,
            "load": self.files.ask_load,
            "export": self.files.ask_export,
            "film": self.files.ask_film,
        }
        self.tab.button_clicked.connect(lambda name: actions[name]())
        self.tab.run_bar.run_clicked.connect(self.run.start)
        self.tab.run_bar.busy_changed.connect(lambda _: self._set_result())
        self.model.changed.connect(self._on_rois)
        self.model.selection_changed.connect(self._on_selection)
        self.on_frames.failed.connect(self.tab.run_bar.say_error)
        self.dock.place_clicked.connect(self._go_to)
        self.dock.shown_changed.connect(self._paint)
        self.dock.stimuli_wanted.connect(self.files.ask_stimuli)
        self.dock.stimuli_unwanted.connect(self.files.remove_stimuli)
        self.workspace.view_changed.connect(self.move_line)
        self.workspace.alignments_changed.connect(self._warn)

    def _is_open(self) -> bool:
        return not self.dock.isHidden()

    def in_view(self) -> tuple[Traces, Alignment]:
        """The traces of the recording in view, or else the first ones, with its alignment.

        Raises
        ------
        InputError
            Where its frames aren't there, or aren't aligned.
        """
        place = self._place()
        traces = self.traces.recordings[0 if place is None else place[0]]
        for movie in self.workspace.movies():
            if movie.stack.name == traces.recording and movie.alignment is not None:
                return traces, movie.alignment
        raise InputError(
            f"There is no alignment of {traces.recording}, of which films are made: open or run it."
        )

    def _place(self) -> tuple[int, int] | None:
        """Recording of the traces, and frame, that are in view."""
        place = Place.of(self.workspace.in_view) if self.traces.recordings else None
        index = None if place is None else place.among(self.traces.names, self.traces.lengths)
        return None if place is None or index is None else (index, place.frame)

    def _go_to(self, recording: int, frame: int) -> None:
        """Move the viewer to a frame of a recording of the traces."""
        traces = self.traces.recordings[recording]
        place = Place(recording, traces.recording, len(traces.frames), frame)
        if not place.show_in(self.workspace.dataset):
            self.tab.run_bar.say(f"The frames of {traces.recording} are not in view: open them.")

    def _on_selection(self) -> None:
        self.dock.show_rois(self.model.selected or self.traces.ids[:N_FIRST])
        self._warn()

    @property
    def outdated(self) -> str:
        """Why the traces are outdated, a sentence; '' where they are not."""
        return self._frames_changed() or rois_changed(self.traces, self.model.rois)

    def _frames_changed(self) -> str:
        return frames_changed(self.traces, movies_in(self.workspace))

    def _warn(self) -> None:
        """Say where traces are not of the ROIs, or through the alignments, that there are now."""
        self.dock.call_outdated(self.outdated)

    def _paint(self) -> None:
        """Give ROIs the colours of their traces."""
        self.on_frames.paint(self.dock.colors())

    def _on_rois(self) -> None:
        self._set_result()
        self._paint()
        self._warn()
        if self.tab.isVisible():
            self.say_what()

    def _set_result(self) -> None:
        there = bool(self.traces.recordings)
        self.tab.set_result(traces=there, rois=len(self.model.rois) > 0)
