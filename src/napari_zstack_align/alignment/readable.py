"""Frames of which some can't be read."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.flags import Fault, unreadable
from napari_zstack_align.stack import Stack

FrameOrFault: TypeAlias = tuple[npt.NDArray[Any], None] | tuple[None, Fault]


def read_each(stack: Stack, start: int, stop: int) -> list[FrameOrFault]:
    """Read frames ``start`` to ``stop`` (exclusive) at once; where that fails, one by one.

    Returns
    -------
    list of tuple
        The frame (C, Y, X) and None, or None and what is the matter with it.
    """
    try:
        return [(frame, None) for frame in stack.read(start, stop)]
    except (OSError, InputError) as error:
        if stop - start == 1:
            return [(None, unreadable(error))]
    return [each for t in range(start, stop) for each in read_each(stack, t, t + 1)]
