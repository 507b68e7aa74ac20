"""What is known of each ROI in a recording, as a table: one row a ROI and channel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.csv_text import csv_cell
from napari_zstack_align.progress import Job
from napari_zstack_align.write.cells.options import CellOptions
from napari_zstack_align.write.cells.rows import each_reliable, numbers, write_rows

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
    """
    total = sum(traces.F.shape[0] * traces.F.shape[1] for traces in recordings)
    blocks = (row for traces in recordings for row in _rows(traces))
    return write_rows(Path(path), COLUMNS, blocks, total, overwrite)


def _rows(traces: Traces) -> Iterator[tuple[str, int]]:
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
        yield f"{name},{traces.ids[row]},{channel},{text},{relied_on[channel][row]}\n", 1
