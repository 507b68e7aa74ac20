"""`KeptRuns`: the runs of a panel, each with a journal that outlives napari."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import Any, TypeVar

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.errors import InputError, RunStopped
from napari_zstack_align.gui.unfinished.run_folder import RunFolder, all_runs
from napari_zstack_align.gui.worker import JobWorker
from napari_zstack_align.progress import Job, Progress, collected, mapped
from napari_zstack_align.project import Project, ProjectFolder
from napari_zstack_align.saved import Journal, NoJournal, UnitStore, sentences_for
from napari_zstack_align.saved.kinds import PROJECT
from napari_zstack_align.saved.lock import A_LOOK_S, locked_alone
from napari_zstack_align.saved.unit_file import Unit
from napari_zstack_align.stack import Stack

Result = TypeVar("Result")

IN_USE = (
    "The same run is being worked on, or shown unsaved, elsewhere: this one runs by itself, and "
    "can't go on after napari is closed."
)
NOT_KEPT = "What is finished can't be kept on disk: if napari is closed, the run can't go on. {}"
NOT_KEPT_ANY_MORE = (
    "What is finished can't be kept on disk any more: the run goes on, but not after napari is "
    "closed. {}"
)


class KeptRuns:
    """Journals of the runs of one panel, which go when their results are saved."""

    def __init__(self) -> None:
        self.resumed: RunFolder | None = None
        """Folder that the next run goes on with, be its files touched or not."""
        self._finished: dict[RunFolder, KeptRun] = {}
        self._unwanted: list[KeptRun] = []

    def begin(self, stacks: Sequence[Stack], setup: Project) -> KeptRun:
        """Return the keeper of a run that is being started.

        Parameters
        ----------
        stacks : sequence of Stack
            Whose frames it reads. Nothing is kept where some don't come from files.
        setup : Project
            What sets the same run up again.
        """
        resumed, self.resumed = self.resumed, None
        return KeptRun(self, setup, all(stack.paths for stack in stacks), resumed)

    def note_finished(self, run: KeptRun, folder: RunFolder) -> None:
        """A run came to its end: its journal stays until the result is saved."""
        self._finished[folder] = run

    def make_room(self, folder: RunFolder) -> None:
        """Let go of a finished run that is run again."""
        for each in [each for each in self._finished if each.path == folder.path]:
            self._finished.pop(each).release()

    def note_saved(self, results: Iterable[Alignment]) -> None:
        """Results are in a file: the journals of their runs go, in the background.

        A project may save a partial result in the moment in which its run ends.
        """
        ids = {result.provenance.get("journal") for result in results if result.complete}
        saved = [folder for folder, run in self._finished.items() if run.id in ids]
        if saved:
            runs = [self._finished.pop(folder) for folder in saved]
            JobWorker(lambda: _discarding(runs)).launch()

    def note_asked(self) -> None:
        """Nobody wants results that are in no file: with the panel, their journals go."""
        self._unwanted = list(self._finished.values())

    def let_go(self) -> None:
        """The panel goes."""
        finished, self._finished = list(self._finished.values()), {}
        for run in finished:
            if run in self._unwanted:
                run.discard()
            else:
                run.release()


class KeptRun:
    """Opens the journal of one run for the registration, which has to do without if need be.

    Parameters
    ----------
    runs : KeptRuns
    setup : Project
        What sets the same run up again.
    from_files : bool
        Whether there is anything to go on with.
    resumed : RunFolder, optional
        Of the run that this one goes on with.
    """

    def __init__(
        self,
        runs: KeptRuns,
        setup: Project,
        from_files: bool,
        resumed: RunFolder | None,
    ) -> None:
        self._runs, self._setup, self._resumed = runs, setup, resumed
        self._from_files = from_files
        self._folder: RunFolder | None = None
        self._held = ExitStack()
        self._note = ""
        self.id = ""
        self.is_kept = False
        """Whether what is finished is on disk."""

    @contextmanager
    def opened(self, about: Mapping[str, Any], stacks: Sequence[Stack]) -> Iterator[UnitStore]:
        """Open the journal; where it can't be, say so, and keep nothing."""
        if not self._from_files:
            yield NoJournal()
            return
        folder = RunFolder(all_runs() / str(about["inputs"]))
        try:
            with self._journal(folder, about, stacks) as store:
                yield store
        except BaseException:
            self.release()
            raise
        finally:
            self.is_kept = False
        if self._folder is not None:
            self._folder.note_ended()
            self._runs.note_finished(self, folder)

    def followed(self, job: Job[Result]) -> Job[Result]:
        """Run the job that opens the journal, and report what is the matter with that."""

        def with_note(progress: Progress) -> Progress:
            note, self._note = self._note, ""
            words = " ".join(filter(None, (note, progress.note)))
            return replace(progress, note=words) if note else progress

        return mapped(job, with_note)

    def release(self) -> None:
        """Let others go on with the run; what nobody can go on with is removed."""
        if self._folder is not None and not self._folder.can_go_on:
            self._folder.discard()
        self._held.close()
        if self._folder is not None:
            self._folder.remove_if_empty()

    def discard(self) -> None:
        """Nobody needs the journal any more."""
        if self._folder is not None:
            self._folder.discard()
        self.release()

    # -- inside --------------------------------------------------------------------------------

    @contextmanager
    def _journal(
        self, folder: RunFolder, about: Mapping[str, Any], stacks: Sequence[Stack]
    ) -> Iterator[UnitStore]:
        with ExitStack() as closing:
            try:
                with sentences_for(folder.path):
                    self._take(folder)
                journal = closing.enter_context(Journal(folder.journal, about, stacks=stacks))
            except InputError as error:
                self._note = str(error) if str(error) == IN_USE else NOT_KEPT.format(error)
                self.release()
                yield NoJournal()
                return
            self._folder, self.id, self.is_kept = folder, journal.id, True
            yield _Store(journal, self._on_refused)

    def _take(self, folder: RunFolder) -> None:
        """Hold the folder, and write what is needed to set the run up again."""
        self._runs.make_room(folder)
        old = self._resumed
        if old is not None and not folder.path.exists() and not old.is_in_use:
            with suppress(OSError):  # the run starts from the beginning then
                old.path.rename(folder.path)
        folder.path.mkdir(parents=True, exist_ok=True)
        self._held.enter_context(locked_alone(folder.lock, IN_USE, A_LOOK_S))
        folder.note_begun()
        if not (folder.setup / PROJECT).is_file():
            with ProjectFolder(folder.setup) as setup:
                collected(setup.save(self._setup))

    def _on_refused(self, error: RunStopped) -> None:
        self.is_kept = False
        reason = getattr(error.__cause__, "strerror", None)
        self._note = NOT_KEPT_ANY_MORE.format(f"The reason is: {reason}." if reason else error)


class _Store:
    """A journal that a run can do without: where it can't be written, the run goes on."""

    name = "what was kept"

    def __init__(self, journal: Journal, on_refused: Callable[[RunStopped], None]) -> None:
        self._journal, self._on_refused = journal, on_refused
        self._is_refused = False
        self.id = journal.id

    def names(self) -> list[str]:
        """Names of the units that are there, intact or not."""
        return self._journal.names()

    def read(self, name: str) -> Unit | None:
        """Return a unit; None where it isn't there, or damaged."""
        return self._journal.read(name)

    def write(self, name: str, unit: Unit) -> None:
        """Keep a unit, as long as that is possible."""
        if self._is_refused:
            return
        try:
            self._journal.write(name, unit)
        except RunStopped as error:
            self._is_refused = True
            self._on_refused(error)

    def remove(self, name: str) -> None:
        """Remove a unit, if it is there."""
        self._journal.remove(name)


def _discarding(runs: Sequence[KeptRun]) -> Job[None]:
    yield Progress("Tidying up", 0, len(runs))
    for run in runs:
        run.discard()
