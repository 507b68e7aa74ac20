"""Traces as a tidy table: one row a ROI, channel and frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.cells.traces.traces import session_times
from napari_zstack_align.csv_text import csv_cell
from napari_zstack_align.progress import Job
from napari_zstack_align.write.cells.options import CellOptions
from napari_zstack_align.write.cells.rows import (
    ENDS,
    FRAME_COLUMNS,
    SIGNALS,
    confidence_and_flag,
    each_reliable,
    ends_of,
    frame_and_time,
    has_ends,
    numbers,
    write_rows,
)

COLUMNS = (
    "recording", "roi", "channel", *FRAME_COLUMNS, *SIGNALS, "confidence", "flag", "detail",
    "dff_reliable",
)  # fmt: skip

FRAMES_AT_ONCE = 1_000
"""Rows written between two reports of progress."""


def write_tidy_csv(
    path: str | Path,
    recordings: Sequence[Traces],
    _: CellOptions | None = None,
    *,
    overwrite: bool = False,
) -> Job[Path]:
    """Write the traces of one or more recordings to one table.

    Rows run over the frames of a ROI, then over ROIs, channels and recordings. ``roi`` is its id;
    channels and frames count from 0; ``raw_frame`` is the frame's number in the files,
    ``recorded_at`` date and time, and ``session_time_s`` counts from the start of the earliest
    recording. F and Fneu are raw counts; what is unknown or not a number is left empty.
    ``dff_reliable`` is 0 where the dark level is unknown or doubtful, where no frame counts, and
    for ROIs that are saturated, or weren't measured in most frames. Where a dark level is
    estimated, two more columns hold ΔF/F at the lowest and the highest one that the frames leave
    open.
    """
    total = sum(traces.F.size for traces in recordings)
    pairs = zip(recordings, session_times(recordings), strict=True)
    with_ends = has_ends(recordings)
    blocks = (block for traces, times in pairs for block in _blocks(traces, times, with_ends))
    columns = (*COLUMNS, *ENDS) if with_ends else COLUMNS
    return write_rows(Path(path), columns, blocks, total, overwrite)


def _blocks(
    traces: Traces, session_times_s: npt.NDArray[np.float64], with_ends: bool
) -> Iterator[tuple[str, int]]:
    """Yield the rows of a recording in blocks, with their number."""
    before, after = frame_and_time(traces, session_times_s), confidence_and_flag(traces)
    n_channels, n_rois, n_frames = traces.F.shape
    name, relied_on = csv_cell(traces.recording), each_reliable(traces)
    ends = ends_of(traces) if with_ends else []
    for channel, row in np.ndindex(n_channels, n_rois):
        end = f",{relied_on[channel][row]}"
        head = f"{name},{traces.ids[row]},{channel},"
        for start in range(0, n_frames, FRAMES_AT_ONCE):
            part = slice(start, start + FRAMES_AT_ONCE)
            values = [getattr(traces, signal)[channel, row, part] for signal in SIGNALS]
            middle = numbers(np.stack(values, axis=1))
            rest = [""] * len(middle)
            if with_ends:
                rest = numbers(np.stack([each[channel, row, part] for each in ends], axis=1))
                rest = [f",{each}" for each in rest]
            rows = zip(before[part], middle, after[part], rest, strict=True)
            lines = [
                f"{head}{frame},{value},{last}{end}{more}\n" for frame, value, last, more in rows
            ]
            yield "".join(lines), len(lines)
