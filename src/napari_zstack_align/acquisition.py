"""Which raw frame each frame is, and when it was recorded: the same columns in every table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

import numpy as np
import numpy.typing as npt

RAW_FRAME, TIME, RECORDED_AT = "raw_frame", "time_s", "recorded_at"
COLUMNS: list[tuple[str, Any]] = [
    (RAW_FRAME, np.int64),
    (TIME, np.float64),
    (RECORDED_AT, "U32"),
]
"""Number in the files, from 0; s since the start of the recording; ISO 8601."""
NAMES = tuple(name for name, _ in COLUMNS)

MOST_S = 1e10
"""Later times are damage, and no date."""

Table = npt.NDArray[np.void]


@dataclass(frozen=True, eq=False)
class Acquisition:
    """Numbers and times of frames.

    Attributes
    ----------
    numbers : numpy.ndarray
        (T,) int: number of each frame in the files of its recording, counted from 0. It differs
        from the frame's index where others left the stack: flyback, other planes.
    times_s : numpy.ndarray
        (T,) float64 time since the start of the recording in s; NaN where unknown.
    started_at : datetime.datetime, optional
        What the microscope's clock showed at time 0; None where unknown.
    """

    numbers: npt.NDArray[np.integer]
    times_s: npt.NDArray[np.float64]
    started_at: datetime | None = None

    @classmethod
    def of(
        cls,
        n_frames: int,
        numbers: npt.NDArray[np.integer] | None = None,
        times_s: npt.NDArray[np.float64] | None = None,
        started_at: datetime | None = None,
    ) -> Self:
        """Fill in what isn't known: frames are counted, times are NaN."""
        return cls(
            np.arange(n_frames) if numbers is None else numbers,
            np.full(n_frames, np.nan) if times_s is None else times_s,
            started_at,
        )

    @property
    def recorded_at(self) -> npt.NDArray[np.str_]:
        """(T,) date and time in ISO 8601, by the microscope's clock; '' where unknown."""
        texts = np.full(len(self.times_s), "", "U32")
        known = np.abs(np.nan_to_num(self.times_s, nan=np.inf)) < MOST_S
        if self.started_at is None or not known.any():
            return texts
        clock = self.started_at.replace(tzinfo=None)
        passed = np.rint(self.times_s[known] * 1e6).astype("timedelta64[us]")
        texts[known] = np.datetime_as_string(np.datetime64(clock, "us") + passed)
        if zone := self.started_at.isoformat().removeprefix(clock.isoformat()):
            texts[known] = np.char.add(texts[known], zone)
        return texts

    @property
    def counts_on(self) -> bool:
        """Whether the frames are all those of the files."""
        return np.array_equal(self.numbers, np.arange(len(self.numbers)))

    @property
    def has_times(self) -> bool:
        """Whether the times of all frames are known."""
        return bool(np.isfinite(self.times_s).all())

    def words(self, t: int) -> str:
        """'frame 12', or 'frame 12 (raw frame 15)' where others left the stack before it."""
        raw = int(self.numbers[t])
        return f"frame {t}" if raw == t else f"frame {t} (raw frame {raw})"

    def take(self, frames: npt.ArrayLike) -> Self:
        """Return those of some frames, by their indices, the last for those beyond it."""
        index = np.minimum(np.asarray(frames, np.intp), len(self.numbers) - 1)
        return replace(self, numbers=self.numbers[index], times_s=self.times_s[index])

    def since(self, start: datetime | None) -> npt.NDArray[np.float64]:
        """(T,) time since another start, such as that of a session, in s; NaN where unknown."""
        if start is None or self.started_at is None:
            return np.full(len(self.times_s), np.nan)
        return self.times_s + seconds_between(start, self.started_at)

    def columns(self) -> tuple[list[int], list[float | None], list[str]]:
        """Return the columns for a table of text: what is unknown is None or empty."""
        times = [None if np.isnan(time) else time for time in self.times_s.tolist()]
        return self.numbers.tolist(), times, self.recorded_at.tolist()

    def table(self) -> Table:
        """(T,) structured: ``frame`` and the columns."""
        frames = np.zeros(len(self.numbers), [("frame", np.int32)])
        frames["frame"] = np.arange(len(frames))
        return self.beside(frames)

    def beside(self, table: Table) -> Table:
        """Return a table with the columns, before ``flag`` where there is one, else at its end.

        Parameters
        ----------
        table : numpy.ndarray
            (T,) structured; a column that it has already stays where it is.
        """
        own = [(name, kind) for name, kind in COLUMNS if name not in (table.dtype.names or ())]
        columns: list[Any] = list(table.dtype.descr)
        names = list(table.dtype.names or ())
        place = names.index("flag") if "flag" in names else len(names)
        wide = np.zeros(len(table), [*columns[:place], *own, *columns[place:]])
        for name in names:
            wide[name] = table[name]
        values = dict(zip(NAMES, (self.numbers, self.times_s, self.recorded_at), strict=True))
        for name, _ in own:
            wide[name] = values[name]
        return wide


def seconds_between(first: datetime, second: datetime) -> float:
    """Time from one start to another in s; where one of them names no time zone, none counts."""
    if (first.tzinfo is None) != (second.tzinfo is None):
        first, second = first.replace(tzinfo=None), second.replace(tzinfo=None)
    return (second - first).total_seconds()


def session_start(starts: Sequence[datetime | None]) -> datetime | None:
    """Return the earliest start of the recordings of a session; None where one is unknown."""
    known = [start for start in starts if start is not None]
    if not known or len(known) < len(starts):
        return None
    return min(known, key=lambda start: seconds_between(known[0], start))


def started_from(text: str | None) -> datetime | None:
    """Return a start that was saved as ISO 8601; None for none.

    Raises
    ------
    ValueError
        For anything else.
    """
    return datetime.fromisoformat(text) if text else None
