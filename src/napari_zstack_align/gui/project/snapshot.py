"""What the panel holds as a `Project`: put together from its parts, and compared with another."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC
from typing import Any

import numpy as np

from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.cells.trace_set import TraceSet
from napari_zstack_align.gui.dataset import Movie
from napari_zstack_align.gui.runs import Runs
from napari_zstack_align.gui.zshift.view import ZShiftView
from napari_zstack_align.params import Params
from napari_zstack_align.project import NamedMask, NamedRun, Project
from napari_zstack_align.stack import Stack


def emptied(project: Project) -> Project:
    """Return a project for the parts to fill: of names and parameters, those of before are kept."""
    return project.replace(
        stacks=(), recordings=(), masks=(), runs=(), in_view=(), view={}, remarks=()
    )


def with_view(project: Project, **values: Any) -> Project:
    """Add small values to what is to be shown again."""
    return project.replace(view={**project.view, **values})


def with_params(project: Project, name: str, read: Callable[[], Params]) -> Project:
    """Add the parameters of a form; where it holds none that fit, those of before stay."""
    try:
        params = read()
    except InputError:
        return project
    return project.replace(params={**project.params, name: params})


def with_runs(
    project: Project, runs: Runs, owners: Sequence[Any], dataset: str, **place: Any
) -> Project:
    """Add the runs of a dataset.

    Parameters
    ----------
    project : Project
    runs : Runs
        Of a z-stack, or of the session.
    owners : sequence
        Of what its results are, in order: the layers of the stack, or the recordings; each has a
        ``stack``.
    dataset : str
        Its name, for runs whose own name another dataset has, too.
    place : object
        What tells the dataset from others.
    """
    found, in_view = list(project.runs), list(project.in_view)
    facts = dict(project.view.get("runs", {}))
    for run in runs.listed:
        own = [owner for owner in owners if owner in run.results]
        if not own:
            continue
        name = free_name(run.name, dataset, {each.name for each in found})
        when = run.started.astimezone(UTC).isoformat(timespec="seconds")
        found.append(NamedRun(name, tuple(run.results[owner] for owner in own), when))
        of = [project.home.key_of(owner.stack) for owner in own]
        facts[name] = {**place, "name": run.name, "of": of, "saved": run.saved, "note": run.note}
        if run.running:
            facts[name]["running"] = True
        if run is runs.shown:
            in_view.append(name)
    return with_view(project.replace(runs=found, in_view=in_view), runs=facts)


def read_from(
    project: Project, result: TraceSet | ZShiftView, frames_changed: str
) -> dict[str, Any]:
    """Say which recordings, by which runs, a result was read from; else why that isn't known."""
    places = [_place_in(project, movie) for movie in result.movies]
    if result.outdated or None in places:
        return {"outdated": frames_changed}
    return {"movies": places}


def _place_in(project: Project, movie: Movie) -> list[Any] | None:
    """Kind of dataset, key of its stack and name of the run; None where it isn't there."""
    for what, stacks in (("recording", project.recordings), ("stack", project.stacks)):
        if all(stack.source is not movie.stack.source for stack in stacks):
            continue
        key = project.home.key_of(movie.stack)
        if movie.alignment is None:
            return [what, key, None]
        runs = (r.name for r in project.runs if any(a is movie.alignment for a in r.results))
        if (name := next(runs, None)) is not None:
            return [what, key, name]
    return None


def free_name(name: str, dataset: str, taken: Collection[str]) -> str:
    """Return a name that nothing else has: 'run 1', 'run 1 of brain', 'run 1 of brain (2)'."""
    if name not in taken:
        return name
    free = longer = f"{name} of {dataset}"
    count = 2
    while free in taken:
        free, count = f"{longer} ({count})", count + 1
    return free


def left_behind(before: Project, now: Project) -> Project:
    """Return stacks, with their runs, whose layers were removed in napari: no result goes unasked.

    Without a run a stack is just closed.
    """
    open_now = [stack.source for stack in (*now.stacks, *now.recordings)]
    gone = [s for s in before.stacks if all(s.source is not source for source in open_now)]
    runs = [run for run in before.runs if any(is_of(run, stack) for stack in gone)]
    stacks = [stack for stack in gone if any(is_of(run, stack) for run in runs)]
    in_view = [run.name for run in runs if run.name in before.in_view]
    view = view_of(before, runs, ())
    return Project(
        stacks=tuple(stacks),
        runs=tuple(runs),
        in_view=tuple(in_view),
        view=view,
        home=before.home,
    )


def view_of(
    project: Project, runs: Iterable[NamedRun], masks: Iterable[NamedMask]
) -> dict[str, Any]:
    """What is to be shown again of some runs and masks of a project."""
    facts = {"runs": [run.name for run in runs], "masks": [mask.name for mask in masks]}
    known = {what: project.view.get(what, {}) for what in facts}
    return {
        what: {name: known[what][name] for name in names if name in known[what]}
        for what, names in facts.items()
    }


def merged(project: Project, other: Project) -> Project:
    """Add what another project holds; runs and masks whose name is taken get a longer one."""
    runs, masks, in_view = list(project.runs), list(project.masks), list(project.in_view)
    facts = {what: dict(project.view.get(what, {})) for what in ("runs", "masks")}
    of_other = {what: other.view.get(what, {}) for what in facts}
    for run in other.runs:
        name = free_name(run.name, run.results[0].stack.name, {each.name for each in runs})
        runs.append(NamedRun(name, run.results, run.when))
        in_view += [name] if run.name in other.in_view else []
        if run.name in of_other["runs"]:
            facts["runs"][name] = of_other["runs"][run.name]
    for mask in other.masks:
        of = mask.belongs_to or "before"
        name = free_name(mask.name, of, {each.name for each in masks})
        masks.append(replace(mask, name=name))
        if mask.name in of_other["masks"]:
            facts["masks"][name] = of_other["masks"][mask.name]
    return project.replace(
        stacks=(*project.stacks, *other.stacks),
        masks=tuple(masks),
        runs=tuple(runs),
        in_view=tuple(in_view),
        rois={**other.rois, **project.rois},
        traces={**other.traces, **project.traces},
        zshifts={**other.zshifts, **project.zshifts},
        view={**project.view, **{what: each for what, each in facts.items() if each}},
    )


def is_of(run: NamedRun, stack: Stack) -> bool:
    """Whether a run is one of a z-stack, and of this one."""
    return len(run.results) == 1 and run.results[0].stack.source is stack.source


def same_results(first: Project, second: Project) -> bool:
    """Whether two projects hold the same stacks, masks and results, under the same names.

    Runs that go on don't count: their results are new ones all the time.
    """
    return _results(first) == _results(second) and _same_masks(first.masks, second.masks)


def same(first: Project, second: Project) -> bool:
    """Whether two projects are saved as the same."""
    runs = [_runs(each, running=True) for each in (first, second)]
    return runs[0] == runs[1] and same_but_running(first, second)


def same_but_running(first: Project, second: Project) -> bool:
    """Whether two projects are saved as the same but for what runs that go on have found."""
    return (
        same_results(first, second)
        and first.params == second.params
        and first.in_view == second.in_view
        and first.view == second.view
    )


def _results(project: Project) -> Mapping[str, Any]:
    return {
        "stacks": [id(stack) for stack in project.stacks],
        "recordings": [id(stack) for stack in project.recordings],
        "runs": _runs(project, running=False),
        "rois": {name: id(rois) for name, rois in project.rois.items()},
        "traces": {name: [id(t) for t in traces] for name, traces in project.traces.items()},
        "zshifts": {name: id(zshift) for name, zshift in project.zshifts.items()},
    }


def _runs(project: Project, *, running: bool) -> list[tuple[str, list[int]]]:
    facts = project.view.get("runs", {})
    return [
        (run.name, [id(result) for result in run.results])
        for run in project.runs
        if running or "running" not in facts.get(run.name, {})
    ]


def _same_masks(first: Sequence[NamedMask], second: Sequence[NamedMask]) -> bool:
    return len(first) == len(second) and all(
        (a.name, a.belongs_to, a.made_on) == (b.name, b.belongs_to, b.made_on)
        and np.array_equal(a.labels, b.labels)
        for a, b in zip(first, second, strict=True)
    )
