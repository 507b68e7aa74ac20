"""Saving, opening and exporting of a z-shift, in the worker."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog

from napari_zstack_align.errors import InputError
from napari_zstack_align.gui import copies
from napari_zstack_align.gui.copies import Copy
from napari_zstack_align.gui.file_dialogs import ask_where_to_save, ask_where_to_write, saved_words
from napari_zstack_align.gui.outdated import may_be_written, name_of
from napari_zstack_align.gui.question import confirmed
from napari_zstack_align.gui.zshift import jobs
from napari_zstack_align.gui.zshift.run import ended
from napari_zstack_align.gui.zshift.sources import RECORDING_AXES
from napari_zstack_align.gui.zshift.view import ZShiftView
from napari_zstack_align.remark import as_warnings
from napari_zstack_align.saved import Kind, target_of
from napari_zstack_align.write.writers import Takes, writers_of
from napari_zstack_align.zshift import ZShift
from napari_zstack_align.zshift.export import Movie, export_movie

if TYPE_CHECKING:
    from napari_zstack_align.gui.zshift.part import ZShiftPart

REPLACED = "The z-shift of {} is in no file of its own, and would be replaced by the other one."
NOTHING_YET = "There is no z-shift yet: press 'Find z of every frame', or open a saved one."


class ZShiftFiles:
    """What the buttons under 'Save and export' do.

    Parameters
    ----------
    part : ZShiftPart
        Whose z-shift is written.
    """

    def __init__(self, part: ZShiftPart) -> None:
        self._part = part
        self._tab = part.tab
        self._bar = part.tab.run_bar

    def save(self, folder: Path) -> None:
        """Save the z-shift as a folder."""
        view, target = self._view(), target_of(folder, Kind.ZSHIFT)
        if view is not None:
            zshift = marked_outdated(view.zshift, self._part.outdated)
            self._bar.start(
                partial(copies.saving, partial(jobs.saving, zshift, target)),
                returned=partial(self._on_saved, view.zshift, target),
            )

    def open(self, folder: Path) -> None:
        """Open a z-shift; where its recording is gone, with the chosen one's frames."""
        if not self._may_replace():
            return
        source, stack = self._tab.recording.source, None
        if source is not None:
            with suppress(InputError):  # a layer that is no recording
                stack = source.stack(RECORDING_AXES)
        self._bar.start(
            partial(copies.opening, folder, partial(jobs.loading, folder, stack)),
            returned=self._on_loaded,
        )

    def take(self, zshift: ZShift) -> None:
        """Show a z-shift that was made elsewhere."""
        if self._may_replace():
            self._bar.start(partial(jobs.with_contrast, zshift), returned=self._on_opened)

    def export(self, path: Path, what: Movie) -> None:
        """Write a movie; what is there already is replaced."""
        view = self._view()
        if view is None:
            return
        channel = view.zshift.params.channel
        self._bar.start(
            partial(export_movie, path, view.zshift, what, channel=channel, overwrite=True),
            returned=lambda written: self._bar.say(f"Wrote {written}"),
            cancelled=lambda _: self._bar.say("Cancelled; no file was written."),
        )

    def _view(self) -> ZShiftView | None:
        if self._part.view is None:
            self._bar.say_error(NOTHING_YET)
        return self._part.view

    def _may_replace(self) -> bool:
        """Ask before another one takes the place of a z-shift that was not saved by itself."""
        view = self._part.view
        return (
            view is None
            or self._part.workspace.saved_runs.are_in_files([view.zshift], self._tab)
            or confirmed(
                self._tab,
                "Open another z-shift?",
                REPLACED.format(view.zshift.stack.name),
                yes="Open it",
                no="Keep this one",
            )
        )

    def _on_saved(self, zshift: ZShift, target: Path, written: tuple[Path, Copy | None]) -> None:
        path, copy = written
        self._part.workspace.in_files.update([zshift], copy)
        self._bar.say(saved_words(path, target))

    def _on_loaded(self, opened: tuple[ZShiftView, Copy | None]) -> None:
        view, copy = opened
        self._part.workspace.in_files.update([view.zshift], copy)
        self._on_opened(view)

    def _on_opened(self, view: ZShiftView) -> None:
        self._part.show(view)
        self._bar.say(f"Opened {view.zshift.stack.name}: {ended(view)}")

    # -- dialogs -------------------------------------------------------------------------------

    def ask_save(self) -> None:
        """Ask for a folder to save to."""
        view = self._view()
        if view is None or not self._may_write():
            return
        title, name = "Save the z-shift", self._name("zshift.zalign")
        complete = view.zshift.complete
        folder = ask_where_to_save(self._tab, title, name, Kind.ZSHIFT, complete=complete)
        if folder is not None:
            self.save(folder)

    def ask_open(self) -> None:
        """Ask for a folder to open."""
        name = QFileDialog.getExistingDirectory(self._tab, "Open a z-shift (a .zalign folder)")
        if name:
            self.open(Path(name))

    def ask_export(self, what: Movie) -> None:
        """Ask for a file to export a movie to."""
        if not self._may_write():
            return
        writers = writers_of(Takes.MOVIE)
        proposed = self._name(f"{what}{writers[0].suffix}")
        path = ask_where_to_write(self._tab, f"Export the {what} movie", proposed, writers)
        if path is not None:
            self.export(path, what)

    def _may_write(self) -> bool:
        """Whether an outdated z-shift is to be written all the same."""
        return may_be_written(self._tab, "depths", self._part.outdated)

    def _name(self, what: str) -> str:
        view = self._part.view
        of = "recording" if view is None else view.zshift.stack.name
        return name_of(f"{of}_{what}", self._part.outdated)


def marked_outdated(zshift: ZShift, why: str) -> ZShift:
    """The same z-shift with a remark on why it is outdated; '' for not."""
    if not why:
        return zshift
    remarks = [*zshift.remarks, *as_warnings(why)]
    return replace(zshift, provenance={**zshift.provenance, "remarks": remarks})
