"""How tissue may move in time, and what the repeats of the slices then say of the steps.

The displacement of a mode is a Gaussian process: a sway that forgets itself (autoregressive, with
the same memory for all modes), a random walk, or both. Registered repeats are known up to the mean
of their slice. Given those contrasts, the steps between the means of neighbouring slices are
Gaussian, too: their mean is predicted from the contrasts, their covariance is what these leave
open (Rasmussen & Williams 2006, Gaussian Processes for Machine Learning, eq. 2.19).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from napari_zstack_align.register.chain.modes import Matrix

MEMORIES = (0.01, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Of a sway, from one repeat to the next."""
MIXED_MEMORIES = (0.01, 0.3, 0.5, 0.7, 0.8)
WALKS = (0.01, 0.05, 0.2)
"""Of a sway with a walk: variance that the walk adds a repeat, over that of the sway."""
MOST_GROUPS = 8
"""Repeats of a slice beyond so many are averaged in groups: their mean is all that counts."""
TINY = 1e-9
SMALLEST_NOISE = 1e-6
"""Variance (px²) of the error of a repeat that is counted at least."""
VARIANCES = np.concatenate([[0.0], np.geomspace(1e-3, 1e6, 61)])
"""Variance of the motion that is tried, times that of the error of a repeat."""


@dataclass(frozen=True)
class Family:
    """One way to move, up to its variance.

    Attributes
    ----------
    memory : float
        Of the sway, from one repeat to the next.
    sway, walk : float
        Variance of the sway, and what the walk adds from one repeat to the next.
    """

    memory: float
    sway: float
    walk: float

    @property
    def n_parameters(self) -> int:
        """What had to be chosen of it."""
        moves, sways = self.sway + self.walk > 0, self.sway > 0
        return int(moves) + int(sways) + int(sways and self.walk > 0)

    def covariance(self, times: Matrix) -> Matrix:
        """(T, T) at times (T,), counted in repeats from 0."""
        apart = np.abs(times[:, np.newaxis] - times)
        walked = 1 + np.minimum(times[:, np.newaxis], times)
        return np.asarray(self.sway * self.memory**apart + self.walk * walked)


def families() -> Iterator[Family]:
    """All ways to move that are tried."""
    yield Family(0.0, 0.0, 0.0)
    yield Family(0.0, 0.0, 1.0)
    for memory in MEMORIES:
        yield Family(memory, 1.0, 0.0)
    for memory in MIXED_MEMORIES:
        for walk in WALKS:
            yield Family(memory, 1.0, walk)


@dataclass(frozen=True)
class Schedule:
    """When the frames of the slices were taken.

    Attributes
    ----------
    times : tuple of numpy.ndarray
        (n,) float64 times of the repeats of each slice, counted in repeats.
    """

    times: tuple[Matrix, ...]

    @classmethod
    def of_frames(cls, frames: Sequence[Matrix]) -> Schedule:
        """Count time in repeats, from the frames of each slice."""
        gaps = np.concatenate([np.diff(each) for each in frames])
        unit = float(np.median(gaps)) if len(gaps) else 1.0
        start = min(float(each.min()) for each in frames)
        return cls(tuple((each - start) / unit for each in frames))

    @cached_property
    def middles(self) -> Matrix:
        """(Z,) mean time of each slice."""
        return np.array([times.mean() for times in self.times])

    def part(self, first: int, last: int) -> Schedule:
        """Of the slices from the first to the last one."""
        times = self.times[first : last + 1]
        start = min(each.min() for each in times)
        return Schedule(tuple(each - start for each in times))

    def contrasts(self) -> Matrix:
        """(C, T): what is known of the repeats, orthonormal and free of their slice's mean."""
        return _blocks([_contrasts(len(times)) for times in self.times])

    def steps(self) -> Matrix:
        """(Z - 1, T): difference between the means of neighbouring slices."""
        means = _blocks([np.full((1, len(times)), 1 / len(times)) for times in self.times])
        return np.diff(means, axis=0)


@dataclass(frozen=True)
class Prediction:
    """What a way to move says, for unit variance.

    Attributes
    ----------
    family : Family
    axes : numpy.ndarray
        (C, C) eigenvectors of the covariance of the contrasts, in columns.
    spread : numpy.ndarray
        (C,) its eigenvalues.
    gain : numpy.ndarray
        (S, C) covariance of the steps with the contrasts along them.
    steps : numpy.ndarray
        (S, S) covariance of the steps.
    """

    family: Family
    axes: Matrix
    spread: Matrix
    gain: Matrix
    steps: Matrix

    def along(self, contrasts: Matrix) -> Matrix:
        """(C, K) contrasts along the axes."""
        return np.asarray(self.axes.T @ contrasts)

    def likeliest(self, along: Matrix, noise: float) -> tuple[float, float]:
        """Variance of the motion under which contrasts are most likely, and its log likelihood.

        Parameters
        ----------
        along : numpy.ndarray
            (C, k) contrasts along the axes.
        noise : float
            Variance of the error of each.
        """
        squares = (along**2).sum(axis=1)
        variances = max(noise, SMALLEST_NOISE) * VARIANCES
        whole = variances[:, np.newaxis] * self.spread + max(noise, SMALLEST_NOISE)
        logs = -0.5 * (along.shape[1] * np.log(whole) + squares / whole).sum(axis=1)
        best = int(logs.argmax())
        return float(variances[best]), float(logs[best])

    def given(self, along: Matrix, variance: float, noise: float) -> tuple[Matrix, Matrix]:
        """Predicted steps (S, k), and the covariance (S, S) that is left open."""
        part = variance / (variance * self.spread + max(noise, SMALLEST_NOISE))
        weighted = self.gain * part
        left = variance * (self.steps - weighted @ self.gain.T)
        return weighted @ along, left + TINY * np.eye(len(left))


def predictions(schedule: Schedule) -> list[Prediction]:
    """What each way to move says of frames taken at these times."""
    times = np.concatenate(schedule.times)
    to_contrasts, to_steps = schedule.contrasts(), schedule.steps()
    made = []
    for family in families():
        covariance = family.covariance(times)
        half = to_contrasts @ covariance
        spread, axes = np.linalg.eigh(half @ to_contrasts.T)
        made.append(
            Prediction(
                family,
                axes,
                np.maximum(spread, 0),
                to_steps @ half.T @ axes,
                to_steps @ covariance @ to_steps.T,
            )
        )
    return made


def grouped(times: Matrix, values: Matrix) -> tuple[Matrix, Matrix]:
    """Average (n,) times and (n, K) values of repeats in at most `MOST_GROUPS` groups."""
    parts = np.array_split(np.arange(len(times)), min(len(times), MOST_GROUPS))
    return (
        np.array([times[part].mean() for part in parts]),
        np.stack([values[part].mean(axis=0) for part in parts]),
    )


def _contrasts(count: int) -> Matrix:
    """(count - 1, count) orthonormal rows that add up to zero (Helmert)."""
    rows = np.zeros((count - 1, count))
    for i in range(1, count):
        rows[i - 1, :i], rows[i - 1, i] = 1.0, -i
        rows[i - 1] /= np.sqrt(i * (i + 1))
    return rows


def _blocks(parts: Sequence[Matrix]) -> Matrix:
    """Matrix with the parts along its diagonal."""
    whole = np.zeros((sum(len(p) for p in parts), sum(p.shape[1] for p in parts)))
    row = column = 0
    for part in parts:
        whole[row : row + len(part), column : column + part.shape[1]] = part
        row, column = row + len(part), column + part.shape[1]
    return whole
