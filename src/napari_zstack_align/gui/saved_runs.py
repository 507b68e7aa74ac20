"""`SavedRuns`: in which folders the runs of a panel are, and which of them are in none any more."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal
from qtpy.QtWidgets import QWidget

from napari_zstack_align.gui.copies import Copy, places_at
from napari_zstack_align.gui.in_files import InFiles
from napari_zstack_align.gui.runs import Run, Runs, has_result, names_of
from napari_zstack_align.gui.waiting import wait_for
from napari_zstack_align.gui.worker import JobWorker, ends_in_a_moment
from napari_zstack_align.progress import Job, Progress

PATIENCE_MS = 10_000
"""Folders of a drive that says nothing for so long can't be counted on."""
IN_NO_FILE = "It holds {} of the list, which would be in no file any more."
NOT_SAVED = "{} {} saved and would be lost."
GONE = "{} {} in no file any more, and would be lost: what was saved has been changed or removed."
LOOKING = "Looking whether what was saved is still there …"
NOT_KNOWN = "{} may be in no file any more, and would be lost: a drive doesn't answer."
IN_PROJECT = "{} {} in no file but {}, and would be removed from there."


class SavedRuns(QObject):
    """Takes back that a run is saved, where another result is saved over it, or its folder goes.

    Parameters
    ----------
    lists : callable
        Returns the runs of each dataset.
    in_files : InFiles
        Results that are in a file, whatever is known of their runs.
    parent : QObject
        Its owner.

    Attributes
    ----------
    project_with : callable
        Returns the name of the open project where a run is saved in it, else ''. The project is
        saved without the run once that is gone.
    """

    changed = Signal()
    """Other runs are saved than before."""

    def __init__(
        self, lists: Callable[[], Iterable[Runs]], in_files: InFiles, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._lists = lists
        self._in_files = in_files
        self.project_with: Callable[[Run], str] = lambda _: ""
        self._worker: JobWorker | None = None

    def note_saved(self, runs: Runs, run: Run, written: Copy | None) -> None:
        """A run was saved, perhaps over others."""
        if written is not None:
            places = written.places
            self._drop(lambda copy: bool(places & copy.places))
        runs.note_saved(run.number, run.results.values(), written)
        self.changed.emit()

    def look(self, then: Callable[[], object]) -> bool:
        """Whether it is known in a moment which folders are still there.

        Else ``then`` is called once it is; of a drive that doesn't answer, none is.
        """
        if self._worker is not None:
            return False  # it is being looked
        copies = _copies_of(run for runs in self._lists() for run in runs.listed)
        copies |= self._in_files.copies()
        if not copies:
            return True
        self._worker = worker = JobWorker(partial(_looking, copies), processors=1)

        def ends(*_: object) -> None:
            if self._on_looked(worker, copies):
                then()

        worker.returned.connect(ends)
        worker.failed.connect(ends)
        if ends_in_a_moment(worker):
            return self._on_looked(worker, copies)
        QTimer.singleShot(PATIENCE_MS, ends)
        return False

    def let_go(self) -> None:
        """Wait for no drive any more."""
        if self._worker is not None:
            self._worker.cancel()
            self._worker = None

    def _on_looked(self, worker: JobWorker, copies: set[Copy]) -> bool:
        """Take back that others are saved, once; whether this was the time."""
        if self._worker is not worker:
            return False
        self.let_go()
        answers = _known(worker)
        self._drop_gone({copy for copy in copies if not answers.get(copy)})
        return True

    def words(self, folders: Iterable[Path], but: Run | None = None) -> str:
        """Say which other runs would be in no file, were these folders saved over; '' for none."""
        places = {place for each in folders for place in places_at(each)}
        lost = [
            run
            for runs in self._lists()
            for run in runs.listed
            if run is not but and run.copies and all(places & copy.places for copy in run.copies)
        ]
        return IN_NO_FILE.format(names_of(lost)) if lost else ""

    def would_lose(
        self,
        runs: Iterable[Run],
        over: QWidget,
        of: Iterable[Any] | None = None,
        whose: str = "",
    ) -> str:
        """Say which results would be lost with some runs; '' for none.

        A disk is waited for in a dialog.

        Parameters
        ----------
        runs : iterable of Run
        over : QWidget
            Over which that dialog opens.
        of : iterable, optional
            The recordings or stacks whose results would go; by default, all of a run.
        whose : str
            Their names, where those of others stay.
        """
        runs, going = list(runs), None if of is None else set(of)
        answers = self._answers(_copies_of(runs), over)
        lost = [run for run in runs if self._is_lost(run, going, answers)]
        silent = [run for run in lost if _copies_of([run]) - answers.keys()]
        sentences = [NOT_KNOWN.format(names_of(silent))] if silent else []
        alike: dict[tuple[str, bool], list[Run]] = {}
        for run in (run for run in lost if run not in silent):
            project = self.project_with(run)
            alike.setdefault((project, run.saved and not project), []).append(run)
        for (project, was_saved), those in sorted(alike.items()):
            what = f"Alignments of {whose} in {names_of(those)}" if whose else names_of(those)
            many = bool(whose) or len(those) > 1
            if project:
                sentences.append(IN_PROJECT.format(what, "are" if many else "is", project))
            elif was_saved:
                sentences.append(GONE.format(what, "are" if many else "is"))
            else:
                sentences.append(NOT_SAVED.format(what, "aren't" if many else "isn't"))
        return " ".join(sentences)

    def are_saved(self, runs: Iterable[Run]) -> bool:
        """Whether all of some runs that have come to anything are known to be in files.

        No disk is waited for: the window may be in the middle of something.
        """
        runs = list(runs)
        answers = self._answers(_copies_of(runs))
        return all(_is_saved(run, answers) or not has_result(run.results.values()) for run in runs)

    def _is_lost(self, run: Run, going: set[Any] | None, answers: Mapping[Copy, bool]) -> bool:
        results = [each for of, each in run.results.items() if going is None or of in going]
        in_files = _is_saved(run, answers) or all(each in self._in_files for each in results)
        return not in_files and (run.running or has_result(results))

    def are_in_files(self, results: Iterable[Any], over: QWidget) -> bool:
        """Whether results that were saved one by one are known to be in their files.

        A disk is waited for in a dialog over a widget.
        """
        results = list(results)
        copies = self._in_files.copies(results)
        answers = self._answers(copies, over)
        return copies <= answers.keys() and all(each in self._in_files for each in results)

    def _answers(self, copies: set[Copy], over: QWidget | None = None) -> Mapping[Copy, bool]:
        """Whether copies are there, of those of which it is known; drop what is gone.

        It is waited for in a dialog over a widget; without one, only as long as a moment.
        """
        if not copies:
            return {}
        worker = JobWorker(partial(_looking, copies), processors=1)
        if not ends_in_a_moment(worker):
            if over is not None:
                wait_for(worker, over, LOOKING, PATIENCE_MS)
            worker.cancel()
        answers = _known(worker)
        self._drop_gone({copy for copy, is_there in answers.items() if not is_there})
        return answers

    def _drop_gone(self, gone: set[Copy]) -> None:
        self._in_files.drop(gone)
        self._drop(lambda copy: copy in gone)

    def _drop(self, is_gone: Callable[[Copy], bool]) -> None:
        dropped = [runs.drop_copies(is_gone) for runs in self._lists()]
        if any(dropped):
            self.changed.emit()


def _copies_of(runs: Iterable[Run]) -> set[Copy]:
    return {copy for run in runs for copy in run.copies}


def _is_saved(run: Run, answers: Mapping[Copy, bool]) -> bool:
    """Whether a run is in a file; of one that was opened elsewhere, no copy is known."""
    return run.saved and (not run.copies or any(map(answers.get, run.copies)))


def origin_of(folder: Path | None, copy: Copy | None) -> dict[str, Any]:
    """Return what is said of a run that was loaded from a folder; nothing for one that wasn't."""
    if folder is None:
        return {}
    return {"name": folder.stem, "saved": True, "note": "loaded", "copy": copy}


def _known(worker: JobWorker) -> Mapping[Copy, bool]:
    """Whether copies are there, as far as a worker that looks for them knows by now."""
    answers: Mapping[Copy, bool] = worker.found or worker.partial or {}
    return answers


def _looking(copies: Collection[Copy]) -> Job[Mapping[Copy, bool]]:
    """Find out whether each is there; partial results are of those that are known."""
    answers: dict[Copy, bool] = {}
    for copy in copies:
        yield Progress("Looking for what is saved", len(answers), len(copies), partial={**answers})
        answers[copy] = copy.is_there()
    return answers
