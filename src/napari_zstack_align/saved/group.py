"""Save several results that belong together: all of them change in one step.

Each member gets the files of the new generation and a manifest ``run-GENERATION.json``. Then
``session.json``, which lists these manifests, is replaced in one step: from then on the new results
count, in the session and in each member. The members' manifests then take the place of their
``run.json``, and what is old goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_zstack_align.atomic import flush_folder
from napari_zstack_align.errors import InputError
from napari_zstack_align.saved.disk import (
    make_folder,
    no_empty_folder,
    replace_in_one_step,
    write_new,
)
from napari_zstack_align.saved.facts import MemberFacts, Removed, Subject
from napari_zstack_align.saved.generation import (
    Result,
    before_in,
    clean,
    generations_in,
    has_left_over,
    remove_generation,
    remove_left_over,
    remove_result,
    remove_temporary,
    write_files,
)
from napari_zstack_align.saved.kinds import RUN, SESSION, Kind
from napari_zstack_align.saved.lock import locked
from napari_zstack_align.saved.manifest import Manifest, manifest_bytes, read_manifest
from napari_zstack_align.saved.members import Place, place_of, that_go
from napari_zstack_align.saved.names import new_generation, of_generation, target_of
from napari_zstack_align.saved.occupant import is_left_over, occupant_of, pending_manifest
from napari_zstack_align.saved.old_traces import listing_of_old_traces
from napari_zstack_align.saved.save import save_where_it_may
from napari_zstack_align.saved.successors import listed_in


@dataclass(frozen=True)
class Group:
    """Results that belong together.

    Attributes
    ----------
    kind : Kind
        `Kind.SESSION` or `Kind.SESSION_TRACES`.
    members : mapping of str to Result
        By the names of their folders, in order.
    asked : int
        How many there would be if all were done.
    provenance : mapping
        Of `provenance`.
    facts : mapping
        What else the common manifest says.
    """

    kind: Kind
    members: Mapping[str, Result]
    asked: int
    provenance: Mapping[str, Any]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def subject(self) -> Subject:
        """The first one's name and sort; the number of those that are complete."""
        results = list(self.members.values())
        done = sum(result.subject.complete for result in results)
        first = results[0].subject
        return first.model_copy(update={"frames": self.asked, "done": done})


def save_group(group: Group, target: str | Path, overwrite: bool = True) -> Path:
    """Save results that belong together; other files in the folder stay.

    Parameters and errors are those of `save.save`.

    Returns
    -------
    pathlib.Path
        The folder that was written: where the target must not be replaced, one beside it.
    """
    return save_where_it_may(
        target_of(target, group.kind),
        group.kind,
        group.subject,
        overwrite,
        lambda folder, held: _write(folder, held, group),
        {name: result.subject for name, result in group.members.items()},
    )


def _write(folder: Path, held: bool, group: Group) -> None:
    before = before_in(folder) or listing_of_old_traces(folder)
    with _locked_members(folder, _locked_names(folder, group, before)) as members_held:
        _write_members(folder, held and members_held, group, before)


def finish_save(folder: Path) -> None:
    """Do what a save that was stopped had left to do when its results were in place.

    Where nothing is left, nothing is touched; what can't be done now, the next save does.
    """
    with suppress(OSError, InputError):
        if _is_to_finish(folder):
            with locked(folder, wait=False) as held:
                if held:
                    _finish(folder)


def _is_to_finish(folder: Path) -> bool:
    group = occupant_of(folder).manifest
    if group is None:
        return False
    members = [folder / member.folder for member in group.members]
    return any(map(pending_manifest, members)) or any(map(has_left_over, (folder, *members)))


def _finish(folder: Path) -> None:
    group = before_in(folder)
    if group is None:
        return
    own = [name for name, each in listed_in(occupant_of(folder)).items() if each.is_own]
    names = [name for name in own if (folder / name).is_dir()]
    with _locked_members(folder, names) as held:
        _tidy(folder, held, dict.fromkeys(names), group.removed)


@contextmanager
def _locked_members(folder: Path, names: Iterable[str]) -> Iterator[bool]:
    """Make the folders of members, and hold their locks; whether all of them are held."""
    with ExitStack() as locks:
        all_held = True
        places: set[Place | None] = set()
        for name in names:
            locks.enter_context(no_empty_folder(folder / name))
            make_folder(folder / name)
            if (place := place_of(folder / name)) not in places:  # else another name of it
                places.add(place)
                all_held &= locks.enter_context(locked(folder / name))
        yield all_held


def _locked_names(folder: Path, group: Group, before: Manifest | None) -> list[str]:
    """Folders of the members that there were and will be, in an order that all keep to."""
    old = [name for name in _old_names(before) if (folder / name).is_dir()]
    return sorted({*group.members, *old})


def _old_names(before: Manifest | None) -> list[str]:
    if before is None:
        return []
    names = [member.folder for member in before.members]
    return names + [each.folder for each in before.removed]


def _write_members(folder: Path, held: bool, group: Group, before: Manifest | None) -> None:
    members_before = {name: before_in(folder / name) for name in _all_names(group, before)}
    gone = that_go(folder, before, members_before, group.members)
    folders = [folder / name for name in group.members]
    generation = new_generation(set().union(*map(generations_in, folders)))
    try:
        listed = [
            _write_member(folder / name, result, generation, members_before[name])
            for name, result in group.members.items()
        ]
        flush_folder(folder)
        content = manifest_bytes(
            group.kind,
            group.subject,
            generation,
            group.provenance,
            recordings=[each.model_dump() for each in listed],
            removed=[each.model_dump() for each in gone],
            **group.facts,
        )
        # From here on, the folder holds the new results.
        replace_in_one_step(folder / SESSION, content)
    except BaseException:
        current = before_in(folder)
        if current is None or current.generation != generation:
            for each in folders:
                remove_generation(each, generation)
        raise
    _tidy(folder, held, {name: members_before[name] for name in group.members}, gone)


def _all_names(group: Group, before: Manifest | None) -> list[str]:
    return list(dict.fromkeys([*group.members, *_old_names(before)]))


def _write_member(
    folder: Path, result: Result, generation: str, before: Manifest | None
) -> MemberFacts:
    content = write_files(folder, result, generation, before)
    path = folder / of_generation(RUN, generation)
    write_new(path, content)
    flush_folder(folder)
    written = read_manifest(path)
    return MemberFacts(
        name=result.subject.name,
        folder=folder.name,
        frames=result.subject.frames,
        manifest=path.name,
        checksum=written.checksum,
        fingerprint=written.subject.origin.fingerprint,
    )


def _tidy(
    folder: Path,
    held: bool,
    before: Mapping[str, Manifest | None],
    gone: Sequence[Removed],
) -> None:
    """Do what is left when the new results are in place; what fails here, the next save does.

    Parameters
    ----------
    folder : pathlib.Path
        Of the group.
    held : bool
        Whether all locks are held.
    before : mapping of str to Manifest
        What was in the folder of each member; None where that isn't known.
    gone : sequence of Removed
        Members that go.
    """
    with suppress(OSError):
        for name, manifest in before.items():
            clean(folder / name, manifest, held)  # its manifest takes its place first
        for each in gone:
            remove_result(folder / each.folder, each.generation)
        if held:
            remove_temporary(folder)
            _remove_stopped(folder)


def _remove_stopped(folder: Path) -> None:
    """Remove what stopped saves left in folders of other recordings; saves that go on stay."""
    for path in list(folder.iterdir()):
        if path.is_dir() and is_left_over(path) and any(path.iterdir()):
            with locked(path, wait=False) as held:
                if held:
                    remove_left_over(path)
