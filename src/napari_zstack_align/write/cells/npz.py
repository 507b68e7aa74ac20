"""ROIs and traces as one NumPy file of plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_zstack_align.cells.rois import Rois
from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.progress import Job
from napari_zstack_align.write.cells.npy import Arrays, write_npz
from napari_zstack_align.write.cells.options import CellOptions
from napari_zstack_align.write.cells.rows import ENDS, SIGNALS


def write_rois_npz(
    path: str | Path, rois: Rois, _: CellOptions | None = None, *, overwrite: bool = False
) -> Job[Path]:
    """Write ``ids`` (N,), ``circles`` (N, 3) y, x, radius, ``slices`` (N, 2), and features (N,)."""
    return write_npz(path, _rois(rois) | _texts_fixed(rois.features), overwrite=overwrite)


def write_traces_npz(
    path: str | Path,
    recordings: Sequence[Traces],
    _: CellOptions | None = None,
    *,
    overwrite: bool = False,
) -> Job[Path]:
    """Write the traces of one recording.

    ``F``, ``Fneu``, ``corrected``, ``dff`` (C, N, T) float32; ``ids``, ``circles``, ``slices`` of
    the ROIs; ``frame``, ``raw_frame``, ``time_s``, ``recorded_at`` (date and time), ``segment``,
    ``confidence``, ``used``, ``flag``, ``detail`` (T,); ``motion_explained`` (C, N),
    ``dark_level`` (C,), ``dff_reliable`` (C, N) bool, ``channel_names`` (C,) and ``recording``.
    Where the dark level is estimated, ``dff_lowest_dark`` and ``dff_highest_dark`` (C, N, T) are
    ΔF/F at both ends of what it leaves open. With stimuli, ``stimulus_name``,
    ``stimulus_onset_s``, ... (n,).
    """
    (traces,) = recordings
    arrays: Arrays = {signal: getattr(traces, signal) for signal in SIGNALS}
    arrays |= dict(zip(ENDS, traces.dff_ends or (), strict=False))
    arrays |= _rois(traces.rois)
    arrays |= {name: traces.frames[name] for name in traces.frames.dtype.names or ()}
    arrays |= {
        "recorded_at": traces.acquisition.recorded_at,
        "motion_explained": traces.motion_explained,
        "dark_level": traces.dark_level,
        "dff_reliable": traces.reliable,
        "channel_names": np.array(traces.channel_names),
        "recording": np.array(traces.recording),
    }
    if traces.stimuli is not None:
        names = ("name", "onset_s", "offset_s", "onset_frame", "offset_frame")
        arrays |= {f"stimulus_{name}": traces.stimuli[name] for name in names}
    return write_npz(path, arrays, overwrite=overwrite)


def _rois(rois: Rois) -> Arrays:
    return {"ids": rois.ids, "circles": rois.circles, "slices": rois.slices}


def _texts_fixed(features: Arrays) -> Arrays:
    """Features as they are, but texts of a fixed width: objects would have to be pickled."""
    return {
        name: values.astype(str) if values.dtype.kind in "OST" else values
        for name, values in features.items()
    }
