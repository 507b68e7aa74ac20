"""Tables of traces as text, written in blocks of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.cells.traces.traces import stimulus_of_frames
from napari_zstack_align.csv_text import csv_cell, csv_header
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.write.replacing import replacing
from napari_zstack_align.write.target import check_export_target

SIGNALS = ("F", "Fneu", "corrected", "dff")
"""What traces hold, in the order of the columns."""


def write_rows(
    path: Path,
    header: Iterable[str],
    blocks: Iterable[tuple[str, int]],
    total: int,
    overwrite: bool,
) -> Job[Path]:
    """Write a table.

    Parameters
    ----------
    path : pathlib.Path
        Its name.
    header : iterable of str
        Names of the columns.
    blocks : iterable of tuple
        Text of some rows, and their number; made when it is their turn.
    total : int
        Number of all rows.
    overwrite : bool
        Replace an existing file.
    """
    check_export_target(path, overwrite, is_table_of_traces)

    def job() -> Job[Path]:
        done = 0
        with (
            replacing(path, overwrite) as unfinished,
            unfinished.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
        ):
            file.write(",".join(header) + "\n")
            for text, rows in blocks:
                file.write(text)
                done += rows
                yield Progress("Writing the table", done, total)
        return path

    return job()


def is_table_of_traces(path: Path) -> bool:
    """Whether a file is one of the tables of traces, by its first columns."""
    return csv_header(path)[:2] in (("recording", "roi"), ("recording", "channel"))


def numbers(values: npt.NDArray[Any]) -> list[str]:
    """Rows of numbers as text, 'a,b,c'; 7 digits, and nothing between the commas for NaN.

    One format for the whole block, as a call for each number costs more than the formatting.

    Parameters
    ----------
    values : numpy.ndarray
        (rows, columns) float.
    """
    row = ",".join(["%.7g"] * values.shape[1]) + "\n"
    text = row * len(values) % tuple(values.ravel().tolist())
    return text.replace("nan", "").splitlines()


ENDS = ("dff_lowest_dark", "dff_highest_dark")
"""ΔF/F at both ends of what an estimated dark level leaves open: columns where there is one."""


def has_ends(recordings: Sequence[Traces]) -> bool:
    """Whether the dark level of a recording is estimated."""
    return any(traces.dff_ends is not None for traces in recordings)


def ends_of(traces: Traces) -> list[npt.NDArray[np.float32]]:
    """ΔF/F (C, N, T) of each of `ENDS`; NaN for a level that isn't estimated."""
    unknown = np.broadcast_to(np.float32(np.nan), traces.dff.shape)
    return [unknown, unknown] if traces.dff_ends is None else [*traces.dff_ends]


FRAME_COLUMNS = ("frame", "time_s", "raw_frame", "recorded_at", "session_time_s", "stimulus")
"""Names of the columns of `frame_and_time`."""


def frame_and_time(traces: Traces, session_times_s: npt.NDArray[np.float64]) -> list[str]:
    """Cells of `FRAME_COLUMNS` for every frame; what is unknown is left empty.

    Parameters
    ----------
    traces : Traces
    session_times_s : numpy.ndarray
        (T,) as of `session_times`.
    """
    raw = traces.acquisition
    columns = (_seconds(raw.times_s), raw.numbers.tolist(), raw.recorded_at.tolist())
    stimuli = [csv_cell(text) for text in stimulus_of_frames(traces)]
    rows = zip(*columns, _seconds(session_times_s), stimuli, strict=True)
    return [",".join(map(str, (t, *row))) for t, row in enumerate(rows)]


def _seconds(times: npt.NDArray[np.float64]) -> list[str]:
    return ["" if np.isnan(time) else f"{time:.10g}" for time in times.tolist()]


def reliable(traces: Traces) -> str:
    """Whether ΔF/F of any ROI can be relied on, as a cell: 1 or 0 (see `Traces.dff_doubt`)."""
    return str(int(traces.dff_reliable))


def each_reliable(traces: Traces) -> list[list[str]]:
    """The same of each ROI, for each channel."""
    return np.where(traces.reliable, "1", "0").tolist()


def confidence_and_flag(traces: Traces) -> list[str]:
    """'confidence,flag,detail' of every frame."""
    flags = traces.frames[["flag", "detail"]].tolist()
    cells = {pair: ",".join(map(csv_cell, pair)) for pair in set(flags)}
    confidence = ["" if np.isnan(c) else f"{c:.4g}" for c in traces.confidence.tolist()]
    return [f"{c},{cells[pair]}" for c, pair in zip(confidence, flags, strict=True)]
