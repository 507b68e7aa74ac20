"""The time from one frame to the next, from the times of all frames."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
import numpy.typing as npt


def frame_interval_s(times_s: npt.ArrayLike | None) -> float | None:
    """Return the usual time from one frame to the next, None where it is unknown.

    The median of the steps forward in time. Steps that are not forward (a clock that starts anew, a
    time given twice) and unknown times (NaN) are left out. Where a short and a long step alternate,
    as they do for a plane of a scan up and down, it is their mean: either alone would be the rate
    of no frame.

    Parameters
    ----------
    times_s : array-like, optional
        (T,) start of each frame in s; NaN or None: unknown.

    Returns
    -------
    float or None
        In s, above 0 and finite. None without times, for a single frame, and where fewer than half
        of the steps lead forward: such times order no frames.
    """
    median = median_step_s(times_s)
    if median is None:
        return None
    return _mean_of_alternate_steps(np.diff(np.asarray(times_s, np.float64))) or median


def median_step_s(times_s: npt.ArrayLike | None) -> float | None:
    """Return the median step forward in time alone; see `frame_interval_s`.

    It is the frame interval of a z-stack, where the microscope may rest after every second frame.
    """
    steps = np.diff(np.asarray(() if times_s is None else times_s, np.float64))
    forward = steps[np.isfinite(steps) & (steps > 0)]
    if not len(forward) or 2 * len(forward) < len(steps):
        return None
    return float(np.median(forward))


FEWEST_ALTERNATE = 3
"""So many steps of either length show that they alternate."""
ALTERNATE_SPREADS, LEAST_ALTERNATE = 8.0, 0.01
"""They do so where they differ by so many times what those of one length do among themselves, and
by this part of the median step: clocks that jitter don't."""


def _mean_of_alternate_steps(steps_s: npt.NDArray[np.float64]) -> float | None:
    """Mean of two step lengths that alternate; None where they don't."""
    forward = np.where(np.isfinite(steps_s) & (steps_s > 0), steps_s, np.nan)
    turns = [every[np.isfinite(every)] for every in (forward[::2], forward[1::2])]
    if min(map(len, turns)) < FEWEST_ALTERNATE:
        return None
    first, second = (float(np.median(every)) for every in turns)
    spread = max(
        float(np.median(np.abs(every - middle)))
        for every, middle in zip(turns, (first, second), strict=True)
    )
    least = max(ALTERNATE_SPREADS * spread, LEAST_ALTERNATE * min(first, second))
    return (first + second) / 2 if abs(first - second) > least else None


def out_of_order(times_s: npt.ArrayLike) -> npt.NDArray[np.intp]:
    """Frames whose times are unknown (NaN), or don't fit between those of the others.

    They are as few as possible, and the later ones where that may be either of two frames.

    Parameters
    ----------
    times_s : array-like
        (T,) start of each frame in s.

    Returns
    -------
    numpy.ndarray
        (n,) frames, ascending; the times of all others increase.
    """
    times = np.asarray(times_s, np.float64)
    known = np.flatnonzero(np.isfinite(times))
    if len(known) == len(times) and (np.diff(times) > 0).all():
        return known[:0]
    # The longest increasing subsequence, by patience sorting. From the end and with the sign
    # turned, an earlier frame takes the place of a later one that would do as well.
    least: list[float] = []  # the smallest end of a sequence of each length, and its frame
    ends: list[int] = []
    before = np.full(len(times), -1)
    for t in known[::-1].tolist():
        length = bisect_left(least, -times[t])
        if length:
            before[t] = ends[length - 1]
        least[length : length + 1] = [-times[t]]
        ends[length : length + 1] = [t]
    fits = np.zeros(len(times), bool)
    t = ends[-1] if ends else -1
    while t >= 0:
        fits[t], t = True, int(before[t])
    return np.flatnonzero(~fits)


def interpolated(
    times_s: npt.ArrayLike, frames: npt.NDArray[np.intp]
) -> npt.NDArray[np.float64] | None:
    """Times in which some frames have the time between the others; None where these are too few.

    Frames before the first of the others, and after the last, follow at the usual interval.

    Parameters
    ----------
    times_s : array-like
        (T,) start of each frame in s.
    frames : numpy.ndarray
        (n,) those to be interpolated, of `out_of_order`.
    """
    times = np.asarray(times_s, np.float64)
    others = np.setdiff1d(np.arange(len(times)), frames)
    if len(others) < 2 or 2 * len(others) <= len(times):
        return None
    interval = float(np.median(np.diff(times[others]) / np.diff(others)))
    mended = times.copy()
    mended[frames] = np.interp(frames, others, times[others])
    first, last = others[0], others[-1]
    mended[:first] = times[first] + interval * np.arange(-first, 0)
    mended[last + 1 :] = times[last] + interval * np.arange(1, len(times) - last)
    return mended


def what_is_odd(times_s: npt.ArrayLike | None) -> str:
    """Describe what is the matter with the times of frames; '' where nothing is.

    Parameters
    ----------
    times_s : array-like, optional
        (T,) start of each frame in s, as for `frame_interval_s`.
    """
    times = np.asarray(() if times_s is None else times_s, np.float64)
    unknown = int(np.count_nonzero(~np.isfinite(times)))
    steps = np.diff(times)
    back, same = int(np.count_nonzero(steps < 0)), int(np.count_nonzero(steps == 0))
    found = []
    if unknown:
        found.append(f"{unknown} of {len(times)} are unknown (NaN or infinite)")
    if back:
        found.append(f"{back} of {len(steps)} steps lead backwards")
    if same:
        found.append(f"{same} of {len(steps)} steps take no time")
    if not found:
        return ""
    interval = frame_interval_s(times)
    used = (
        "no frame rate is taken from them"
        if interval is None
        else f"the median step forward, {interval:.4g} s, is taken as the frame interval"
    )
    return f"Frame times are odd: {', '.join(found)}; {used}."
