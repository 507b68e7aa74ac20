"""The tabs Recordings and Session: the recordings of one field of view, registered together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QFileDialog, QWidget

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.counting import counted
from napari_zstack_align.gui.dataset import FrameInView
from napari_zstack_align.gui.file_dialogs import open_filter
from napari_zstack_align.gui.layer_group import ALIGNED
from napari_zstack_align.gui.part import Part
from napari_zstack_align.gui.project.mask_layers import add_masks, with_mask_layers
from napari_zstack_align.gui.project.opening import Opened, put_runs
from napari_zstack_align.gui.project.snapshot import view_of, with_params, with_runs, with_view
from napari_zstack_align.gui.recordings.layers import MATCH, OVERLAY, POINTS
from napari_zstack_align.gui.recordings.opening import (
    OpenedAgain,
    OpenedRecordings,
    is_of_sizes,
    opening,
    opening_again,
    stacks_of_layers,
    taking,
)
from napari_zstack_align.gui.recordings.plots import SessionPlots
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.gui.recordings.recordings_tab import RecordingsTab
from napari_zstack_align.gui.recordings.reference_mark import ReferenceMark
from napari_zstack_align.gui.recordings.results import Results
from napari_zstack_align.gui.recordings.rows_reading import ALL
from napari_zstack_align.gui.recordings.run import SessionRun
from napari_zstack_align.gui.recordings.session_runs import SessionRuns
from napari_zstack_align.gui.recordings.session_tab import SessionTab
from napari_zstack_align.gui.recordings.trial import Trial
from napari_zstack_align.gui.recordings.words import remarks_of
from napari_zstack_align.gui.runs import Run
from napari_zstack_align.gui.unfinished.found import Setup, with_reference
from napari_zstack_align.gui.way_out import OPEN_WHOLE, OPEN_WHOLE_TIP, WayOut
from napari_zstack_align.gui.workspace import Workspace
from napari_zstack_align.progress import Job
from napari_zstack_align.project import Project
from napari_zstack_align.read import with_sizes
from napari_zstack_align.saved import Kind, identity_of, kind_of
from napari_zstack_align.stack import Stack

WITHOUT_PLANES = "the recordings without planes, as"


class RecordingsPart(Part):
    """Ties list, tabs, layers and plots together; all of it belongs to the main thread.

    Parameters
    ----------
    workspace : Workspace
        Whose viewer and session are used.
    """

    titles = ("Recordings", "Session")
    kinds = (Kind.SESSION,)
    registers = True

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.workspace = workspace
        self.viewer = workspace.viewer
        self.tab = RecordingsTab(self.viewer)
        self.results_tab = SessionTab(self.viewer)
        self.plots = SessionPlots()
        self.layers = workspace.session
        self.reference_mark = ReferenceMark(self)
        self.trial = Trial(self)
        self.run = SessionRun(self)
        self.results = Results(self)
        self.runs = SessionRuns(self)
        self._plotted: Alignment | None = None
        self._tab_in_front: QWidget | None = None
        self._connect()
        self._show_alignments()

    # -- what is there -------------------------------------------------------------------------

    @property
    def tabs(self) -> tuple[QWidget, ...]:
        """The tabs, one for each title."""
        return (self.tab, self.results_tab)

    @property
    def run_bars(self) -> tuple[Any, ...]:
        """Where jobs may run."""
        return (self.tab.run_bar, self.results_tab.run_bar)

    @property
    def kept_bars(self) -> tuple[Any, ...]:
        """Where a run goes on that the next start of napari can go on with."""
        is_kept = self.run.kept is not None and self.run.kept.is_kept
        return (self.tab.run_bar,) if is_kept else ()

    @property
    def combos(self) -> tuple[Any, ...]:
        """Choices that follow the viewer's layers."""
        return (self.tab.mask_combo, self.tab.reference_combo, self.results_tab.layer_combo)

    @property
    def below(self) -> SessionPlots:
        """Map and quality plot."""
        return self.plots

    @property
    def busy(self) -> bool:
        """Whether a job runs."""
        return any(bar.busy for bar in self.run_bars)

    @property
    def recordings(self) -> list[Recording]:
        """The recordings, in the order of the list."""
        return self.tab.list.recordings

    @property
    def together(self) -> list[Recording]:
        """The recordings that are registered together: of several planes, those of the current."""
        recordings, row = self.recordings, self.tab.list.current
        if not self.has_planes:
            return recordings
        plane = recordings[row].stack.said.plane
        return [each for each in recordings if each.stack.said.plane == plane]

    @property
    def has_planes(self) -> bool:
        """Whether the recordings are of several planes."""
        return len({recording.stack.said.plane for recording in self.recordings}) > 1

    @property
    def aligned(self) -> list[Recording]:
        """Recordings that have an alignment, perhaps partial."""
        return [recording for recording in self.recordings if recording.alignment is not None]

    @property
    def alignments(self) -> list[Alignment]:
        """Alignments of the recordings that have one."""
        return self.layers.alignments

    def start(self, bar: Any, job: Callable[[], Job[Any]], **ends: Any) -> None:
        """Run a job in one of the two bars; only one at a time, as all are about the same data."""
        other = next(each for each in self.run_bars if each is not bar)
        if other.busy:
            bar.say("Wait for what is running on the other tab, or cancel it first.")
            return
        bar.start(job, **ends)

    # -- adding --------------------------------------------------------------------------------

    def add_paths(self, paths: Sequence[Path], **said: Any) -> None:
        """Open files and folders as it is said; a saved session, where that is all there is."""
        if len(paths) == 1 and kind_of(paths[0]) is not None:
            self.results_tab.open_chosen.emit(paths[0])
            return
        self.tab.ways_out.offer()
        self._add(paths, **said)

    def _add(self, paths: Sequence[Path], **said: Any) -> None:
        there = [recording.stack for recording in self.recordings]
        job = partial(opening, list(paths), there, **said)
        self.start(self.tab.run_bar, job, returned=partial(self._on_opened, said=said))

    def add_layers(self) -> None:
        """Add what the selected layers show."""
        stacks, problems = stacks_of_layers(self.viewer.layers.selection)
        known = [recording.stack.source for recording in self.recordings]
        new = [stack for stack in stacks if all(stack.source is not s for s in known)]
        if not new:
            words = "Select image layers with frames in napari's layer list first."
            self.tab.run_bar.say_error(problems[0] if problems else words)
            return
        self.add_stacks(new, problems)

    def add_stacks(self, stacks: Sequence[Stack], problems: Sequence[str] = ()) -> None:
        """Add stacks that were opened elsewhere; their contrast is sampled in the worker."""
        returned = partial(self._on_opened, more=problems)
        self.start(self.tab.run_bar, partial(taking, list(stacks)), returned=returned)

    def show(self, recordings: Sequence[Recording], **described: Any) -> None:
        """Show recordings that have alignments, instead of those of before.

        ``described`` as in `Runs.add`.
        """
        self.trial.forget()
        results = {each: each.alignment for each in recordings if each.alignment is not None}
        self.layers.runs.clear()
        self.tab.list.set_recordings(recordings)
        if results:
            self.layers.runs.add(results, **described)
        self.layers.add_aligned()
        self.look_at(ALIGNED)
        self.refresh()

    def open_again(self, changes: dict[str, Any]) -> None:
        """Open the chosen recordings as it is said; sizes and times need no opening."""
        chosen = self.tab.list.chosen
        if not changes:
            self.tab.run_bar.say("Nothing else is said of them: edit a line first.")
        elif is_of_sizes(changes):
            self._resize(chosen, changes)
        elif self.runs.may_lose(
            chosen, "Open them again?", yes="Open again", no="Keep them as they are"
        ):
            job = partial(opening_again, chosen, changes)
            self.start(self.tab.run_bar, job, returned=self._on_opened_again)

    def _resize(self, chosen: Sequence[Recording], changes: dict[str, Any]) -> None:
        """Give recordings other sizes or times; their alignments stay."""
        for recording in chosen:
            recording.stack = stack = with_sizes(recording.stack, **changes)
            self.layers.runs.map_results(partial(_over, stack), of=recording)
        self.layers.show_frames_again()
        self.runs.take_up()
        self.tab.list.changed.emit()

    def _on_opened_again(self, opened: OpenedAgain) -> None:
        instead = dict(opened.instead)
        rows = [new for each in self.recordings for new in instead.get(each, (each,))]
        if instead:
            self.tab.list.set_recordings(rows)
            self.tab.list.choose([new for made in instead.values() for new in made])
        words = f"Opened {counted(len(instead), 'recording')} again." if instead else ""
        if opened.problems:
            self.tab.run_bar.say_error(" ".join(filter(None, [words, *opened.problems])))
        else:
            self.tab.run_bar.say(words)

    def _offer(self, opened: OpenedRecordings, said: dict[str, Any]) -> None:
        """Offer what can be done with files that couldn't be added as they are."""
        ways = []
        if broken := opened.broken_off:
            what = OPEN_WHOLE if len(broken) == 1 else f"{OPEN_WHOLE} of {len(broken)} files"
            whole = partial(self._add, broken, **{**said, "whole_frames": True})
            ways.append(WayOut(what, OPEN_WHOLE_TIP, whole))
        if opened.of_planes:
            files, numbers = zip(*opened.of_planes, strict=True)
            of = f"of {files[0].name if len(files) == 1 else counted(len(files), 'file')}"
            every = partial(self._add, files, **{**said, "plane": ALL})
            first = partial(self._add, files, **{**said, "plane": 0})
            planes = f"Add all {max(numbers)} planes {of}"
            ways.append(
                WayOut(planes, "A recording for each; Run takes one plane at a time", every, "z")
            )
            ways.append(
                WayOut(f"Add plane 0 {of}", "Another plane: see 'How they are read'", first, "z")
            )
        self.tab.ways_out.add(*ways)

    def _on_opened(
        self,
        opened: OpenedRecordings,
        more: Sequence[str] = (),
        said: dict[str, Any] | None = None,
    ) -> None:
        problems = (*opened.problems, *more)
        self._offer(opened, said or {})
        if opened.recordings:
            self.tab.list.add(opened.recordings)
        count = len(opened.recordings)
        added = f"Added {counted(count, 'recording')}."
        if opened.back:
            again = self._put_back(opened.back)
            added, count = f"{again} {added}" if count else again, count + len(opened.back)
        if problems:
            self.tab.run_bar.say_error(" ".join([*([added] if count else []), *problems]))
        else:
            self.tab.run_bar.say(added)

    def _put_back(self, back: Sequence[tuple[Stack, Recording]]) -> str:
        """Give recordings whose frames were missing these frames; a sentence that says so."""
        home = self.workspace.left.home
        for missing, found in back:
            recording = next((each for each in self.recordings if each.stack is missing), None)
            if recording is None:
                continue  # removed meanwhile
            home.set_key(found.stack, home.key_of(missing))
            recording.stack, recording.contrast = found.stack, found.contrast
            recording.started = found.started
            self.layers.runs.map_results(partial(_over, found.stack), of=recording)
        self.layers.show_frames_again()
        self.runs.take_up()
        names = ", ".join(recording.name for _, recording in back)
        place = "is in its place" if len(back) == 1 else "are in their places"
        sentence = f"{names} {place} in the project again, with all runs."
        self.workspace.put_back.emit(sentence)
        return sentence

    # -- alignments come and change ------------------------------------------------------------

    def set_alignment(self, run: Run | None, recording: Recording, alignment: Alignment) -> None:
        """Replace one alignment of a run, and show it where that run is shown."""
        newest = None if run is None else self.layers.runs.get(run.number)
        if newest is not None:
            self.runs.update(newest.number, {**newest.results, recording: alignment})

    def refresh(self) -> None:
        """Show the alignments that the recordings have now, and tell the others."""
        self._show_alignments()
        self.workspace.alignments_changed.emit()

    def _show_alignments(self) -> None:
        self.layers.refresh_aligned()
        self.tab.list.refresh()
        self.reference_mark.show()
        self._plotted = None
        self.trial.show_map()
        self.tab.join_box.setVisible(0 < len(self.aligned) < len(self.recordings))
        self.tab.anew_box.setVisible(any(each.complete for each in self.alignments))
        self.results_tab.show_session(self.recordings)
        remarks = remarks_of(self.recordings)
        self.results_tab.remarks.setText(remarks)
        self.results_tab.remarks.setVisible(bool(remarks))
        self.results_tab.set_busy(self.busy)
        self.results.outdated()
        self.runs.refresh()
        self.results.repair.show_edits()

    # -- following -----------------------------------------------------------------------------

    def follow(self, view: FrameInView | None) -> None:
        """Words over the image, list, map and plot go with the slider."""
        other = view is None or view.dataset is not self.layers
        if other:
            view = self.layers.view_of(self.layers.with_sliders)  # below others, or hidden
        if view is None or view.frame is None:
            self.workspace.say("")
            return
        compared = other and self.layers.mode in (OVERLAY, MATCH, POINTS)
        self.workspace.say(self.layers.caption if compared else self.layers.words(view))
        self.tab.list.blockSignals(True)
        self.tab.list.go_to(view.recording)
        self.tab.list.blockSignals(False)
        self._show_quality(view.recording, view.alignment, view.frame)

    def _show_quality(self, index: int, alignment: Alignment | None, frame: int) -> None:
        plots = self.plots
        plots.set_quality(alignment is not None)
        if alignment is None:
            self._plotted = None
            return
        if alignment is not self._plotted:
            plots.show_quality(alignment)
            self._plotted = alignment
        plots.quality.go_to(frame)
        if self.trial.previews is None and alignment.chunks is not None:
            chunk = int(alignment.quality["chunk"][frame])
            plots.map.choose(index, chunk)
            self.results.repair.choose(index, chunk)

    def enter(self) -> None:
        """Let the slider read 'frame'."""
        self.layers.name_sliders()

    def set_theme(self, name: str) -> None:
        """Use the colours of a napari theme."""
        self.plots.set_theme(name)
        self.tab.list.mark_unlike()

    def show_tab(self, tab: QWidget) -> None:
        """Show what belongs to a tab of the panel; that of the results shows the whole map."""
        self._tab_in_front = tab
        if tab is self.results_tab and self.alignments and self.trial.previews is not None:
            self.trial.forget()
            self.trial.show_map()
        results = tab is self.results_tab
        self.plots.set_shown(on=results or tab is self.tab, quality=results)

    def show_ended(self) -> None:
        """A run has come to its end: show its results to whoever has waited for them."""
        if self._tab_in_front is self.tab:
            self.tab_wanted.emit(self.results_tab)

    def open_saved(self, folder: Path) -> None:
        """Open a saved session."""
        self.results.open(folder)

    def collect(self, project: Project) -> Project:
        """Add the recordings, their runs, and the parameters."""
        project = project.replace(recordings=self.layers.stacks)
        project = with_runs(project, self.layers.runs, self.recordings, "the session")
        project = with_params(project, "Recordings", self.tab.form.values)
        return with_view(project, session_mode=self.layers.mode)

    def restore(self, opened: Opened) -> Iterator[None]:
        """Show the recordings of a project with their runs."""
        self.trial.forget()
        self.layers.runs.clear()
        self.tab.list.set_recordings(opened.recordings)
        yield
        number = put_runs(self.layers.runs, opened.session_runs, opened.recordings)
        if number is not None:
            self.layers.runs.show(number)
        self.runs.take_up()
        if self.alignments:
            self.layers.add_aligned()
            yield
        if mode := opened.project.view.get("session_mode"):
            self.look_at(mode)
        elif "session_mode" in opened.project.view:
            self.layers.hide()
        self.refresh()
        self.tab.form.take(opened.project.params.get("Recordings"))

    def setup(self) -> Project:
        """Return what sets a run of the recordings up again.

        Of the runs the shown one alone is needed, whose reference others may join.
        """
        tab, project = self.tab, self.collect(Project())
        shown = [run for run in project.runs if run.name in project.in_view]
        if self.has_planes:  # the other planes have runs of their own
            stacks = [recording.stack for recording in self.together]
            ours = {id(stack.source) for stack in stacks}
            shown = [run for run in shown if {id(a.stack.source) for a in run.results} <= ours]
            project = project.replace(recordings=tuple(stacks))
        project = project.replace(runs=tuple(shown), view=view_of(project, shown, ()))
        layer = tab.mask_combo.layer
        masks = [] if layer is None else [layer]
        combos = {"Recordings": [tab.mask_combo]}
        project = with_mask_layers(project, self.viewer, combos, masks)
        boxes = {name: box.isChecked() for name, box in tab.boxes.items()}
        return with_reference(with_view(project, boxes=boxes), self.trial.chosen_reference)

    def go_on(self, setup: Setup) -> None:
        """Go on with a run that was interrupted: its recordings take the place of others."""
        opened = setup.opened
        for _ in self.restore(opened):
            pass
        self.tab.mask_combo.choose(None)
        combos = {"Recordings": [self.tab.mask_combo]}
        for _ in add_masks(opened.project, self.viewer, [], self.recordings, combos):
            pass
        self.tab.reference_combo.choose(None)
        if setup.reference is not None:
            self.trial.show_reference(setup.reference)
        for name, is_checked in opened.project.view.get("boxes", {}).items():
            if name in self.tab.boxes:
                self.tab.boxes[name].setChecked(is_checked)
        self.tab_wanted.emit(self.tab)
        self.run.start()

    def makes_way(self, setup: Setup) -> bool:
        """Whether other recordings, or runs, are in the list than those a run would go on with."""
        ours = [identity_of(recording.stack) for recording in self.recordings]
        theirs = [identity_of(recording.stack) for recording in setup.opened.recordings]
        return bool(ours) and (ours != theirs or len(self.layers.runs) > 0)

    def on_removed(self, layer: Any) -> None:
        """A layer was removed from the viewer; the recordings stay in the list."""
        self.layers.forget(layer)

    def toggle(self) -> None:
        """Switch between raw and aligned frames."""
        self.layers.toggle()
        self.workspace.look()

    def look_at(self, what: str) -> None:
        """Show one group of layers, and say what is in view."""
        self.layers.look_at(what)
        self.workspace.look()

    # -- inside --------------------------------------------------------------------------------

    def _connect(self) -> None:
        actions = {
            "files": self._ask_files,
            "folder": self._ask_folder,
            "layers": self.add_layers,
            "remove": self.tab.list.remove_selected,
            "mask": self.trial.new_mask,
            "saved": self.trial.ask_reference,
            "check": self.trial.check,
            "compare": self.trial.compare,
        }
        self.tab.button_clicked.connect(lambda name: actions[name]())
        self.tab.run_bar.run_clicked.connect(self.run.start)
        self.tab.list.may_remove = self._may_remove
        self.tab.list.paths_dropped.connect(self.add_paths)
        self.tab.reading.wanted.connect(self.open_again)
        self.tab.list.changed.connect(self._on_list)
        self.tab.list.currentItemChanged.connect(lambda *_: self._on_row())
        self.plots.cell_clicked.connect(self.go_to_chunk)
        self.plots.frame_clicked.connect(self._on_frame)
        for bar in self.run_bars:
            bar.busy_changed.connect(self._on_busy)

    def _may_remove(self, chosen: Sequence[Recording]) -> bool:
        """Ask before alignments that are in no file go with their recordings."""
        what = "recording" if len(chosen) == 1 else "recordings"
        return self.runs.may_lose(
            chosen, f"Remove the {what}?", yes="Remove", no=f"Keep the {what}"
        )

    def _on_list(self) -> None:
        row = self.tab.list.current
        if self.layers.recordings and not set(self.layers.recordings) & set(self.recordings):
            self.trial.forget_choices()
        self.trial.forget()
        self.layers.set_recordings(self.recordings)
        self.reference_mark.follow_list()
        self.runs.keep_of(self.recordings)
        self.tab.list.go_to(row)  # the slider follows the recording to its new place
        self._on_row()
        self.refresh()

    def _on_row(self) -> None:
        """A row was chosen: go to its recording, unless the slider stands in it already."""
        self.trial.limit_chunks()
        self._tell_plane()
        position = self.layers.position()
        row = self.tab.list.current
        if position is not None and self.layers.sequence.locate(position)[0] != row:
            self.layers.go_to(self.layers.sequence.position_of(row, 0))

    def _tell_plane(self) -> None:
        """Say which plane Run registers, where there are several."""
        together, words = self.together, ""
        if self.has_planes:
            plane = together[0].stack.said.plane
            number = f"{len(together)} of {counted(len(self.recordings), 'recording')}"
            what = f"plane {plane}, that of" if plane is not None else WITHOUT_PLANES
            words = f"Run registers {what} the chosen row: {number}."
        self.tab.plane_words.setText(words)

    def go_to_chunk(self, recording: int, chunk: int) -> None:
        """Go to the middle of a chunk, or show how it was matched in a comparison."""
        if self.trial.previews is not None:
            self.trial.show_preview(recording)
            return
        alignment = self.recordings[recording].alignment
        chunks = None if alignment is None else alignment.chunks
        if chunks is not None and chunk < len(chunks):
            self.layers.go_to_frame(recording, int(chunks["midpoint"][chunk]))

    def _on_frame(self, frame: int) -> None:
        self.layers.go_to_frame(self.tab.list.current, frame)

    def _on_busy(self, _: bool) -> None:
        self.tab.set_busy(self.busy)
        self.tab.run_bar.run_button.setEnabled(not self.busy)
        self.results_tab.set_busy(self.busy)

    def _ask_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self.tab, "Add recordings", "", open_filter())
        if names:
            self.add_paths([Path(name) for name in names])

    def _ask_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self.tab, "Add the recordings of a folder")
        if name:
            self.add_paths([Path(name)])


def _over(stack: Stack, alignment: Alignment) -> Alignment:
    """Return an alignment over the same frames in another place."""
    return replace(alignment, stack=stack)
