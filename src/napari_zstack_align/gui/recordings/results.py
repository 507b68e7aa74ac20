"""Overlay and common field, saving, opening and exporting a session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFileDialog

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.session import folders_of
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui import copies, films
from napari_zstack_align.gui.copies import Copy
from napari_zstack_align.gui.file_dialogs import (
    ask_where_to_save,
    ask_where_to_write,
    one_filter,
    saved_words,
)
from napari_zstack_align.gui.grid import FrameGrid
from napari_zstack_align.gui.layer_group import ALIGNED, KEY, flatten
from napari_zstack_align.gui.layer_look import FRAME_AXES, channel_image, name_of
from napari_zstack_align.gui.lazy import AlignedFrames
from napari_zstack_align.gui.recordings import session_files as files
from napari_zstack_align.gui.recordings.layers import OVERLAY
from napari_zstack_align.gui.recordings.means import overlay_means
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.gui.recordings.repair import Repair
from napari_zstack_align.gui.runs import Run, started_of
from napari_zstack_align.gui.saved_runs import origin_of
from napari_zstack_align.gui.taking import guess_axes, stack_of_layer
from napari_zstack_align.saved import Kind, kind_of
from napari_zstack_align.write.report import report
from napari_zstack_align.write.several import destinations
from napari_zstack_align.write.writers import Takes, Writer, writers_of

if TYPE_CHECKING:
    from napari_zstack_align.gui.recordings.part import RecordingsPart


class Results:
    """What the buttons of the Session tab do.

    Parameters
    ----------
    part : RecordingsPart
        Whose recordings, tab and layers are used.
    """

    def __init__(self, part: RecordingsPart) -> None:
        self._part = part
        self._tab = part.results_tab
        self._bar = part.results_tab.run_bar
        self.repair = Repair(part)
        self._tab.button_clicked.connect(self.do)
        self._tab.open_chosen.connect(self.open)
        self._tab.before_box.toggled.connect(lambda _: self._again())
        for combo in self._tab.pair:
            combo.currentIndexChanged.connect(lambda _: self._again())

    def do(self, name: str) -> None:
        """Do what a button says."""
        actions: dict[str, Callable[[], object]] = {
            "toggle": self._part.toggle,
            "own_layers": self.add_own_layers,
            "overlay": self.toggle_overlay,
            "field": self.toggle_field,
            "reject": self.repair.reject,
            "accept": self.repair.accept,
            "automatic": self.repair.to_automatic,
            "undo": self.repair.undo,
            "points": self.repair.begin_points,
            "apply_points": self.repair.apply_points,
            "drop_points": self.repair.end_points,
            "save": self._ask_save,
            "open": self._ask_open,
            "export": self._ask_export,
            "write_transforms": self._ask_write_transforms,
            "read_transforms": self._ask_read_transforms,
            "apply": self.apply_to_layer,
            "film": self._ask_film,
            "report": self._ask_report,
        }
        actions[name]()

    @property
    def in_view(self) -> Recording | None:
        """Recording that the slider stands in."""
        recordings = self._part.recordings
        return recordings[self._part.tab.list.current] if recordings else None

    # -- looking -------------------------------------------------------------------------------

    def toggle_overlay(self) -> None:
        """Show the overlay of two recordings, or go back to the frames."""
        if self._tab.buttons["overlay"].isChecked():
            self.show_overlay()
        else:
            self._part.look_at(ALIGNED)

    def show_overlay(self) -> None:
        """Average the two chosen recordings in the worker, and show them over each other."""
        pair = [self._part.aligned[combo.currentIndex()] for combo in self._tab.pair]
        first, second = made_of = [recording.alignment for recording in pair]
        channel = getattr(first.params, "channel", 0)
        self._part.start(
            self._bar,
            partial(overlay_means, (first, second), not self._tab.before_box.isChecked(), channel),
            returned=partial(self._on_means, pair, made_of),
            cancelled=lambda _: self._tab.buttons["overlay"].setChecked(False),
            failed=lambda _: self._tab.buttons["overlay"].setChecked(False),
        )

    def toggle_field(self) -> None:
        """Outline the common field of view, or hide the outline."""
        on = self._tab.buttons["field"].isChecked()
        if not on:
            self._part.layers.hide_field()
            return
        self._part.start(
            self._bar,
            partial(files.common_field, self._part.alignments),
            returned=partial(self._on_field, self._part.alignments),
            failed=lambda _: self._tab.buttons["field"].setChecked(False),
            cancelled=lambda _: self._tab.buttons["field"].setChecked(False),
        )

    def add_own_layers(self) -> None:
        """Add a lazy layer of the aligned frames of every recording, one after the other."""
        waiting = [r for r in self._part.aligned if not self._own_layers(r)]
        self._add_next(waiting)

    def outdated(self) -> None:
        """The alignments have changed: what was made of them is made anew or taken away."""
        for recording in self._part.recordings:
            for layer in self._own_layers(recording):
                if layer.data.show(recording.alignment):
                    layer.data = layer.data  # napari takes the new extent
                elif layer.visible:
                    layer.refresh(extent=False)
        if self._tab.buttons["field"].isChecked():
            self._part.layers.hide_field()
            self._tab.buttons["field"].setChecked(False)
        self._tab.buttons["overlay"].setChecked(self._part.layers.mode == OVERLAY)

    def overlay_again(self) -> None:
        """The alignments of an overlay in view have changed: show that of the new ones."""
        if self._part.busy or len(self._part.aligned) < 2:
            self._part.look_at(ALIGNED)
            self._tab.buttons["overlay"].setChecked(False)
        else:
            self.show_overlay()

    def _again(self) -> None:
        """Another pair, or before instead of after: only where an overlay is in view."""
        if self._tab.buttons["overlay"].isChecked() and not self._part.busy:
            self.show_overlay()

    def _on_means(
        self, pair: list[Recording], made_of: list[Alignment | None], images: Sequence[Any]
    ) -> None:
        if [recording.alignment for recording in pair] != made_of:
            self.overlay_again()  # another run was chosen meanwhile
            return
        names = [recording.name for recording in pair]
        flatten(self._part.viewer)
        self._part.layers.show_overlay(names, images)
        self._part.workspace.look()
        when = "before" if self._tab.before_box.isChecked() else "after"
        self._bar.say(
            f"Means {when} alignment: {names[0]} magenta, {names[1]} green, white where they agree."
        )

    def _on_field(self, made_of: list[Alignment], field: Any) -> None:
        if self._part.alignments != made_of:  # another run was chosen meanwhile
            self._tab.buttons["field"].setChecked(False)
            return
        self._part.layers.show_field(field)
        self._bar.say(f"The common field covers {100 * float(np.mean(field)):.0f} % of the image.")

    def _own_layers(self, recording: Recording) -> list[Any]:
        return [
            layer
            for layer in self._part.viewer.layers
            if layer.metadata.get(KEY) is recording and isinstance(layer.data, AlignedFrames)
        ]

    def _add_next(self, waiting: list[Recording]) -> None:
        """Add one layer a turn of the event loop: each one takes napari a moment."""
        if not waiting:
            return
        recording, *rest = waiting
        if recording.alignment is not None:
            self.add_layer(recording.alignment, recording.contrast, recording)
        QTimer.singleShot(0, partial(self._add_next, rest))

    def add_layer(self, alignment: Alignment, contrast: Any, owner: Any) -> None:
        """Add the aligned frames of one stack, a layer a channel."""
        stack = alignment.stack
        for channel, name in enumerate(stack.channel_names):
            data = AlignedFrames(stack, FrameGrid(stack), channel, alignment)
            layer = channel_image(
                data,
                stack,
                channel,
                FRAME_AXES,
                name=name_of(stack, "aligned", name),
                contrast_limits=contrast[channel],
                visible=False,
                metadata={KEY: owner},
            )
            self._part.viewer.add_layer(layer)

    # -- files ---------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Save the session in the worker."""
        self._part.start(
            self._bar,
            partial(copies.saving, partial(files.saving, self._part.alignments, folder)),
            returned=partial(self._on_saved, self._part.runs.shown, folder),
        )

    def open(self, folder: Path) -> None:
        """Open a saved session, or one alignment."""
        if kind_of(folder) is Kind.PROJECT:
            self._part.workspace.result_found.emit(folder)
            return
        self._part.tab_wanted.emit(self._tab)
        stacks = [recording.stack for recording in self._part.recordings]
        self._part.start(
            self._bar,
            partial(copies.opening, folder, partial(files.opening_saved, folder, stacks)),
            returned=partial(self._on_opened, folder=folder),
        )

    def show(self, alignments: Sequence[Alignment], folder: Path | None = None) -> None:
        """Show alignments that are in memory, and perhaps in a folder, too."""
        self._part.tab_wanted.emit(self._tab)
        self._part.start(
            self._bar,
            partial(copies.opening, folder, partial(files.with_contrast, list(alignments))),
            returned=partial(self._on_opened, folder=folder),
        )

    def export(self, path: Path) -> None:
        """Write aligned frames to a file; of all recordings, their names are added to it."""
        alignments = self._exported()
        if not alignments:
            self._bar.say_error("There is no alignment yet: press Run on the Recordings tab first.")
            return
        path = self._tab.writer.named(path)
        self._part.start(
            self._bar,
            partial(
                files.exporting,
                alignments,
                path,
                crop=self._tab.crop_box.isChecked(),
                raw=self._raw_files(),
            ),
            returned=lambda written: self._bar.say(f"Wrote {', '.join(map(str, written))}"),
            cancelled=lambda _: self._bar.say("Cancelled; files that were finished are kept."),
        )

    def report(self, path: Path) -> None:
        """Write one report of the alignments that are chosen for export."""
        alignments = self._exported()
        if not alignments:
            self._bar.say_error("There is no alignment yet: press Run on the Recordings tab first.")
            return
        self._part.start(
            self._bar,
            partial(report.write_report, path, alignments, overwrite=True),
            returned=lambda written: self._bar.say(f"Wrote {written}"),
            cancelled=lambda _: self._bar.say("Cancelled; no file was written."),
        )

    def film(self, path: Path) -> None:
        """Write a film of the recording in view."""
        alignment = self._aligned_in_view()
        if alignment is not None:
            self._part.start(
                self._bar,
                films.film_to(path, alignment),
                returned=lambda written: self._bar.say(f"Wrote {written}"),
                cancelled=lambda _: self._bar.say("Cancelled; no file was written."),
            )

    def write_transforms(self, path: Path) -> None:
        """Write the matrices of the recording in view."""
        alignment = self._aligned_in_view()
        if alignment is not None:
            self._part.start(
                self._bar,
                partial(files.writing_transforms, alignment, path, self._raw_files()),
                returned=lambda written: self._bar.say(f"Wrote {written}"),
            )

    def read_transforms(self, path: Path) -> None:
        """Align the recording in view by matrices from a file."""
        recording = self.in_view
        if recording is None:
            self._bar.say_error("There are no recordings yet: add files on the Recordings tab.")
            return
        self._part.start(
            self._bar,
            partial(files.reading_transforms, recording.stack, recording.alignment, path),
            returned=partial(self._on_transforms, self._part.runs.shown, recording, path),
        )

    def apply_to_layer(self) -> None:
        """Align the chosen layer by the transforms of the recording in view."""
        alignment, layer = self._aligned_in_view(), self._tab.layer_combo.layer
        if alignment is None:
            return
        if layer is None:
            self._bar.say_error("There is no other image layer with frames: open one in napari.")
            return
        try:
            stack = stack_of_layer(layer, guess_axes(layer)).replace(frames_per_slice=None)
        except InputError as error:
            self._bar.say_error(str(error))
            return
        self._part.start(
            self._bar,
            partial(files.applying, stack, alignment),
            returned=self._on_applied,
        )

    # -- inside --------------------------------------------------------------------------------

    def _on_saved(self, run: Run | None, folder: Path, written: tuple[Path, Copy | None]) -> None:
        path, copy = written
        if run is not None:
            self._part.workspace.saved_runs.note_saved(self._part.layers.runs, run, copy)
            self._part.workspace.kept_runs.note_saved(run.results.values())
        self._bar.say(saved_words(path, folder))

    def _on_opened(
        self, opened: tuple[files.Saved, Copy | None], *, folder: Path | None = None
    ) -> None:
        """Show what was opened: beside the other runs, where it is of the same recordings."""
        found, copy = opened
        loaded = [each.alignment for each in found.recordings if each.alignment is not None]
        described = {"started": started_of(loaded[0]), **origin_of(folder, copy)}
        same = self._part.runs.open_ones(loaded)
        words = f"Opened {counted(len(found.recordings), 'recording')}."
        if same is not None:
            run = self._part.runs.add(dict(zip(same, loaded, strict=True)), **described)
            self._part.layers.add_aligned()
            self._part.look_at(ALIGNED)
            if len(self._part.layers.runs) > 1:
                words = f"{words} It is '{run.name}' under Runs."
        elif self._part.runs.may_lose(
            self._part.recordings, "Open other recordings?", yes="Open them", no="Keep these"
        ):
            self._part.show(found.recordings, **described)
        else:
            self._bar.say("Nothing was opened: the recordings are as they were.")
            return
        if found.problems:
            self._bar.say_error(" ".join([words, *found.problems]))
        else:
            self._bar.say(words)

    def _on_transforms(
        self, run: Run | None, recording: Recording, path: Path, alignment: Alignment
    ) -> None:
        """Show the alignment as a run of its own; the other recordings keep theirs in it."""
        self._part.layers.add_aligned()
        others = {} if run is None else run.results
        self._part.runs.add({**others, recording: alignment}, note=f"{path.name} imported")
        self._part.look_at(ALIGNED)
        self._bar.say(f"{recording.name} is aligned by {path.name}.")

    def _on_applied(self, result: tuple[Alignment, Any]) -> None:
        alignment, contrast = result
        self.add_layer(alignment, contrast, self)
        self._part.viewer.layers[-1].visible = True
        self._bar.say(f"Added '{alignment.stack.name} aligned'.")

    def _aligned_in_view(self) -> Alignment | None:
        recording = self.in_view
        if recording is None or recording.alignment is None:
            self._bar.say_error(
                "The recording in view is not aligned yet: press Run on the Recordings tab first."
            )
            return None
        return recording.alignment

    def _raw_files(self) -> list[Path]:
        return [path for each in self._part.recordings for path in each.stack.paths]

    def _exported(self) -> list[Alignment]:
        if self._tab.which.currentIndex() == 0:
            return self._part.alignments
        recording = self.in_view
        return [recording.alignment] if recording and recording.alignment else []

    def _ask_save(self) -> None:
        title = "Save the session as a folder"
        members = folders_of([each.stack for each in self._part.alignments])
        complete = all(alignment.complete for alignment in self._part.alignments)
        folder = ask_where_to_save(
            self._tab,
            title,
            "session",
            Kind.SESSION,
            members,
            complete=complete,
            what_goes=partial(self._part.workspace.saved_runs.words, but=self._part.runs.shown),
        )
        if folder is not None:
            self.save(folder)

    def _ask_open(self) -> None:
        name = QFileDialog.getExistingDirectory(self._tab, "Open a saved session")
        if name:
            self.open(Path(name))

    def _ask_export(self) -> None:
        recording, writer = self.in_view, self._tab.writer
        all_of_them = self._tab.which.currentIndex() == 0
        start = "session" if all_of_them or recording is None else f"{recording.name} aligned"
        title = "Export; each recording's name is added" if all_of_them else "Export"
        proposed = f"{start}{writer.suffix}"
        path = ask_where_to_write(self._tab, title, proposed, [writer], self._targets)
        if path is not None:
            self.export(path)

    def _ask_report(self) -> None:
        recording, of_all = self.in_view, self._tab.which.currentIndex() == 0
        start = "session" if of_all or recording is None else recording.name
        proposed = f"{start}{report.ENDING}"
        path = ask_where_to_write(self._tab, "Write a report", proposed, [report.WRITER])
        if path is not None:
            self.report(path)

    def _ask_film(self) -> None:
        alignment = self._aligned_in_view()
        if alignment is not None:
            path = films.ask_film(self._tab, alignment.stack.name)
            if path is not None:
                self.film(path)

    def _targets(self, writer: Writer, path: Path) -> list[Path]:
        """Return what is written: of several recordings one each."""
        names = [alignment.stack.name for alignment in self._exported()]
        return [each.target for each in destinations(writer, path, names)]

    def _ask_write_transforms(self) -> None:
        alignment = self._aligned_in_view()
        if alignment is not None:
            writers = writers_of(Takes.TRANSFORMS)
            proposed = f"{alignment.stack.name}{writers[0].suffix}"
            path = ask_where_to_write(self._tab, "Export transforms", proposed, writers)
            if path is not None:
                self.write_transforms(path)

    def _ask_read_transforms(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self._tab,
            "Import transforms",
            "",
            one_filter("Transforms", writers_of(Takes.TRANSFORMS)),
        )
        if name:
            self.read_transforms(Path(name))
