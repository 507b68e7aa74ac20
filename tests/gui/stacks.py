"""Small stacks with motion, for the GUI tests."""

from __future__ import annotations

import threading
import time

import numpy as np

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.samples import zstack_with_repeats
from napari_zstack_align.stack import Stack


def small_zstack(n_slices=3, n_repeats=4, size=64, **changes) -> Stack:
    stack = zstack_with_repeats(
        n_slices=n_slices, n_repeats=n_repeats, size=size, max_displacement_px=2.0
    ).stack
    return stack.replace(**changes)


def shifted(stack: Stack, columns: float, shape: tuple[int, int] | None = None) -> Alignment:
    """An alignment that shifts every frame; the reference is as large as a frame by default."""
    matrices = np.tile(np.eye(3), (stack.n_frames, 1, 1))
    matrices[:, 1, 2] = columns
    shape = stack.shape[2:] if shape is None else shape
    return Alignment(
        stack,
        Transforms(shape, (AffineLink(matrices),)),
        np.zeros(shape, np.float32),
        empty_table(stack.n_frames, "chunk"),
        KeypointParams(),
    )


class SlowSource:
    """Frames of another source that take a worker a while to read.

    The first ``fast_reads`` reads of each frame take no while: a job that looks through all
    frames before it begins needn't be waited for.
    """

    def __init__(self, source, seconds=0.05, fast_reads=0):
        self._source, self._seconds, self._fast_reads = source, seconds, fast_reads
        self._reads = np.zeros(source.shape[0], int)

    @property
    def shape(self):
        return self._source.shape

    @property
    def dtype(self):
        return self._source.dtype

    def read(self, start, stop):
        if threading.current_thread() is not threading.main_thread():
            n_slow = np.count_nonzero(self._reads[start:stop] >= self._fast_reads)
            self._reads[start:stop] += 1
            time.sleep(self._seconds * n_slow)
        return self._source.read(start, stop)


def two_channels(stack: Stack) -> Stack:
    frames = np.asarray(stack.read(0, stack.n_frames))
    both = np.concatenate([frames, frames[..., ::-1]], axis=1)
    return Stack.from_array(
        both,
        "TCYX",
        frames_per_slice=stack.frames_per_slice,
        channel_names=("red", "green"),
        pixel_size_um=(0.5, 0.4),
        z_step_um=3.0,
        name="brain",
    )


def slow_zstack(n_slices=40, seconds=0.05, fast_reads=0) -> Stack:
    """By default long enough to be cancelled in the middle on a busy machine too."""
    stack = small_zstack(n_slices=n_slices, n_repeats=3)
    return stack.replace(source=SlowSource(stack.source, seconds, fast_reads))
