"""`ProjectFolder`: the folder of a project while one program works on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from napari_zstack_align import saved
from napari_zstack_align.atomic import check_permission, flush_folder
from napari_zstack_align.errors import InputError
from napari_zstack_align.plain_files import path_of
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.project.facts import ProjectFacts, Saved
from napari_zstack_align.project.home import Home
from napari_zstack_align.project.members import is_member, remove_member
from napari_zstack_align.project.opening import load_project
from napari_zstack_align.project.project import Project, in_memory
from napari_zstack_align.project.writing import SAVING, Writer
from napari_zstack_align.remark import as_warnings
from napari_zstack_align.saved import Kind, Subject, provenance
from napari_zstack_align.saved.disk import (
    remove_if_possible,
    replace_in_one_step,
    sentences_for,
)
from napari_zstack_align.saved.generation import remove_temporary
from napari_zstack_align.saved.kinds import PROJECT
from napari_zstack_align.saved.lock import locked_alone
from napari_zstack_align.saved.manifest import Manifest, manifest_bytes, read_manifest
from napari_zstack_align.saved.names import LOCK, new_generation
from napari_zstack_align.saved.occupant import others_in
from napari_zstack_align.saved.provenance import json_bytes

LOOKING = "Looking for the project"
GONE = "{} is gone: move it back to its place, or save the project anew."
SUBJECT = Subject()
"""A project is of no frames of its own."""


class ProjectFolder:
    """The folder of a project, locked for this program until it is closed.

    Parameters
    ----------
    path : str or pathlib.Path
        ``NAME.zproject``; the suffix is added where it lacks. A folder that isn't there is made.
    overwrite : bool
        Whether :meth:`save` replaces another project than the one that was loaded from here.

    Attributes
    ----------
    path : pathlib.Path
        The folder.

    Raises
    ------
    InputError
        Where another program has the project open, something else has the name, the project is
        damaged or of a newer version, or the file system refuses.
    """

    def __init__(self, path: str | Path, *, overwrite: bool = False) -> None:
        self.path = saved.target_of(path_of(path), Kind.PROJECT)
        self._overwrite = overwrite
        self._home = Home()
        self._saving = Lock()
        self._closing = ExitStack()
        with sentences_for(self.path):
            self._check_place()
            self._held = self._closing.enter_context(
                locked_alone(
                    self.path / LOCK,
                    f"{self.path} is open in another program or window: close it there, or choose "
                    f"another name.",
                )
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let other programs have the project; a folder in which nothing was saved goes."""
        self._closing.close()
        with suppress(OSError):  # there is something in it
            self.path.rmdir()

    def load(self) -> Job[Project]:
        """Open the project that is there; an empty one where nothing was saved yet.

        Returns
        -------
        generator of Progress
            Returns the Project; run it with ``run``.
        """
        return self._loading()

    def save(self, project: Project) -> Job[Project]:
        """Save a project here; what has not changed since the last save is not written again.

        Closing the job before its end leaves the project that was there before.

        Parameters
        ----------
        project : Project

        Returns
        -------
        generator of Progress
            Returns the Project with remarks on what can't be opened again; run it with ``run``.
            It raises InputError where another project is here or another program has saved this
            one since it was opened, and where the file system refuses.
        """
        return self._save(project)

    def is_whole(self, *, edited: bool = True) -> Job[bool]:
        """Look whether all that was saved here, or read from here, is still on the disk.

        Files of the size and time of before are taken to be as they were; others are read.
        :meth:`save` writes what isn't there again.

        Parameters
        ----------
        edited : bool
            Whether a table of ROIs that was edited by hand counts.

        Returns
        -------
        generator of Progress
            Returns a bool; run it with ``run``.
        """
        return self._is_whole(edited)

    def discard_unread(self) -> None:
        """Let the next save drop what couldn't be read."""
        self._home.unread = ()

    # -- inside --------------------------------------------------------------------------------

    def _loading(self) -> Job[Project]:
        if self._manifest() is None:
            return Project(home=self._home)
        project = yield from load_project(self.path)
        self._home = project.home
        return project

    def _is_whole(self, edited: bool) -> Job[bool]:
        home = self._home
        members = list(home.files)
        for done, name in enumerate(members):
            yield Progress(LOOKING, done, len(members))
            if not home.has_in(self.path, name, edited=edited):
                return False
        try:
            return self._manifest() is not None
        except (InputError, OSError):
            return False

    def _save(self, project: Project) -> Job[Project]:
        with self._alone(), sentences_for(self.path):
            if not self.path.is_dir():
                raise InputError(GONE.format(self.path))
            there = self._manifest()
            home = self._home_of(project, there)
            writer = Writer(self.path, home, project.home)
            committed = False
            try:
                facts = yield from writer.write(project)
                yield Progress(SAVING, writer.done, writer.done)
                mark = self._commit(facts, there)
                committed = True
            finally:
                if not committed:
                    writer.undo()
            self._home = home
            home.take(writer.home(mark))
            project.home.take(home)
            self._clean(facts, there)
        stacks = in_memory((*project.stacks, *project.recordings))
        unread = as_warnings(*dict.fromkeys(each.problem for each in home.unread))
        return project.replace(remarks=(*stacks, *unread))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._saving.acquire(blocking=False):
            raise InputError(f"{self.path} is being saved already: wait until that is done.")
        try:
            yield
        finally:
            self._saving.release()

    def _home_of(self, project: Project, there: Manifest | None) -> Home:
        """Return what is known of the project that is there.

        Raises
        ------
        InputError
            Where it is another one, or one that others have saved since.
        """
        mark = "" if there is None else there.generation
        known = [home for home in (self._home, project.home) if home.folder is not None]
        for home in known:
            if home.mark == mark:
                return home
        for home in known:
            if there is not None and home.folder == self.path.resolve():
                raise InputError(
                    f"{self.path} was saved by another program since it was opened here: open it "
                    f"again, or choose another name."
                )
        if there is not None and not self._overwrite:
            raise InputError(f"{self.path} holds another project: choose another name.")
        return Home()

    def _commit(self, facts: ProjectFacts, there: Manifest | None) -> str:
        """Let the new members count; nothing is written where nothing has changed."""
        described = json.loads(json_bytes(facts.model_dump()))
        if there is not None and there.facts.get("project") == described:
            return there.generation
        mark = new_generation("" if there is None else there.generation)
        content = manifest_bytes(
            Kind.PROJECT, SUBJECT, mark, provenance("save", saved.now(), ()), project=described
        )
        flush_folder(self.path)
        replace_in_one_step(self.path / PROJECT, content)
        return mark

    def _clean(self, facts: ProjectFacts, before: Manifest | None) -> None:
        """Remove members that are listed no more, and what stopped saves left.

        Where the lock isn't held, only what was listed before goes: the rest may belong to a save
        that is going on. What can't be removed, the next save tries again.
        """
        listed = facts.files()
        old = set() if before is None else Saved.model_validate(before.facts).project.files()
        with suppress(OSError):
            for path in list(self.path.iterdir()):
                if is_member(path) and path.name not in listed and (self._held or path.name in old):
                    remove_member(path)
            if self._held:
                remove_temporary(self.path)

    def _manifest(self) -> Manifest | None:
        try:
            return read_manifest(self.path / PROJECT)
        except FileNotFoundError:
            return None

    def _check_place(self) -> None:
        """Raise InputError where no project can be here."""
        there = saved.occupant_of(self.path)
        if there.kind is Kind.PROJECT and there.manifest is None:
            read_manifest(self.path / PROJECT)  # says what is the matter
        if there.kind is None and there.others and all(map(is_member, others_in(self.path))):
            check_permission(self.path)  # a first save was stopped
        else:
            saved.check_target(self.path, Kind.PROJECT, SUBJECT, overwrite=True)


def remove_project(folder: Path) -> None:
    """Remove a project that nobody wants any more; what isn't a project's stays in its folder."""
    remove_if_possible(folder / PROJECT)
    with suppress(OSError):  # it isn't there, or holds something else
        for path in list(folder.iterdir()):
            if is_member(path):
                remove_member(path)
        remove_temporary(folder)
        folder.rmdir()
