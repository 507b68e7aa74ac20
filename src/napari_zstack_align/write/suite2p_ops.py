"""What every ``ops.npy`` of Suite2p tells of a plane."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


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
        "data_path": [str(folder)],
        "ops_path": str(folder / "ops.npy"),
        **dict.fromkeys(("save_path0", "save_path", "fast_disk"), str(folder)),
    }
