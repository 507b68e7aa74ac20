"""Tables of stimulus times: read, put on the time axis of recordings, and kept with traces."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias, get_args, overload

import numpy as np
import numpy.typing as npt

from napari_zstack_align.acquisition import Acquisition, seconds_between
from napari_zstack_align.cells.cell_texts import Column, finite, of_each
from napari_zstack_align.cells.traces.traces import STIMULI, Traces
from napari_zstack_align.counting import are
from napari_zstack_align.errors import InputError
from napari_zstack_align.frame_times import frame_interval_s
from napari_zstack_align.plain_files import path_of
from napari_zstack_align.remark import Remark, RemarkCode, Severity, without
from napari_zstack_align.table_text import read_table_text

Unit: TypeAlias = Literal["s", "frames", "dates"]
IN_WORDS: dict[Unit, str] = {
    "s": "in seconds since the start of the recording",
    "frames": "in numbers of raw frames, counted from 0",
    "dates": "by date and time",
}
SINCE = " since the start of the recording"
TITLES = {
    "onset": ("onset", *("onset_s", "onset_ms", "onset_frame"), "start", "start_s", "start_time"),
    "offset": (
        *("offset", "offset_s", "offset_ms", "offset_frame"),
        *("stop", "stop_s", "stop_time", "end", "end_s"),
    ),
    "duration": ("duration", "duration_s", "duration_ms", "duration_frames"),
    "name": ("name", "stimulus", "trial_type"),
    "recording": ("recording",),
}
"""Titles of the columns, whatever their case; ``trial_type`` is of BIDS, ``start_time`` of NWB."""
OF_TITLES: dict[str, Unit] = {"_s": "s", "_ms": "s", "_frame": "frames", "_frames": "frames"}
"""Units that endings of titles say."""
MS = "_ms"
UNITS = ("unit", "units", "time_unit")
"""Columns that may say milliseconds: to pass over them would be wrong by a factor."""
UNNAMED = "stimulus"
PAUSE = 1.5
"""A frame lasts until the next one, but for a pause: that is longer than so many intervals."""
NAMED = 3


@dataclass(frozen=True, eq=False)
class Stimuli:
    """A table of stimulus times as it was read.

    Attributes
    ----------
    file : str
        Name of the file.
    unit : {'s', 'frames', 'dates'}
        Of the onsets: seconds since the start of the recording, numbers of raw frames from 0, or
        date and time.
    onsets, offsets : numpy.ndarray
        (N,) float64 in that unit; of dates, in s after the first of them.
    names : tuple of str
        'stimulus' where the table gives none.
    recordings : tuple of str
        The recording that each belongs to; '' for all.
    zero : datetime.datetime, optional
        The first date.
    """

    file: str
    unit: Unit
    onsets: npt.NDArray[np.float64]
    offsets: npt.NDArray[np.float64]
    names: tuple[str, ...]
    recordings: tuple[str, ...]
    zero: datetime | None = None

    def check_names(self, recordings: Sequence[str]) -> None:
        """Raise InputError where a row is of none of these recordings."""
        named = {name for name in self.recordings if name}
        if foreign := sorted(named - set(recordings)):
            some = ", ".join(foreign[:NAMED]) + (", …" if len(foreign) > NAMED else "")
            raise InputError(
                f"{self.file} names recordings that aren't among the traces ({some}): these are "
                f"{', '.join(sorted(set(recordings)))}."
            )

    def check_fits(self, recording: str, frames: Acquisition) -> None:
        """Raise InputError where a recording doesn't know what the unit needs."""
        if self.unit == "dates" and frames.started_at is None:
            raise InputError(
                f"{self.file} gives dates, but the files of {recording} don't say when it was "
                f"started: give seconds since its start."
            )
        if self.unit != "frames" and frame_interval_s(frames.times_s) is None:
            raise InputError(
                f"{self.file} gives times, but those of the frames of {recording} are unknown: "
                f"give the frame rate at opening, or numbers of frames."
            )

    def on(self, recording: str, frames: Acquisition) -> npt.NDArray[np.void]:
        """(n,) table `STIMULI` of those in a recording, in the order of their onsets.

        Raises
        ------
        InputError
            As `check_fits`.
        """
        self.check_fits(recording, frames)
        own = np.array([each in ("", recording) for each in self.recordings], bool)
        on, off = self.onsets[own], self.offsets[own]
        if self.zero is not None and frames.started_at is not None:
            late = seconds_between(frames.started_at, self.zero)
            on, off = on + late, off + late
        low, high = self._span(frames)
        inside = (on < high) & ((off > low) | ((on == off) & (on >= low)))
        inside &= np.isfinite(on)
        order = np.flatnonzero(inside)[np.argsort(on[inside], kind="stable")]
        table = np.zeros(len(order), STIMULI)
        table["name"] = np.array(self.names)[own][order]
        for name, values in (("onset", on[order]), ("offset", off[order])):
            table[f"{name}_s"], table[f"{name}_frame"] = self._placed(values, frames)
        return table

    def _span(self, frames: Acquisition) -> tuple[float, float]:
        """Start of the first frame, and end of the last one, in our unit."""
        if self.unit == "frames":
            return float(frames.numbers[0]), float(frames.numbers[-1]) + 1
        interval = frame_interval_s(frames.times_s) or 0.0
        return float(np.nanmin(frames.times_s)), float(np.nanmax(frames.times_s)) + interval

    def _placed(
        self, values: npt.NDArray[np.float64], frames: Acquisition
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Times in s, NaN where unknown, and places among the frames."""
        if self.unit != "frames":
            return values, places_of(values, frames.times_s)
        places = np.searchsorted(frames.numbers, values)
        ends = np.append(frames.times_s, frames.times_s[-1])
        ends[-1] += frame_interval_s(frames.times_s) or 0.0
        return ends[places], places.astype(np.float64)


def places_of(
    seconds: npt.NDArray[np.float64], times_s: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Places of times among frames, of which frame t is from t to t + 1; a pause has no width.

    Parameters
    ----------
    seconds : numpy.ndarray
        (N,) times in s.
    times_s : numpy.ndarray
        (T,) start of each frame in s; unknown ones, and those that go back, are passed over.
    """
    known = np.flatnonzero(np.isfinite(times_s))
    known = known[np.maximum.accumulate(times_s[known]) == times_s[known]]
    starts, interval = times_s[known], frame_interval_s(times_s) or 0.0
    nexts = np.append(starts[1:], starts[-1] + interval)
    ends = np.where(nexts - starts > PAUSE * interval, starts + interval, nexts)
    places = np.column_stack([known, np.append(known[1:], known[-1] + 1)])
    return np.interp(seconds, np.column_stack([starts, ends]).ravel(), places.ravel())


# -- reading -------------------------------------------------------------------------------------


def read_stimuli(path: str | os.PathLike[str], unit: Unit | None = None) -> Stimuli:
    """Read a table of stimulus times, with commas, semicolons or tabs between its cells.

    Its columns are ``onset``, and ``offset`` or ``duration``; where there are any, ``name`` and
    ``recording`` (without it, a row is of every recording).

    Parameters
    ----------
    path : path
    unit : {'s', 'frames', 'dates'}, optional
        Of onsets and offsets: seconds since the start of the recording (milliseconds where a title
        ends in ``_ms``), numbers of raw frames from 0 (an offset is the first frame after it), or
        date and time in ISO 8601 (durations are seconds). By default as titles such as
        ``onset_frame`` or cells with dates say it, else seconds.

    Returns
    -------
    Stimuli

    Raises
    ------
    InputError
        Where the table lacks a column, or a cell can't be read; it names row and column.
    """
    if unit is not None and unit not in get_args(Unit):
        raise InputError(f"unit must be one of {', '.join(get_args(Unit))}, not {unit!r}.")
    path = path_of(path)
    columns = _columns(path)
    try:
        unit = unit or _unit_of(columns)
        _check_titles(columns, unit)
        return _stimuli(_in_seconds(columns), path, unit)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _columns(path: Path) -> dict[str, Column]:
    """Columns by our names for them."""
    titles = {title: name for name, known in TITLES.items() for title in known}
    try:
        found = read_table_text(path, tuple(titles))
        reader = csv.reader(io.StringIO(found.text, newline=""), delimiter=found.separator)
        numbered = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.") from None
    except (OSError, csv.Error) as error:
        raise InputError(f"{path} can't be read as a table of stimuli: {error}.") from None
    header = [cell.strip() for cell in numbered[0][1]] if numbered else []
    columns: dict[str, Column] = {}
    for place, title in enumerate(header):
        name = titles.get(title.lower())
        if title.lower() in UNITS:
            raise InputError(
                f"{path} has a column {title}, which isn't read: give seconds, numbers of frames "
                f"or dates, and leave it out."
            )
        if name is None:
            continue
        if name in columns:
            raise InputError(
                f"{path} has the columns {columns[name].title} and {title}: leave one of them."
            )
        cells = [(row[place].strip() if place < len(row) else "") for _, row in numbered[1:]]
        if found.separator != "," and name in ("onset", "offset", "duration"):
            cells = [cell.replace(",", ".") for cell in cells]
        columns[name] = Column(title, cells, [line for line, _ in numbered[1:]])
    lacking = [name for name in ("onset",) if name not in columns]
    if "offset" not in columns and "duration" not in columns:
        lacking.append("offset or duration")
    if lacking:
        raise InputError(
            f"{path} is no table of stimuli: it lacks the column {' and '.join(lacking)} (its "
            f"columns are {', '.join(header)[:200] or 'none'})."
        )
    if "offset" in columns and "duration" in columns:
        raise InputError(f"{path} has offsets and durations: leave one of the two columns.")
    if not columns["onset"].texts:
        raise InputError(f"{path} lists no stimulus: add a row for each.")
    return columns


def _unit_of(columns: dict[str, Column]) -> Unit:
    """Unit as titles say it, or a date in the first cell."""
    title, first = columns["onset"].title.lower(), columns["onset"].texts[0]
    if said := _of_title(title):
        return said
    try:
        float(first)
    except ValueError:
        return "dates" if _date(first) is not None else "s"
    return "s"


def _of_title(title: str) -> Unit | None:
    """Unit that a title ends in; None where it ends in none."""
    return next((unit for ending, unit in OF_TITLES.items() if title.endswith(ending)), None)


def _check_titles(columns: dict[str, Column], unit: Unit) -> None:
    """Raise InputError where a title says another unit than that of the onsets."""
    for name in ("onset", "offset", "duration"):
        if name not in columns:
            continue
        takes: Unit = "s" if (unit, name) == ("dates", "duration") else unit
        title = columns[name].title
        if _of_title(title.lower()) not in (None, takes):
            raise InputError(
                f"column {title} isn't {IN_WORDS[takes].removesuffix(SINCE)}, as the onsets ask "
                f"for: give onsets, and offsets or durations, in one unit."
            )


def _in_seconds(columns: dict[str, Column]) -> dict[str, Column]:
    """Columns with those in milliseconds in seconds."""
    return {
        name: of_each(column, lambda ms: ms / 1000) if column.title.lower().endswith(MS) else column
        for name, column in columns.items()
    }


def _stimuli(columns: dict[str, Column], path: Path, unit: Unit) -> Stimuli:
    onset = columns["onset"]
    zero = None
    if unit == "dates":
        zero = _dates(onset)[0]
        onsets = _since(zero, onset)
    else:
        onsets = np.array(finite(onset))
    if "duration" in columns:
        offsets = onsets + np.array(finite(columns["duration"]))
    elif zero is not None:
        offsets = _since(zero, columns["offset"])
    else:
        offsets = np.array(finite(columns["offset"]))
    last = columns.get("offset") or columns["duration"]
    if len(early := np.flatnonzero(offsets < onsets)):
        what = "ends before it begins" if "offset" in columns else "has a duration below 0"
        raise InputError(
            f"row {last.lines[early[0]]}, column {last.title}: the stimulus {what}; mend it, or "
            f"leave out that row."
        )
    n_rows = len(onsets)
    names = columns["name"].texts if "name" in columns else [""] * n_rows
    recordings = columns["recording"].texts if "recording" in columns else [""] * n_rows
    return Stimuli(
        path.name,
        unit,
        onsets,
        offsets,
        tuple(name[:64] or UNNAMED for name in names),
        tuple(recordings),
        zero,
    )


def _date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _dates(column: Column) -> list[datetime]:
    dates = []
    for text, line in zip(column.texts, column.lines, strict=True):
        if (date := _date(text)) is None:
            raise InputError(
                f"row {line}, column {column.title}: '{text}' is no date and time such as "
                f"2026-01-31T14:30:00.25; mend it, or leave out that row."
            )
        dates.append(date)
    return dates


def _since(zero: datetime, column: Column) -> npt.NDArray[np.float64]:
    return np.array([seconds_between(zero, date) for date in _dates(column)])


# -- with traces ---------------------------------------------------------------------------------


@overload
def with_stimuli(traces: Traces, stimuli: Stimuli | None) -> Traces: ...
@overload
def with_stimuli(traces: Sequence[Traces], stimuli: Stimuli | None) -> list[Traces]: ...
def with_stimuli(
    traces: Traces | Sequence[Traces], stimuli: Stimuli | None
) -> Traces | list[Traces]:
    """Return traces, of one recording or of several, with stimuli in the place of earlier ones.

    Parameters
    ----------
    traces : Traces or sequence of Traces
    stimuli : Stimuli or None
        Of `read_stimuli`. Those outside of a recording are left out of its traces, and a remark
        counts those inside. None: traces without stimuli, and without that remark.

    Raises
    ------
    InputError
        Where the table gives times or dates, and those of a recording are unknown; where it names
        a recording that isn't there.
    """
    if isinstance(traces, Traces):
        return with_stimuli([traces], stimuli)[0]
    if stimuli is None:
        return [_without(each) for each in traces]
    stimuli.check_names([each.recording for each in traces])
    return [_with(each, stimuli) for each in traces]


def _with(traces: Traces, stimuli: Stimuli) -> Traces:
    table = stimuli.on(traces.recording, traces.acquisition)
    n_all = sum(each in ("", traces.recording) for each in stimuli.recordings)
    inside = f"{len(table)} of {n_all:,} stimuli {are(len(table))}"
    severity = Severity.NOTE if len(table) or not n_all else Severity.WARNING
    remark = Remark(
        f"{stimuli.file}, {IN_WORDS[stimuli.unit]}: {inside} in the recording.",
        severity,
        RemarkCode.STIMULI,
    )
    remarks = (*without(traces.remarks, RemarkCode.STIMULI), remark)
    return replace(traces, stimuli=table, remarks=remarks)


def _without(traces: Traces) -> Traces:
    return replace(traces, stimuli=None, remarks=without(traces.remarks, RemarkCode.STIMULI))
