"""The sets of the benchmark: frames, slices and true displacements, from a seed or from a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from measure import SAMPLING_PX
from scipy.interpolate import make_interp_spline

from napari_zstack_align.samples import SampleZStack, zstack_with_repeats

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "zstack_repeats"

SYNTHETIC = {
    "cells20": {},
    "cells3": {"photons": 3.0},
    "step20": {"slice_correlation": 0.885},
    "jumps20": {"jump_px": 20.0, "turn_deg": 3.0, "max_displacement_px": 3.0},
    "small20": {"size": 256},
    "large20": {"size": 1024, "n_slices": 4},
    "bleach20": {"slice_correlation": 0.885, "bleaching": 0.5, "gain_jitter": 0.05},
}
"""What differs from 512 x 512, 10 slices x 9 repeats, 20 photons, motion up to 5 px."""


@dataclass(frozen=True)
class Set:
    """Frames (T, Y, X), slice of each (T,), and true (T, 2, y, x) at every `SAMPLING_PX`."""

    frames: np.ndarray
    slice_of_frame: np.ndarray
    truth: np.ndarray

    def write(self, folder: Path) -> None:
        """Leave in a folder what the measured processes read; the truth is not among it."""
        np.save(folder / "frames.npy", self.frames)
        np.save(folder / "slice_of_frame.npy", self.slice_of_frame)


def available(name: str) -> bool:
    return name in SYNTHETIC or (name == "real" and REAL.is_dir())


def make(name: str, seed: int) -> Set:
    return _real() if name == "real" else _synthetic(name, seed)


def sample(name: str, seed: int) -> SampleZStack:
    """Generated z-stack of a set, with all of its truth."""
    return zstack_with_repeats(seed=seed, **SYNTHETIC[name])


def _synthetic(name: str, seed: int) -> Set:
    made = sample(name, seed)
    count = made.stack.n_frames
    fields = (made.displacement(t)[:, ::SAMPLING_PX, ::SAMPLING_PX] for t in range(count))
    frames = made.stack.read(0, count)[:, 0]
    return Set(frames, made.stack.slice_of_frame, np.stack(list(fields)))


def _real() -> Set:
    """Planes of real brain with injected motion; the truth's grid is finer than its bends."""
    frames = tifffile.imread(REAL / "stack.tif")
    with np.load(REAL / "truth.npz") as truth:
        grid, step = truth["grid_dydx"], int(truth["grid_px"])
    rows, columns = (
        make_interp_spline(step * np.arange(n), np.eye(n))(np.arange(0, size, SAMPLING_PX))
        for n, size in zip(grid.shape[1:3], frames.shape[1:], strict=True)
    )
    fields = rows @ np.moveaxis(grid, -1, 1) @ columns.T
    return Set(frames, np.arange(len(frames)) // 7, fields.astype(np.float32))
