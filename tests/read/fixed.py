"""Scans of 12 slices × 5 repeats, spoilt by what shows the same in every frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .scans import repeats, scan

SPOILT = (
    "bright box",
    "black box",
    "black box under an offset",
    "white pixels",
    "dead pixels",
    "black column",
    "half is black",
    "black around a window",
    "stripes",
    "striped columns",
)
OFFSET = 100


def spoil(how: str, seed: int = 1) -> npt.NDArray[Any]:
    """(60, Y, X) frames whose tissue moves."""
    frames = scan(repeats(12, 5), photons=20.0, motion_px=5, seed=seed).astype(np.int16)
    n_rows, n_columns = frames.shape[1:]
    rng = np.random.default_rng(seed)
    some = rng.integers(0, n_rows, 20), rng.integers(0, n_columns, 20)
    y, x = np.mgrid[-1 : 1 : n_rows * 1j, -1 : 1 : n_columns * 1j]
    if how == "bright box":
        frames[:, 10:50, 10:50] = 32767
    elif how == "black box":
        frames[:, 10:50, 10:50] = 0
    elif how == "black box under an offset":
        frames += OFFSET
        frames[:, 10:50, 10:50] = 0
    elif how == "white pixels":
        frames[:, *some] = 32767
    elif how == "dead pixels":
        frames[:, *some] = -32768
    elif how == "black column":
        frames[:, :, 40] = 0
    elif how == "half is black":
        frames[:, :, : n_columns // 2] = 0
    elif how == "black around a window":
        frames[:, np.hypot(y, x) > 0.8] = 0
    elif how == "stripes":
        frames += np.where(np.arange(n_rows) % 8 < 2, 40, 0).astype(np.int16)[:, np.newaxis]
    elif how == "striped columns":
        frames += np.where(np.arange(n_columns) % 8 < 2, 40, 0).astype(np.int16)
    return frames
