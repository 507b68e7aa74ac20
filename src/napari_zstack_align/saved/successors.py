"""Which new member of a group follows each that is there: the one of its frames, wherever it lies.

Folders are named after recordings. Where several bear the same name, their order says which of them
gets which folder, and another one may come first next time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from napari_zstack_align.saved.facts import MemberFacts, Subject
from napari_zstack_align.saved.manifest import Manifest
from napari_zstack_align.saved.members import is_listed
from napari_zstack_align.saved.occupant import Occupant, occupant_of

Successors = Mapping[str, Subject | None]
"""The new member of the frames of each that is there, by its folder; None where there is none."""
NO_SUCCESSORS: Successors = MappingProxyType({})


@dataclass(frozen=True)
class Listed:
    """A member that a group lists.

    Attributes
    ----------
    inside : Occupant
        What is in its folder.
    is_own : bool
        Whether that is still this member; what can't be read may be.
    subject : Subject
    """

    inside: Occupant
    is_own: bool
    subject: Subject


def listed_in(there: Occupant) -> dict[str, Listed]:
    """Look at the members of a group, by their folders; there are none of any other result."""
    group = there.manifest
    if group is None:
        return {}
    return {
        each.folder: _listed(group, each, occupant_of(there.path / each.folder))
        for each in group.members
    }


def _listed(group: Manifest, member: MemberFacts, inside: Occupant) -> Listed:
    if inside.manifest is not None and is_listed(group, member, inside.manifest):
        return Listed(inside, True, inside.manifest.subject)
    known = Subject(what=group.subject.what, name=member.name, frames=member.frames)
    return Listed(inside, inside.manifest is None, known)


def successors(listed: Mapping[str, Listed], members: Iterable[Subject]) -> Successors:
    """Find the new member that follows each that is there; none follows two of them."""
    left = [*members]
    after: dict[str, Subject | None] = {}
    for folder, each in listed.items():
        found = next((i for i, new in enumerate(left) if each.subject.is_same_work(new)), None)
        after[folder] = None if found is None else left.pop(found)
    return after
