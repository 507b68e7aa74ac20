"""What was said and what the file says, put together to a `Stack`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted, decimal
from napari_zstack_align.errors import InputError
from napari_zstack_align.frame_times import frame_interval_s
from napari_zstack_align.layout import Layout
from napari_zstack_align.read._facts import Facts, Opened, layout, times
from napari_zstack_align.read.said.drop import Dropped
from napari_zstack_align.remark import Remark, RemarkCode, as_notes, as_warnings, without
from napari_zstack_align.said import Said
from napari_zstack_align.sources import FramesOf
from napari_zstack_align.stack import Stack, told

LONG_PAUSE = 10
"""A pause is this many times as long as the usual time from frame to frame."""
WITHOUT_PAUSES = (
    "The frame rate that was said takes the place of the times in the files, and of the pauses "
    "between their frames."
)
EVEN = 0.02
"""Slices are evenly spaced where their distances differ by less than this part."""


def laid_out(
    opened: Opened,
    said: Said,
    dropped: Dropped | None,
    name: str,
    remarks: tuple[Remark, ...],
) -> Stack:
    """Make a stack of an opened file: flyback leaves, dropped frames lose their pixels.

    Parameters
    ----------
    opened : Opened
    said : Said
    dropped : Dropped, optional
        What ``said.drop_frames`` means.
    name : str
        Of the stack.
    remarks : tuple of Remark
        On the choice of files.
    """
    facts, source = opened.facts, opened.source
    n_frames, n_channels = source.shape[:2]
    flyback = dropped if dropped is not None and dropped.flyback else facts.flyback
    frame_times, numbers = times(facts, n_frames), facts.numbers
    if flyback is not None:
        staying = flyback.staying(n_frames)
        numbers = staying if numbers is None else numbers[staying]
        if not len(numbers):
            raise InputError(f"No frame of {name} stays: drop fewer frames.")
        source = FramesOf(source, staying)
        frame_times = None if frame_times is None else frame_times[staying]
        remarks = (*remarks, *as_notes(flyback.said(n_frames)))
    stack = Stack(
        source=source,
        pixel_size_um=facts.pixel_size_um,
        z_step_um=facts.z_step_um,
        frame_times_s=frame_times,
        channel_names=facts.channel_names if len(facts.channel_names) == n_channels else (),
        name=name,
        paths=opened.paths,
        remarks=(*remarks, *_without_answered(facts.remarks, facts, said)),
        frame_numbers=numbers,
        started_at=facts.started_at,
        said=said,
    )
    if dropped is not None and dropped.n_frames not in (None, n_frames):
        raise InputError(
            f"drop_frames lists {counted(dropped.n_frames or 0, 'frame')}, but {name} has "
            f"{counted(n_frames, 'frame')}: give the list of this recording."
        )
    if dropped is not None and dropped.frames:
        stack = _without(stack, dropped.frames, _n_in_file(facts, n_frames))
    if facts.missing:
        missing = np.flatnonzero(np.isin(stack.numbers, facts.missing))
        stack = stack.replace(missing=tuple(missing.tolist()))
    stack = stack.replace(**told(_layout(facts, said)))
    positions = facts.z_positions_um
    has_slices = positions is not None and stack.frames_per_slice is not None
    if positions is not None and has_slices and stack.n_slices == len(positions):
        return with_positions(stack, positions)
    return stack


def _without_answered(remarks: tuple[Remark, ...], facts: Facts, said: Said) -> tuple[Remark, ...]:
    """Leave out that the layout is to be given, where it was, and what the header is read as."""
    if said.frames_per_slice is not None or said.axes is not None:
        remarks = without(remarks, RemarkCode.LAYOUT_OPEN)
    return (
        remarks if _layout(facts, said) == layout(facts) else without(remarks, RemarkCode.READ_AS)
    )


def of_plane_rate(stack: Stack, frame_rate_hz: float | None) -> tuple[Remark, ...]:
    """Say what a frame rate that was said means for one plane of several."""
    if frame_rate_hz is None or stack.n_frames < 2:
        return ()
    step = float(np.median(np.diff(stack.numbers)))
    if step <= 1:
        return ()
    return as_notes(
        f"The frame rate of {frame_rate_hz:g} Hz counts the frames of all planes (and of flyback): "
        f"there are {decimal(frame_rate_hz / step)} a second of this plane."
    )


def with_sizes(
    stack: Stack,
    pixel_size_um: Any = None,
    z_step_um: float | None = None,
    z_positions_um: Sequence[float] | None = None,
    frame_rate_hz: float | None = None,
) -> Stack:
    """Return the stack with the sizes and times that were said; see `open_stack`."""
    changes: dict[str, Any] = {}
    if pixel_size_um is not None:
        alone = np.ndim(pixel_size_um) == 0
        changes["pixel_size_um"] = (pixel_size_um,) * 2 if alone else pixel_size_um
    if z_step_um is not None:
        changes |= {"z_step_um": z_step_um, "z_positions_um": None}
    if frame_rate_hz is not None:
        is_number = isinstance(frame_rate_hz, int | float | np.number)
        is_number = is_number and not isinstance(frame_rate_hz, bool)
        if not is_number or not np.isfinite(frame_rate_hz) or frame_rate_hz <= 0:
            raise InputError(f"frame_rate_hz must be above 0, not {frame_rate_hz!r}.")
        changes["frame_times_s"] = stack.numbers / float(frame_rate_hz)
        remarks = as_warnings(WITHOUT_PAUSES) if _pauses(stack.frame_times_s) else ()
        changes["remarks"] = (*stack.remarks, *remarks, *of_plane_rate(stack, frame_rate_hz))
    before = stack.z_step_um, stack.z_positions_um
    stack = stack.replace(**changes) if changes else stack
    if z_positions_um is not None:
        stack = with_positions(stack, z_positions_um)
        _check_step(stack, z_step_um)
    if before != (None, None) and before != (stack.z_step_um, stack.z_positions_um):
        stack = stack.replace(remarks=without(stack.remarks, RemarkCode.READ_AS))
    return stack


def _pauses(times_s: npt.NDArray[np.float64] | None) -> bool:
    """Whether there are longer pauses between some frames, such as those of two files."""
    interval = frame_interval_s(times_s)
    if times_s is None or interval is None:
        return False
    return bool(np.diff(times_s).max() > LONG_PAUSE * interval)


def _check_step(stack: Stack, z_step_um: float | None) -> None:
    """Raise InputError where the depths that were said aren't as far apart as the z-step is."""
    steps = np.abs(np.diff(np.array(stack.z_positions_um)))
    if z_step_um is None or np.all(np.abs(steps - z_step_um) <= EVEN * z_step_um):
        return
    apart = f"{steps.min():.4g} to {steps.max():.4g}" if np.ptp(steps) > 0 else f"{steps[0]:.4g}"
    raise InputError(
        f"z_positions_um lie {apart} µm apart, but z_step_um is {z_step_um:.4g}: leave one of the "
        f"two out."
    )


def with_positions(stack: Stack, positions_um: Sequence[float]) -> Stack:
    """Return a stack with the depth of each slice, and its z-step where they lie evenly."""
    given: Any = positions_um  # a text or a number alone is refused by the stack
    listed = isinstance(given, Iterable) and not isinstance(given, str)
    stack = stack.replace(z_positions_um=tuple(given) if listed else given)
    steps = np.abs(np.diff(np.array(stack.z_positions_um)))
    if not len(steps):
        return stack
    step = float(np.median(steps))
    if step > 0 and np.all(np.abs(steps - step) <= EVEN * step):
        return stack.replace(z_step_um=step, z_positions_um=stack.z_positions_um)
    remark = (
        f"The slices lie unevenly, {steps.min():.4g} to {steps.max():.4g} µm apart: depths follow "
        f"their positions."
    )
    return stack.replace(
        z_step_um=None,
        z_positions_um=stack.z_positions_um,
        remarks=(*stack.remarks, *as_notes(remark)),
    )


def _layout(facts: Facts, said: Said) -> Layout | None:
    """Layout that was said, or that of the file where nothing was.

    Where both say the same, that of the file is taken: it may know frames in turn besides.
    """
    of_file = layout(facts)
    if said.frames_per_slice is None and said.order is None:
        return of_file
    if of_file is None:
        if said.frames_per_slice is None:
            raise InputError(
                f"order='{said.order}' needs frames_per_slice: say how many repeats each slice has."
            )
        return Layout(said.frames_per_slice, said.order or "repeats")
    repeats = said.frames_per_slice or of_file.frames_per_slice
    is_same = repeats == of_file.frames_per_slice
    if is_same and said.order in (None, of_file.order):
        return of_file
    given = Layout(repeats, said.order or "repeats")
    if said.axes is not None:
        _check_axes(said.axes, of_file, given)
    return given


def _check_axes(axes: str, of_axes: Layout, given: Layout) -> None:
    """Raise InputError where the repeats or the order that were said aren't those of the axes.

    Axes can't say that volumes are sweeps, nor repeats that vary or lie along Z.
    """
    is_sweeps = given.order.startswith("up-and-down") and of_axes.order == "slices"
    if of_axes.frames_per_slice == 1:
        return
    if is_sweeps and of_axes.in_turn == 1 and given.frames_per_slice == of_axes.frames_per_slice:
        return
    raise InputError(
        f"axes='{axes}' says frames_per_slice={of_axes.frames_per_slice} in the order "
        f"'{of_axes.order}', which isn't frames_per_slice={given.frames_per_slice} in the order "
        f"'{given.order}': leave out the axes, or what contradicts them."
    )


def _without(stack: Stack, frames: tuple[int, ...], n_in_file: int) -> Stack:
    """Drop frames by their numbers in the file; those that left with every volume are gone."""
    if frames[-1] >= n_in_file:
        raise InputError(
            f"drop_frames names frame {frames[-1]}, but the frames of {stack.name} are 0 to "
            f"{n_in_file - 1}."
        )
    return stack.without(np.flatnonzero(np.isin(stack.numbers, frames)))


def _n_in_file(facts: Facts, n_frames: int) -> int:
    """Frames in the file by their numbers, those that leave it among them."""
    numbers = facts.numbers
    return n_frames if numbers is None else max(int(numbers[-1]) + 1, n_frames)
