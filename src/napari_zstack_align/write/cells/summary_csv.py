"""What is known of each ROI in a recording, as a table: one row a ROI and channel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.csv_text import csv_cell
from napari_zstack_align.progress import Job
from napari_zstack_align.write.cells.options import CellOptions
from napari_zstack_align.write.cells.rows import (
    ENDS,
    each_reliable,
    ends_of,
    has_ends,
    numbers,
    write_rows,
)

COLUMNS = (
    "recording", "roi", "channel", "y", "x", "radius", "known_frames", "mean_F", "mean_Fneu",
    "sd_dff", "max_dff", "motion_explained", "saturated", "dff_reliable",
)  # fmt: skip


def write_summary_csv(
    path: str | Path,
    recordings: Sequence[Traces],
    _: CellOptions | None = None,
    *,
    overwrite: bool = False,
) -> Job[Path]:
    """Write where each ROI lies and what its traces are like.

    Circles are in px of the reference. ``known_frames`` counts the frames with a value of F, over
    which the means are taken. ``motion_explained`` is the part of the variance of ``corrected``
    that the ROI's displacement explains; much of it speaks of motion rather than of the cell.
    ``saturated`` is the part of the frames used in which it is; empty where that is unknown.
    Where a dark level is estimated, two more columns hold the largest ΔF/F at the lowest and the
    highest one that the frames leave open.
    """
    total = sum(traces.F.shape[0] * traces.F.shape[1] for traces in recordings)
    with_ends = has_ends(recordings)
    blocks = (row for traces in recordings for row in _rows(traces, with_ends))
    columns = (*COLUMNS, *(f"max_{name}" for name in ENDS)) if with_ends else COLUMNS
    return write_rows(Path(path), columns, blocks, total, overwrite)


def _rows(traces: Traces, with_ends: bool) -> Iterator[tuple[str, int]]:
    ends = ends_of(traces) if with_ends else []
    name, relied_on = csv_cell(traces.recording), each_reliable(traces)
    for channel, row in np.ndindex(traces.F.shape[:2]):
        f, fneu, dff = (
            signal[np.isfinite(signal)]
            for signal in (each[channel, row] for each in (traces.F, traces.Fneu, traces.dff))
        )
        figures = [
            *traces.rois.circles[row],
            len(f),
            f.mean() if len(f) else np.nan,
            fneu.mean() if len(fneu) else np.nan,
            dff.std() if len(dff) else np.nan,
            dff.max() if len(dff) else np.nan,
            traces.motion_explained[channel, row],
            np.nan if traces.saturated is None else traces.saturated[channel, row],
        ]
        (text,) = numbers(np.array([figures]))
        rest = ""
        if with_ends:
            (peaks,) = numbers(np.array([[_highest(each[channel, row]) for each in ends]]))
            rest = f",{peaks}"
        yield f"{name},{traces.ids[row]},{channel},{text},{relied_on[channel][row]}{rest}\n", 1


def _highest(dff: npt.NDArray[np.float32]) -> float:
    known = dff[np.isfinite(dff)]
    return float(known.max()) if len(known) else np.nan
