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


def interpolated(traces: Traces) -> npt.NDArray[np.int64]:
    """(N,) frames in which F or Fneu of a ROI is unknown in any channel, and so interpolated.

    A signal without a single known sample isn't interpolated, and doesn't count.
    """
    return np.array([np.count_nonzero(_gaps(traces, roi)) for roi in range(len(traces.ids))], int)


def mostly_unknown(traces: Traces) -> Bools:
    """(T,) frames in which F or Fneu of most ROIs is unknown, of those that were seen at all."""
    unknown, seen = np.zeros(traces.F.shape[2], np.int64), 0
    for roi, unseen in enumerate(never_seen(traces)):
        if not unseen:
            unknown += _gaps(traces, roi)
            seen += 1
    return np.asarray(unknown > seen / 2)


def _gaps(traces: Traces, roi: int) -> Bools:
    """(T,) samples of a ROI that are unknown in a signal with others that are known."""
    gaps = np.zeros(traces.F.shape[2], bool)
    for signals in (*traces.F, *traces.Fneu):
        known = np.isfinite(signals[roi])
        if known.any():
            gaps |= ~known
    return gaps


def good_frames(traces: Traces) -> Bools:
    """(T,) frames that the alignment neither flagged nor left out."""
    return np.asarray((traces.flags == Flag.GOOD) & traces.used)
