"""Frames that sway are moved back before they are averaged.

The mean of frames that moved there and back is doubled, and one of the two images would be
matched. So each frame is moved by what the first reading followed, to where it lies on average;
this is the place that the transform of a chunk stands for.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from napari_zstack_align.register.recordings.chunks import Range
from napari_zstack_align.register.recordings.trace import Trace, smoothed

LARGEST_SMEAR_PX = 3.0
"""Frames that move by up to so much hardly smear their mean: they aren't read again."""

Frames = npt.NDArray[np.intp]
Shifts = npt.NDArray[np.float64]


def sways(trace: Trace, stretches: list[Range], groups: Sequence[Frames]) -> list[Shifts | None]:
    """Motion (n, 2) of each of some groups of frames about its mean, in px; None where small.

    Parameters
    ----------
    trace : Trace
    stretches : list of tuple of int
        Frames (start, stop) between jumps.
    groups : sequence of numpy.ndarray
        (n,) frames that are averaged.
    """
    path = smoothed(trace.shift, trace.halves, stretches)
    path[~np.isfinite(trace.shift).all(axis=1)] = np.nan
    return [_sway(path[frames], trace.weight[frames]) for frames in groups]


def _sway(path: Shifts, weight: npt.NDArray[np.float64]) -> Shifts | None:
    known = np.isfinite(path).all(axis=1)
    if not known.any() or np.hypot(*np.ptp(path[known], axis=0)) <= LARGEST_SMEAR_PX:
        return None
    return np.nan_to_num(path - np.average(path[known], axis=0, weights=weight[known]))
