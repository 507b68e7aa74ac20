"""What is made of the raw traces: corrected, ΔF/F0, and what motion explains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.traces.baseline import (
    dff_of,
    explained,
    frame_noise,
    sliding_baseline,
)
from napari_zstack_align.cells.traces.circles import circles_on_frames
from napari_zstack_align.cells.traces.inputs import Inputs
from napari_zstack_align.cells.traces.means import Means

Trace = npt.NDArray[np.float32]

FRAMES_AT_ONCE = 2000


@dataclass(frozen=True)
class Derived:
    """Of some ROIs: (C, n, T) float32 corrected traces and ΔF/F0, and (C, n) float32 R²."""

    corrected: Trace
    dff: Trace
    motion_explained: Trace


def derive(
    F: Means,
    Fneu: Means,
    rows: slice,
    inputs: Inputs,
    used: npt.NDArray[np.bool_],
    dark: npt.NDArray[np.float64],
) -> Derived:
    """Correct some ROIs' traces for neuropil, and find baseline, ΔF/F0 and the part of motion.

    Parameters
    ----------
    F, Fneu : numpy.ndarray
        (C, n, T) raw traces of these ROIs.
    rows : slice
        Which ROIs they are.
    inputs : Inputs
    used : numpy.ndarray
        (T,) bool: frames that count for medians, baselines and R².
    dark : numpy.ndarray
        (C,) counts without light.
    """
    params, timeline = inputs.params, inputs.timeline
    displacement = _displacement(inputs, rows)
    corrected, dff = (np.empty(F.shape, np.float32) for _ in range(2))
    motion = np.full(F.shape[:2], np.nan, np.float32)
    for c, i in np.ndindex(*F.shape[:2]):
        trace = _corrected(F[c, i], Fneu[c, i], params.neuropil_factor, used)
        good = used & np.isfinite(trace)
        baseline = sliding_baseline(trace, good, timeline, params.baseline_percentile)
        floor = params.noise_floor * frame_noise(trace, good, timeline.burst)
        corrected[c, i] = trace
        dff[c, i] = dff_of(trace, baseline, float(dark[c]), floor)
        # Without an alignment nobody knows how a cell moved: that isn't 'not at all'.
        if inputs.alignment is not None:
            motion[c, i] = explained(trace - baseline, displacement[i], good)
    return Derived(corrected, dff, motion)


def _displacement(inputs: Inputs, rows: slice) -> npt.NDArray[np.float64]:
    """(n, 2, T) how far ROIs lie from their places in the reference, px."""
    circles, n_frames = inputs.rois.circles[rows], inputs.stack.n_frames
    displacement = np.empty((len(circles), 2, n_frames))
    for start in range(0, n_frames, FRAMES_AT_ONCE):
        stop = min(start + FRAMES_AT_ONCE, n_frames)
        moved = circles_on_frames(circles, inputs.transforms, start, stop)[:, :2]
        displacement[:, :, start:stop] = (moved - circles.T[:2]).transpose(2, 1, 0)
    return displacement


def _corrected(
    F: Means, Fneu: Means, factor: float, used: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """F - r (Fneu - median Fneu); a cell that never has a ring stays as it is."""
    trace = F.astype(np.float64)
    good = used & np.isfinite(Fneu)
    if factor == 0 or not good.any():
        return trace
    around = Fneu.astype(np.float64)
    return trace - factor * (around - np.median(around[good]))
