"""Means of frames of a few segments of a stack: what the microscope does to pixels shows on them.

The noise of a single frame hides what a mean of fifty shows, and motion averages out. Frames of
one slice are averaged, never frames of several.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.stack import Stack

FRAMES = 50
"""Frames of a segment: fewer only where there are no more."""
SEGMENTS = 3
"""At the start, in the middle and at the end, where the stack is long enough."""
MOST_PIXELS = 2**21
"""Of the means of a segment: few slices of large frames, 8 of 512 x 512."""

Means = npt.NDArray[np.float64]
Frames = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Segment:
    """Frames that follow one another, or those of neighbouring slices.

    Attributes
    ----------
    start, stop : int
        First frame and end (exclusive); of slices whose repeats are apart, others lie between.
    n_frames : int
        Frames that could be read.
    slices : tuple of int
        (N,) slices whose frames are among them; 0 alone for a recording.
    means : numpy.ndarray
        (N, C, Y, X) float64, mean of the frames of each slice; NaN where no frame has a number.
    """

    start: int
    stop: int
    n_frames: int
    slices: tuple[int, ...]
    means: Means


def segments_of(stack: Stack, most: int = SEGMENTS) -> list[Frames]:
    """Frames of each segment, spread over the stack; of one alone, in its middle."""
    if stack.frames_per_slice is None:
        starts, length = _spread(stack.n_frames, FRAMES, most)
        return [np.arange(start, start + length) for start in starts]
    repeats = min(stack.most_repeats, FRAMES)
    room = max(MOST_PIXELS // int(np.prod(stack.shape[1:])), 1)
    starts, length = _spread(stack.n_slices, min(-(-FRAMES // repeats), room), most)
    slices = [range(start, start + length) for start in starts]
    of_slices = [[stack.frames_of_slice(z)[:FRAMES] for z in each] for each in slices]
    return [np.sort(np.concatenate(each)) for each in of_slices]


def _spread(total: int, length: int, most: int) -> tuple[list[int], int]:
    """Starts of so many stretches of one length as there is room for, and the length."""
    length = min(length, total)
    if most == 1:
        return [(total - length) // 2], length
    number = min(most, max(total // length, 1))
    return np.linspace(0, total - length, number).astype(int).tolist(), length


def mean_segments(stack: Stack, most: int = SEGMENTS) -> Job[list[Segment]]:
    """Average the frames of a few segments; those that can't be read are left out.

    Parameters
    ----------
    stack : Stack
    most : int
        Number of segments, where the stack is long enough.

    Returns
    -------
    generator of Progress
        Returns the segments in which a frame could be read.
    """
    planned = segments_of(stack, most)
    total, found, done = sum(map(len, planned)), [], 0
    for frames in planned:
        sums = _Sums(stack)
        for start, stop in _runs(frames, stack.frames_per_read):
            for t, frame in _readable(stack, start, stop):
                sums.add(t, frame)
            done += stop - start
            yield Progress("Looking at pixels", done, total, stack.name)
        if sums.n_frames:
            start, stop = int(frames[0]), int(frames[-1]) + 1
            found.append(Segment(start, stop, sums.n_frames, sums.slices, sums.means()))
    return found


def _runs(frames: Frames, most: int) -> Iterator[tuple[int, int]]:
    """Stretches of frames that follow one another, of at most so many."""
    for run in np.split(frames, np.flatnonzero(np.diff(frames) != 1) + 1):
        start, stop = int(run[0]), int(run[-1]) + 1
        for first in range(start, stop, most):
            yield first, min(first + most, stop)


class _Sums:
    """Sums over the frames of each slice."""

    def __init__(self, stack: Stack) -> None:
        self._slice_of = None if stack.frames_per_slice is None else stack.slice_of_frame
        self._sums: dict[int, tuple[Means, Means]] = {}
        self.n_frames = 0

    def add(self, t: int, frame: npt.NDArray[np.generic]) -> None:
        """Add a frame (C, Y, X)."""
        z = 0 if self._slice_of is None else int(self._slice_of[t])
        if z not in self._sums:
            self._sums[z] = (np.zeros(frame.shape), np.zeros(frame.shape))
        total, number = self._sums[z]
        values = frame.astype(np.float64)
        is_number = np.isfinite(values)
        total += np.where(is_number, values, 0)
        number += is_number
        self.n_frames += 1

    @property
    def slices(self) -> tuple[int, ...]:
        """Slices of which there are frames."""
        return tuple(self._sums)

    def means(self) -> Means:
        """(N, C, Y, X)."""
        with np.errstate(invalid="ignore"):
            return np.stack([total / number for total, number in self._sums.values()])


def _readable(stack: Stack, start: int, stop: int) -> Iterator[tuple[int, npt.NDArray[np.generic]]]:
    try:
        yield from enumerate(stack.read(start, stop), start)
    except (OSError, InputError):
        for t in range(start, stop):
            try:
                frame = stack.read(t, t + 1)[0]
            except (OSError, InputError):
                continue
            yield t, frame
