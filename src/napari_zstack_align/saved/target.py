"""Whether a result may take a name: before the work, and again when it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from napari_zstack_align.atomic import check_name, check_permission
from napari_zstack_align.errors import InputError
from napari_zstack_align.saved.facts import Removed, Subject
from napari_zstack_align.saved.kinds import LAYOUTS, Kind, title_of
from napari_zstack_align.saved.manifest import Manifest
from napari_zstack_align.saved.members import check_apart
from napari_zstack_align.saved.names import names_beside
from napari_zstack_align.saved.occupant import (
    Occupant,
    occupant_of,
    others_in,
    session_of,
)
from napari_zstack_align.saved.successors import (
    NO_SUCCESSORS,
    Successors,
    listed_in,
    successors,
)

NO_MEMBERS: Mapping[str, Subject] = MappingProxyType({})
PARTIAL = "partial"
"""Mark in the name of an unfinished result that is saved beside a complete one."""
ROOM_BESIDE = len("-partial-99")
"""Bytes that names beside the target add, that of its journal too."""


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
    whole = {name: _done(each) for name, each in (members or {}).items()}
    check_name(target, ROOM_BESIDE)
    there = occupant_of(target)
    hindrance = in_the_way(there, kind, _done(subject), whole, overwrite)
    if hindrance is not None:
        raise InputError(
            f"{hindrance.path} {hindrance.whole_description} already: choose another name, or "
            f"give `overwrite=True`."
        )
    if not make_parents and not target.parent.is_dir():
        raise InputError(f"{target} can't be written: there is no folder {target.parent}.")
    check_permission(target)
    listed = () if there.manifest is None else there.manifest.members
    for name in dict.fromkeys([*whole, *(member.folder for member in listed)]):
        check_permission(target / name)


def in_the_way(
    there: Occupant,
    kind: Kind,
    subject: Subject,
    members: Mapping[str, Subject],
    overwrite: bool,
) -> Occupant | None:
    """Return what must stay, so that a result is saved beside it; None: it may be written.

    An unfinished result never takes the place of a complete one, nor of one that can't be read and
    may be complete. Without ``overwrite``, only what is unfinished is replaced, by a result of the
    same frames of which as much is done. The members of the result that is there are replaced
    with it, each by the new one of its frames, whatever folder that has; other results in the
    folder are treated as any target.

    Raises
    ------
    InputError
        Where something else is there, which is never replaced.
    """
    _check_kind(there, kind, subject)
    listed = listed_in(there)
    after = successors(listed, members.values())
    if not _may_replace(there, subject, overwrite, after):
        return there
    check_apart(there.path, members)
    for name in dict.fromkeys((*members, *listed)):
        inside = listed[name].inside if name in listed else occupant_of(there.path / name)
        if name in members:
            of_kind = LAYOUTS[kind].members
            assert of_kind is not None
            _check_kind(inside, of_kind, members[name], in_session=True)
        if name in listed and listed[name].is_own:
            goes = _may_follow(inside, after[name], subject.complete, overwrite)
        else:
            removed = _is_removed(inside, there.manifest)
            goes = name not in members or _may_replace(inside, members[name], overwrite or removed)
        if not goes:
            return inside
    return None


def is_earlier_part(
    there: Occupant, kind: Kind, subject: Subject, members: Mapping[str, Subject]
) -> bool:
    """Whether an unfinished result of the same frames is there, beside the target of this one."""
    if there.kind is not kind or there.complete or subject.complete:
        return False
    return _is_same_work(there, subject, successors(listed_in(there), members.values()))


def partial_name(target: Path) -> Path:
    """Return the name beside a target for an unfinished result that doesn't replace it."""
    return next(names_beside(target, PARTIAL))


def beside_note(written: Path, target: Path) -> str:
    """Sentence that a result was saved beside its target, and why; '' where it was not."""
    if written == target:
        return ""
    there = occupant_of(target)
    if there.complete and not occupant_of(written).complete:
        return (
            f"{target.name} is complete and was kept; this incomplete result is in {written.name}."
        )
    there_is = there.whole_description
    return f"{target.name} {there_is} and was kept; this result is in {written.name}."


def _done(subject: Subject) -> Subject:
    return subject.model_copy(update={"done": subject.frames})


def _may_replace(
    there: Occupant, subject: Subject, overwrite: bool, after: Successors = NO_SUCCESSORS
) -> bool:
    if there.kind is None:
        return True
    if there.complete and not (there.uncommitted and _is_same_work(there, subject, after)):
        return overwrite and subject.complete
    before = there.manifest
    assert before is not None
    return overwrite or (
        # up to schema 1, manifests don't say how much was done
        (subject.complete or (before.schema > 1 and subject.done >= before.subject.done))
        and _is_same_work(there, subject, after)
    )


def _is_same_work(there: Occupant, subject: Subject, after: Successors) -> bool:
    """Whether a result is of the frames of what is there: of a group, of those of each member."""
    before = there.manifest
    assert before is not None
    if before.members:
        same_name = (before.subject.what, before.subject.name) == (subject.what, subject.name)
        return same_name and None not in after.values()
    return before.subject.is_same_work(subject)


def _may_follow(inside: Occupant, new: Subject | None, all_done: bool, overwrite: bool) -> bool:
    """Whether a group's own member may go for the new one of its frames, where there is one."""
    if inside.complete:
        return all_done or (new is not None and new.complete)
    before = inside.manifest
    if overwrite or new is None or before is None:
        return True
    return new.complete or new.done >= before.subject.done


def _is_removed(inside: Occupant, group: Manifest | None) -> bool:
    """Whether it is what a group had before, and was to remove."""
    generation = "" if inside.manifest is None else inside.manifest.mark
    removed = Removed(folder=inside.path.name, generation=generation)
    return group is not None and removed in group.removed


def _check_kind(
    occupant: Occupant, kind: Kind, subject: Subject, *, in_session: bool = False
) -> None:
    """Raise InputError where something is there that is no such result."""
    if occupant.obstacle or not (
        occupant.kind or occupant.free or _are_members(occupant.path, kind)
    ):
        raise InputError(f"{occupant.path} {occupant.description}: choose another name.")
    if occupant.newer:
        raise InputError(
            f"{occupant.path} {occupant.description}: update napari-zstack-align, or choose "
            f"another name."
        )
    if occupant.kind not in (None, kind):
        raise InputError(
            f"{occupant.path} {occupant.description}, not {_instead(occupant, kind)}: choose "
            f"another name."
        )
    there = occupant.manifest
    if there is None:
        return
    if there.subject.what != subject.what:
        raise InputError(
            f"{occupant.path} {occupant.description}, not of a {subject.what}: choose another name."
        )
    session = None if in_session else session_of(occupant.path)
    if session is not None and not there.subject.is_same_work(subject):
        raise InputError(
            f"{occupant.path} {occupant.whole_description} and belongs to {session.folder}: "
            f"choose another name."
        )


def _are_members(folder: Path, kind: Kind) -> bool:
    """Whether all that is in a folder are results of which one of a kind consists.

    Raw images in it would be hidden by the result: from then on, the folder opens as that. Where
    another save into it ends just now, its members change while they are looked at.
    """
    of_kind = LAYOUTS[kind].members
    if of_kind is None:
        return False
    if all(occupant_of(each).kind is of_kind for each in others_in(folder)):
        return True
    return occupant_of(folder).kind is kind


def _instead(occupant: Occupant, kind: Kind) -> str:
    if {occupant.kind, kind} == {Kind.TRACES, Kind.SESSION_TRACES}:
        return f"those of {'one recording' if kind is Kind.TRACES else 'several recordings'}"
    return title_of(kind)
