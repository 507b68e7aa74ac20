"""Raw frames that are looked after while a result is made of them by an earlier one."""

from __future__ import annotations

from napari_zstack_align.alignment.changed_frames import with_unchanged_frames
from napari_zstack_align.saved import FrameDigests, WatchedFrames
from napari_zstack_align.stack import Stack


def watched_frames(stack: Stack, seen: FrameDigests | None) -> WatchedFrames:
    """Watch frames from now on; reading stops at one that isn't what it was.

    That is told by its pixels, also where size and time of the file are as they were. Arrays in
    memory are the caller's own matter.

    Parameters
    ----------
    stack : Stack
    seen : FrameDigests, optional
        What the frames were that a result was made of.
    """
    return WatchedFrames(stack, expected=seen if stack.paths else None)


def unchanged_frames(stack: Stack, seen: FrameDigests | None) -> WatchedFrames:
    """Watch frames as above; InputError at once where the file shows that they have changed."""
    frames = watched_frames(stack, seen)
    if stack.paths:
        with_unchanged_frames(stack, seen)
    return frames
