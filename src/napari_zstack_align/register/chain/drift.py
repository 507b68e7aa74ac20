"""Steady motion: repeats that move the same way in every slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_zstack_align.register.chain.modes import SHIFT, Bins, Matrix

SURE = 4.0
"""Standard errors by which the pooled slopes exceed chance before a drift is believed."""
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


def steady_drift(times: Sequence[Matrix], values: Sequence[Matrix], bins: Bins) -> Drift:
    """Find what the repeats of all slices share: the mean of their slopes.

    Whether there is a drift is judged over all bends together, and over the translation; how much
    of it is believed, bin by bin.

    Parameters
    ----------
    times, values : sequence of numpy.ndarray
        (n,) times and (n, K) values of the repeats of each slice.
    bins : numpy.ndarray
        (K,) bin of each value.
    """
    slopes = np.array([_slope(t, v) for t, v in zip(times, values, strict=True) if len(t) > 1])
    velocity, variance = np.zeros(len(bins)), np.zeros(len(bins))
    if len(slopes) < FEWEST_SLICES:
        return Drift(velocity, variance)
    mean = slopes.mean(axis=0)
    error = slopes.var(axis=0, ddof=1) / len(slopes)
    for together in (bins == SHIFT, bins != SHIFT):
        chance = float(error[together].sum())
        spread = np.sqrt(2 * float((error[together] ** 2).sum()))
        if float((mean[together] ** 2).sum()) - chance <= SURE * spread:
            continue
        for each in np.unique(bins[together]):
            modes = bins == each
            noise, whole = float(error[modes].mean()), float((mean[modes] ** 2).mean())
            believed = max(whole - noise, 0.0) / max(whole, np.finfo(float).tiny)
            velocity[modes] = believed * mean[modes]
            variance[modes] = believed * noise
    return Drift(velocity, variance)


def _slope(times: Matrix, values: Matrix) -> Matrix:
    centred = times - times.mean()
    return np.asarray(centred @ values / (centred @ centred))
