"""What every ``ops.npy`` of Suite2p tells of a plane."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_zstack_align.acquisition import Acquisition
from napari_zstack_align.read import MADE_BY


def plane_ops(
    folder: Path, shape: tuple[int, ...], n_frames: int, n_channels: int
) -> dict[str, Any]:
    """Size of a plane that is registered already, and where its files are.

    Parameters
    ----------
    folder : pathlib.Path
        Where they will be.
    shape : tuple of int
        (Y, X) of the plane.
    n_frames, n_channels : int
        Of the recording.
    """
    folder = folder.absolute()
    height, width = shape
    return {
        "Ly": height,
        "Lx": width,
        "yrange": [0, height],
        "xrange": [0, width],
        "nframes": n_frames,
        "nframes_per_folder": np.array([n_frames]),
        "nplanes": 1,
        "nchannels": n_channels,
        "functional_chan": 1,
        "do_registration": 0,
        "made_by": MADE_BY,
        "data_path": [str(folder)],
        "ops_path": str(folder / "ops.npy"),
        **dict.fromkeys(("save_path0", "save_path", "fast_disk"), str(folder)),
    }


def times_in_ops(frames: Acquisition) -> dict[str, Any]:
    """Return which raw frame each frame is, and when it was recorded; Suite2p doesn't mind.

    ``raw_frames`` (T,) int, ``frame_times_s`` (T,) float64 and ``started_at`` (ISO 8601); the last
    two where they are known.
    """
    known: dict[str, Any] = {"raw_frames": np.asarray(frames.numbers, np.int64)}
    if np.isfinite(frames.times_s).any():
        known["frame_times_s"] = frames.times_s
    if frames.started_at is not None:
        known["started_at"] = frames.started_at.isoformat()
    return known
