"""What the commands share that keep finished units in a journal beside their result."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_zstack_align.errors import RunStopped
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


def leave(journal: Journal, complete: bool) -> None:
    """Let the journal go where its result is saved and complete; else report where it is."""
    if complete:
        journal.discard()
    elif journal.names():
        print(f"  Note: not all is done; {kept_note(journal)}")


def stopped(journal: Journal) -> RunStopped:
    """What to raise where nothing but the journal is left of a cancelled run."""
    if not journal.names():
        return RunStopped("Cancelled; nothing was written.")
    return RunStopped(f"Cancelled; {kept_note(journal)}")


def kept_note(journal: Journal) -> str:
    """End of a sentence: where finished units are, and how to go on."""
    return f"what was finished is kept in {journal.folder}: the same command goes on from there."
