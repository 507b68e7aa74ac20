"""Frames of the same tissue under different light: which of them show what is usual.

Most of them do, as a rule. But a laser or a lamp may have struck most frames of a slice; then the
slices beside it tell.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Lights = npt.NDArray[np.float64]
Frames = npt.NDArray[np.bool_]

TIMES_AS_BRIGHT = 3.0
"""Frames so many times as bright as others are under another light."""
LEAST_SEEN = 0.02
"""Frames of less than this part of the light of others show nothing: a shutter was closed."""
NEARER = 0.5
"""The light of fewer frames is right where it is nearer to that of the slices beside by this
factor (of the logarithms)."""


def usual_light(lights: Lights) -> float:
    """Light that most frames of a slice are under; where no light is that of most, the dimmest.

    Of two repeats, one may be struck in every slice: what is added makes it the brighter one.

    Parameters
    ----------
    lights : numpy.ndarray
        (n,) mean of each frame above dark, positive; NaN where that is unknown.
    """
    lights = lights[np.isfinite(lights)]
    if not len(lights):
        return np.nan
    middle = float(np.median(lights))
    if 2 * _near(np.log(lights), np.log(middle)).sum() > len(lights):
        return middle
    seen = lights[lights > LEAST_SEEN * lights.max()]
    return float(np.median(seen[seen < TIMES_AS_BRIGHT * seen.min()]))


def under_right_light(lights: Lights, beside: float) -> Frames | None:
    """(n,) bool: which frames of a slice are under its usual light; None where nothing tells.

    Parameters
    ----------
    lights : numpy.ndarray
        (n,) mean of each frame above dark, positive.
    beside : float
        The same of the slices beside; NaN where that is unknown.
    """
    levels = np.log(lights)
    most = _near(levels, np.log(np.median(lights)))
    has_most = 2 * most.sum() > len(lights)
    if not np.isfinite(beside) or most.all():
        return most if has_most else None
    away = np.abs(levels - np.log(beside))
    nearest = _near(levels, levels[np.argmin(away)])
    if not has_most:
        return nearest if away.min() < np.log(TIMES_AS_BRIGHT) else None
    far = np.median(away[most])
    overruled = far > np.log(TIMES_AS_BRIGHT) and np.median(away[nearest]) < NEARER * far
    return nearest if overruled else most


def _near(levels: Lights, level: float) -> Frames:
    return np.abs(levels - level) <= np.log(TIMES_AS_BRIGHT)
