"""The files of traces: folders of plain .npy, .csv and .json files that other programs can read.

``run.json`` (parameters, dark level, remarks, state) lists the others by their roles: ``F``,
``Fneu``, ``corrected``, ``dff``, ``motion_explained``, ``saturated`` and ``unmeasured`` (.npy),
``rois``, ``frames`` and, where somebody gave any, ``stimuli`` (.csv).
The traces of several recordings are a folder with ``session.json`` and one such folder each.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align import saved
from napari_zstack_align.alignment.session import unique_names
from napari_zstack_align.alignment.storage import check_rows
from napari_zstack_align.alignment.tables import (
    Table,
    npy_content,
    read_table,
    table_bytes,
)
from napari_zstack_align.cells.roi_files import load_rois
from napari_zstack_align.cells.roi_table import rois_bytes
from napari_zstack_align.cells.traces.dark import DarkLevel, DarkSource
from napari_zstack_align.cells.traces.traces import FRAMES, STIMULI, Traces
from napari_zstack_align.csv_text import as_it_was
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import TraceParams
from napari_zstack_align.read.natural_order import in_natural_order
from napari_zstack_align.saved import Group, Kind, Part, Reading, Result, Subject, read_npy
from napari_zstack_align.saved.facts import SavedRemark
from napari_zstack_align.saved.origin import origin_of_files

ARRAYS = ("F", "Fneu", "corrected", "dff", "motion_explained")
OPTIONAL = ("saturated", "unmeasured")
"""Results of earlier versions don't have them."""
OF_ROIS = ("motion_explained", *OPTIONAL)
"""These hold one number a channel and ROI, the others one a frame too."""


def save_traces(traces: Traces, folder: Path, overwrite: bool = True) -> Path:
    """Write the traces of one recording; see `Traces.save`."""
    written = saved.save(_result(traces), folder, overwrite)
    _discard_journal([traces], written)
    return written


def save_session_traces(
    traces: Sequence[Traces], folder: str | Path, overwrite: bool = True, asked: int | None = None
) -> Path:
    """Write the traces of several recordings, in one step; `load` reads them.

    Parameters
    ----------
    traces : sequence of Traces
        One a recording, as of `extract_session_traces`.
    folder : str or pathlib.Path
        A new folder, or one with such traces, whose place these take; other files in it stay.
    overwrite : bool
        Whether complete traces there are replaced. Unfinished ones never replace them.
    asked : int, optional
        How many recordings there would be if all had been read.

    Returns
    -------
    pathlib.Path
        The folder that was written: where the one that was asked for must not be replaced, one
        beside it.

    Raises
    ------
    InputError
        Where there are no traces, or the folder can't be written, or holds something else.
    """
    if not traces:
        raise InputError("There are no traces to save: give those of at least one recording.")
    names = unique_names([each.recording for each in traces])
    members = {name: _result(each) for name, each in zip(names, traces, strict=True)}
    group = Group(Kind.SESSION_TRACES, members, asked or len(members), traces[0].provenance)
    written = saved.save_group(group, Path(folder), overwrite)
    if len(traces) == group.asked:
        _discard_journal(traces, written)
    return written


def load_traces(folder: str | Path) -> Traces:
    """Read the traces of one recording.

    Parameters
    ----------
    folder : str or pathlib.Path
        What `Traces.save` wrote.

    Returns
    -------
    Traces

    Raises
    ------
    InputError
        Where the folder holds no traces, or they are damaged.
    """
    return saved.read_result(folder, Kind.TRACES, _read)


def load_session_traces(folder: str | Path) -> list[Traces]:
    """Read the traces of all recordings that a folder holds, one or several; errors as above.

    These are also traces that were saved one by one into folders of that folder.
    """
    folder = Path(folder)
    there = saved.occupant_of(folder)
    if there.kind is Kind.SESSION_TRACES and there.manifest is not None:
        return saved.read_group(folder, Kind.SESSION_TRACES, _read)
    if there.kind in (None, Kind.SESSION_TRACES) and (parts := folders_of_traces(folder)):
        return [load_traces(part) for part in parts]
    return [load_traces(folder)]


def folders_of_traces(folder: Path) -> list[Path]:
    """Folders of traces in a folder, in natural order."""
    inside = folder.iterdir() if os.path.isdir(folder) else ()
    return in_natural_order(filter(saved.are_saved_traces, inside))


# -- inside ------------------------------------------------------------------------------------


def _discard_journal(traces: Sequence[Traces], written: Path) -> None:
    """Let the journal of the run go where everything was read."""
    if all(each.complete for each in traces):
        saved.discard_journal(written, traces[0].provenance.get("journal", ""))


class _Dark(Part):
    values: tuple[float | None, ...]
    source: DarkSource
    accepted: bool
    doubt: str = ""
    interval: tuple[tuple[float | None, float | None], ...] | None = None


class _TracesFacts(Part):
    """What the manifest of traces says besides."""

    recording: str
    channel_names: tuple[str, ...]
    dark_level: _Dark
    params: dict[str, Any]
    frame_shape: tuple[int, int]
    pixel_size_um: tuple[float, float] | None
    remarks: tuple[SavedRemark, ...]
    started_at: datetime | None = None


def _result(traces: Traces) -> Result:
    return Result(
        Kind.TRACES,
        Subject(
            name=traces.recording,
            frames=len(traces.frames),
            done=traces.n_read,
            origin=origin_of_files(
                traces.provenance.get("files") or (), traces.provenance.get("fingerprint")
            ),
        ),
        traces.provenance,
        {
            **{name: npy_content(getattr(traces, name)) for name in ARRAYS},
            **{name: npy_content(array) for name, array in _optional(traces)},
            "rois": rois_bytes(traces.rois),
            "frames": table_bytes(traces.acquisition.beside(traces.frames)),
            **({} if traces.stimuli is None else {"stimuli": table_bytes(traces.stimuli)}),
        },
        _facts(traces),
    )


def _optional(traces: Traces) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    for name in OPTIONAL:
        if (array := getattr(traces, name)) is not None:
            yield name, array


def _read(reading: Reading) -> Traces:
    facts = reading.facts(_TracesFacts)
    rois = reading.file("rois", load_rois)
    frames = reading.file("frames", partial(read_table, empty=_empty_frames))
    check_rows(reading, "frames", frames["frame"], len(frames))
    shape = (len(facts.channel_names), len(rois), len(frames))
    dark = facts.dark_level
    levels = np.array([np.nan if value is None else value for value in dark.values], float)
    return Traces(
        **{name: _read_array(reading, name, shape) for name in ARRAYS},
        rois=rois,
        frames=frames,
        recording=facts.recording,
        channel_names=facts.channel_names,
        dark=DarkLevel(levels, dark.source, dark.accepted, dark.doubt, _interval(dark)),
        params=_read_params(reading, facts),
        frame_shape=facts.frame_shape,
        pixel_size_um=facts.pixel_size_um,
        remarks=facts.remarks,
        provenance=reading.provenance,
        started_at=facts.started_at,
        stimuli=reading.file("stimuli", _read_stimuli) if reading.has("stimuli") else None,
        **{name: _read_array(reading, name, shape) for name in OPTIONAL if reading.has(name)},
    )


def _interval(dark: _Dark) -> npt.NDArray[np.float64] | None:
    return None if dark.interval is None else np.array(dark.interval, np.float64).reshape(-1, 2)


def _read_array(
    reading: Reading, name: str, shape: tuple[int, int, int]
) -> npt.NDArray[np.float32]:
    """Read (C, N, T) values, or (C, N); NaN is legitimate in them."""
    array = reading.file(name, read_npy)
    expected = shape[:2] if name in OF_ROIS else shape
    if array.dtype.kind not in "iuf":
        raise reading.refused(name, f"it holds {array.dtype}, no numbers")
    if array.shape != expected:
        raise reading.refused(
            name, f"its shape is {array.shape}, but channels, ROIs and frames make {expected}"
        )
    return array


def _read_params(reading: Reading, facts: _TracesFacts) -> TraceParams:
    try:
        return TraceParams(**facts.params)
    except InputError as error:
        raise InputError(f"{reading.manifest.path}: {error}") from None


def _facts(traces: Traces) -> dict[str, Any]:
    dark = traces.dark
    return {
        "recording": traces.recording,
        "channel_names": traces.channel_names,
        "dark_level": {
            "values": dark.values.tolist(),
            "source": dark.source,
            "accepted": dark.accepted,
            "doubt": dark.doubt,
            **({} if dark.interval is None else {"interval": dark.interval.tolist()}),
        },
        "dff_reliable": traces.dff_reliable,
        "params": traces.params.model_dump(mode="json"),
        "frame_shape": traces.frame_shape,
        "pixel_size_um": traces.pixel_size_um,
        "remarks": traces.remarks,
        "started_at": None if traces.started_at is None else traces.started_at.isoformat(),
        "arrays": "(channel, ROI, frame); ROIs as the rows of rois, frames as those of frames",
    }


def _read_stimuli(path: Path) -> Table:
    table = read_table(path, lambda _, n_rows: np.zeros(n_rows, STIMULI))
    table["name"] = [as_it_was(name) for name in table["name"].tolist()]
    return table


def _empty_frames(names: list[str], n_frames: int) -> Table:
    table = np.zeros(n_frames, FRAMES)
    if "raw_frame" not in names:  # of earlier versions
        table["raw_frame"] = np.arange(n_frames)
    return table
