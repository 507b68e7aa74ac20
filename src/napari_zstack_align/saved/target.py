"""Whether a result may take a name: before the work, and again when it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from napari_zstack_align.errors import InputError
from napari_zstack_align.saved.facts import Subject
from napari_zstack_align.saved.kinds import LAYOUTS, Kind, title_of
from napari_zstack_align.saved.manifest import Manifest
from napari_zstack_align.saved.occupant import Occupant, occupant_of, session_of

PARTIAL = "partial"
"""Mark in the name of an unfinished result that is saved beside a complete one."""


def check_target(
    target: Path,
    kind: Kind,
    subject: Subject,
    members: Mapping[str, Subject] | None = None,
    *,
    overwrite: bool = False,
    make_parents: bool = False,
) -> None:
    """Find out before the work whether a result can be saved.

    What a stopped save left is no hindrance, nor is an unfinished result of the same subject.

    Parameters
    ----------
    target : pathlib.Path
        Of `target_of`: the name that will be written.
    kind : Kind
    subject : Subject
        What will be worked on.
    members : mapping of str to Subject, optional
        Of a result that consists of several: their folders.
    overwrite : bool
        Whether complete results may be replaced.
    make_parents : bool
        Whether the folders above are made where there are none.

    Raises
    ------
    InputError
        Where the name is taken; the sentence says by what.
    """
    if not make_parents and not target.parent.is_dir():
        raise InputError(f"{target} can't be written: there is no folder {target.parent}.")
    occupant = occupant_of(target)
    whole = subject.model_copy(update={"done": subject.frames})
    if not may_replace(occupant, kind, whole, overwrite):
        raise InputError(
            f"{target} {occupant.description} already: choose another name, or give --overwrite."
        )
    check_members(target, kind, members or {}, occupant.manifest, overwrite)


def may_replace(occupant: Occupant, kind: Kind, subject: Subject, overwrite: bool) -> bool:
    """Whether a result may take the place of what is there; False: it is saved beside it.

    An unfinished result never takes the place of a complete one. Without ``overwrite``, only what
    is unfinished is replaced, by a result of the same subject of which as much is done.

    Raises
    ------
    InputError
        Where something else is there, which is never replaced.
    """
    _check_kind(occupant, kind, subject)
    if occupant.kind is None:
        return True
    there = occupant.manifest
    if there is None:
        return overwrite
    if there.complete:
        return overwrite and subject.complete
    if overwrite:
        return True
    return (there.subject.name, there.subject.what) == (subject.name, subject.what) and (
        subject.complete or subject.done >= there.subject.done
    )


def check_members(
    folder: Path,
    kind: Kind,
    members: Mapping[str, Subject],
    before: Manifest | None,
    overwrite: bool,
) -> None:
    """Check the folders of results that belong together.

    Those of the result before are replaced with it. Others are treated as any target.
    """
    of_kind = LAYOUTS[kind].members
    listed = set() if before is None else {member.folder for member in before.members}
    removed = {} if before is None else {each.folder: each.generation for each in before.removed}
    for name, subject in members.items():
        assert of_kind is not None
        occupant = occupant_of(folder / name)
        there = occupant.manifest
        own = name in listed or (there is not None and removed.get(name) == there.generation)
        _check_kind(occupant, of_kind, subject, within=folder)
        if occupant.kind is not None and not own and not _replaceable(occupant, subject, overwrite):
            raise InputError(
                f"{occupant.path} {occupant.description} and is no part of {folder}: choose "
                f"another name, or give --overwrite."
            )


def _replaceable(occupant: Occupant, subject: Subject, overwrite: bool) -> bool:
    there = occupant.manifest
    if overwrite or there is None:
        return overwrite
    return not there.complete and there.subject.name == subject.name


def _check_kind(
    occupant: Occupant, kind: Kind, subject: Subject, within: Path | None = None
) -> None:
    """Raise InputError where something is there that is no such result."""
    grouped = LAYOUTS[kind].members is not None and not occupant.is_file
    if occupant.kind is None and not occupant.free and not grouped:
        raise InputError(f"{occupant.path} {occupant.description}: choose another name.")
    if occupant.kind not in (None, kind):
        raise InputError(
            f"{occupant.path} {occupant.description}, not {title_of(kind)}: choose another name."
        )
    there = occupant.manifest
    if there is not None and there.subject.what != subject.what:
        raise InputError(
            f"{occupant.path} {occupant.description}, not of a {subject.what}: choose another name."
        )
    session = None if within is not None else session_of(occupant.path)
    if session is not None and there is not None and there.subject.name != subject.name:
        raise InputError(
            f"{occupant.path} {occupant.description} and belongs to {session.folder}: choose "
            f"another name."
        )
