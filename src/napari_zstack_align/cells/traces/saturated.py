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


def saturated_frames(saturated: Flags, highest: Numbers, seen: Flags) -> Shares:
    """Share of its frames in which each cell is saturated.

    A frame's largest value may be one of `DETECTOR_TOPS` by chance. It is the detector's where
    few frames hold larger ones.

    Parameters
    ----------
    saturated : numpy.ndarray
        (C, N, T) bool: cells at the largest value of the frame, which is one of `DETECTOR_TOPS`.
    highest : numpy.ndarray
        (C, T) largest value of each frame.
    seen : numpy.ndarray
        (C, N, T) bool: frames that count.

    Returns
    -------
    numpy.ndarray
        (C, N) float32; 0 for a cell with one such frame alone, NaN for a cell without frames.
    """
    shares = np.full(saturated.shape[:2], np.nan, np.float32)
    for c, frames in enumerate(highest):
        counts = (saturated[c] & _is_top(frames) & seen[c]).sum(axis=1)
        counts[counts < FEWEST_FRAMES] = 0
        n_seen = seen[c].sum(axis=1)
        np.divide(counts, n_seen, out=shares[c], where=n_seen > 0)
    return shares


def _is_top(highest: Numbers) -> Flags:
    """(T,) bool: frames whose largest value is that of the detector."""
    is_top = np.zeros(len(highest), bool)
    for top in DETECTOR_TOPS:
        here = highest == top
        if np.count_nonzero(here) > np.count_nonzero(highest > top):
            is_top |= here
    return is_top
