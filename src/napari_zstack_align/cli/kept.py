"""What the commands share that keep finished units in a journal beside their result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from napari_zstack_align.cli.bar import drain
from napari_zstack_align.errors import Cancelled, InputError, RunStopped
from napari_zstack_align.progress import Job
from napari_zstack_align.saved import (
    Journal,
    Kind,
    discard_journal,
    finish_save,
    journal_folder,
    occupant_of,
    sentences_for,
)
from napari_zstack_align.saved.journal import description_of, remove_leftover, started_at
from napari_zstack_align.saved.lock import InUseError

Result = TypeVar("Result")
STOPPED = "The run was stopped: what follows is of the partial result."
CANCELLED = "Cancelled:"
FROM_THE_BEGINNING = "the same command again starts from the beginning."
GOES_ON = "the same command again goes on from there."


class Stopped(RunStopped):
    """A command was stopped: its sentence, the last line, says what is kept and how to go on."""


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """What came of a job: its result, or what was finished of it when it was stopped."""

    result: Result
    was_stopped: bool = False


def was_saved(target: Path, kind: Kind, about: Mapping[str, Any] | None = None) -> bool:
    """Whether the run whose journal is still there has saved its result, and was killed then.

    A save that was stopped at its very end is finished first.

    Parameters
    ----------
    target : pathlib.Path
    kind : Kind
    about : mapping, optional
        Of `about_run`, with all inputs of a command: whether it was that very run.
    """
    finish_save(target)
    manifest = occupant_of(target).manifest
    if manifest is None or manifest.kind is not kind or not manifest.complete:
        return False
    remove_leftover(target)
    described = description_of(journal_folder(target))
    run = described.get("id")
    if not run or (about is not None and described.get("inputs") != about["inputs"]):
        return False
    return bool(manifest.facts["provenance"]["details"].get("journal") == run)


def was_written(path: Path, target: Path) -> bool:
    """Whether the run whose journal is still there may have written a file after it saved.

    What is older than that run is somebody else's. Nothing tells for sure that a younger one is
    of the run, so its being there is said.
    """
    started = started_at(journal_folder(target))
    if started is None or not path.exists() or path.stat().st_mtime < started:
        return False
    print(f"  Note: {path} was there already, and isn't written again: --overwrite replaces it.")
    return True


def forget_if_saved(target: Path, kind: Kind) -> None:
    """Remove a journal that is left of a run which saved its result and was killed then."""
    if was_saved(target, kind):
        discard_journal(target, description_of(journal_folder(target))["id"])


def make_parents(target: Path) -> None:
    """Make the folders above a result, beside which the journal will be."""
    with sentences_for(target):
        target.parent.mkdir(parents=True, exist_ok=True)


def drain_or_keep(job: Job[Result], journal: Journal) -> Outcome[Result]:
    """Run a job; where it is stopped, say so, and return its partial result.

    Raises
    ------
    Stopped
        Where it was stopped before there is a partial result.
    """
    try:
        return Outcome(drain(job))
    except Cancelled as stop:
        if not stop.partial:
            raise stopped(journal) from None
        print(STOPPED)
        partial: Any = stop.partial
        return Outcome(partial, was_stopped=True)


@contextmanager
def saving(journal: Journal) -> Iterator[None]:
    """Say what is kept where the result can't be saved, though it could when the run began."""
    try:
        yield
    except InputError as error:
        if isinstance(error, InUseError) or not journal.names():
            raise
        kept = kept_in(journal.folder)
        raise RunStopped(
            f"{error} {kept[0].upper()}{kept[1:]}: mend that, and {GOES_ON}"
        ) from error


def leave(journal: Journal, complete: bool, was_stopped: bool = False) -> None:
    """Let the journal go where its result is saved and complete; else report where it is.

    Of a stopped run, the last line says where it is.
    """
    if complete:
        journal.discard()
    elif journal.names() and not was_stopped:
        print(f"  Note: not all is done; {kept_in(journal.folder)}; {GOES_ON}")


def stopped(journal: Journal, written: Path | None = None) -> Stopped:
    """What to raise at the end of a stopped run: its last line says what is kept.

    Parameters
    ----------
    journal : Journal
    written : pathlib.Path, optional
        Where the partial result was saved.
    """
    parts = [] if written is None else [f"the partial result is in {written}"]
    if journal.names():
        parts.append(kept_in(journal.folder))
    goes_on = GOES_ON if journal.names() else FROM_THE_BEGINNING
    return Stopped(f"{CANCELLED} {', and '.join(parts) or 'nothing was written'}; {goes_on}")


def stopped_in_a_table(results: Path) -> Stopped:
    """What to raise where not every row of a table was done; what became of each is listed."""
    return Stopped(f"{CANCELLED} what became of each row is in {results}; {GOES_ON}")


def kept_in(folder: Path) -> str:
    """Where finished parts are, for a sentence."""
    return f"what was finished is kept in {folder}"
