"""Baseline and ΔF/F0 of single traces."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.ndimage import rank_filter

from napari_zstack_align.frame_times import frame_interval_s

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

FRAMES_A_SECOND = 10.0
"""Taken where the frame times are unknown."""
FEWEST_FRAMES = 10
"""Of fewer good frames nothing is said about motion."""
STILL_PX = 1e-9
"""Displacements that vary by less are none."""


@dataclass(frozen=True)
class Timeline:
    """How the frames of a recording follow each other.

    Attributes
    ----------
    segment : numpy.ndarray
        (T,) int32 number of the stretch between pauses that each frame belongs to.
    interval_s : float
        Time from one frame to the next.
    """

    segment: npt.NDArray[np.int32]
    interval_s: float

    @classmethod
    def of(cls, times_s: Numbers | None, n_frames: int, pause_intervals: float) -> Timeline:
        """Find the pauses: longer than so many intervals, or a clock that starts anew.

        Steps to and from frames of unknown time are none.
        """
        interval = frame_interval_s(times_s)
        if times_s is None or interval is None:
            return cls(np.zeros(n_frames, np.int32), 1 / FRAMES_A_SECOND)
        steps = np.diff(times_s)
        pauses = (steps < 0) | (steps > pause_intervals * interval)
        return cls(np.cumsum([False, *pauses]).astype(np.int32), interval)

    def frames_in(self, seconds: float) -> int:
        """Frames in so many seconds, at least one."""
        return max(round(seconds / self.interval_s), 1)


def sliding_baseline(
    trace: Numbers, good: Flags, segment: npt.NDArray[np.int32], window: int, percentile: float
) -> Numbers:
    """Percentile of a window that slides along a trace, but never across a pause.

    The window holds so many good frames about each of them. At the ends of a segment it stays
    within; in a shorter segment it holds all of it. The percentile is the value of nearest rank.

    Parameters
    ----------
    trace : numpy.ndarray
        (T,) values.
    good : numpy.ndarray
        (T,) bool: frames that count; the others get what lies between their neighbours.
    segment : numpy.ndarray
        (T,) int, rising.
    window : int
        Good frames in a window.
    percentile : float
        0 to 100.

    Returns
    -------
    numpy.ndarray
        (T,) NaN in a segment without good frames.
    """
    baseline = np.full(len(trace), np.nan)
    edges = [0, *(np.flatnonzero(np.diff(segment)) + 1).tolist(), len(trace)]
    for start, stop in pairwise(edges):
        frames = start + np.flatnonzero(good[start:stop])
        if len(frames):
            slid = _slid(trace[frames], window, percentile)
            baseline[start:stop] = np.interp(np.arange(start, stop), frames, slid)
    return baseline


def _slid(values: Numbers, window: int, percentile: float) -> Numbers:
    n, size = len(values), min(window, len(values))
    rank = _nearest(percentile / 100 * (size - 1))
    if size == n:
        return np.full(n, np.partition(values, rank)[rank])
    slid = rank_filter(values, rank, size=size, mode="nearest")
    before = size // 2
    return np.asarray(slid[np.clip(np.arange(n), before, n - size + before)], np.float64)


def _nearest(number: float) -> int:
    """Nearest whole number, a half rounded up."""
    return int(np.floor(number + 0.5))


def frame_noise(trace: Numbers, good: Flags, segment: npt.NDArray[np.int32]) -> float:
    """Standard deviation of the noise from frame to frame, unmoved by transients; 0 if unknown.

    From the median absolute step between good neighbours (Gaussian: 0.6745 √2 σ).
    """
    pairs = good[1:] & good[:-1] & (segment[1:] == segment[:-1])
    if not pairs.any():
        return 0.0
    return float(np.median(np.abs(np.diff(trace)[pairs])) / (0.6744897501960817 * np.sqrt(2)))


def dff_of(trace: Numbers, baseline: Numbers, dark: float, floor: float) -> Numbers:
    """ΔF/F0 (T,); NaN where F0 above the dark level is below the floor, or not above 0."""
    light = baseline - dark
    dff = np.full(len(trace), np.nan)
    enough = (light > 0) & (light >= floor)
    return np.divide(trace - baseline, light, out=dff, where=enough)


def explained(trace: Numbers, displacement: Numbers, good: Flags) -> float:
    """R²: part of a trace's variance that dy, dx, dy² and dx² explain.

    Parameters
    ----------
    trace : numpy.ndarray
        (T,)
    displacement : numpy.ndarray
        (2, T) dy, dx in px.
    good : numpy.ndarray
        (T,) frames that count.

    Returns
    -------
    float
        0 for a trace without motion; NaN with too few frames, or without variance.
    """
    if np.count_nonzero(good) < FEWEST_FRAMES:
        return float("nan")
    values = trace[good] - trace[good].mean()
    moves = displacement[:, good]
    # About their means, dy and dy² don't resemble each other, and span the same.
    moves = moves - moves.mean(axis=1, keepdims=True)
    terms = np.concatenate([moves, moves**2])
    terms[2:] -= terms[2:].mean(axis=1, keepdims=True)
    spread = np.sqrt(np.einsum("ij,ij->i", terms, terms))
    total = float(values @ values)
    if total == 0:
        return float("nan")
    terms = terms[spread > STILL_PX * np.sqrt(values.size)]
    if not len(terms):
        return 0.0
    along = terms @ values
    fitted = np.linalg.lstsq(terms @ terms.T, along)[0]
    return float(np.clip(along @ fitted / total, 0, 1))
