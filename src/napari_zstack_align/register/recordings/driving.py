"""The images of a recording that drive its registration, read block by block."""

from __future__ import annotations

from collections.abc import Container, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.filling import filled
from napari_zstack_align.alignment.warp import warp_affine
from napari_zstack_align.errors import InputError
from napari_zstack_align.flags import Fault, unreadable
from napari_zstack_align.paced import PacedSource
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.register.artefacts.artefacts import UNTOUCHED, Artefacts
from napari_zstack_align.register.frames import RawFrame, driving_frame
from napari_zstack_align.register.recordings.geometry import translation
from napari_zstack_align.stack import Stack

Image = npt.NDArray[np.float32]

BLOCK_BYTES = 8 * 2**20
"""Raw bytes read at once, at most."""


@contextmanager
def paced_stacks(stacks: Sequence[Stack]) -> Iterator[tuple[Stack, ...]]:
    """The same stacks, read in portions of a moment; outside the block, readers give up.

    Enter it after the pool of the threads that read: leaving that waits for them.
    """
    sources = [PacedSource(stack.source) for stack in stacks]
    try:
        yield tuple(s.replace(source=p) for s, p in zip(stacks, sources, strict=True))
    finally:
        for source in sources:
            source.close()


def driving_frames(
    stack: Stack, start: int, stop: int, params: KeypointParams, artefacts: Artefacts = UNTOUCHED
) -> Iterator[tuple[int, RawFrame]]:
    """Yield each frame's number and driving image; those that can't be read have a fault, too.

    Missing pixels are filled from their neighbours.
    """
    at_once = _frames_at_once(stack)
    for first in range(start, stop, at_once):
        for t, channels, fault in _read(stack, first, min(first + at_once, stop)):
            if channels is None:
                yield t, RawFrame(np.full(stack.shape[2:], np.nan, np.float32), fault)
                continue
            frame = driving_frame(channels, params, artefacts)
            yield t, frame if frame.fault else replace(frame, image=filled(frame.image))
        del channels  # the last view of this block, as long as the next one is read


def averaging(
    stack: Stack,
    start: int,
    stop: int,
    params: KeypointParams,
    good: Container[int] | None = None,
    artefacts: Artefacts = UNTOUCHED,
    shifts: Mapping[int, npt.NDArray[np.float64]] | None = None,
) -> Generator[None, None, Image | None]:
    """Average the usable (and good) frames of a range: (Y, X) float32; None where there is none.

    Yields after every frame. With ``shifts`` each frame is moved back by its own, (dy, dx) in px.
    """
    total, weight = np.zeros((2, *stack.shape[2:]), np.float32)
    for t, frame in driving_frames(stack, start, stop, params, artefacts):
        if frame.fault is None and (good is None or t in good):
            image, shown = frame.image, np.ones(total.shape, bool)
            if shifts is not None:
                image, shown = warp_affine(image, translation(shifts[t]), image.shape)
            cv2.accumulate(image, total, shown.view(np.uint8))
            weight += shown
        yield
    if not weight.any():
        return None
    np.divide(total, weight, out=total, where=weight > 0)
    total[weight == 0] = np.nan
    return filled(total)


def _frames_at_once(stack: Stack) -> int:
    frame_bytes = int(np.prod(stack.shape[1:])) * stack.dtype.itemsize
    return min(max(BLOCK_BYTES // max(frame_bytes, 1), 1), stack.frames_per_read)


def _read(
    stack: Stack, start: int, stop: int
) -> Iterator[tuple[int, npt.NDArray[Any] | None, Fault | None]]:
    """Yield (t, channels (C, Y, X), fault); where a block can't be read, frame by frame."""
    try:
        block = stack.read(start, stop)
    except (OSError, InputError) as error:
        if stop - start == 1:
            yield start, None, unreadable(error)
            return
        for t in range(start, stop):
            yield from _read(stack, t, t + 1)
        return
    for t, channels in enumerate(block, start):
        yield t, channels, None
