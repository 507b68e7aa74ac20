"""Which folders are a group's own: what its manifest lists, and nothing that took its place."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from napari_zstack_align.errors import InputError
from napari_zstack_align.saved.facts import MemberFacts, Removed
from napari_zstack_align.saved.kinds import LAYOUTS
from napari_zstack_align.saved.manifest import Manifest

Place = tuple[int, int]
"""Device and inode: the same for all names of a folder."""


def is_listed(group: Manifest, member: MemberFacts, there: Manifest) -> bool:
    """Whether what is in a member's folder is that member, and no other result that was put there.

    A member that was saved by itself since is still the one of its recording. Others may bear its
    name: where both know what their frames are, these must be the same.
    """
    if there.kind is not LAYOUTS[group.kind].members:
        return False
    if member.checksum and there.checksum == member.checksum:
        return True
    if there.generation and there.generation == group.generation:
        return True
    known = (group.subject.what, member.name, member.frames)
    subject = there.subject
    marks = {member.fingerprint, subject.origin.fingerprint} - {""}
    return (subject.what, subject.name, subject.frames) == known and len(marks) < 2


def that_go(
    folder: Path,
    group: Manifest | None,
    there: Mapping[str, Manifest | None],
    names: Collection[str],
) -> list[Removed]:
    """Members of a group that go when others take its place.

    Results of others stay, and links: what they lead to is outside. So does a folder that one of
    the new members has, too, under a name in other letters.

    Parameters
    ----------
    folder : pathlib.Path
        Of the group.
    group : Manifest, optional
        What is there.
    there : mapping of str to Manifest
        What is in the folders that it lists.
    names : collection of str
        Folders of the new members.
    """
    if group is None:
        return []
    known = {each.folder: each.generation for each in group.removed}
    for member in group.members:
        inside = there[member.folder]
        if inside is not None and is_listed(group, member, inside):
            known[member.folder] = inside.mark
    kept = {place_of(folder / name) for name in names}
    return [
        Removed(folder=name, generation=mark)
        for name, mark in known.items()
        if (folder / name).is_dir()
        and not (folder / name).is_symlink()
        and place_of(folder / name) not in kept
    ]


def place_of(path: Path) -> Place | None:
    """Return what is the same for all names of a folder; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def check_apart(folder: Path, names: Iterable[str]) -> None:
    """Raise InputError where two members would be written into one folder."""
    taken: dict[Place, str] = {}
    for name in names:
        place = place_of(folder / name)
        if place is not None and (other := taken.setdefault(place, name)) != name:
            raise InputError(
                f"{folder / name} and {folder / other} are one folder: two recordings can't be "
                f"saved there. Remove the link, or choose another name."
            )
