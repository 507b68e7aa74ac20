"""What is odd about a stack, for the remarks of the results that are made of it."""

from __future__ import annotations

from napari_zstack_align.counting import counted
from napari_zstack_align.frame_times import what_is_odd
from napari_zstack_align.remark import Remark, as_warnings
from napari_zstack_align.stack import Stack


def remarks_on(stack: Stack) -> tuple[Remark, ...]:
    """Return what is odd about the layout and the times of a stack, a sentence each.

    No frame is read: see `check_layout` for what the frames themselves show.
    """
    return as_warnings(rest_of(stack), what_is_odd(stack.frame_times_s))


def lacking_frames(stack: Stack) -> int:
    """Frames that the last slice, volume or sweep of a z-stack lacks."""
    if isinstance(stack.frames_per_slice, tuple):
        return 0
    whole = stack.n_slices * stack.most_repeats
    if stack.order == "up-and-down-once":
        rest = stack.n_frames % stack.most_repeats
        whole -= stack.most_repeats - 1 if rest else stack.most_repeats
    return whole - stack.n_frames


def rest_of(stack: Stack) -> str:
    """Describe the frames that are left when all slices have their repeats; '' without a rest."""
    if stack.frames_per_slice is None:
        return ""
    slices, repeats, lacking = stack.n_slices, stack.most_repeats, lacking_frames(stack)
    if lacking == 0:
        return ""
    total = f"{counted(stack.n_frames, 'frame')} are no multiple of {repeats}"
    if stack.order != "repeats":
        round_ = "volume" if stack.order == "slices" else "sweep"
        return (
            f"{total} repeats: with {counted(slices, 'slice')} a {round_}, the last {round_} lacks "
            f"{counted(lacking, 'slice')}."
        )
    rest = repeats - lacking
    last = "the last frame is" if rest == 1 else f"the last {rest} frames make"
    of_own = "a slice by itself" if rest == 1 else "a slice of their own"
    return f"{total}: {last} {of_own}, with {rest} instead of {repeats} repeats."
