"""The time from one frame to the next, from the times of all frames."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def frame_interval_s(times_s: npt.ArrayLike | None) -> float | None:
    """Return the usual time from one frame to the next, None where it is unknown.

    The median of the steps forward in time. Steps that are not forward (a clock that starts anew, a
    time given twice) and unknown times (NaN) are left out.

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
    steps = np.diff(np.asarray(() if times_s is None else times_s, np.float64))
    forward = steps[np.isfinite(steps) & (steps > 0)]
    if not len(forward) or 2 * len(forward) < len(steps):
        return None
    return float(np.median(forward))


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
