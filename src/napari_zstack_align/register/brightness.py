"""Light that comes from elsewhere, told from activity.

Stimulus light lifts what lies between the cells as well, a laser or a shutter changes a frame by a
factor; activity brightens cells, and leaves most pixels as they were. So the change of a frame's
mean is compared with the change of its less changed pixels (a low percentile over the pixels of
the change from what is usual).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float32]
Trace = npt.NDArray[np.float64]
Frames = npt.NDArray[np.bool_]

SMALL_PX = 64
"""Frames are compared at about this size at most: noise averages out."""
LOW_PERCENTILE = 30.0
"""Activity may change all pixels but so many."""
ABOUT_LOW = (20.0, 40.0)
"""The mean of the pixels between these percentiles stands for it."""
DARK_PERCENTILE = 0.5
FEW = 33
"""So many frames show what is usual: an odd number, as the mean of two lights is neither."""
ADDED_PART = 0.3
"""Light is added where the percentile changes by at least this part of what the mean does."""
FACTOR_PART = 0.6
"""... or by this part of what a factor on the whole frame would make it change."""
LEAST_SHARE = 0.3
"""A factor doesn't show in the percentile where that is mostly dark."""
MOST_ACTIVE, LEAST_ACTIVE = 6.0, 0.4
"""Activity doesn't change the light above dark by more than these factors."""
TINY = 1e-30
"""Divides 0: far below the range of any pixels, `driving.SMALLEST_RANGE`."""


@dataclass(frozen=True)
class Levels:
    """Intensities of n frames; NaN where unknown.

    Attributes
    ----------
    mean : numpy.ndarray
        (n,) over the pixels.
    low : numpy.ndarray
        (n,) low percentile over the pixels of the change from ``usual``.
    share : numpy.ndarray
        (n,) the same percentile of the usual frame above dark, as a part of its mean above dark.
    usual : numpy.ndarray
        (y, x) float32 small frame that the others are compared with.
    """

    mean: Trace
    low: Trace
    share: Trace
    usual: Image

    @classmethod
    def of(cls, frames: Image, usual: Frames | None = None) -> Self:
        """Compare small frames (n, Y, X) of one place with the median of the usual ones (n,)."""
        times_smaller = max(min(frames.shape[1:]) / SMALL_PX, 1.0)
        size = tuple(max(round(n / times_smaller), 1) for n in frames.shape[:0:-1])
        small = np.empty((len(frames), *size[::-1]), np.float32)
        for out, frame in zip(small, frames, strict=True):
            # of another type, OpenCV would leave the output as it is
            cv2.resize(np.asarray(frame, np.float32), size, out, interpolation=cv2.INTER_AREA)
        among = small if usual is None else small[usual]
        median = np.median(among[_without_period(len(among))], axis=0)
        dark = float(np.percentile(median, DARK_PERCENTILE))
        low = float(np.percentile(median, LOW_PERCENTILE)) - dark
        share = low / max(float(median.mean()) - dark, TINY)
        lows = np.array([_low(frame - median) for frame in small])
        means = small.mean(axis=(1, 2), dtype=np.float64)
        return cls(means, lows, np.full(len(small), share), median)

    @classmethod
    def unknown(cls, n_frames: int) -> Self:
        """Levels of frames that can't be used."""
        mean, low, share = np.full((3, n_frames), np.nan)
        return cls(mean, low, share, np.zeros((0, 0), np.float32))

    def at(self, frames: npt.NDArray[np.intp], n_frames: int) -> Levels:
        """Return the levels of some frames among all (n_frames,), NaN for the others."""
        spread = np.full((3, n_frames), np.nan)
        spread[:, frames] = self.mean, self.low, self.share
        mean, low, share = spread
        return Levels(mean, low, share, self.usual)

    def lifted(self, steps: Trace) -> Levels:
        """Return the levels of frames to whose pixels so much is added: (n,)."""
        return replace(self, mean=self.mean + steps, low=self.low + steps)

    def where(self, chosen: Frames) -> Levels:
        """Return the levels of the chosen frames."""
        return Levels(self.mean[chosen], self.low[chosen], self.share[chosen], self.usual)


def _low(change: Image) -> float:
    """Low percentile of a change (Y, X), as the mean of the pixels about it.

    The percentile itself, of whole numbers, would jump from one of them to the next, and most of
    the time not scatter at all.
    """
    values = change.ravel()
    first, last = (int(p / 100 * (values.size - 1)) for p in ABOUT_LOW)
    between = np.partition(values, (first, last))[first : last + 1]
    return float(between.mean(dtype=np.float64))


def _without_period(n_frames: int) -> npt.NDArray[np.intp]:
    """A few of n frames, one at random in each stretch: light may come with a period."""
    if n_frames <= FEW:
        return np.arange(n_frames)
    places = np.arange(FEW) + np.random.default_rng(0).random(FEW)
    return (places * n_frames / FEW).astype(np.intp)


def joined(parts: Sequence[Levels]) -> Levels:
    """Levels of consecutive windows of frames, all compared with what is usual in the first."""
    offset, before, lows = 0.0, None, []
    for part in parts:
        if before is not None and part.usual.size:
            offset += _low(part.usual - before)
        lows.append(part.low + offset)
        before = part.usual if part.usual.size else before
    means, shares = (
        np.concatenate([getattr(p, name) for p in parts]) for name in ("mean", "share")
    )
    return replace(parts[0], mean=means, low=np.concatenate(lows), share=shares)


def from_elsewhere(
    levels: Levels, mean: Trace, low: Trace, dark: float, noise: float = 0.0
) -> Frames:
    """Whether the change of frames from what is usual around them is no activity.

    Parameters
    ----------
    levels : Levels
        Of n frames.
    mean, low : numpy.ndarray
        (n,) what is usual around each of them.
    dark : float
        Intensity without light.
    noise : float
        So much of the change of the percentile is noise, and doesn't count.
    """
    change, low_change = levels.mean - mean, levels.low - low
    beyond_noise = np.sign(low_change) * np.maximum(np.abs(low_change) - noise, 0)
    part = beyond_noise / np.where(change == 0, TINY, change)
    factor = (levels.share > LEAST_SHARE) & (part > FACTOR_PART * levels.share)
    times = (levels.mean - dark) / np.maximum(mean - dark, TINY)
    beyond = (times > MOST_ACTIVE) | (times < LEAST_ACTIVE)
    shows = np.abs(low_change) > noise
    return np.asarray(shows & ((part > ADDED_PART) | factor) | beyond, bool)


def by_a_factor(levels: Levels, mean: Trace, low: Trace, dark: float) -> Frames:
    """Whether the light of frames differs from what is usual by a factor in which tissue shows.

    Added light changes the less changed pixels as much as all others, a factor by as much less as
    they are dimmer. What is dimmer has lost light to a factor: none can be taken off.
    Parameters are those of `from_elsewhere`.
    """
    change = levels.mean - mean
    part = (levels.low - low) / np.where(change == 0, TINY, change)
    times = (levels.mean - dark) / np.maximum(mean - dark, TINY)
    scaled = (change < 0) | (part < (1 + levels.share) / 2)
    return np.asarray(scaled & (times >= LEAST_ACTIVE) & (times <= MOST_ACTIVE), bool)
