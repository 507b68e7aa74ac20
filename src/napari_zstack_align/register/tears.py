"""Frames in which the sample jumped while they were scanned.

A smooth field can't follow a jump from one row to the next: on either side of it the frame stays
off, in opposite directions. So what is left of the shift is taken from strips of rows, and its
largest step from strip to strip is compared with that of the other repeats.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from napari_zstack_align.register.prefilter import Image
from napari_zstack_align.register.template import Level

STRIP_PX = 32
LEAST_STEP_PX = 0.25
"""Smaller steps harm little."""
RATIO = 2.5
"""A step so many times as large as the median of the repeats is a tear."""
FEWEST_FRAMES = 3
"""Of fewer repeats nobody knows which is torn."""


def largest_step(level: Level, residual: Image) -> float:
    """Largest step, in px, of what is left of the shift from one strip of rows to the next.

    Parameters
    ----------
    level : Level
        Reference at full size.
    residual : numpy.ndarray
        (Y, X) float32 registered frame minus reference.
    """
    n_rows = residual.shape[0]
    starts = np.linspace(0, n_rows, max(n_rows // STRIP_PX, 1), endpoint=False).astype(int)

    def per_strip(a: Image, b: Image) -> npt.NDArray[np.float64]:
        return np.add.reduceat(np.einsum("yx,yx->y", a, b), starts).astype(np.float64)

    along_y, along_x = level.gradients
    weighted_y, weighted_x = level.weighted_gradients
    yy, xx = per_strip(weighted_y, along_y), per_strip(weighted_x, along_x)
    xy = per_strip(weighted_y, along_x)
    y, x = per_strip(weighted_y, residual), per_strip(weighted_x, residual)
    # Strips without detail would be off by anything: a little of the mean detail holds them.
    yy, xx = yy + yy.mean() / len(starts), xx + xx.mean() / len(starts)
    shifts = np.array([xx * y - xy * x, yy * x - xy * y]) / np.maximum(yy * xx - xy**2, 1e-30)
    return float(np.hypot(*np.diff(shifts, axis=1)).max(initial=0))


def torn(steps: Sequence[float]) -> npt.NDArray[np.bool_]:
    """Which of the repeats of a slice are torn, from their largest steps in px."""
    known = np.asarray(steps, np.float64)
    if len(known) < FEWEST_FRAMES:
        return np.zeros(len(known), bool)
    return known > max(LEAST_STEP_PX, RATIO * float(np.median(known)))
