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
