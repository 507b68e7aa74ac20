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
"""Frames of a segment: fewer only where the stack has no more."""
SEGMENTS = 3
"""At the start, in the middle and at the end, where the stack is long enough."""

Means = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Segment:
    """Frames that follow one another.

    Attributes
    ----------
    start, stop : int
        First frame and end (exclusive).
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


def segments_of(n_frames: int) -> list[tuple[int, int]]:
    """Start and end of each segment, spread over so many frames."""
    number = min(SEGMENTS, max(n_frames // FRAMES, 1))
    length = min(FRAMES, n_frames)
    starts = np.linspace(0, n_frames - length, number).astype(int)
    return [(start, start + length) for start in starts.tolist()]


def mean_segments(stack: Stack) -> Job[list[Segment]]:
    """Average the frames of a few segments; those that can't be read are left out.

    Parameters
    ----------
    stack : Stack

    Returns
    -------
    generator of Progress
        Returns the segments in which a frame could be read.
    """
    planned = segments_of(stack.n_frames)
    total, found = sum(stop - start for start, stop in planned), []
    done = 0
    for start, stop in planned:
        sums = _Sums(stack)
        for first in range(start, stop, stack.frames_per_read):
            end = min(first + stack.frames_per_read, stop)
            for t, frame in _readable(stack, first, end):
                sums.add(t, frame)
            done += end - first
            yield Progress("Looking at pixels", done, total, stack.name)
        if sums.n_frames:
            found.append(Segment(start, stop, sums.n_frames, sums.slices, sums.means()))
    return found


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
