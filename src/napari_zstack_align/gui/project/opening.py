"""Open a project in the worker, with all that the panel needs to show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.same_frames import holds_frames_of
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.cells.outdated import marked_outdated
from napari_zstack_align.gui.cells.trace_set import TraceSet, with_liveliest
from napari_zstack_align.gui.dataset import Movie
from napari_zstack_align.gui.jobs import Limits, sample_contrast
from napari_zstack_align.gui.project.places import Places, is_gone, named, with_keys
from napari_zstack_align.gui.project.snapshot import view_of
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.gui.runs import Runs
from napari_zstack_align.gui.zshift.jobs import with_contrast as zshift_with_contrast
from napari_zstack_align.gui.zshift.view import ZShiftView
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.project import NamedMask, NamedRun, Project, ProjectFolder, load_project
from napari_zstack_align.read import started_at
from napari_zstack_align.remark import as_warnings
from napari_zstack_align.saved import Z_STACK, Kind, target_of
from napari_zstack_align.stack import Stack

UNKNOWN_LIMITS: Limits = (0.0, 1.0)
NO_SUFFIX = (
    "{} is shown, but not saved: the name of a project ends in .zproject. Save it under a new name."
)
NOT_SAVED = "{} It is shown, but not saved here: save it under another name to go on with it."


ReadFrom = TypeVar("ReadFrom", TraceSet, ZShiftView)


@dataclass(frozen=True, eq=False)
class OpenedRun:
    """A run for the list of its dataset; ``results`` by position of the stack or recording."""

    saved: NamedRun
    results: Mapping[int, Alignment]
    facts: Mapping[str, Any]
    in_view: bool


@dataclass(frozen=True, eq=False)
class OpenedStack:
    """A stack with its contrast limits and runs."""

    stack: Stack
    contrast: list[Limits]
    runs: tuple[OpenedRun, ...]


@dataclass(frozen=True, eq=False)
class Opened:
    """A project that was opened, ready to be shown.

    Attributes
    ----------
    project : Project
        What can be shown of it.
    folder : ProjectFolder, optional
        Where it is saved from now on; None where another program has it open.
    note : str
        Why there is no folder; else ''.
    stacks : tuple of OpenedStack
    recordings : tuple of Recording
    session_runs : tuple of OpenedRun
    traces : TraceSet, optional
    zshift : ZShiftView, optional
    left : Project
        What can't be shown, and is kept.
    """

    project: Project
    folder: ProjectFolder | None = None
    note: str = ""
    stacks: tuple[OpenedStack, ...] = ()
    recordings: tuple[Recording, ...] = ()
    session_runs: tuple[OpenedRun, ...] = ()
    traces: TraceSet | None = None
    zshift: ZShiftView | None = None
    left: Project = field(default_factory=Project)


def opening(path: Path, held: ProjectFolder | None = None) -> Job[Opened]:
    """Open a project, and sample the contrast of its frames; closing the job lets go of it.

    A folder that is ``held`` already is read anew, and held on to.
    """
    yield Progress("Opening the project", 0, 1)
    folder, note = _folder(path) if held is None else (held, "")
    try:
        project = yield from (load_project(path) if folder is None else folder.load())
        opened = yield from preparing(project)
    except BaseException:
        if folder is not None and folder is not held:
            folder.close()
        raise
    return replace(opened, folder=folder, note=note)


def preparing(project: Project) -> Job[Opened]:
    """Sort what a project holds by where it is shown, and sample the contrast of its frames."""
    return _Preparing(project).run()


def put_runs(runs: Runs, opened: Sequence[OpenedRun], owners: Sequence[Any]) -> int | None:
    """List the runs of a project instead of those of before; return the number of the shown one."""
    runs.clear()
    shown = None
    for each in opened:
        run = runs.add(
            {owners[k]: alignment for k, alignment in each.results.items()},
            started=_local(each.saved.when),
            name=str(each.facts.get("name", each.saved.name)),
            saved=bool(each.facts.get("saved", False)),
            note=str(each.facts.get("note", "")),
        )
        if each.in_view or shown is None:
            shown = run.number
    return shown


def _folder(path: Path) -> tuple[ProjectFolder | None, str]:
    """Lock the folder of a project; where that can't be, say why: it may be read all the same."""
    if target_of(path, Kind.PROJECT) != path:
        return None, NO_SUFFIX.format(path)
    try:
        return ProjectFolder(path), ""
    except InputError as error:
        return None, NOT_SAVED.format(error)


class _Preparing:
    """Sorts what a project holds by where it is shown.

    Each result is tied to the stack that is shown, so that its frames are opened once.
    """

    def __init__(self, project: Project) -> None:
        self._project = project = with_keys(project)
        self._facts: Mapping[str, Any] = project.view["runs"]
        key_of = project.home.key_of
        self._stacks = Places(project.stacks, key_of)
        self._recordings = Places(project.recordings, key_of)
        self._of_stacks: dict[int, list[OpenedRun]] = {}
        self._of_session: list[OpenedRun] = []
        self._left_runs: list[NamedRun] = []
        self._left_masks = [mask for mask in project.masks if not self._is_shown(mask)]

    def run(self) -> Job[Opened]:
        """Return what is shown, and what can't be."""
        for run in self._project.runs:
            self._place(run)
        stacks = []
        for k, stack in enumerate(self._stacks.stacks):
            if is_gone(stack):
                continue
            contrast = yield from sample_contrast(stack)
            stacks.append(OpenedStack(stack, contrast, tuple(self._of_stacks.get(k, ()))))
        recordings = []
        for stack in self._recordings.stacks:
            recordings.append((yield from _recording(stack)))
        traces = self._traces()
        zshift = None
        for each in list(self._project.zshifts.values())[:1]:
            zshift = self._read_from("zshift", (yield from zshift_with_contrast(each)))
        left = self._left()
        return Opened(
            project=self._without(left),
            stacks=tuple(stacks),
            recordings=tuple(recordings),
            session_runs=tuple(self._of_session),
            traces=traces,
            zshift=zshift,
            left=left,
        )

    def _place(self, run: NamedRun) -> None:
        """Find the stack or the recordings that a run is of."""
        facts = self._facts.get(run.name, {})
        if "stack" in facts or (not facts and run.what == Z_STACK):
            self._place_of_stack(run, facts)
            return
        results: dict[int, Alignment] = {}
        keys = [*facts.get("of", ()), *[None] * len(run.results)]
        for result, key in zip(run.results, keys, strict=False):
            place = self._recordings.of(result.stack, key, taken=results)
            if place is None:
                place = self._recordings.add(result.stack)
            results[place] = self._tied(result, self._recordings.stacks[place]) or result
        in_view = run.name in self._project.in_view
        self._of_session.append(OpenedRun(run, results, facts, in_view))

    def _place_of_stack(self, run: NamedRun, facts: Mapping[str, Any]) -> None:
        """Give a run to its stack; without the frames of that, it is kept as it is."""
        result = run.results[0]
        place = self._stacks.of(result.stack, facts.get("stack"))
        if place is None and not is_gone(result.stack):
            place = self._stacks.add(result.stack)
        stack = None if place is None else self._stacks.stacks[place]
        tied = None if stack is None or is_gone(stack) else self._tied(result, stack)
        if place is None or tied is None:
            self._left_runs.append(run)
            return
        in_view = run.name in self._project.in_view
        self._of_stacks.setdefault(place, []).append(OpenedRun(run, {0: tied}, facts, in_view))

    def _tied(self, result: Alignment, stack: Stack) -> Alignment | None:
        """Return a result over the frames that are shown; None where they may not be its own.

        It is known as the one that is saved, unless that knows another place of the frames.
        """
        if is_gone(result.stack) and not is_gone(stack):
            return replace(result, stack=stack) if holds_frames_of(stack, result) else None
        if is_gone(stack) and not is_gone(result.stack):
            return None
        tied = replace(result, stack=stack)
        self._project.home.renew(result, tied)
        return tied

    def _traces(self) -> TraceSet | None:
        """The first set of traces, with what it was read from where that is known."""
        if not self._project.traces:
            return None
        found = with_liveliest(next(iter(self._project.traces.values())))
        facts = self._project.view.get("traces", {})
        found = self._read_from("traces", replace(found, asked=int(facts.get("asked", 0))))
        return marked_outdated(found, found.outdated)

    def _read_from(self, what: str, result: ReadFrom) -> ReadFrom:
        """Say what a result was read from where that is known, and whether it was outdated."""
        facts = self._project.view.get(what, {})
        movies = [self._movie(place) for place in facts.get("movies", ())]
        known = () if None in movies else tuple(each for each in movies if each is not None)
        return replace(result, movies=known, outdated=str(facts.get("outdated", "")))

    def _movie(self, place: Sequence[Any]) -> Movie | None:
        """What traces were read from: the kind of dataset, its key, and the run's name."""
        what, key, name = place
        places = self._stacks if what == "stack" else self._recordings
        k = places.at(key)
        if k is None:
            return None
        stack = places.stacks[k]
        if name is None:
            return Movie(stack)
        runs = self._of_stacks.get(k, []) if what == "stack" else self._of_session
        position = 0 if what == "stack" else k
        found = (each.results.get(position) for each in runs if each.saved.name == name)
        alignment = next(found, None)
        return None if alignment is None else Movie(stack, alignment)

    def _is_shown(self, mask: NamedMask) -> bool:
        return is_shown(mask) and self._gone_owner(mask) is None

    def _gone_owner(self, mask: NamedMask) -> Stack | None:
        """The stack of a mask, where its frames are gone."""
        place = self._stacks.at(self._project.view["masks"][mask.name]["stack"])
        stack = None if place is None else self._stacks.stacks[place]
        return stack if stack is not None and is_gone(stack) else None

    def _left(self) -> Project:
        """What isn't shown: stacks without frames, and of ROIs, traces and z-shifts all but one."""
        project = self._project
        runs, masks = self._left_runs, self._left_masks
        return Project(
            stacks=tuple(stack for stack in self._stacks.stacks if is_gone(stack)),
            masks=tuple(masks),
            runs=tuple(runs),
            in_view=tuple(run.name for run in runs if run.name in project.in_view),
            rois=dict(list(project.rois.items())[1:]),
            traces=dict(list(project.traces.items())[1:]),
            zshifts=dict(list(project.zshifts.items())[1:]),
            view=view_of(project, runs, masks),
            remarks=as_warnings(
                *(_not_shown(run) for run in runs),
                *(self._mask_not_shown(mask) for mask in masks),
                *(f"The ROIs '{name}' are kept, not shown." for name in list(project.rois)[1:]),
                *(f"The traces '{n}' are kept, not shown." for n in list(project.traces)[1:]),
                *(f"The z-shift '{n}' is kept, not shown." for n in list(project.zshifts)[1:]),
            ),
            home=project.home,
        )

    def _mask_not_shown(self, mask: NamedMask) -> str:
        owner = self._gone_owner(mask)
        why = (
            "it is no image of labels (Y, X)"
            if owner is None
            else f"the frames of {named(owner)} aren't there"
        )
        return f"The mask '{mask.name}' is kept, not shown: {why}."

    def _without(self, left: Project) -> Project:
        project = self._project
        return project.replace(
            stacks=tuple(stack for stack in self._stacks.stacks if not is_gone(stack)),
            recordings=tuple(self._recordings.stacks),
            masks=tuple(mask for mask in project.masks if mask not in left.masks),
            runs=tuple(run for run in project.runs if run not in left.runs),
            rois=dict(list(project.rois.items())[:1]),
            traces=dict(list(project.traces.items())[:1]),
            zshifts=dict(list(project.zshifts.items())[:1]),
            remarks=(*project.remarks, *left.remarks),
        )


def is_shown(mask: NamedMask) -> bool:
    """Whether a mask can be painted on: not a volume, and not weights."""
    return mask.labels.ndim == 2 and mask.labels.dtype.kind != "f"


def _not_shown(run: NamedRun) -> str:
    stack = run.results[0].stack
    return f"{run.name} is kept, not shown: the frames of {named(stack)} aren't there."


def _recording(stack: Stack) -> Job[Recording]:
    """A recording with its contrast; one whose file is gone is dark."""
    if is_gone(stack):
        return Recording(stack, [UNKNOWN_LIMITS] * stack.shape[1])
    contrast = yield from sample_contrast(stack)
    return Recording(stack, contrast, started_at(stack.paths[0]) if stack.paths else None)


def _local(when: str) -> datetime | None:
    try:
        return datetime.fromisoformat(when).astimezone()
    except ValueError:
        return None
