"""Whether a stack holds the frames that an alignment is of: many recordings have one size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from napari_zstack_align.alignment.changed_frames import holds_some_of
from napari_zstack_align.alignment.fingerprint import fingerprint
from napari_zstack_align.alignment.raw_frames import origin_of
from napari_zstack_align.errors import InputError
from napari_zstack_align.saved.watched import UNKNOWN
from napari_zstack_align.stack import Stack

if TYPE_CHECKING:  # `Alignment.with_stack` asks here
    from napari_zstack_align.alignment.alignment import Alignment


def check_frames_of(stack: Stack, alignment: Alignment) -> None:
    """Raise InputError where an alignment was made of other frames than those of a stack.

    A few frames are read, and none where both read from one source.
    """
    if holds_frames_of(stack, alignment) is False:
        name = alignment.stack.name
        known_as = "" if name == stack.name else f" ({name})"
        raise InputError(
            f"{stack.name} is not the stack that was aligned{known_as}, or its pixels have "
            f"changed: give each stack its own alignment. If it is another channel or a filtered "
            f"copy of those frames, give check_frames=False."
        )


def holds_frames_of(stack: Stack, alignment: Alignment) -> bool | None:
    """Whether a stack holds the very frames of an alignment; None where that can't be told.

    The digests of a few frames are compared, or where the alignment has none, fingerprints.
    """
    known = alignment.stack
    if stack is known or stack.source is known.source:
        return True
    if alignment.frame_digests is not None:
        return holds_some_of(stack, alignment.frame_digests)
    before = origin_of(known).fingerprint
    now = before and fingerprint(stack)
    return before == now if now else None


def share_frames(old: Sequence[Alignment], new: Sequence[Alignment]) -> bool:
    """Whether any raw frames of some alignments are those of one of the others."""
    return any(are_same_frames(a, b) for a in old for b in new)


def are_same_frames(first: Alignment, second: Alignment) -> bool:
    """Whether two alignments are of the same raw frames, whatever files and names these have.

    What was noted of each frame is compared, without reading any; where nothing was, fingerprints
    are. False where nothing tells.
    """
    mine, theirs = first.stack, second.stack
    if mine is theirs or mine.source is theirs.source:
        return True
    if (mine.shape, mine.dtype) != (theirs.shape, theirs.dtype):
        return False
    if first.frame_digests is not None and second.frame_digests is not None:
        one, other = first.frame_digests.digests, second.frame_digests.digests
        known = (one != UNKNOWN) & (other != UNKNOWN)
        if known.any():
            return np.array_equal(one[known], other[known])
    fingerprint_of_first = origin_of(mine).fingerprint
    return bool(fingerprint_of_first) and fingerprint_of_first == origin_of(theirs).fingerprint
