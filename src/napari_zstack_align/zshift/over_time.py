"""Depths smoothed over time, as much as the recording itself suggests.

A state of depth and velocity, whose velocity wanders (local linear trend), is followed forwards
by a Kalman filter and smoothed backwards (Rauch, Tung & Striebel 1965, AIAA J.). How much the
velocity wanders is what makes the measured depths most likely, jumps left out. Where a depth is
known well and lies far off all the same, the plane has jumped: there, and only there, the velocity
may change as much as that needs.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from napari_zstack_align.progress import Progress

Numbers = npt.NDArray[np.float64]

WANDERING = 10.0 ** np.arange(-4.0, 0.6, 0.5)
"""Standard deviations of the velocity's change from frame to frame, slices a frame, to choose
from."""
UNKNOWN = 1e6
"""Variance of what isn't known."""
JUMP = 4.0
"""Standard deviations from which a frame has jumped."""
LEAST_VARIANCE = 1e-8
FRAMES_A_YIELD = 512
SMOOTHING = "Smoothing"


def smooth_over_time(
    values: Numbers, variance: Numbers
) -> Generator[Progress, None, tuple[Numbers, Numbers]]:
    """Smooth series.

    Parameters
    ----------
    values, variance : numpy.ndarray
        (T, n) series that wander alike, and the variance of their noise; infinite where a
        value is unknown.

    Returns
    -------
    values, variance : numpy.ndarray
        (T, n)
    """
    known = np.isfinite(values) & np.isfinite(variance)
    if len(values) < 3 or not known.any():
        return values, variance
    noise = np.where(known, np.maximum(variance, LEAST_VARIANCE), UNKNOWN)
    filled = np.where(known, values, 0.0)
    start = filled[known.any(axis=1).argmax()]
    wander = yield from _most_likely(filled, noise, start)
    calm = np.full(values.shape, wander**2)
    smooth, spread = yield from _smoothed(filled, noise, start, calm)
    jumps = _jumps(filled - smooth, noise + spread)
    if not jumps.any():
        return smooth, spread
    return (yield from _smoothed(filled, noise, start, calm + jumps))


def _jumps(distance: Numbers, variance: Numbers) -> Numbers:
    """(T, n) variance of the velocity's change that jumps need: there, back, and to a stop."""
    jump = np.where(distance**2 > JUMP**2 * variance, distance**2, 0)
    jumps = jump.copy()
    for frames in (1, 2):
        jumps[frames:] = np.maximum(jumps[frames:], jump[:-frames])
    return jumps


def _most_likely(
    values: Numbers, noise: Numbers, start: Numbers
) -> Generator[Progress, None, float]:
    """Wandering under which the series are most likely."""
    n, many = values.shape[1], len(WANDERING)
    trial = np.repeat(WANDERING**2, n)
    state = _first(np.tile(start, many))
    total = np.zeros(len(trial))
    for t in range(len(values)):
        state, likelihood = _step(
            state, np.tile(values[t], many), np.tile(noise[t], many), trial, t
        )
        if t > 1:
            total += likelihood
        if t % FRAMES_A_YIELD == 0:
            yield Progress(SMOOTHING, t, len(values))
    return float(WANDERING[total.reshape(many, n).sum(axis=1).argmax()])


def _smoothed(
    values: Numbers, noise: Numbers, start: Numbers, wander: Numbers
) -> Generator[Progress, None, tuple[Numbers, Numbers]]:
    """Kalman filter forwards, then the smoother of Rauch, Tung and Striebel backwards."""
    state = _first(start)
    states = np.empty((len(values), len(state), len(start)))
    for t in range(len(values)):
        state, _ = _step(state, values[t], noise[t], wander[t], t)
        states[t] = state
        if t % FRAMES_A_YIELD == 0:
            yield Progress(SMOOTHING, t, len(values))
    smooth, spread = np.empty_like(values), np.empty_like(values)
    for t in range(len(values) - 1, -1, -1):
        if t < len(values) - 1:
            after: State = tuple(states[t])
            state = _backwards(after, _predicted(after, wander[t + 1]), state)
        smooth[t], spread[t] = state[0], np.maximum(state[2], 0)
        if t % FRAMES_A_YIELD == 0:
            yield Progress(SMOOTHING, len(values) - t, len(values))
    return smooth, spread


State: TypeAlias = tuple[Numbers, ...]
"""Depth, velocity, and the three entries of their covariance: five arrays (n,)."""


def _first(start: Numbers) -> State:
    n = len(start)
    return start.copy(), np.zeros(n), np.full(n, UNKNOWN), np.zeros(n), np.ones(n)


def _step(
    state: State, value: Numbers, noise: Numbers, wander: Numbers, t: int
) -> tuple[State, Numbers]:
    """State after frame t, and the log-likelihood of its values."""
    before = _predicted(state, wander) if t else state
    z, v, pzz, pzv, pvv = before
    total = pzz + noise
    step = value - z
    gain_z, gain_v = pzz / total, pzv / total
    after = (
        z + gain_z * step,
        v + gain_v * step,
        (1 - gain_z) * pzz,
        (1 - gain_z) * pzv,
        pvv - gain_v * pzv,
    )
    # A jump says nothing of how the velocity wanders otherwise.
    misfit = np.minimum(step**2 / total, JUMP**2)
    likelihood = np.where(noise < UNKNOWN, -0.5 * (misfit + np.log(total)), 0)
    return after, likelihood


def _predicted(state: State, wander: Numbers) -> State:
    """One frame later: the velocity may have changed half-way."""
    z, v, pzz, pzv, pvv = state
    return (
        z + v,
        v,
        pzz + 2 * pzv + pvv + wander / 3,
        pzv + pvv + wander / 2,
        pvv + wander,
    )


def _backwards(after: State, ahead: State, smooth: State) -> State:
    """Smoothed state of a frame, from the filtered one and the smoothed next one."""
    z, v, pzz, pzv, pvv = after
    z1, v1, a, b, c = ahead
    determinant = np.maximum(a * c - b * b, 1e-18)
    # Gain: covariance · transposed step matrix · inverse of the predicted covariance.
    m00, m01, m10, m11 = pzz + pzv, pzv, pzv + pvv, pvv
    g00, g01 = (m00 * c - m01 * b) / determinant, (m01 * a - m00 * b) / determinant
    g10, g11 = (m10 * c - m11 * b) / determinant, (m11 * a - m10 * b) / determinant
    dz, dv = smooth[0] - z1, smooth[1] - v1
    da, db, dc = smooth[2] - a, smooth[3] - b, smooth[4] - c
    return (
        z + g00 * dz + g01 * dv,
        v + g10 * dz + g11 * dv,
        pzz + g00 * (g00 * da + g01 * db) + g01 * (g00 * db + g01 * dc),
        pzv + g10 * (g00 * da + g01 * db) + g11 * (g00 * db + g01 * dc),
        pvv + g10 * (g10 * da + g11 * db) + g11 * (g10 * db + g11 * dc),
    )
