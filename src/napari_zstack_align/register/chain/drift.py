"""Steady motion: repeats that move the same way in every slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri

from napari_zstack_align.register.chain.modes import SHIFT, Bins, Matrix

BY_CHANCE = 3e-5
"""A drift is believed where slopes of no drift are as large less often: four standard errors."""
FEWEST_SLICES = 3


@dataclass(frozen=True)
class Drift:
    """Velocity of each mode.

    Attributes
    ----------
    velocity : numpy.ndarray
        (K,) in px a repeat; 0 where none is believed.
    variance : numpy.ndarray
        (K,) of its error.
    """

    velocity: Matrix
    variance: Matrix


def steady_drift(
    times: Sequence[Matrix], values: Sequence[Matrix], bins: Bins, noise: Matrix
) -> Drift:
    """Find what the repeats of all slices share: the mean of their slopes.

    Whether there is a drift is judged over all bends together, and over the translation; how much
    of it is believed, bin by bin.

    Parameters
    ----------
    times, values : sequence of numpy.ndarray
        (n,) times and (n, K) values of the repeats of each slice.
    bins : numpy.ndarray
        (K,) bin of each value.
    noise : numpy.ndarray
        (K,) variance of the error of a repeat's value: slopes are no surer than it lets them be.
    """
    slopes = np.array([_slope(t, v) for t, v in zip(times, values, strict=True) if len(t) > 1])
    velocity, variance = np.zeros(len(bins)), np.zeros(len(bins))
    if len(slopes) < FEWEST_SLICES:
        return Drift(velocity, variance)
    mean = slopes.mean(axis=0)
    least = float(np.mean([1 / ((t - t.mean()) ** 2).sum() for t in times if len(t) > 1]))
    error = np.maximum(slopes.var(axis=0, ddof=1), least * noise) / len(slopes)
    for together in (bins == SHIFT, bins != SHIFT):
        if float((mean[together] ** 2).sum()) <= _most_by_chance(error[together]):
            continue
        for each in np.unique(bins[together]):
            modes = bins == each
            unsure, whole = float(error[modes].mean()), float((mean[modes] ** 2).mean())
            believed = max(whole - unsure, 0.0) / max(whole, np.finfo(float).tiny)
            velocity[modes] = believed * mean[modes]
            variance[modes] = believed * unsure
    return Drift(velocity, variance)


def _most_by_chance(variances: Matrix) -> float:
    """Sum of squares that normal errors exceed as seldom as `BY_CHANCE` (Satterthwaite 1946)."""
    scale = float((variances**2).sum() / variances.sum()) if variances.any() else 0.0
    return scale * float(chdtri(variances.sum() / scale, BY_CHANCE)) if scale else 0.0


def _slope(times: Matrix, values: Matrix) -> Matrix:
    centred = times - times.mean()
    return np.asarray(centred @ values / (centred @ centred))
