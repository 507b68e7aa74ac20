"""`ProjectKeeper`: the project of a viewer, saved after each result, and opened whole."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error, show_warning
from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_zstack_align.gui.file_dialogs import ask_where_to_save
from napari_zstack_align.gui.layer_combo import LayerCombo
from napari_zstack_align.gui.project.mask_layers import Combos, add_masks, masks_in, with_masks
from napari_zstack_align.gui.project.masks_in_files import MasksInFiles
from napari_zstack_align.gui.project.opening import Opened, opening
from napari_zstack_align.gui.project.project_bar import ProjectBar
from napari_zstack_align.gui.project.snapshot import (
    emptied,
    left_behind,
    merged,
    same,
    same_but_running,
    same_results,
    with_view,
)
from napari_zstack_align.gui.project.unsaved import results_in, results_of, unsaved_words
from napari_zstack_align.gui.question import DESTRUCTIVE, SAVE, STAY, choice, confirmed
from napari_zstack_align.gui.remarks import marked
from napari_zstack_align.gui.runs import Run
from napari_zstack_align.gui.worker import JobWorker, ends_in_a_moment
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.project import Project, ProjectFolder
from napari_zstack_align.saved import Kind

if TYPE_CHECKING:
    from napari_zstack_align.gui.panel import Panel

logger = logging.getLogger(__name__)

LOOK_EVERY_MS = 1000
"""Results are compared with the saved ones so often."""
LOOKS_PER_CHECK = 10
"""So many looks after the last one, what is saved is looked for on the disk."""
SAVE_AFTER_S = 60.0
"""Parameters, sliders and runs that go on are saved at least so often, where they have changed."""
RETRY_AFTER_S = 10.0
"""A save that failed is tried again so much later."""
UNSAVED = "{} in no file yet."
FAILED = "The project isn't saved. {} It is tried again every {:g} s."
STAYS = "{} {} stays open, and is saved by itself as before."
SAVING = "saving …"
WAIT = "Wait for what is running, or cancel it first."
NOT_SHOWN = (
    "{} can't be shown whole (unexpected {}: {}; the log has the details): its folder is as it "
    "was; open it again in a new napari."
)
READ_AGAIN = (
    "{} is open, and has changed since it was saved from here. If it is opened again as it is on "
    "the disk, these changes are lost."
)
CHANGED_ON_DISK = (
    "Files of {} were changed or removed since it was saved from here or opened. If it is opened "
    "again as it is on the disk, what they held is lost."
)
MAKE_ROOM = "{} is open here. It is saved and closed, and {} is shown instead."

Then = Callable[[], object]


class ProjectKeeper(QObject):
    """Holds the folder of the project that is open, and saves into it; main thread only.

    Once a second it takes a snapshot of what the parts of the panel hold. Results that are others
    than the saved ones, and stay so for a second, are saved in a worker.

    Parameters
    ----------
    panel : Panel
        Whose parts are asked.
    """

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self._panel = panel
        self.bar = ProjectBar()
        self.folder: ProjectFolder | None = None
        self._base = Project()
        self._saved: Project | None = None
        self._seen: Project | None = None
        self._gone: Project | None = None
        """The saved project, where not all of it is on the disk any more."""
        self._worker: JobWorker | None = None
        self._checker: JobWorker | None = None
        self._unchecked_looks = 0
        self._then: Then | None = None
        self._discards = False
        """Whether to go on with what was asked for, though what has changed can't be saved."""
        self._tried_at = 0.0
        self._failed = ""
        self._opened: Opened | None = None
        self._showing: Iterator[None] | None = None
        self._masks = MasksInFiles(panel.viewer.layers, panel.workspace.in_files)
        panel.workspace.saved_runs.project_with = self._project_with
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_EVERY_MS)
        self._timer.timeout.connect(self.look)
        self.bar.save_button.clicked.connect(lambda _: self.ask_save())
        self.bar.open_button.clicked.connect(lambda _: self._ask_open())

    @property
    def path(self) -> Path | None:
        """Folder of the project that is open and saved by itself."""
        return None if self.folder is None else self.folder.path

    @property
    def waits(self) -> bool:
        """Whether something goes on by itself once the project is saved."""
        return self._worker is not None and self._then is not None

    @property
    def busy(self) -> bool:
        """Whether a project is being saved, opened or shown."""
        opening = self.bar.run_bar.busy or self._showing is not None
        return opening or self._worker is not None

    def snapshot(self) -> Project:
        """Return what the panel holds now, with what of the project isn't shown."""
        project = emptied(self._base)
        for part in self._panel.parts.made:
            project = part.collect(project)
        viewer = self._panel.viewer
        kept = self._panel.workspace.kept_masks.masks
        project = with_masks(project, viewer, self._combos(), kept)
        tabs = self._panel.tabs
        project = with_view(
            project,
            tab=tabs.tabText(tabs.currentIndex()),
            sliders=[int(step) for step in viewer.dims.current_step],
        )
        workspace = self._panel.workspace
        left = workspace.left.replace(home=self._base.home)
        workspace.left = merged(left, left_behind(self._base, project))
        self._base = project
        return merged(project, workspace.left)

    # -- saving --------------------------------------------------------------------------------

    def save(self, path: Path, then: Then | None = None) -> None:
        """Save all of it as a project, which is saved by itself from now on."""
        if self.busy:
            self.bar.run_bar.say(WAIT)
            return
        self._then = then
        now = self.snapshot()
        if self.folder is not None and path == self.folder.path and path.exists():
            self._save(now)
        else:
            if path == self.path:  # it was deleted: it is to be made anew
                self._close_folder()
                self._saved = None
            created = partial(self._on_created, now)
            self._start(partial(_creating, path, now), created, self._on_not_created)
            if self.folder is None:
                self.bar.show_state(path, SAVING)

    def ask_save(self, then: Then | None = None) -> None:
        """Ask for a folder to save to."""
        path = ask_where_to_save(
            self.bar, "Save the project", self._proposed(), Kind.PROJECT, own=self.path
        )
        if path is not None:
            self.save(path, then)

    def look(self) -> None:
        """Save what has changed, or isn't on the disk any more."""
        if self.folder is None or self.busy:
            return
        waited = time.monotonic() - self._tried_at
        if self._failed and waited < RETRY_AFTER_S:
            return
        now, seen = self.snapshot(), self._seen
        self._seen = now
        if self._saved is None:
            return
        settled = seen is not None and same_results(now, seen)
        if (
            self._saved is self._gone
            or (waited >= SAVE_AFTER_S and not same(now, self._saved))
            or (settled and not same_results(now, self._saved))
        ):
            self._save(now)
        else:
            self._check_now_and_then(self.folder, self._saved)

    def make_safe(self, title: str, stay: str, then: Then) -> bool:
        """Whether nothing that is unsaved would be lost now.

        Where something would, it is saved, after a question where there is no project, and
        ``then`` is called.
        """
        self._discards = False
        if self._showing is not None:
            return True  # what was open is saved, and this comes from its folder
        now = self.snapshot()
        if self.folder is not None:
            is_saved = self._worker is None and self._is_saved(now, same)
            if is_saved and self._is_whole():
                return True
            self._then = then
            if is_saved:
                self._start(partial(_made_sure, self.folder, now), partial(self._on_sure, now))
            elif self._worker is None:
                self._save(now)
            return False
        if self._worker is not None:  # it is being saved for the first time
            self._then = then
            return False
        words = self._unsaved(now)
        if not words:
            return True
        answers = {"Save": SAVE, "Discard": DESTRUCTIVE, stay: STAY}
        answer = choice(self.bar.window(), title, UNSAVED.format(words), answers)
        if answer == "Save":
            self.ask_save(then)
        return answer == "Discard"

    def let_go(self) -> None:
        """Stop saving, and let other programs have the project."""
        self._timer.stop()
        self._masks.stop()
        self._showing = None
        self._drop_opened()
        for worker in (self._worker, self._checker):
            if worker is not None:
                worker.abandon()
        self._worker = self._checker = None
        self.bar.run_bar.abandon()
        self._close_folder()

    def _unsaved(self, now: Project) -> str:
        """What is in no file, in words; '' for nothing."""
        if self._is_saved(now, same_results):
            return ""
        masks = [*masks_in(self._panel.viewer), *self._panel.workspace.kept_masks.masks]
        masks = [each for each in masks if not self._masks.hold(each)]
        return unsaved_words(now, self._panel.workspace.in_files, masks)

    def _proposed(self) -> str:
        stacks = (*self._base.stacks, *self._base.recordings)
        name = stacks[0].name if stacks else "project"
        return f"{name}.zproject" if self.path is None else self.path.name

    def _save(self, now: Project) -> None:
        if self.folder is not None:
            self._start(partial(self.folder.save, now), partial(self._on_saved, now))

    def _start(
        self,
        job: Callable[[], Job[Any]],
        returned: Callable[[Any], object],
        failed: Callable[[str], object] | None = None,
    ) -> None:
        self._tried_at = time.monotonic()
        self._worker = worker = JobWorker(job)
        worker.returned.connect(returned)
        worker.failed.connect(failed or self._on_failed)
        self.bar.save_button.setEnabled(False)
        worker.launch()

    def _on_sure(self, now: Project, saved_again: Project | None) -> None:
        """All of it is on the disk: what was missing was saved again."""
        if saved_again is not None:
            self._on_saved(now, saved_again)
        else:
            self._end()
            self._go_on_once_saved(now)

    def _on_created(self, now: Project, made: tuple[ProjectFolder, Project]) -> None:
        folder, project = made
        self._close_folder()
        self.folder = folder
        self._timer.start()
        self._on_saved(now, project)

    def _on_saved(self, now: Project, project: Project) -> None:
        self._end()
        self._saved = now
        self._panel.workspace.kept_runs.note_saved(r for run in now.runs for r in run.results)
        if self._failed:
            self._failed = ""
            self.bar.run_bar.say("")
        remarks = "\n".join(map(marked, project.remarks))
        self._say_saved(f"saved {datetime.now():%H:%M}", remarks)
        if self._then is not None:
            self._go_on_once_saved(now)

    def _go_on_once_saved(self, saved: Project) -> None:
        """Do what waits for the save, once nothing has changed since; what runs never ends that."""
        now = self.snapshot()
        if not same_but_running(now, saved):
            self._save(now)
            return
        then, self._then = self._then, None
        if then is not None:
            then()

    def _on_not_created(self, sentence: str) -> None:
        """A project can't be saved in another folder: that which is open stays so."""
        if self.folder is None:
            self._on_failed(sentence)
        else:
            self._end()
            self._then = None
            self.bar.run_bar.say_error(STAYS.format(sentence, self.folder.path.name))

    def _on_failed(self, sentence: str) -> None:
        self._end()
        self._tried_at = time.monotonic()
        if self.folder is None:
            self.bar.run_bar.say_error(sentence)
            self.bar.show_none()
            self._failed = sentence
        else:
            words = FAILED.format(sentence, RETRY_AFTER_S)
            self.bar.run_bar.say(words, error=True)
            if sentence != self._failed:
                show_error(words)
            self._failed = sentence
            self._say_saved("not saved: see below")
        then, self._then = self._then, None
        if then is None:
            return
        if confirmed(
            self.bar.window(), "Go on without saving?", sentence, yes="Discard", no="Keep open"
        ):
            self._discards = True
            then()
        else:
            self._drop_opened()

    def _end(self) -> None:
        self._worker = None
        self.bar.save_button.setEnabled(True)

    def _say_saved(self, words: str, remarks: str = "") -> None:
        if self.path is not None:
            self.bar.show_state(self.path, words, remarks)

    def _close_folder(self) -> None:
        if self.folder is not None:
            self.folder.close()
            self.folder = None

    # -- what is on the disk -------------------------------------------------------------------

    def _is_saved(self, now: Project, alike: Callable[[Project, Project], bool]) -> bool:
        """Whether the project was saved as it is now, and wasn't found missing since."""
        saved = self._saved
        return saved is not None and saved is not self._gone and alike(now, saved)

    def _project_with(self, run: Run) -> str:
        """Name of the open project where a run is saved in it as it is, else ''."""
        saved = None if self._saved is self._gone else self._saved
        if self.path is None or saved is None:
            return ""
        held = {id(result) for each in saved.runs for result in each.results}
        is_held = all(id(result) in held for result in run.results.values())
        return self.path.name if is_held else ""

    def _is_whole(self) -> bool | None:
        """Whether what is saved is on the disk; None where the disk doesn't say so in a moment."""
        if self.folder is None:
            return None
        worker = JobWorker(self.folder.is_whole, processors=1)
        if not ends_in_a_moment(worker):
            worker.cancel()
        is_whole: bool | None = worker.found
        return is_whole

    def _check_now_and_then(self, folder: ProjectFolder, saved: Project) -> None:
        self._unchecked_looks += 1
        if self._checker is not None or self._unchecked_looks < LOOKS_PER_CHECK:
            return
        self._checker = worker = JobWorker(folder.is_whole, processors=1)
        worker.returned.connect(partial(self._on_checked, folder, saved))
        worker.failed.connect(partial(self._on_checked, folder, saved))
        worker.launch()

    def _on_checked(self, folder: ProjectFolder, saved: Project, answer: bool | str) -> None:
        self._checker, self._unchecked_looks = None, 0
        if answer is True or self.busy or folder is not self.folder or saved is not self._saved:
            return
        self._gone = saved
        self._save(self.snapshot())

    # -- opening -------------------------------------------------------------------------------

    def open(self, path: Path) -> None:
        """Open a project instead of what is shown; unsaved results are asked about first."""
        bar = self.bar.run_bar
        if self.busy or any(each.busy for each in self._panel.run_bars):
            bar.say(WAIT)
            return
        if self.folder is not None and path.resolve() == self.folder.path.resolve():
            self._read_again(self.folder)
            return
        if self.path is not None and not confirmed(
            self.bar.window(),
            "Open another project?",
            MAKE_ROOM.format(self.path.name, path.name),
            yes="Open it",
            no="Keep this one",
        ):
            return
        start = partial(bar.start, partial(opening, path), returned=self._on_opened)
        if self.make_safe("Open another project?", "Keep this", start):
            start()

    def _read_again(self, folder: ProjectFolder) -> None:
        """Show the project that is open as it is on the disk: others may have saved it."""
        if not self._is_saved(self.snapshot(), same_results):
            self._open_again(folder, False)
        else:
            looked = partial(self._open_again, folder, question=CHANGED_ON_DISK)
            look = partial(folder.is_whole, edited=False)
            self.bar.run_bar.start(look, returned=looked)

    def _open_again(
        self, folder: ProjectFolder, is_all_there: bool, question: str = READ_AGAIN
    ) -> None:
        """Do so, after a question where the disk doesn't have all that is shown."""
        if not is_all_there and not confirmed(
            self.bar.window(),
            "Open it again?",
            question.format(folder.path.name),
            yes="Open it again",
            no="Keep this",
        ):
            return
        job = partial(opening, folder.path, folder)
        self.bar.run_bar.start(job, returned=self._on_read_again)

    def _on_read_again(self, opened: Opened) -> None:
        self._opened, self.folder = opened, None  # the same folder, which is still held
        self._begin()

    def _ask_open(self) -> None:
        name = QFileDialog.getExistingDirectory(self.bar, "Open a project (a .zproject folder)")
        if name:
            self._panel.open_saved(Path(name))

    def _on_opened(self, opened: Opened) -> None:
        """Show a project, once what has changed while it was read is saved in the one before."""
        self._opened = opened
        if self.folder is None or self._saved is None or self._discards:
            self._begin()
        else:
            self._then = self._begin
            self._go_on_once_saved(self._saved)

    def _begin(self) -> None:
        if self._opened is not None:
            self._close_folder()
            self._timer.stop()
            self._showing = self._show(self._opened)
            self._go_on()

    def _go_on(self) -> None:
        """Show one thing a turn of the event loop: each layer takes napari a moment."""
        if self._showing is None:
            return
        try:
            is_shown = next(self._showing, self) is self
        except Exception as error:  # of any part, or napari's: the panel goes on without it
            logger.exception("a project can't be shown")
            self._on_not_shown(error)
            return
        if is_shown:
            self._showing = self._opened = None
        else:
            QTimer.singleShot(0, self._go_on)

    def _on_not_shown(self, error: Exception) -> None:
        """Let go of a project of which only a part is shown, so that no part is saved over it."""
        opened, self._showing = self._opened, None
        self._drop_opened()
        self.folder = self._saved = None
        self._base = Project()
        self._panel.workspace.left = Project()
        self._panel.workspace.kept_masks.forget()
        if opened is not None:
            self._panel.workspace.in_files.update(results_of(opened))
            name = "The project" if (at := opened.project.folder) is None else at.name
            sentence = NOT_SHOWN.format(name, type(error).__name__, error)
            self.bar.words.show_words(f"{name}, not shown whole", sentence)
            self.bar.run_bar.say_error(sentence)

    def _drop_opened(self) -> None:
        """Let go of a project that was read and isn't shown."""
        if self._opened is not None and self._opened.folder is not None:
            self._opened.folder.close()
        self._opened = None

    def _show(self, opened: Opened) -> Iterator[None]:
        panel, project = self._panel, opened.project
        panel.carrier.forget()
        panel.workspace.kept_masks.rest()
        for bar in (bar for part in panel.parts.made for bar in part.run_bars):
            bar.say("")  # what it says is about what was open before
        for layer in masks_in(panel.viewer):
            panel.viewer.layers.remove(layer)
            yield
        for part in panel.parts.each():
            yield  # making it took a moment
            yield from part.restore(opened)
            yield
        workspace = panel.workspace
        recordings = workspace.session.recordings
        yield from add_masks(project, panel.viewer, workspace.stacks, recordings, self._combos())
        panel.workspace.alignments_changed.emit()
        with suppress(ValueError):  # a tab of another version
            panel.open_tab(str(project.view.get("tab")))
        sliders = project.view.get("sliders", ())
        if len(sliders) == panel.viewer.dims.ndim:
            panel.viewer.dims.current_step = tuple(sliders)
        self._take(opened)

    def _take(self, opened: Opened) -> None:
        """From now on, it is the project that is open."""
        self._base, self.folder = opened.project, opened.folder
        self._panel.workspace.left = opened.left
        self._panel.workspace.kept_masks.forget()  # those of the project before
        self._saved = self._seen = self.snapshot()
        self._failed = ""
        remarks = "\n".join(map(marked, opened.project.remarks))
        warnings = [each for each in opened.project.remarks if each.is_warning]
        words = "\n".join([*([opened.note] if opened.note else []), *map(marked, warnings)])
        self.bar.run_bar.say(words, error=bool(words))
        if words:
            show_warning(words)
        if self.folder is None:
            self._panel.workspace.in_files.update(results_of(opened))
            self._masks.note(masks_in(self._panel.viewer))
            self.bar.words.show_words(f"{opened.project.folder}, not saved here", opened.note)
        else:
            self._say_saved("opened", remarks)
            self._timer.start()

    def leave(self) -> None:
        """Close the project that is open; what is shown stays, and belongs to none."""
        if self.folder is None:
            return
        now = self.snapshot()
        if self._is_saved(now, same_results) and self._is_whole():
            self._panel.workspace.in_files.update(results_in(now))
            self._masks.note(masks_in(self._panel.viewer))
        self._timer.stop()
        self._close_folder()
        self._saved = self._seen = None
        self._failed, self._base = "", Project()
        self._panel.workspace.left = Project()
        self.bar.show_none()

    # -- inside --------------------------------------------------------------------------------

    def _combos(self) -> Combos:
        """Choices of layers in each tab."""
        return {
            title: [combo for combo in part.combos if _is_in(combo, tab)]
            for part in self._panel.parts.made
            for title, tab in zip(part.titles, part.tabs, strict=True)
        }


def _is_in(combo: LayerCombo, tab: QWidget) -> bool:
    return bool(tab.isAncestorOf(combo))


def _made_sure(folder: ProjectFolder, project: Project) -> Job[Project | None]:
    """Save what isn't on the disk any more; where nothing is missing, return None."""
    if (yield from folder.is_whole()):
        return None
    return (yield from folder.save(project))


def _creating(path: Path, project: Project) -> Job[tuple[ProjectFolder, Project]]:
    """Save a project in a folder of its own; where that fails, nobody holds the folder."""
    yield Progress("Saving the project", 0, 1)
    folder = ProjectFolder(path, overwrite=True)
    try:
        saved = yield from folder.save(project)
    except BaseException:
        folder.close()
        raise
    return folder, saved
