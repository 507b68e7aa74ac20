"""Frames in which the sample jumped while they were scanned.

A smooth field can't follow a jump from one row to the next: on either side of it the frame stays
off, in opposite directions. So what is left of the shift is taken from strips of rows, and its
largest step from strip to strip is compared with that of the other repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from napari_zstack_align.register.gauss_newton import strip_sums
from napari_zstack_align.register.prefilter import Image
from napari_zstack_align.register.template import Level

Numbers = npt.NDArray[np.float64]

STRIP_PX = 32
LEAST_STEP_PX = 0.25
"""Smaller steps harm little."""
RATIO = 2.5
"""A step so many times as large as the median of the repeats is a tear."""
BY_CHANCE = 3e-5
"""So rarely a step of a frame without a jump is larger than that: of few strips, more is needed."""
FEWEST_FRAMES = 3
"""Of fewer repeats nobody knows which is torn."""


@dataclass(frozen=True)
class Strips:
    """Strips of rows of a reference, in which the rest of a shift is solved for.

    Attributes
    ----------
    level : Level
        The reference at full size.
    starts : numpy.ndarray
        (n,) first rows.
    moments : tuple of numpy.ndarray
        (n,) weighted sums of the squares of the gradients along y and x, and of their product.
    """

    level: Level
    starts: npt.NDArray[np.intp]
    moments: tuple[Numbers, Numbers, Numbers]

    @classmethod
    def of(cls, level: Level) -> Self:
        """Take the moments of a reference."""
        n_rows = level.image.shape[0]
        n_strips = max(n_rows // STRIP_PX, 1)
        starts = np.linspace(0, n_rows, n_strips, endpoint=False).astype(np.intp)
        weighted = level.weighted_gradients
        yy, xx = (_sums(*pair, starts) for pair in zip(weighted, level.gradients, strict=True))
        # Strips without detail would be off by anything: a little of the mean detail holds them.
        yy, xx = yy + yy.mean() / n_strips, xx + xx.mean() / n_strips
        return cls(level, starts, (yy, xx, _sums(weighted[0], level.gradients[1], starts)))

    @property
    def ratio(self) -> float:
        """How many times as large as the median of the repeats a tear is.

        The fewer steps a frame has, the farther apart are the largest ones of frames without a
        jump: their lengths are those of two normal coordinates (Rayleigh).
        """
        n_steps = max(len(self.starts) - 1, 1)
        usual = np.sqrt(-2 * np.log(1 - 0.5 ** (1 / n_steps)))
        return max(RATIO, float(np.sqrt(-2 * np.log(BY_CHANCE / n_steps)) / usual))

    def largest_step(self, residual: Image) -> float:
        """Largest step, in px, of what is left of the shift from one strip to the next.

        Parameters
        ----------
        residual : numpy.ndarray
            (Y, X) float32 registered frame minus reference.
        """
        yy, xx, xy = self.moments
        y, x = (_sums(w, residual, self.starts) for w in self.level.weighted_gradients)
        shifts = np.array([xx * y - xy * x, yy * x - xy * y]) / np.maximum(yy * xx - xy**2, 1e-30)
        return float(np.hypot(*np.diff(shifts, axis=1)).max(initial=0))


def _sums(a: Image, b: Image, starts: npt.NDArray[np.intp]) -> Numbers:
    """(n,) sums of a product over strips of rows."""
    return strip_sums(np.ascontiguousarray(a), np.ascontiguousarray(b), starts.astype(np.int64))


def torn(steps: Sequence[float], ratio: float = RATIO) -> npt.NDArray[np.bool_]:
    """Which of the repeats of a slice are torn, from their largest steps in px."""
    known = np.asarray(steps, np.float64)
    if len(known) < FEWEST_FRAMES:
        return np.zeros(len(known), bool)
    return known > max(LEAST_STEP_PX, ratio * float(np.median(known)))
