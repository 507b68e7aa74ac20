"""Samples that are unknown, for formats that hold none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.flags import Flag

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


def filled(trace: Floats) -> Floats:
    """A trace (T,) with NaN interpolated in time; the nearest value at the ends, or all zero."""
    known = np.isfinite(trace)
    if known.all():
        return trace
    if not known.any():
        return np.zeros_like(trace)
    frames = np.arange(len(trace))
    return np.interp(frames, frames[known], trace[known]).astype(trace.dtype)


def never_seen(traces: Traces) -> Bools:
    """(N,) ROIs without a single known sample of F in the first channel."""
    return np.array([not np.isfinite(trace).any() for trace in traces.F[0]])


def invalid_frames(traces: Traces) -> Bools:
    """(T,) frames in which F or Fneu of a ROI that was seen at all is unknown, in any channel."""
    invalid = np.zeros(traces.F.shape[2], bool)
    for signals in (*traces.F, *traces.Fneu):
        for trace in signals:
            known = np.isfinite(trace)
            if known.any():
                invalid |= ~known
    return invalid


def good_frames(traces: Traces) -> Bools:
    """(T,) frames that the alignment neither flagged nor left out."""
    return np.asarray((traces.flags == Flag.GOOD) & traces.used)
