"""Save one result in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from napari_zstack_align.saved.disk import no_empty_folder, replace_in_one_step, sentences_for
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
from napari_zstack_align.saved.occupant import occupant_of
from napari_zstack_align.saved.target import NO_MEMBERS, PARTIAL, in_the_way, is_earlier_part


def save(
    result: Result,
    target: str | Path,
    overwrite: bool = True,
    check: Callable[[Path], object] = lambda _: None,
) -> Path:
    """Save a result: at any moment, its folder holds what was there or all of this.

    Parameters
    ----------
    result : Result
    target : str or pathlib.Path
        The folder; the suffix of the kind is added where it lacks.
    overwrite : bool
        Whether a complete result there is replaced. An unfinished one never replaces it.
    check : callable
        Gets the folder that is about to be written, under its lock, and may refuse.

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
        lambda folder, held: _write(folder, held, result, check),
    )


def save_where_it_may(
    target: Path,
    kind: Kind,
    subject: Subject,
    overwrite: bool,
    write: Callable[[Path, bool], object],
    members: Mapping[str, Subject] = NO_MEMBERS,
) -> Path:
    """Let ``write(folder, held)`` write to the target or beside it, under the folder's lock."""

    def may_be(folder: Path) -> bool:
        there = occupant_of(folder)
        if folder != target and not is_earlier_part(there, kind, subject, members):
            return there.free
        # about what is beside the target, nobody was asked
        may_overwrite = overwrite and folder == target
        return in_the_way(there, kind, subject, members, may_overwrite) is None

    for folder in _candidates(target, subject):
        if may_be(folder):  # before anything is made there
            with sentences_for(folder), no_empty_folder(folder), locked(folder) as held:
                if may_be(folder):
                    write(folder, held)
                    return folder
    raise AssertionError("there are names without end")


def _candidates(target: Path, subject: Subject) -> Iterator[Path]:
    yield target
    yield from names_beside(target, "" if subject.complete else PARTIAL)


def _write(folder: Path, held: bool, result: Result, check: Callable[[Path], object]) -> None:
    check(folder)
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
    clean(folder, before, held)
