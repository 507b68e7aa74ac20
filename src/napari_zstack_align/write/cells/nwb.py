"""ROIs and traces as NWB (Neurodata Without Borders), one file a recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import NwbParams
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.read import MADE_BY
from napari_zstack_align.write.cells.field import FieldOfView
from napari_zstack_align.write.cells.options import CellOptions, field_of
from napari_zstack_align.write.replacing import replacing
from napari_zstack_align.write.target import check_export_target

FRAMES_AT_ONCE = 2_000
"""Frames written between two reports of progress."""


def write_nwb(
    path: str | Path,
    recordings: Sequence[Traces],
    options: CellOptions | None = None,
    *,
    overwrite: bool = False,
) -> Job[Path]:
    """Write the ROIs and traces of one recording.

    The processing module ``ophys`` holds ``ImageSegmentation`` (a pixel mask a ROI, weighted by
    area; the row's id is that of the ROI), ``Fluorescence`` (F, Fneu and corrected, raw counts),
    ``DfOverF`` (dff) and ``Confidence``; of several channels each, ``F_channel_0``, ... Flags of
    frames are the ``control`` of every series.

    Parameters
    ----------
    path : path
        Ends in .nwb.
    recordings : sequence of Traces
        Of one recording. Its frame times, or ``frame_rate_hz`` of the options, must be known.
    options : CellOptions, optional
        Its ``field`` gives size, image and scale, ``nwb`` what no recording tells.
    overwrite : bool
        Replace an existing file.
    """
    path, (traces,) = Path(path), recordings
    field = field_of(traces, options)
    params = NwbParams.given(None if options is None else options.nwb)
    n_channels = traces.F.shape[0]
    if params.emission_nm and len(params.emission_nm) != n_channels:
        raise InputError(
            f"emission_nm needs one value a channel, {n_channels} for {traces.recording}, not "
            f"{len(params.emission_nm)}."
        )
    if not traces.has_times and params.frame_rate_hz is None:
        raise InputError(
            f"NWB needs frame times, and those of {traces.recording} are unknown: give "
            f"`frame_rate_hz`."
        )
    check_export_target(path, overwrite, is_nwb_export)
    return _write(path, traces, field, params, overwrite)


def is_nwb_export(path: Path) -> bool:
    """Whether a file was written by `write_nwb`."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return MADE_BY.encode() in np.ravel(file["general/was_generated_by"][()]).tolist()
    except (OSError, ValueError, KeyError, RuntimeError):
        return False


def _write(
    path: Path, traces: Traces, field: FieldOfView, params: NwbParams, overwrite: bool
) -> Job[Path]:
    begun = Progress("Writing NWB", 0, 0)
    yield begun
    # pynwb is slow to import, and h5py comes with it
    import pynwb

    from napari_zstack_align.write.cells.nwb_contents import contents
    from napari_zstack_align.write.hdf5_file import hdf5_file

    yield begun
    with replacing(path, overwrite) as unfinished:
        file, signals = contents(traces, field, params)
        yield begun
        with (
            hdf5_file(unfinished, "w") as (hdf5, _),
            pynwb.NWBHDF5IO(file=hdf5, mode="w") as nwb,
        ):
            nwb.write(file)
        # pynwb writes in one go; values are filled in here, where a cancel is heard
        with hdf5_file(unfinished, "r+") as (hdf5, check):
            yield from _fill(hdf5, signals, check)
    return path


def _fill(
    hdf5: Any, signals: dict[str, npt.NDArray[np.float32]], check: Callable[[], None]
) -> Job[None]:
    """Put signals (N, T) into the datasets (T, N) that wait for them."""
    pieces = list(_pieces(signals))
    for done, (name, part) in enumerate(pieces):
        hdf5[name][part] = signals[name][:, part].T
        check()
        yield Progress("Writing NWB", done + 1, len(pieces))


def _pieces(signals: dict[str, npt.NDArray[np.float32]]) -> Iterator[tuple[str, slice]]:
    for name, values in signals.items():
        for start in range(0, values.shape[1], FRAMES_AT_ONCE):
            yield name, slice(start, min(start + FRAMES_AT_ONCE, values.shape[1]))
