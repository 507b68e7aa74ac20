"""Recordings along one axis, with a gap between them; pure numbers, no Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

GAP_PART = 0.015
"""Width of a gap, as part of all frames: seen at a glance, whatever the zoom began with."""


@dataclass(frozen=True)
class Timeline:
    """Where frames stand on the x axis: those of a recording 1 apart, then a gap.

    Parameters
    ----------
    lengths : tuple of int
        Frames of each recording.
    """

    lengths: tuple[int, ...]

    @property
    def gap(self) -> int:
        """Width of the gap between two recordings, in frames."""
        return 0 if len(self.lengths) < 2 else max(2, round(GAP_PART * sum(self.lengths)))

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """(R,) x of the first frame of each recording."""
        ends = np.cumsum([0, *self.lengths[:-1]])
        return np.asarray(ends + self.gap * np.arange(len(self.lengths)), np.int64)

    @property
    def span(self) -> tuple[float, float]:
        """First and last x."""
        if not self.lengths:
            return 0.0, 1.0
        return -0.5, float(self.starts[-1] + self.lengths[-1]) - 0.5

    @property
    def gaps(self) -> list[tuple[float, float]]:
        """(start, end) of each gap."""
        starts = self.starts
        ends = starts + np.array(self.lengths) - 0.5
        return [(float(e), float(s) - 0.5) for e, s in zip(ends[:-1], starts[1:], strict=True)]

    def x_of(self, recording: int, frame: int) -> float:
        """Place of a frame on the axis."""
        return float(self.starts[recording] + frame)

    def locate(self, x: float) -> tuple[int, int]:
        """Recording and frame nearest to x; from a gap, the nearer end of it."""
        starts = self.starts
        inside = [
            int(np.clip(round(x) - start, 0, length - 1))
            for start, length in zip(starts, self.lengths, strict=True)
        ]
        distances = [abs(start + t - x) for start, t in zip(starts, inside, strict=True)]
        nearest = int(np.argmin(distances))
        return nearest, inside[nearest]


def joined(parts: Sequence[npt.NDArray[np.floating]]) -> npt.NDArray[np.float32]:
    """(sum of T + R - 1,) values of all recordings, with a NaN between two of them."""
    pieces: list[npt.NDArray[np.float32]] = []
    for part in parts:
        pieces += [np.asarray(part, np.float32), np.full(1, np.nan, np.float32)]
    return np.concatenate(pieces[:-1]) if pieces else np.empty(0, np.float32)


def thinned(
    x: npt.NDArray[np.floating], y: npt.NDArray[np.floating], columns: int
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]:
    """Least and largest value of each of so many columns: what a screen can show of a long curve.

    NaN is left out of a column with other values, and stays where there are no others, so neither
    a peak nor a gap is lost.

    Parameters
    ----------
    x, y : numpy.ndarray
        (n,) places, ascending, and values.
    columns : int
        How many columns there are.

    Returns
    -------
    x, y : numpy.ndarray
        As they are where they are few, else two values a column.
    """
    step = len(x) // max(columns, 1)
    if step < 3:
        return x, y
    pad = -len(x) % step
    blocks = np.pad(y, (0, pad), mode="edge").reshape(-1, step)
    places = np.pad(x, (0, pad), mode="edge").reshape(-1, step)
    missing = np.isnan(blocks).all(axis=1)
    low = np.where(missing, np.nan, np.where(np.isnan(blocks), np.inf, blocks).min(axis=1))
    high = np.where(missing, np.nan, np.where(np.isnan(blocks), -np.inf, blocks).max(axis=1))
    return np.repeat(places[:, 0], 2), np.stack([low, high], axis=1).ravel()


def runs(chosen: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(start, end) of each run of True; the end is exclusive."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
