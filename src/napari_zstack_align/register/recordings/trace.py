"""The trace of motion that the first reading leaves, and what of it is worth believing.

Each frame's shift was found from two halves of the image besides. What the halves share is motion,
in what they differ is noise: that decides how far the trace is smoothed, or whether it is used at
all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from napari_zstack_align.register.recordings.chunks import Range
from napari_zstack_align.register.recordings.measure import Linker, MeasuredFrames

Array = npt.NDArray[np.float64]

SMOOTHINGS = (0.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Standard deviations in frames that are tried; 0: every frame for itself."""


@dataclass(frozen=True)
class Trace:
    """Motion of every frame against the recording's own frames, up to a constant.

    Attributes
    ----------
    shift : numpy.ndarray
        (T, 2) (dy, dx) in raw px; NaN where a frame can't be used.
    halves : numpy.ndarray
        (2, T, 2) the same from two halves of the image.
    turn : numpy.ndarray
        (T,) rotation, as the raw px that it moves the tissue on average.
    weight : numpy.ndarray
        (T,) how much a frame counts in means of frames, by the brightness of its cells.
    """

    shift: Array
    halves: Array
    turn: Array
    weight: Array

    @classmethod
    def of(
        cls, windows: Iterable[MeasuredFrames], shape: tuple[int, int], max_shift_px: float
    ) -> Trace:
        """Join the traces of consecutive windows."""
        linker = Linker(shape, max_shift_px)
        return cls.joined([cls.placed(window, linker) for window in windows])

    @classmethod
    def placed(cls, window: MeasuredFrames, linker: Linker) -> Trace:
        """Trace of the next window, on from those before."""
        *_, turn = place = linker.place(window)
        shift = window.shift + place[:2]
        halves = window.halves + (shift - window.shift)
        return cls(shift, halves, window.turn + turn, window.weight)

    @classmethod
    def joined(cls, parts: Sequence[Trace]) -> Trace:
        """Join traces that follow one another."""
        return cls(
            np.concatenate([part.shift for part in parts]),
            np.concatenate([part.halves for part in parts], axis=1),
            np.concatenate([part.turn for part in parts]),
            np.concatenate([part.weight for part in parts]),
        )

    def without(self, frames: npt.NDArray[np.bool_]) -> Trace:
        """Forget some frames."""
        shift, halves, turn = self.shift.copy(), self.halves.copy(), self.turn.copy()
        shift[frames], halves[:, frames], turn[frames] = np.nan, np.nan, np.nan
        return replace(self, shift=shift, halves=halves, turn=turn)

    def jitter(self, stretches: list[Range]) -> tuple[float, float]:
        """Motion from one frame to the next, white in time, and its noise a frame, in px.

        Taken from the differences of consecutive frames between jumps, which slow motion hardly
        enters. The mean of the halves has half the noise of either.
        """
        steps = [np.diff(self.halves[:, start:stop], axis=1) for start, stop in stretches]
        both = np.concatenate(steps, axis=1)
        first, second = both[:, np.isfinite(both).all(axis=(0, 2))]
        if not len(first):
            return 0.0, 0.0
        shared = float((first * second).sum(axis=1).mean()) / 2
        noise = float(((first - second) ** 2).sum(axis=1).mean()) / 8
        return float(np.sqrt(max(shared, 0))), float(np.sqrt(noise))


def smoothed(path: Array, halves: Array, stretches: list[Range]) -> Array:
    """Smooth a path as far as its two halves say, or to nothing.

    The smoothed one half should predict the other; the noise that the half has beyond that of
    the whole path is allowed for.

    Parameters
    ----------
    path : numpy.ndarray
        (T, 2) in px; NaN where unknown.
    halves : numpy.ndarray
        (2, T, 2) the same from two halves of the image.
    stretches : list of tuple of int
        Frames (start, stop) over which may be smoothed.

    Returns
    -------
    numpy.ndarray
        (T, 2), 0 where nothing is believed.
    """
    known = np.isfinite(halves).all(axis=(0, 2))
    nothing = np.zeros_like(path)
    if not known.any():
        return nothing
    noise = float(((halves[0] - halves[1])[known] ** 2).sum(axis=1).mean()) / 2
    best, least = nothing, float((halves[:, known] ** 2).sum(axis=2).mean())
    for sigma in SMOOTHINGS:
        parts = [_smooth(half, stretches, sigma) for half in halves]
        pairs = ((parts[0], halves[1]), (parts[1], halves[0]))
        misses = [((a - b)[known] ** 2).sum(axis=1).mean() for a, b in pairs]
        kept = 1 / (2 * np.sqrt(np.pi) * sigma) if sigma else 1.0  # sum of the kernel's squares
        cost = float(np.mean(misses)) - noise * kept / 2
        if cost < least:
            best, least = _smooth(path, stretches, sigma), cost
    return best


def _smooth(path: Array, stretches: list[Range], sigma: float) -> Array:
    """Gaussian mean over the known frames of each stretch; 0 where there is none."""
    if sigma == 0:
        return np.nan_to_num(path)
    result = np.zeros_like(path)
    for start, stop in stretches:
        part = path[start:stop]
        known = np.isfinite(part).all(axis=1).astype(float)
        weight = gaussian_filter1d(known, sigma, mode="constant")
        total = gaussian_filter1d(
            np.nan_to_num(part) * known[:, np.newaxis], sigma, axis=0, mode="constant"
        )
        np.divide(
            total, weight[:, np.newaxis], out=result[start:stop], where=weight[:, np.newaxis] > 0
        )
    return result
