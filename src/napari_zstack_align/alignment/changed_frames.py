"""Whether the raw frames are still those that a saved result was made of."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.remark import Remark, Severity
from napari_zstack_align.saved import FrameDigests
from napari_zstack_align.saved.checksum import crc32c
from napari_zstack_align.saved.watched import UNKNOWN, states_of
from napari_zstack_align.stack import Stack

COMPARED_BYTES = 2**30
"""Longer stacks are compared at frames spread evenly, as many as make up so much."""
FEW_FRAMES = 5
"""So many tell one recording from another."""


def with_unchanged_frames(stack: Stack, seen: FrameDigests | None) -> Stack:
    """Return a stack whose frames are still those that were seen.

    Files of the same size and time of modification aren't read. Others may be copies: their frames
    are compared. Where those are too many, some are, and a remark of the stack says so. It
    also says how many couldn't be read, which is no change.

    Raises
    ------
    InputError
        Where frames have changed.
    """
    if seen is None or (seen.files and states_of(stack.paths) == seen.files):
        return stack
    known = np.flatnonzero(seen.digests != UNKNOWN)
    compared = _some(known, stack)
    found = _digests(stack, compared)
    changed = compared[(found != UNKNOWN) & (found != seen.digests[compared])]
    if len(changed):
        of = "" if len(compared) == len(known) else " that were compared"
        have = "has" if len(changed) == 1 else "have"
        raise InputError(
            f"{len(changed)} of {counted(len(compared), 'frame')} of {stack.name}{of} {have} "
            f"changed since this result was made (the first: {changed[0]}): give the file as it "
            f"was, or make the result anew."
        )
    n_same = int(np.count_nonzero(found != UNKNOWN))
    if n_same == len(known):
        return stack
    unread = len(compared) - n_same
    remark = Remark(
        f"The file is not the one that was read before, a copy perhaps: {n_same} of its "
        f"{len(known)} frames were compared, and are the same"
        + (f"; {counted(unread, 'frame')} couldn't be read." if unread else "."),
        Severity.WARNING if unread else Severity.NOTE,
    )
    return stack.replace(remarks=(*stack.remarks, remark))


def holds_some_of(stack: Stack, seen: FrameDigests) -> bool | None:
    """Whether some frames, spread over a stack, are those that were seen.

    Frames that can't be read are no others; None where that is all of them.
    """
    some = _spread(np.flatnonzero(seen.digests != UNKNOWN), FEW_FRAMES)
    found = _digests(stack, some)
    read = found != UNKNOWN
    return np.array_equal(found[read], seen.digests[some][read]) if read.any() else None


def _some(frames: npt.NDArray[np.intp], stack: Stack) -> npt.NDArray[np.intp]:
    frame_bytes = int(np.prod(stack.shape[1:], dtype=np.int64)) * stack.dtype.itemsize
    return _spread(frames, max(COMPARED_BYTES // frame_bytes, 1))


def _spread(frames: npt.NDArray[np.intp], at_most: int) -> npt.NDArray[np.intp]:
    if len(frames) <= at_most:
        return frames
    return frames[np.linspace(0, len(frames) - 1, at_most).round().astype(int)]


def _digests(stack: Stack, frames: npt.NDArray[np.intp]) -> npt.NDArray[np.uint32]:
    """(n,) digests of frames; `UNKNOWN` where one can't be read."""
    digests: list[int] = []
    for run in np.split(frames, np.flatnonzero(np.diff(frames) != 1) + 1):
        for start in range(0, len(run), stack.frames_per_read):
            block = run[start : start + stack.frames_per_read]
            try:
                digests += map(crc32c, stack.read(int(block[0]), int(block[-1]) + 1))
            except (OSError, InputError):
                digests += [_digest(stack, t) for t in block.tolist()]
    return np.array(digests, np.uint32)


def _digest(stack: Stack, t: int) -> int:
    """Digest of a frame; `UNKNOWN` where it can't be read."""
    try:
        return crc32c(stack.read(t, t + 1)[0])
    except (OSError, InputError):
        return UNKNOWN
