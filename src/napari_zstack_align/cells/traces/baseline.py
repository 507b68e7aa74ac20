"""Baseline and ΔF/F0 of single traces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.ndimage import rank_filter

from napari_zstack_align.frame_times import frame_interval_s, median_step_s

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

FRAMES_A_SECOND = 10.0
"""Taken where the frame times are unknown."""
FEWEST_FRAMES = 10
"""Of fewer good frames nothing is said about motion."""
FEWEST_FOR_BASELINE = 5
"""The baseline of fewer frames is one of these: ΔF/F would be near 0 whatever the cell does."""
HALF = 0.5 + 1e-9
"""Of a window, with what is rounded off: those at the ends of a segment hold its last frames."""
MOST_UNEVEN = 2.0
"""Factor by which windows of a number of frames may last longer or shorter than they should."""
STILL_PX = 1e-9
"""Displacements that vary by less are none."""


@dataclass(frozen=True)
class Timeline:
    """How the frames of a recording follow each other.

    Attributes
    ----------
    segment : numpy.ndarray
        (T,) int32 number of the stretch that each frame belongs to, between pauses that a window
        of the baseline doesn't span.
    burst : numpy.ndarray
        (T,) int32 the same between any pauses.
    interval_s : float
        Usual time from one frame to the next.
    window : int
        Frames in a window of the baseline, at that interval.
    places : numpy.ndarray, optional
        (T,) time of each frame in lengths of the window, NaN in segments of which the frames are
        evenly spaced; None where all are.
    """

    segment: npt.NDArray[np.int32]
    burst: npt.NDArray[np.int32]
    interval_s: float
    window: int
    places: Numbers | None = None

    @classmethod
    def of(
        cls, times_s: Numbers | None, n_frames: int, pause_intervals: float, window_s: float
    ) -> Timeline:
        """Find the pauses: longer than so many intervals, or a clock that starts anew.

        The baseline goes on across those that are shorter than its window: what the cell was like
        half a minute ago is as good a baseline with frames in between as without. Frames of
        unknown time are put evenly between the others.
        """
        interval, usual = frame_interval_s(times_s), median_step_s(times_s)
        window = max(round(window_s / (interval or 1 / FRAMES_A_SECOND)), FEWEST_FOR_BASELINE)
        if times_s is None or interval is None or usual is None:
            whole = np.zeros(n_frames, np.int32)
            return cls(whole, whole, 1 / FRAMES_A_SECOND, window)
        known = np.isfinite(times_s)
        times = np.interp(np.arange(n_frames), np.flatnonzero(known), times_s[known])
        steps = np.diff(times)
        pauses = (steps < 0) | (steps > pause_intervals * usual)
        breaks = (steps < 0) | (pauses & (steps > window_s))
        segment, burst = (np.cumsum([False, *where]).astype(np.int32) for where in (breaks, pauses))
        places = np.full(n_frames, np.nan)
        longest = max(window_s, (window - 1) * interval)
        for frames in _segments(segment):
            if not _is_even(times[frames], window, interval, longest):
                places[frames] = times[frames] / window_s
        return cls(segment, burst, interval, window, None if np.isnan(places).all() else places)

    @property
    def spanned(self) -> int:
        """Number of pauses that the baseline goes on across."""
        return int(self.burst[-1] - self.segment[-1]) if len(self.burst) else 0


def _segments(segment: npt.NDArray[np.int32]) -> Iterator[slice]:
    """Yield the frames of each segment."""
    edges = [0, *(np.flatnonzero(np.diff(segment)) + 1).tolist(), len(segment)]
    return (slice(start, stop) for start, stop in pairwise(edges))


def _is_even(times: Numbers, window: int, interval: float, longest: float) -> bool:
    """Whether a number of frames lasts about as long wherever it lies in a segment."""
    size = min(window, len(times))
    spans = times[size - 1 :] - times[: len(times) - size + 1]
    least = 0.0 if size == len(times) else (size - 1) * interval / MOST_UNEVEN
    return bool(spans.max() <= MOST_UNEVEN * longest and spans.min() >= least)


def sliding_baseline(trace: Numbers, good: Flags, timeline: Timeline, percentile: float) -> Numbers:
    """Percentile of a window that slides along a trace, but never from segment to segment.

    The window holds a number of good frames about each of them, or, where the frames are unevenly
    spaced, those within its time, and at least `FEWEST_FOR_BASELINE`. At the ends of a segment it
    stays within; in a shorter segment it holds all of it. The percentile is the value of nearest
    rank.

    Parameters
    ----------
    trace : numpy.ndarray
        (T,) values.
    good : numpy.ndarray
        (T,) bool: frames that count; the others get what lies between their neighbours.
    timeline : Timeline
        Of the recording.
    percentile : float
        0 to 100.

    Returns
    -------
    numpy.ndarray
        (T,) NaN in a segment with fewer than `FEWEST_FOR_BASELINE` good frames.
    """
    baseline = np.full(len(trace), np.nan)
    for span in _segments(timeline.segment):
        frames = span.start + np.flatnonzero(good[span])
        if len(frames) < FEWEST_FOR_BASELINE:
            continue
        places = None if timeline.places is None else timeline.places[frames]
        if places is None or np.isnan(places[0]):
            slid = _slid(trace[frames], timeline.window, percentile)
        else:
            slid = _slid_in_time(trace[frames], places, percentile)
        baseline[span] = np.interp(np.arange(span.start, span.stop), frames, slid)
    return baseline


def _slid_in_time(values: Numbers, places: Numbers, percentile: float) -> Numbers:
    """Slide a window of the length 1 along values at rising places."""
    n = len(values)
    if places[-1] - places[0] <= 1:
        return _slid(values, n, percentile)
    centres = np.clip(places, places[0] + 0.5, places[-1] - 0.5)
    nearest = np.clip(np.arange(n) - FEWEST_FOR_BASELINE // 2, 0, n - FEWEST_FOR_BASELINE)
    first = np.minimum(np.searchsorted(places, centres - HALF), nearest)
    last = np.maximum(
        np.searchsorted(places, centres + HALF, "right"), nearest + FEWEST_FOR_BASELINE
    )
    windows, which = np.unique(np.stack([first, last]), axis=1, return_inverse=True)
    ranked = [_ranked(values[a:b], percentile) for a, b in windows.T.tolist()]
    return np.array(ranked)[which]


def _slid(values: Numbers, window: int, percentile: float) -> Numbers:
    n, size = len(values), min(window, len(values))
    if size == n:
        return np.full(n, _ranked(values, percentile))
    rank = _rank(size, percentile)
    slid = rank_filter(values, rank, size=size, mode="nearest")
    before = size // 2
    return np.asarray(slid[np.clip(np.arange(n), before, n - size + before)], np.float64)


def _ranked(values: Numbers, percentile: float) -> float:
    rank = _rank(len(values), percentile)
    return float(np.partition(values, rank)[rank])


def _rank(size: int, percentile: float) -> int:
    """Nearest rank of a percentile, a half rounded up."""
    return int(np.floor(percentile / 100 * (size - 1) + 0.5))


def frame_noise(trace: Numbers, good: Flags, burst: npt.NDArray[np.int32]) -> float:
    """Standard deviation of the noise from frame to frame, unmoved by transients; 0 if unknown.

    From the median absolute step between good neighbours without a pause between them (Gaussian:
    0.6745 √2 σ).
    """
    pairs = good[1:] & good[:-1] & (burst[1:] == burst[:-1])
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
