"""Whether a result may take a name: before the work, and again when it is saved."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType

from napari_zstack_align.atomic import check_name, check_permission
from napari_zstack_align.errors import InputError
from napari_zstack_align.saved.facts import MemberFacts, Removed, Subject
from napari_zstack_align.saved.kinds import LAYOUTS, Kind, title_of
from napari_zstack_align.saved.manifest import Manifest
from napari_zstack_align.saved.members import check_apart, is_listed
from napari_zstack_align.saved.names import names_beside
from napari_zstack_align.saved.occupant import Occupant, occupant_of, session_of

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
            f"{hindrance.path} {hindrance.description} already: choose another name, or give "
            f"--overwrite."
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
    same subject of which as much is done. The members of the result that is there are replaced
    with it; other results in the folder are treated as any target.

    Raises
    ------
    InputError
        Where something else is there, which is never replaced.
    """
    _check_kind(there, kind, subject)
    names = {each.name for each in members.values()}
    if not _may_replace(there, subject, overwrite, names):
        return there
    check_apart(there.path, members)
    group = there.manifest
    listed = {} if group is None else {member.folder: member for member in group.members}
    for name in dict.fromkeys((*members, *listed)):
        inside = occupant_of(there.path / name)
        own = group is not None and name in listed and _is_own(inside, group, listed[name])
        if name not in members:
            if own and inside.complete and not subject.complete:  # it goes
                return inside
            continue
        of_kind = LAYOUTS[kind].members
        assert of_kind is not None
        _check_kind(inside, of_kind, members[name], in_session=True)
        own = (own and not _has_more(inside, members[name])) or _is_removed(inside, group)
        if not _may_replace(inside, members[name], overwrite or own):
            return inside
    return None


def is_earlier_part(there: Occupant, kind: Kind, subject: Subject) -> bool:
    """Whether an unfinished result of the same subject is there, beside the target of this one."""
    before = there.manifest
    return (
        before is not None
        and not (there.complete or subject.complete)
        and (there.kind, before.subject.what, before.subject.name)
        == (kind, subject.what, subject.name)
    )


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
    return f"{target.name} {there.description} and was kept; this result is in {written.name}."


def _done(subject: Subject) -> Subject:
    return subject.model_copy(update={"done": subject.frames})


def _may_replace(
    there: Occupant, subject: Subject, overwrite: bool, members: Collection[str] = ()
) -> bool:
    if there.kind is None:
        return True
    if there.complete:
        return overwrite and subject.complete
    before = there.manifest
    assert before is not None
    return overwrite or (
        (before.subject.name, before.subject.what) == (subject.name, subject.what)
        and {member.name for member in before.members} <= {*members}
        # up to schema 1, manifests don't say how much was done
        and (subject.complete or (before.schema > 1 and subject.done >= before.subject.done))
    )


def _is_own(inside: Occupant, group: Manifest, member: MemberFacts) -> bool:
    """Whether it is what a group lists; what can't be read may be."""
    return inside.manifest is None or is_listed(group, member, inside.manifest)


def _has_more(there: Occupant, subject: Subject) -> bool:
    """Whether it is unfinished, but more of it is done than of what is to take its place."""
    before = there.manifest
    return before is not None and not there.complete and before.subject.done > subject.done


def _is_removed(inside: Occupant, group: Manifest | None) -> bool:
    """Whether it is what a group had before, and was to remove."""
    generation = "" if inside.manifest is None else inside.manifest.mark
    removed = Removed(folder=inside.path.name, generation=generation)
    return group is not None and removed in group.removed


def _check_kind(
    occupant: Occupant, kind: Kind, subject: Subject, *, in_session: bool = False
) -> None:
    """Raise InputError where something is there that is no such result."""
    grouped = LAYOUTS[kind].members is not None
    if occupant.obstacle or not (occupant.kind or grouped or occupant.free):
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
    if session is not None and there.subject.name != subject.name:
        raise InputError(
            f"{occupant.path} {occupant.description} and belongs to {session.folder}: choose "
            f"another name."
        )


def _instead(occupant: Occupant, kind: Kind) -> str:
    if {occupant.kind, kind} == {Kind.TRACES, Kind.SESSION_TRACES}:
        return f"those of {'one recording' if kind is Kind.TRACES else 'several recordings'}"
    return title_of(kind)
