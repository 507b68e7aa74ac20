"""Write the members of a project that are new, and list all of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.project.facts import SECTIONS, Item, ProjectFacts, StackEntry
from napari_zstack_align.project.home import Home, Unread
from napari_zstack_align.project.members import (
    digest_of,
    remove_member,
    write_member,
    write_times,
)
from napari_zstack_align.project.project import NamedMask, Project
from napari_zstack_align.project.stacks import entry_of
from napari_zstack_align.saved.facts import FileFacts
from napari_zstack_align.saved.provenance import plain
from napari_zstack_align.stack import Stack

SAVING = "Saving the project"


class _Named(NamedTuple):
    """An item before its members are written."""

    name: str
    values: tuple[Any, ...]
    facts: dict[str, Any]


class Writer:
    """Writes a project into a folder, beside the one that is there.

    Parameters
    ----------
    folder : pathlib.Path
    known : Home
        What is known of the project that is there.
    from_home : Home
        Where the project was kept before: what couldn't be read there is copied.
    """

    def __init__(self, folder: Path, known: Home, from_home: Home) -> None:
        self._folder, self._known = folder, known
        self._from = known if known.folder is not None else from_home
        self._keys = from_home
        self._place = folder.resolve()
        self._home = Home(folder=self._place)
        self._written: list[Path] = []
        self.done = 0

    def write(self, project: Project) -> Job[ProjectFacts]:
        """Write what has changed; return what ``project.json`` will say."""
        named = _named(project)
        total = len(project.stacks) + len(project.recordings)
        total += sum(len(each.values) for items in named.values() for each in items)
        sections: dict[str, tuple[Item, ...]] = {}
        for section in SECTIONS:
            items = []
            for each in named[section]:
                members = []
                for value in each.values:
                    yield Progress(SAVING, self.done, total)
                    members.append(self._member(section, value))
                    self.done += 1
                items.append(Item(name=each.name, members=tuple(members), facts=each.facts))
            sections[section] = self._with_unread(section, items)
        stacks = yield from self._entries(project.stacks, total)
        recordings = yield from self._entries(project.recordings, total)
        return ProjectFacts(
            stacks=stacks,
            recordings=recordings,
            params=self._params(project),
            in_view=project.in_view,
            view=plain(project.view),
            **sections,
        )

    def home(self, mark: str) -> Home:
        """Return what is known of the folder when all this is in place."""
        self._home.mark = mark
        return self._home

    def undo(self) -> None:
        """Remove what was written."""
        for path in self._written:
            remove_member(path)

    def _member(self, section: str, value: Any) -> FileFacts:
        """Return the place of a value, which is written if it isn't there as it is."""
        key = digest_of(value) if isinstance(value, NamedMask) else id(value)
        held, member = self._home.kept.get(key) or self._known.kept.get(key) or (value, None)
        if member is None or not self._known.has_in(self._folder, member.name):
            member = self._noted(write_member(self._folder, section, value))
        return self._kept(key, held, member)

    def _noted(self, member: FileFacts) -> FileFacts:
        self._written.append(self._folder / member.name)
        self._home.note_files(member)
        return member

    def _kept(self, key: int | str, held: Any, member: FileFacts) -> FileFacts:
        self._home.kept[key] = held, member
        if member.name in self._known.files:
            self._home.files.setdefault(member.name, self._known.files[member.name])
        return member

    def _entries(self, stacks: Iterable[Stack], total: int) -> Job[tuple[StackEntry, ...]]:
        entries = []
        for stack in stacks:
            yield Progress(SAVING, self.done, total)
            entries.append(self._entry(stack))
            self.done += 1
        return tuple(entries)

    def _entry(self, stack: Stack) -> StackEntry:
        """Describe a stack; of one that was described before, no frame is read again."""
        times = self._times(stack)
        _, entry = self._known.stacks.get(id(stack), (stack, None))
        if entry is None or self._known.folder != self._place:  # its paths begin elsewhere
            entry = entry_of(stack, self._folder, times)
        key = self._keys.key_of(stack)
        entry = entry.model_copy(update={"times": times, "key": key})
        self._home.set_key(stack, key)
        self._home.stacks[id(stack)] = stack, entry
        return entry

    def _times(self, stack: Stack) -> FileFacts | None:
        times = stack.frame_times_s
        if times is None:
            return None
        _, member = self._known.kept.get(id(times), (times, None))
        if member is None or not self._known.has_in(self._folder, member.name):
            member = self._noted(write_times(self._folder, times))
        return self._kept(id(times), times, member)

    # -- what couldn't be read -----------------------------------------------------------------

    def _with_unread(self, section: str, items: list[Item]) -> tuple[Item, ...]:
        """Put what couldn't be read back in its place: nothing of it is lost."""
        by_name = {item.name: item for item in items}
        for each in self._from.unread:
            if each.section != section:
                continue
            kept = self._kept_unread(each)
            there = by_name.get(each.name, each.item.model_copy(update={"members": ()}))
            members = list(there.members)
            members[each.position : each.position] = kept.item.members
            by_name[each.name] = there.model_copy(update={"members": tuple(members)})
        return tuple(by_name.values())

    def _kept_unread(self, unread: Unread) -> Unread:
        if self._from.folder not in (None, self._place):
            for member in unread.item.members:
                self._copy(Path(str(self._from.folder)) / member.name)
        self._home.unread = (*self._home.unread, unread)
        return unread

    def _copy(self, source: Path) -> None:
        target = self._folder / source.name
        if source.is_dir():
            self._written.append(target)
            shutil.copytree(source, target)
        elif source.is_file():
            self._written.append(target)
            shutil.copyfile(source, target)

    def _params(self, project: Project) -> tuple[Item, ...]:
        """Parameters of each form; those that couldn't be read stay beside the others."""
        unread = {each.name: each for each in self._from.unread if each.section == "params"}
        items = []
        for name, params in project.params.items():
            model, values = type(params).__name__, params.model_dump(mode="json")
            if name in unread and unread[name].item.facts["model"] == model:
                values = {**unread[name].item.facts["values"], **values}
            items.append(Item(name=name, facts={"model": model, "values": values}))
        alone = [each.item for name, each in unread.items() if name not in project.params]
        self._home.unread = (*self._home.unread, *unread.values())
        return (*items, *alone)


def _named(project: Project) -> dict[str, list[_Named]]:
    """List the items of each section."""
    return {
        "masks": [_Named(mask.name, (mask,), _mask_facts(mask)) for mask in project.masks],
        "runs": [_Named(run.name, run.results, {"when": run.when}) for run in project.runs],
        "rois": [_Named(name, (rois,), {}) for name, rois in project.rois.items()],
        "traces": [_Named(name, each, {}) for name, each in project.traces.items()],
        "zshifts": [_Named(name, (each,), {}) for name, each in project.zshifts.items()],
    }


def _mask_facts(mask: NamedMask) -> dict[str, Any]:
    return {
        "belongs_to": mask.belongs_to,
        "made_on": mask.made_on,
        "dtype": mask.labels.dtype.str,
        "shape": list(mask.labels.shape),
    }
