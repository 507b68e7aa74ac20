"""Raw frames that are looked after while an export reads them."""

from __future__ import annotations

import numpy as np

from napari_zstack_align.alignment.changed_frames import with_unchanged_frames
from napari_zstack_align.saved import FrameDigests, WatchedFrames
from napari_zstack_align.saved.watched import UNKNOWN
from napari_zstack_align.stack import Stack


def watched_frames(stack: Stack, seen: FrameDigests | None) -> WatchedFrames:
    """Watch frames from now on; reading them stops where a raw file goes or changes.

    Parameters
    ----------
    stack : Stack
    seen : FrameDigests, optional
        What the frames were that a result was made of.

    Raises
    ------
    InputError
        Where they have changed since. Arrays in memory are the caller's own matter.
    """
    frames = WatchedFrames(stack, kept="")
    if stack.paths:
        with_unchanged_frames(frames.stack, seen)
        if seen is not None:  # also where the file looks as it did
            known = np.flatnonzero(seen.digests != UNKNOWN)
            frames.believe(known, seen.digests[known])
    return frames
