"""Some frames, spread over a recording: between what bounds its dark level must lie.

Light only adds counts, so the darkest pixels of a mean image are an upper bound of the dark level,
but for the noise that is left in the mean. A lower bound follows from the noise: the variance of a
pixel from frame to frame grows with its light by the gain, and what the darkest pixels vary by
can't come from more light than they have. Light that changes by itself (bleaching, activity,
motion) adds variance as the square of the light, so that the slope at the dark end alone is the
gain; noise of the electronics makes the bound lower, never higher. Light that exceeds all of its
own differences many times over is implausible.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.bool_]

FRAMES = 60
DARKEST_PERCENT, BRIGHTEST_PERCENT = 0.1, 99.9
"""Percentiles of a mean image that stand for its darkest and brightest pixels."""
FEW_PERCENT = 1.0
"""So many of the darkest pixels tell the noise of the darkest."""
NOISE_MARGIN = 4.0
"""The darkest of many dark pixels lies this many standard errors below them at most."""
RANGE_MARGIN = 0.01
"""So small a part of the range of a mean image makes no difference to ΔF/F."""
NOISE_RANGE = 3.0
"""What noise adds to the range of the values, in its standard deviations."""
BINS, FEWEST_IN_BIN = 20, 8
"""Pixels of about equal light, whose noise is compared."""
LIGHT_MARGIN = 1.25
"""The light of the darkest pixels is taken for so much larger than their noise says."""
FILL_GAP = 10
"""Zeros are fill, not data, where no other value is nearer to 0 than this, and none below."""


def sampled_frames(n_frames: int) -> npt.NDArray[np.intp]:
    """Frames that a sample is made of, spread over the recording."""
    return np.unique(np.linspace(0, n_frames - 1, FRAMES).astype(np.intp))


@dataclass(frozen=True, eq=False)
class Levels:
    """What a sample of frames shows, (C,) each; NaN where there is nothing.

    Attributes
    ----------
    darkest : numpy.ndarray
        Counts of the darkest pixels of the mean image.
    highest : numpy.ndarray
        What the dark level can be at most; NaN too where there is one frame alone.
    spread : numpy.ndarray
        Range of the values: of the mean image, and what noise adds; NaN as above.
    lowest, upper : numpy.ndarray
        Between what the dark level lies, by the noise of the pixels and by the darkest of them;
        NaN for a lower bound where the noise doesn't tell it.
    """

    darkest: Counts
    highest: Counts
    spread: Counts
    lowest: Counts
    upper: Counts


class Sample:
    """Sums over frames (C, Y, X), which are added in their order.

    Parameters
    ----------
    shape : tuple of int
        (C, Y, X).
    fixed : numpy.ndarray, optional
        (Y, X) bool: pixels that don't come from tissue, and say nothing.
    """

    def __init__(self, shape: tuple[int, ...], fixed: Pixels | None = None) -> None:
        self._is_tissue = np.ones(shape[1:], bool) if fixed is None else ~fixed
        self._n = 0
        self._first: npt.NDArray[Any] | None = None
        self._sum, self._squares = np.zeros(shape), np.zeros(shape, np.float32)
        self._is_zero = np.zeros(shape, bool)
        self._nearest = np.full(shape[0], np.inf)

    def add(self, frame: npt.NDArray[Any]) -> None:
        """Add a frame; one without any signal says nothing."""
        if frame.dtype.kind == "f":
            frame = np.where(np.isfinite(frame), frame, np.nan)
        if frame.min() == frame.max():
            return
        if self._first is None:
            self._first = frame.copy()
        self._n += 1
        # About the first frame, squares of large offsets lose no digits.
        change = np.subtract(frame, self._first, dtype=np.float64)
        self._sum += change
        self._squares += (change**2).astype(np.float32)
        self._is_zero |= frame == 0
        for c, image in enumerate(frame):
            others = image[image != 0]
            if others.size:
                self._nearest[c] = np.fmin(self._nearest[c], np.fmin.reduce(others))

    def levels(self) -> Levels:
        """Return what the frames added so far show."""
        levels = np.full((5, len(self._sum)), np.nan)
        if self._first is not None:
            mean = self._sum / self._n
            variance = np.maximum(self._squares / self._n - mean**2, 0)
            with np.errstate(invalid="ignore"):  # of a single frame nothing is known
                noise = np.sqrt(variance * self._n / np.float64(self._n - 1))
            for c, image in enumerate(mean + self._first):
                known = np.isfinite(image) & self._is_data(c) & self._is_tissue
                if known.any():
                    levels[:, c] = _levels(image[known], noise[c][known], self._n)
        return Levels(*levels)

    def _is_data(self, channel: int) -> Pixels:
        """(Y, X) bool: pixels that were never filled with zeros, as others do for motion."""
        is_zero = self._is_zero[channel]
        if self._nearest[channel] > FILL_GAP and not is_zero.all():
            return ~is_zero
        return np.ones_like(is_zero)


def _levels(mean: Counts, noise: Counts, n_frames: int) -> tuple[float, ...]:
    """Levels of the pixels (n,) of a mean image, with the noise of a single frame in each."""
    darkest, few, brightest = np.percentile(mean, (DARKEST_PERCENT, FEW_PERCENT, BRIGHTEST_PERCENT))
    differs = brightest - darkest
    of_darkest = float(np.median(noise[mean <= few])) / np.sqrt(n_frames)
    highest = darkest + NOISE_MARGIN * of_darkest + RANGE_MARGIN * differs
    spread = differs + NOISE_RANGE * float(np.median(noise))
    upper = darkest + NOISE_MARGIN * of_darkest
    return darkest, highest, spread, min(_lowest(mean, noise**2), darkest), upper


def _lowest(mean: Counts, variance: Counts) -> float:
    """Light that pixels (n,) have without noise, with a margin; NaN where the noise tells none."""
    known = np.isfinite(variance)
    if np.count_nonzero(known) < BINS * FEWEST_IN_BIN:
        return np.nan
    bins = np.array_split(np.argsort(mean[known]), BINS)
    light, noise = (
        np.array([np.median(values[known][each]) for each in bins]) for values in (mean, variance)
    )
    if not noise.min() > 0 or not light[-1] > light[0]:
        return np.nan
    x = (light - light[0]) / (light[-1] - light[0])
    at_dark, gain, bend = _fit(x, noise, 2)
    if bend < 0:
        at_dark, gain, _ = _fit(x, noise, 1)
    if not (gain > 0 and at_dark >= 0):
        return np.nan
    return float(light[0] - LIGHT_MARGIN * at_dark / gain * (light[-1] - light[0]))


def _fit(x: Counts, y: Counts, degree: int) -> tuple[float, float, float]:
    """Value at 0, slope there, and half of the bend, of a polynomial through y, relatively."""
    fit = np.polyfit(x, y, degree, w=1 / y)[::-1]
    return float(fit[0]), float(fit[1]), float(fit[2]) if degree > 1 else 0.0
