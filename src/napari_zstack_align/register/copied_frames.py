"""Frames that are exact copies of another: shot noise alone makes every recorded frame unlike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.counting import counted
from napari_zstack_align.flags import WITHOUT_PIXELS, Flag
from napari_zstack_align.remark import as_serious, as_warnings
from napari_zstack_align.saved.watched import UNKNOWN

BY_CHANCE = 2
"""So many frames may share the digest of another one before they are taken for copies."""
WITHOUT_NOISE = (Flag.NO_SIGNAL, Flag.SATURATED, *WITHOUT_PIXELS)


def with_copies_told(alignment: Alignment) -> Alignment:
    """Return the alignment with a warning where frames are copies of others."""
    digests = alignment.frame_digests
    if digests is None:
        return alignment
    shown = ~np.isin(alignment.quality["flag"], WITHOUT_NOISE)
    copies, of = copies_among(digests.digests, shown)
    if not len(copies):
        return alignment
    first = f"{of[0]} and {copies[0]}"
    # A few make single correlations worthless, most of them the whole result.
    as_doubts = as_serious if 2 * len(copies) > len(shown) else as_warnings
    return alignment.with_remarks(
        *as_doubts(
            f"{len(copies):,} of {counted(len(shown), 'frame')} repeat the pixels of another one "
            f"(frames {first}{' are the first' if len(copies) > 1 else ''}): so much less was "
            f"recorded than it seems, and their correlations say nothing. Check how the file was "
            f"written."
        )
    )


def copies_among(
    digests: npt.NDArray[np.uint32], shown: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Find frames that are copies of an earlier one.

    Parameters
    ----------
    digests : numpy.ndarray
        (T,) of the pixels of each frame.
    shown : numpy.ndarray
        (T,) bool: frames that show anything; black ones are alike.

    Returns
    -------
    copies, of : numpy.ndarray
        (n,) frames, and the first one that each is a copy of. Few far from one another are left
        out: among very many frames some digests are the same by chance.
    """
    frames = np.flatnonzero(shown & (digests != UNKNOWN))
    _, first, which = np.unique(digests[frames], return_index=True, return_inverse=True)
    of = frames[first[which]]
    is_copy = of != frames
    follows = np.zeros(len(frames), bool)
    follows[1:] = is_copy[1:] & (digests[frames[1:]] == digests[frames[:-1]])
    expected = len(frames) ** 2 / 2**33
    if is_copy.sum() <= BY_CHANCE + 2 * expected:
        is_copy = follows
    return frames[is_copy], of[is_copy]
