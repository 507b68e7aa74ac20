"""One signal as a wide table: one row a frame, one column a ROI."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.cells.traces.traces import session_times
from napari_zstack_align.csv_text import csv_cell
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import Job
from napari_zstack_align.write.cells.options import CellOptions
from napari_zstack_align.write.cells.rows import (
    ENDS,
    FRAME_COLUMNS,
    SIGNALS,
    confidence_and_flag,
    ends_of,
    frame_and_time,
    has_ends,
    numbers,
    reliable,
    write_rows,
)

COLUMNS = (
    "recording", "channel", *FRAME_COLUMNS, "confidence", "flag", "detail", "dff_reliable"
)  # fmt: skip

WIDE_SIGNALS = (*SIGNALS, *ENDS)
"""What a wide table can hold."""

SAME_PX = 1e-3
"""ROIs that differ by less are the same."""

VALUES_AT_ONCE = 200_000
"""Numbers written between two reports of progress."""


def write_wide_csv(
    path: str | Path,
    recordings: Sequence[Traces],
    options: CellOptions | None = None,
    *,
    overwrite: bool = False,
) -> Job[Path]:
    """Write one signal of one or more recordings to one table.

    A row is a frame (of several channels: a frame of a channel), a column ``roi_ID`` a ROI; those
    that a recording hasn't got are left empty, like all that is unknown or not a number.

    Parameters
    ----------
    path : path
        Ends in .csv.
    recordings : sequence of Traces
        One below the other.
    options : CellOptions, optional
        Its ``signal``, one of `WIDE_SIGNALS`, is written.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    InputError
        Where there is no such signal, none of these recordings has it, or an id stands for
        different ROIs in two recordings.
    """
    signal = (options or CellOptions()).signal
    if signal not in WIDE_SIGNALS:
        raise InputError(f"The signal must be one of {', '.join(WIDE_SIGNALS)}, not {signal!r}.")
    if signal in ENDS and not has_ends(recordings):
        raise InputError(
            f"There is no {signal}: the dark level of these traces isn't estimated, so that it "
            f"leaves nothing open. Export the signal dff."
        )
    _check_same_rois(recordings)
    ids = list(dict.fromkeys(roi for traces in recordings for roi in traces.ids.tolist()))
    total = sum(traces.F.shape[0] * traces.F.shape[2] for traces in recordings)
    header = [*COLUMNS, *(f"roi_{roi}" for roi in ids)]
    pairs = zip(recordings, session_times(recordings), strict=True)
    blocks = (block for traces, times in pairs for block in _blocks(traces, times, signal, ids))
    return write_rows(Path(path), header, blocks, total, overwrite)


def _check_same_rois(recordings: Sequence[Traces]) -> None:
    """Raise InputError where an id stands for different ROIs: they would share a column."""
    seen: dict[int, tuple[str, npt.NDArray[np.float64]]] = {}
    for traces in recordings:
        for roi, circle in zip(traces.ids.tolist(), traces.rois.circles, strict=True):
            first, same = seen.setdefault(roi, (traces.recording, circle))
            if not np.allclose(circle, same, rtol=0, atol=SAME_PX):
                raise InputError(
                    f"ROI {roi} of {traces.recording} is another one than ROI {roi} of {first}, "
                    f"but a wide table has one column for both: write a table each."
                )


def _blocks(
    traces: Traces, session_times_s: npt.NDArray[np.float64], signal: str, ids: list[int]
) -> Iterator[tuple[str, int]]:
    """Yield the rows of a recording in blocks, with their number."""
    before, after = frame_and_time(traces, session_times_s), confidence_and_flag(traces)
    signals = ends_of(traces)[ENDS.index(signal)] if signal in ENDS else getattr(traces, signal)
    columns = [ids.index(roi) for roi in traces.ids.tolist()]
    step = max(VALUES_AT_ONCE // len(ids), 1)
    for channel in range(signals.shape[0]):
        head, between = f"{csv_cell(traces.recording)},{channel},", f",{reliable(traces)},"
        for start in range(0, signals.shape[2], step):
            part = slice(start, start + step)
            values = signals[channel, :, part].T
            block = np.full((len(values), len(ids)), np.nan, np.float32)
            block[:, columns] = values
            lines = [
                f"{head}{frame},{last}{between}{value}\n"
                for frame, last, value in zip(
                    before[part], after[part], numbers(block), strict=True
                )
            ]
            yield "".join(lines), len(lines)
