"""Whether traces are so large that float32 has steps as coarse as their noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

OF_NOISE = 0.1
"""Steps up to this part of the noise from frame to frame change nothing."""
OF_LIGHT = 0.01
"""Nor do steps up to this part of the light above the dark level, in traces without noise."""


def coarse_step(F: npt.NDArray[np.float32], dark: npt.NDArray[np.floating[Any]]) -> float:
    """Step of float32 at the values of traces, in counts, where it is coarse in most; else 0.

    Parameters
    ----------
    F : numpy.ndarray
        (C, N, T) float32 traces of the frames that count.
    dark : numpy.ndarray
        (C,) counts without light.
    """
    known = np.asarray(np.isfinite(F).any(axis=2))
    steps = [_coarse_step(F[c, known[c]], float(level)) for c, level in enumerate(dark)]
    return max(steps, default=0.0)


def _coarse_step(F: npt.NDArray[np.float32], dark: float) -> float:
    if not F.size:
        return 0.0
    levels = np.nanmedian(F, axis=1).astype(np.float64)
    step = float(np.spacing(np.float32(np.median(np.abs(levels)))))
    if step <= OF_LIGHT * float(np.median(np.abs(levels - dark))):
        return 0.0
    moves = np.abs(np.diff(F.astype(np.float64), axis=1))
    # The median absolute step between neighbours, of Gaussian noise, is 0.6745 √2 σ.
    noise = float(np.nanmedian(moves)) / 0.954 if np.isfinite(moves).any() else 0.0
    return step if step > OF_NOISE * noise else 0.0
