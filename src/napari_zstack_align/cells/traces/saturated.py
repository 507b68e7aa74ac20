"""How often cells were brighter than the detector can tell."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.saturation import DETECTOR_TOPS

Shares = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

MOST_FRAMES = 0.001
"""ΔF/F of a ROI that is saturated in a larger part of the frames is unreliable: transients are
rare, and their peaks rarer."""
FEWEST_FRAMES = 2
"""A single frame may show a flash."""
HEAPED_PART = 0.2
"""Of the frames that reach the value at which pixels are cut off, so many show that it is one."""


def saturated_frames(saturated: Flags, highest: Numbers, heaped: Flags, seen: Flags) -> Shares:
    """Share of its frames in which each cell is saturated.

    A frame's largest value may be one of `DETECTOR_TOPS` by chance. It is the detector's where
    few frames hold larger ones. So is any other value at which most of the frames are cut off
    that are cut off anywhere.

    Parameters
    ----------
    saturated : numpy.ndarray
        (C, N, T) bool: cells at the largest value of the frame, where that may be the detector's.
    highest : numpy.ndarray
        (C, T) largest value of each frame.
    heaped : numpy.ndarray
        (C, T) bool: frames whose brighter pixels were cut off at that value.
    seen : numpy.ndarray
        (C, N, T) bool: frames that count.

    Returns
    -------
    numpy.ndarray
        (C, N) float32; 0 for a cell with one such frame alone, NaN for a cell without frames.
    """
    shares = np.full(saturated.shape[:2], np.nan, np.float32)
    for c, frames in enumerate(highest):
        counts = (saturated[c] & _is_top(frames, heaped[c]) & seen[c]).sum(axis=1)
        counts[counts < FEWEST_FRAMES] = 0
        n_seen = seen[c].sum(axis=1)
        np.divide(counts, n_seen, out=shares[c], where=n_seen > 0)
    return shares


def _is_top(highest: Numbers, heaped: Flags) -> Flags:
    """(T,) bool: frames whose largest value is that of the detector."""
    is_top = np.zeros(len(highest), bool)
    values, counts = np.unique(highest[heaped], return_counts=True)
    cut_off = values[(counts >= FEWEST_FRAMES) & (2 * counts > counts.sum())]
    for top in {*DETECTOR_TOPS, *cut_off.tolist()}:
        here = highest == top
        n_here, n_heaped = np.count_nonzero(here), np.count_nonzero(here & heaped)
        if top not in DETECTOR_TOPS and n_heaped < HEAPED_PART * n_here:
            continue
        if n_here > np.count_nonzero(highest > top):
            is_top |= here
    return is_top
