"""Motion between the midpoints of the chunks, as the first reading saw it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.transforms import AffineLink
from napari_zstack_align.register.recordings.geometry import apply, inverse, translation
from napari_zstack_align.register.recordings.state import RecordingState
from napari_zstack_align.register.recordings.trace import Trace, smoothed


def deviations(state: RecordingState) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Motion of the trace beside the interpolated transforms, (T, 2), and from two halves.

    The means over the chunks are taken off, for there the chunks' own transforms hold.
    """
    matrices, _ = state.frame_matrices()
    centre = (np.array(state.stack.shape[2:]) - 1) / 2
    seen_from = apply(inverse(state.expected), centre[np.newaxis])
    path = apply(matrices, seen_from)[:, 0]
    parts = np.stack([state.trace.shift, *state.trace.halves]) - path
    good = state.chunks[state.good]
    frames = np.arange(state.stack.n_frames)
    for number, (start, stop) in enumerate(state.stretches):
        nodes = good[good["segment"] == number]
        ranges = zip(nodes["start"], nodes["stop"], strict=True)
        means = np.array([_mean(state.trace, state.good_frames(*r)) for r in ranges])
        means = means.reshape(-1, 2) - apply(nodes["matrix"], seen_from)[:, 0]
        known = np.isfinite(means).all(axis=1)
        if not known.any():
            parts[:, start:stop] = np.nan
            continue
        for axis in range(2):
            line = np.interp(frames[start:stop], nodes["midpoint"][known], means[known, axis])
            parts[:, start:stop, axis] -= line
    parts = np.einsum("tij,ptj->pti", inverse(matrices)[:, :2, :2], parts)
    return parts[0], parts[1:]


def _mean(trace: Trace, frames: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """Where the mean of some frames lies: they count by their brightness."""
    path, weight = trace.shift[frames], trace.weight[frames]
    known = np.isfinite(path).all(axis=1)
    if not known.any():
        return np.full(2, np.nan)
    return np.average(path[known], axis=0, weights=weight[known])


def traced_path(state: RecordingState) -> npt.NDArray[np.float64]:
    """(T, 2) motion between the midpoints that the first reading saw; 0 where it saw none.

    Chunks are far apart: what happens between their midpoints shows in the trace of the frames.
    """
    path, halves = deviations(state)
    return smoothed(path, halves, state.stretches)


def traced_motion(state: RecordingState) -> AffineLink | None:
    """Return the traced path as the motion of frames; None where there is none."""
    path = traced_path(state)
    return AffineLink(translation(path)) if path.any() else None
