"""Save one result in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from napari_zstack_align.saved.disk import replace_in_one_step, sentences_for
from napari_zstack_align.saved.facts import Subject
from napari_zstack_align.saved.generation import (
    Result,
    before_in,
    clean,
    generations_in,
    remove_generation,
    write_files,
)
from napari_zstack_align.saved.kinds import LAYOUTS, Kind
from napari_zstack_align.saved.lock import locked
from napari_zstack_align.saved.names import names_beside, new_generation, target_of
from napari_zstack_align.saved.occupant import Occupant, occupant_of
from napari_zstack_align.saved.target import PARTIAL, may_replace


def save(result: Result, target: str | Path, overwrite: bool = True) -> Path:
    """Save a result: at any moment, its folder holds what was there or all of this.

    Parameters
    ----------
    result : Result
    target : str or pathlib.Path
        The folder; the suffix of the kind is added where it lacks.
    overwrite : bool
        Whether a complete result there is replaced. An unfinished one never replaces it.

    Returns
    -------
    pathlib.Path
        The folder that was written: where the target must not be replaced, one beside it.

    Raises
    ------
    InputError
        Where something else has the name, or the file system refuses.
    """
    return save_where_it_may(
        target_of(target, result.kind),
        result.kind,
        result.subject,
        overwrite,
        lambda folder, held: _write(folder, held, result),
    )


def save_where_it_may(
    target: Path,
    kind: Kind,
    subject: Subject,
    overwrite: bool,
    write: Callable[[Path, bool], object],
) -> Path:
    """Let ``write(folder, held)`` write to the target or beside it, under the folder's lock."""
    may_replace(occupant_of(target), kind, subject, overwrite)  # before anything is made there
    for folder in _candidates(target, subject):
        if folder != target and not occupant_of(folder).free:
            continue
        with sentences_for(folder), locked(folder) as held:
            occupant = occupant_of(folder)
            if _may_write(folder == target, occupant, kind, subject, overwrite):
                write(folder, held)
                return folder
    raise AssertionError("there are names without end")


def _candidates(target: Path, subject: Subject) -> Iterator[Path]:
    yield target
    yield from names_beside(target, "" if subject.complete else PARTIAL)


def _may_write(
    is_target: bool, occupant: Occupant, kind: Kind, subject: Subject, overwrite: bool
) -> bool:
    return may_replace(occupant, kind, subject, overwrite) if is_target else occupant.free


def _write(folder: Path, held: bool, result: Result) -> None:
    before = before_in(folder)
    generation = new_generation(generations_in(folder))
    try:
        content = write_files(folder, result, generation, before)
        # From here on, the folder holds the new result.
        replace_in_one_step(folder / LAYOUTS[result.kind].manifest, content)
    except BaseException:
        current = before_in(folder)
        if current is None or current.generation != generation:
            remove_generation(folder, generation)
        raise
    clean(folder, generation, before, held)
