"""Open a project: what can't be read is reported, and all else opens."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_zstack_align.errors import InputError
from napari_zstack_align.params import MODELS, Params
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.project.facts import Item, Saved, StackEntry
from napari_zstack_align.project.home import Home, Unread
from napari_zstack_align.project.members import digest_of, read_member
from napari_zstack_align.project.project import NamedMask, NamedRun, Project
from napari_zstack_align.project.stacks import OPEN_IT, OPEN_RECORDING, reopened
from napari_zstack_align.remark import Remark, as_warnings
from napari_zstack_align.saved import Kind, Reading, read_result
from napari_zstack_align.saved.facts import FileFacts
from napari_zstack_align.stack import Stack

OPENING = "Opening the project"
ATTEMPTS = 20
"""How often a project is read that another program saves meanwhile."""


def load_project(folder: Path) -> Job[Project]:
    """Open the project in a folder.

    Parameters
    ----------
    folder : pathlib.Path

    Returns
    -------
    generator of Progress
        Returns the Project. What couldn't be read is left out, with a remark each, and is kept by
        the next save.

    Raises
    ------
    InputError
        Where there is no project, or its ``project.json`` is damaged or of a newer version.
    """
    return _loading(folder, _reading(folder))


def _loading(folder: Path, reading: Reading) -> Job[Project]:
    for _ in range(ATTEMPTS):
        project = yield from _Opening(reading).run()
        current = _reading(folder)
        if current.manifest.content == reading.manifest.content:
            return project
        reading = current
    raise InputError(f"{folder} is being saved all the time: try again when that is over.")


def _reading(folder: Path) -> Reading:
    return read_result(folder, Kind.PROJECT, lambda reading: reading)


@dataclass
class _Opening:
    """A project while it is opened."""

    reading: Reading
    remarks: list[Remark] = field(default_factory=list)
    done: int = 0

    def __post_init__(self) -> None:
        self._facts = self.reading.facts(Saved).project
        self._folder = self.reading.folder
        self._home = Home(self._folder.resolve(), self.reading.manifest.generation)

    def run(self) -> Job[Project]:
        stacks = yield from self._stacks(self._facts.stacks, OPEN_IT)
        recordings = yield from self._stacks(self._facts.recordings, OPEN_RECORDING)
        opened: dict[str, list[tuple[Item, list[Any]]]] = {}
        for section, items in self._facts.items().items():
            opened[section] = yield from self._section(section, items)
        masks = [
            NamedMask(item.name, labels, str(item.facts["belongs_to"]), item.facts["made_on"])
            for item, (labels,) in opened["masks"]
        ]
        for mask, (item, _) in zip(masks, opened["masks"], strict=True):
            self._keep(digest_of(mask), mask, item.members[0])
        runs = [
            NamedRun(item.name, tuple(values), str(item.facts["when"]))
            for item, values in opened["runs"]
        ]
        params = self._params()
        return Project(
            stacks=stacks,
            recordings=recordings,
            masks=tuple(masks),
            runs=tuple(runs),
            in_view=self._facts.in_view,
            rois={item.name: rois for item, (rois,) in opened["rois"]},
            traces={item.name: tuple(values) for item, values in opened["traces"]},
            zshifts={item.name: zshift for item, (zshift,) in opened["zshifts"]},
            params=params,
            view=self._facts.view,
            remarks=tuple(dict.fromkeys(self.remarks)),
            home=self._home,
        )

    def _progress(self) -> Progress:
        facts = self._facts
        total = len(facts.stacks) + len(facts.recordings)
        total += sum(len(item.members) for items in facts.items().values() for item in items)
        self.done += 1
        return Progress(OPENING, self.done - 1, total)

    def _stacks(self, entries: tuple[StackEntry, ...], open_it: str) -> Job[tuple[Stack, ...]]:
        stacks = []
        for entry in entries:
            yield self._progress()
            stack = reopened(entry, self._folder, open_it)
            self._home.stacks[id(stack)] = stack, entry
            if entry.key:
                self._home.set_key(stack, entry.key)
            if entry.times is not None and stack.frame_times_s is not None:
                self._keep(id(stack.frame_times_s), stack.frame_times_s, entry.times)
            self.remarks += [remark for remark in stack.remarks if remark.is_warning]
            stacks.append(stack)
        return tuple(stacks)

    def _section(self, section: str, items: tuple[Item, ...]) -> Job[list[tuple[Item, list[Any]]]]:
        """Read the items of a section; those of which nothing can be read are left out."""
        found = []
        for item in items:
            values = []
            for position, member in enumerate(item.members):
                yield self._progress()
                try:
                    read = read_member(self._folder, section, item, member)
                except InputError as error:
                    self._note_unread(section, item, position, member, error)
                    continue
                if read.remark is not None:
                    self.remarks.append(read.remark)
                self._keep(id(read.value), read.value, member)
                values.append(read.value)
            if values:
                found.append((item, values))
        return found

    def _keep(self, key: int | str, value: Any, member: FileFacts) -> None:
        self._home.kept[key] = value, member
        self._home.note_files(member)

    def _note_unread(
        self, section: str, item: Item, position: int, member: FileFacts, error: InputError
    ) -> None:
        problem = f"{item.name} is not shown. {error}"
        part = item.model_copy(update={"members": (member,)})
        self._home.unread = (*self._home.unread, Unread(section, part, position, problem))
        self.remarks += as_warnings(problem)

    def _params(self) -> dict[str, Params]:
        found: dict[str, Params] = {}
        for item in self._facts.params:
            params, lost = _fitting(item)
            if params is not None:
                found[item.name] = params
            if lost:
                facts = {**item.facts, "values": lost}
                problem = (
                    f"The parameters of {item.name} were saved by another version: "
                    f"{', '.join(lost)} can't be used, and keep their defaults."
                )
                part = item.model_copy(update={"facts": facts})
                self._home.unread = (*self._home.unread, Unread("params", part, 0, problem))
                self.remarks += as_warnings(problem)
        return found


def _fitting(item: Item) -> tuple[Params | None, dict[str, Any]]:
    """Parameters of as many values as this version knows, and the values that it doesn't."""
    values = dict(item.facts["values"])
    model = next((each for each in MODELS if each.__name__ == item.facts["model"]), None)
    if model is None:
        return None, values
    try:
        return model(**values), {}
    except InputError:
        fit: dict[str, Any] = {}
        for name, value in values.items():
            try:
                model(**fit, **{name: value})
            except InputError:
                continue
            fit[name] = value
        return model(**fit), {name: value for name, value in values.items() if name not in fit}
