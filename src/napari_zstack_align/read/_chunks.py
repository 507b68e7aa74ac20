"""Chunks that run along time: all of their frames are read and unpacked for one of them."""

from __future__ import annotations

from math import prod

from napari_zstack_align.remark import Remark, as_notes

MANY_FRAMES = 4
LARGE_BYTES = 2**21
"""Smaller chunks are read in no time, however many frames they hold."""


def of_long_chunks(axes: str, chunks: tuple[int, ...], itemsize: int) -> tuple[Remark, ...]:
    """Say that single frames will be slow, where they are.

    Parameters
    ----------
    axes : str
        A letter each dimension.
    chunks : tuple of int
        Size of a chunk along each.
    itemsize : int
        Bytes of a pixel.
    """
    n_frames = prod(n for axis, n in zip(axes, chunks, strict=True) if axis not in "CYX")
    if n_frames < MANY_FRAMES or prod(chunks) * itemsize < LARGE_BYTES:
        return ()
    return as_notes(
        f"Each chunk of the file holds {n_frames:,} frames, and all of them are read for one: "
        f"single frames are slow. Saved again with a chunk a frame, the file would be faster."
    )
