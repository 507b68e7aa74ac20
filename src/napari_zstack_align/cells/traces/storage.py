"""Traces on disk: a folder of plain .npy, .csv and .json files that other programs can read."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.storage import (
    WRITTEN_BY,
    make_folder,
    read_facts,
    write_bytes,
)
from napari_zstack_align.alignment.tables import read_table, table_bytes
from napari_zstack_align.cells.roi_table import load_rois
from napari_zstack_align.cells.traces.dark import DarkLevel
from napari_zstack_align.cells.traces.traces import FRAMES, Traces
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import TraceParams

SCHEMA_VERSION = 1
FACTS = "traces.json"
ARRAYS = ("F", "Fneu", "corrected", "dff", "motion_explained")


def save_traces(traces: Traces, folder: Path) -> Path:
    """Write traces; see `Traces.save`."""
    if folder.exists() and not (folder / FACTS).exists() and _is_taken(folder):
        raise InputError(f"{folder} exists and holds no traces: choose another name.")
    make_folder(folder)
    # What says that there are traces goes first and comes last: no half-replaced folder passes.
    (folder / FACTS).unlink(missing_ok=True)
    for name in ARRAYS:
        write_bytes(folder / f"{name}.npy", _npy(getattr(traces, name)))
    traces.rois.save(folder / "rois.csv", overwrite=True)
    write_bytes(folder / "frames.csv", table_bytes(traces.frames))
    facts = json.dumps(_facts(traces), indent=2, ensure_ascii=False)
    write_bytes(folder / FACTS, facts.encode())
    return folder


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
    folder = Path(folder)
    if not folder.exists():
        raise InputError(f"There are no traces {folder}.")
    facts = read_facts(folder / FACTS, f"{folder} holds no traces: it has no {FACTS}.")
    try:
        dark = facts["dark_level"]
        pixel_size = facts["pixel_size_um"]
        return Traces(
            **{name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in ARRAYS},
            rois=load_rois(folder / "rois.csv"),
            frames=read_table(folder / "frames.csv", lambda _, n: np.zeros(n, FRAMES)),
            recording=facts["recording"],
            channel_names=tuple(facts["channel_names"]),
            dark=DarkLevel(np.array(dark["values"], float), dark["source"], dark["accepted"]),
            params=TraceParams(**facts["params"]),
            frame_shape=(int(facts["frame_shape"][0]), int(facts["frame_shape"][1])),
            pixel_size_um=None if pixel_size is None else (pixel_size[0], pixel_size[1]),
            remarks=tuple(facts["remarks"]),
            provenance=facts["provenance"],
        )
    except (OSError, EOFError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{folder} is damaged and can't be read: {error}.") from error


def _facts(traces: Traces) -> dict[str, Any]:
    dark = traces.dark
    return {
        "schema_version": SCHEMA_VERSION,
        "state": "complete" if traces.complete else "incomplete",
        "written_by": WRITTEN_BY,
        "recording": traces.recording,
        "channel_names": traces.channel_names,
        "dark_level": {
            "values": [value if np.isfinite(value) else None for value in dark.values.tolist()],
            "source": dark.source,
            "accepted": dark.accepted,
        },
        "dff_reliable": traces.dff_reliable,
        "params": traces.params.model_dump(mode="json"),
        "frame_shape": traces.frame_shape,
        "pixel_size_um": traces.pixel_size_um,
        "remarks": traces.remarks,
        "provenance": traces.provenance,
        "arrays": "(channel, ROI, frame); ROIs as the rows of rois.csv, frames as of frames.csv",
    }


def _npy(array: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _is_taken(folder: Path) -> bool:
    return not folder.is_dir() or any(folder.iterdir())
