"""Frames of a project that were moved: opened from their new place, they have their runs again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from napari_zstack_align.alignment.fingerprint import fingerprint
from napari_zstack_align.alignment.raw_frames import origin_of
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.project.opening import OpenedRun
from napari_zstack_align.gui.project.places import Places
from napari_zstack_align.gui.project.snapshot import view_of
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.project import Project
from napari_zstack_align.stack import Stack


@dataclass(frozen=True, eq=False)
class PutBack:
    """A stack that was opened, and of a project that whose place it takes.

    Attributes
    ----------
    missing : Stack
        What stands in the project for these frames.
    stack : Stack
        The frames, described as they were.
    runs : tuple of OpenedRun
        Those of its runs that were made of these very frames.
    """

    missing: Stack
    stack: Stack
    runs: tuple[OpenedRun, ...]


def may_be_in(stack: Stack, left: Project) -> bool:
    """Whether one of the stacks that a project holds, but can't show, is as large."""
    return any(each.shape == stack.shape for each in left.stacks)


def finding(stack: Stack, left: Project) -> Job[PutBack | None]:
    """Look for the stack of a project that holds the same frames, and for its runs.

    Parameters
    ----------
    stack : Stack
        Which was opened.
    left : Project
        What isn't shown.
    """
    yield Progress("Looking for its runs", 0, 1)
    missing = same_frames_in(stack, left.stacks)
    if missing is None:
        return None
    described = described_as(stack, missing)
    places = Places([missing], left.home.key_of)
    runs = []
    for run in left.runs:
        facts = left.view.get("runs", {}).get(run.name, {})
        if places.of(run.results[0].stack, facts.get("stack")) is None:
            continue
        try:
            result = run.results[0].with_stack(described)
        except InputError:  # made before the frames were changed: it stays where it is
            continue
        runs.append(OpenedRun(run, {0: result}, facts, run.name in left.in_view))
    return PutBack(missing, described, tuple(runs))


def same_frames_in(stack: Stack, missing: Iterable[Stack]) -> Stack | None:
    """Return the first of some stacks that holds, or held, the frames of another; it reads some."""
    like = [s for s in missing if (s.shape, s.dtype) == (stack.shape, stack.dtype)]
    now = fingerprint(stack) if like else ""
    return next((each for each in like if now and origin_of(each).fingerprint == now), None)


def described_as(stack: Stack, missing: Stack) -> Stack:
    """Return a stack with layout, sizes, times and names of the one whose place it takes."""
    times = stack.frame_times_s if missing.frame_times_s is None else missing.frame_times_s
    return stack.without(missing.dropped).replace(
        frames_per_slice=missing.frames_per_slice,
        order=missing.order,
        frames_in_turn=missing.frames_in_turn,
        pixel_size_um=missing.pixel_size_um,
        z_step_um=missing.z_step_um,
        z_positions_um=missing.z_positions_um,
        channel_names=missing.channel_names,
        frame_times_s=times,
        name=missing.name,
    )


def divided(left: Project, found: PutBack) -> tuple[Project, Project]:
    """Divide what isn't shown into the masks of a stack that is back, and all that stays."""
    key = left.home.key_of(found.missing)
    facts = left.view.get("masks", {})
    own = [mask for mask in left.masks if facts.get(mask.name, {}).get("stack") == key]
    back = {each.saved.name for each in found.runs}
    runs = [run for run in left.runs if run.name not in back]
    masks = [mask for mask in left.masks if mask not in own]
    rest = replace(
        left,
        stacks=tuple(stack for stack in left.stacks if stack is not found.missing),
        runs=tuple(runs),
        masks=tuple(masks),
        in_view=tuple(name for name in left.in_view if name not in back),
        view=view_of(left, runs, masks),
    )
    return replace(left, masks=tuple(own)), rest
