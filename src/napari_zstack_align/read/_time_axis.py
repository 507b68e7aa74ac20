"""Frames of several files on one time axis: by the clock where files say when they were started."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from napari_zstack_align.acquisition import seconds_between
from napari_zstack_align.counting import counted, duration
from napari_zstack_align.frame_times import frame_interval_s
from napari_zstack_align.read._facts import Facts, times
from napari_zstack_align.remark import Remark, as_notes, as_warnings


@dataclass(frozen=True, eq=False)
class FileTimes:
    """When the frames of a file were recorded.

    Attributes
    ----------
    name : str
    times_s : numpy.ndarray, optional
        (T,) time of each frame after ``started_at``, in s; None where unknown.
    interval_s : float, optional
        Usual time from one frame to the next.
    started_at : datetime.datetime, optional
    """

    name: str
    times_s: npt.NDArray[np.float64] | None
    interval_s: float | None
    started_at: datetime | None

    @classmethod
    def of(cls, name: str, facts: Facts, n_frames: int) -> FileTimes:
        """Return what the facts of a file of so many frames say."""
        known = times(facts, n_frames)
        return cls(name, known, frame_interval_s(known) or facts.interval_s, facts.started_at)


@dataclass(frozen=True, eq=False)
class TimeAxis:
    """Times of the frames of several files, after the start of the first.

    Attributes
    ----------
    times_s : numpy.ndarray, optional
        (T,) of all frames; None where unknown.
    started_at : datetime.datetime, optional
        Of the first file.
    remarks : tuple of Remark
        Gaps between the files, what was assumed, and what can't be.
    """

    times_s: npt.NDArray[np.float64] | None
    started_at: datetime | None
    remarks: tuple[Remark, ...] = ()


def one_time_axis(files: Sequence[FileTimes]) -> TimeAxis:
    """Put the frames of files that follow one another on one time axis.

    A file that says when it was started stands there by the clock, with the gap before it. One
    that doesn't is taken to follow the one before it without a gap.
    """
    start = files[0].started_at
    unknown = [file.name for file in files if file.times_s is None]
    if unknown:
        odd = f"{unknown[0]} doesn't give the times of its frames: those of all are unknown."
        sentences = odd if len(unknown) < len(files) else "", _of_lost_pauses(files)
        return TimeAxis(None, start, as_warnings(*sentences))
    axis = _Axis(start, _resolution(files))
    for file in files:
        if not axis.add(file):
            return TimeAxis(None, start)
    return TimeAxis(np.concatenate(axis.parts), start, axis.remarks())


def _of_lost_pauses(files: Sequence[FileTimes]) -> str:
    """Warn of pauses that nobody can place; '' where none is known."""
    starts = {file.started_at for file in files if file.started_at is not None}
    if len(starts) < 2:
        return ""
    return (
        "The files were started at different times, but don't say how long a frame takes: with a "
        "frame rate alone, the pauses between them are left out."
    )


def _resolution(files: Sequence[FileTimes]) -> float:
    """Finest time in s that the clocks tell apart: many write whole seconds."""
    known = [file.started_at for file in files if file.started_at is not None]
    return 0.0 if any(each.microsecond for each in known) else 1.0


class _Axis:
    """The axis as it grows, file by file.

    Parameters
    ----------
    start : datetime.datetime, optional
        Of the first file.
    resolution_s : float
        What is shorter is no gap, and no overlap.
    """

    def __init__(self, start: datetime | None, resolution_s: float) -> None:
        self.parts: list[npt.NDArray[np.float64]] = []
        self._start, self._resolution = start, resolution_s
        self._before: FileTimes | None = None
        self._end = self._interval = 0.0
        self._by_clock = self._assumed = self._without_start = 0
        self._gaps: list[float] = []
        self._overlaps: list[str] = []

    def add(self, file: FileTimes) -> bool:
        """Add the frames of the next file; False where it can't be known when they were."""
        assert file.times_s is not None
        known = file.times_s
        self._without_start += file.started_at is None
        if self._before is not None:
            known = known + self._after(file, float(known[0]))
        elif file.interval_s is None and len(known) == 1:
            return False
        self._interval = file.interval_s or self._interval
        self.parts.append(known)
        self._before, self._end = file, float(known[-1]) + self._interval
        return True

    def _after(self, file: FileTimes, first_s: float) -> float:
        """Time of a file's start on the axis, by the clock or right after the one before."""
        if self._start is None or file.started_at is None:
            self._assumed += 1
            return self._end - first_s
        self._by_clock += 1
        offset = seconds_between(self._start, file.started_at)
        gap = offset + first_s - self._end
        if abs(gap) <= max(self._interval, self._resolution):
            return max(offset, self._end - first_s)
        if gap > 0:
            self._gaps.append(gap)
        elif self._before is not None:
            self._overlaps.append(
                f"{file.name} starts {duration(-gap)} before {self._before.name} ends"
            )
        return offset

    def remarks(self) -> tuple[Remark, ...]:
        """Say how the files follow one another."""
        n_files = len(self.parts)
        found: tuple[Remark, ...] = ()
        if self._by_clock and (self._gaps or not self._overlaps):
            gaps = "without gaps"
            if self._gaps:
                longest = f", {'the longest ' if len(self._gaps) > 1 else ''}"
                gaps = f"with {counted(len(self._gaps), 'gap')}{longest}"
                gaps += f"{'of ' if len(self._gaps) == 1 else ''}{duration(max(self._gaps))}"
            found += as_notes(f"{n_files} files make one time axis {gaps}.")
        if self._assumed:
            some = self._without_start
            which = f"{some} of {n_files} files don't" if some < n_files else "The files don't"
            found += as_notes(
                f"{which} say when they were started: each is taken to follow the one before it "
                f"without a gap."
            )
        if self._overlaps:
            more = len(self._overlaps) - 1
            also = f", and {counted(more, 'other')} likewise" if more else ""
            found += as_warnings(
                f"By the clock, {self._overlaps[0]}{also}: the times of the frames go back there. "
                f"Check the order of the files."
            )
        return found
