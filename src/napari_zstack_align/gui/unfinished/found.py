"""Runs that were interrupted: found in a worker, with a sentence for each; old ones are removed."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.project.opening import Opened, preparing
from napari_zstack_align.gui.project.places import is_gone
from napari_zstack_align.gui.unfinished.run_folder import RunFolder, run_folders
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.project import NamedMask, NamedRun, Project, load_project
from napari_zstack_align.saved.finished_parts import finished_words, last_written, units_in
from napari_zstack_align.saved.journal import description_of, files_in, names_in
from napari_zstack_align.saved.lock import A_LOOK_S, locked_alone

OLDEST_S = 30 * 24 * 3600
MOST_BYTES = 10 * 10**9
REFERENCE = " chosen reference"
"""Name of the run, or the mask, that is the reference of a session; nothing in napari has it."""
MISSING = (
    "{} isn't where it was, or has other frames: bring it back and press 'Go on' again, or forget "
    "this run."
)


@dataclass(frozen=True)
class Interrupted:
    """A run that can go on.

    Attributes
    ----------
    folder : RunFolder
    written : float
        When something of it was kept last, in s since 1970.
    sentence : str
        What it is, when it was interrupted, and how far it had come.
    """

    folder: RunFolder
    written: float
    sentence: str


@dataclass(frozen=True, eq=False)
class Setup:
    """What sets a run up again.

    Attributes
    ----------
    opened : Opened
        Stack or recordings, parameters and mask.
    reference : Alignment or numpy.ndarray, optional
        The reference of the session that was chosen, as a whole or as an image (Y, X).
    """

    opened: Opened
    reference: Any = None


def with_reference(project: Project, reference: Any) -> Project:
    """Add the reference that was chosen for a session."""
    if isinstance(reference, Alignment):
        run = NamedRun(REFERENCE, (reference,))
        return project.replace(runs=(*project.runs, run))
    if reference is not None:
        return project.replace(masks=(*project.masks, NamedMask(REFERENCE, reference)))
    return project


def looking() -> Job[list[Interrupted]]:
    """Find the runs that nobody works on, the newest first.

    What can't go on, and what is too old or too much, is removed.
    """
    found = []
    folders = run_folders()
    for done, folder in enumerate(folders):
        yield Progress("Looking for interrupted runs", done, len(folders))
        if folder.is_in_use:
            continue
        written = last_written(folder.journal) if folder.can_go_on else None
        if written is None or time.time() - written > OLDEST_S:
            forget(folder)
        else:
            found.append(Interrupted(folder, written, _sentence(folder, written)))
    found.sort(key=lambda each: each.written, reverse=True)
    n_bytes, fitting = 0, []
    for each in found:
        n_bytes += each.folder.size()
        if n_bytes > MOST_BYTES:
            forget(each.folder)
        else:
            fitting.append(each)
        yield Progress("Looking for interrupted runs", len(folders), len(folders))
    return fitting


def forget(folder: RunFolder) -> None:
    """Remove what is kept of a run, unless somebody works on it."""
    with suppress(InputError, OSError):
        with locked_alone(folder.lock, "", A_LOOK_S):
            folder.discard()
        folder.remove_if_empty()


def forgetting(folder: RunFolder) -> Job[None]:
    """Do so in a worker."""
    yield Progress("Forgetting the run", 0, 1)
    forget(folder)


def opening(folder: RunFolder) -> Job[Setup]:
    """Open what an interrupted run was started with.

    Raises
    ------
    InputError
        Where a raw file is missing.
    """
    yield Progress("Opening", 0, 1)
    project = yield from load_project(folder.setup)
    raw = files_in(description_of(folder.journal))
    for stack in (*project.stacks, *project.recordings):
        if is_gone(stack):
            missing = next((file for file in raw if not Path(file).exists()), stack.name)
            raise InputError(MISSING.format(missing))
    runs = {run.name: run for run in project.runs}
    masks = {mask.name: mask for mask in project.masks}
    reference: Any = None
    if REFERENCE in runs:
        reference = runs.pop(REFERENCE).results[0]
    elif REFERENCE in masks:
        reference = masks.pop(REFERENCE).labels
    project = project.replace(runs=tuple(runs.values()), masks=tuple(masks.values()))
    return Setup((yield from preparing(project)), reference)


def _sentence(folder: RunFolder, written: float) -> str:
    described = description_of(folder.journal)
    run = f"A run on {_named(names_in(described), files_in(described))}"
    if folder.has_ended:
        return f"{run} is complete ({_when(written)}), but in no file: 'Go on' shows its result."
    _, words = finished_words(described, units_in(folder.journal))
    return f"{run} was interrupted on {_when(written)} ({words} finished)."


def _named(names: list[str], files: list[str]) -> str:
    """'larva.tif', 'larva.tif and 3 more files', '3 recordings (a, b, c)'."""
    if len(names) > 1:
        some = ", ".join(names[:3])
        return f"{counted(len(names), 'recording')} ({some}{', …' if len(names) > 3 else ''})"
    first, *more = [Path(file).name for file in files] or names or ["a stack"]
    return f"{first} and {counted(len(more), 'more file')}" if more else first


def _when(written: float) -> str:
    """'28 Nov, 11:20', with the year where that is another one."""
    moment = datetime.fromtimestamp(written)
    year = "" if moment.year == datetime.now().year else f" {moment.year}"
    return f"{moment.day} {moment:%b}{year}, {moment:%H:%M}"
