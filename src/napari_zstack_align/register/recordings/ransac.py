"""Robust fit of a map to matches of which many are wrong (Fischler & Bolles 1981, CACM)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_zstack_align.register.recordings.geometry import (
    FEWEST_POINTS,
    Matrix,
    Model,
    Points,
    apply,
    fit,
)

TRIALS_AT_ONCE = 100
SURE = 0.9999
"""Probability of having drawn a sample of inliers alone, at which the search ends early."""
POLISH_ROUNDS = 5


@dataclass(frozen=True)
class Fit:
    """A map and the matches that follow it.

    Attributes
    ----------
    matrix : numpy.ndarray
        (3, 3) source to target.
    inliers : numpy.ndarray
        (N,) bool.
    residual_px : float
        Median distance of the inliers.
    """

    matrix: Matrix
    inliers: npt.NDArray[np.bool_]
    residual_px: float


def ransac(
    source: Points,
    target: Points,
    model: Model,
    *,
    threshold_px: float,
    max_trials: int,
    seed: int | Sequence[int],
    min_samples: int | None = None,
) -> Fit | None:
    """Find the map that most matches follow, and fit it to all of these.

    Parameters
    ----------
    source, target : numpy.ndarray
        (N, 2) matched positions (y, x).
    model : {'translation', 'rigid', 'similarity', 'affine'}
        What the map may do.
    threshold_px : float
        A match is an inlier where the map takes its source this close to its target.
    max_trials : int
        Hypotheses tried at most; fewer where inliers abound.
    seed : int or sequence of int
        The same seed gives the same result.
    min_samples : int, optional
        Matches drawn for a hypothesis; by default as few as determine the map.

    Returns
    -------
    Fit or None
        None where there are fewer matches than a hypothesis needs.
    """
    size = max(min_samples or 0, FEWEST_POINTS[model])
    if len(source) < size:
        return None
    rng = np.random.default_rng(seed)
    best, best_cost, tried = None, np.inf, 0
    while tried < max_trials:
        count = min(TRIALS_AT_ONCE, max_trials - tried)
        drawn = rng.random((count, len(source))).argsort(axis=1)[:, :size]
        maps = fit(model, source[drawn], target[drawn])
        cost = _costs(maps, source, target, threshold_px)
        winner = int(cost.argmin())
        if cost[winner] < best_cost:
            best, best_cost = maps[winner], float(cost[winner])
        tried += count
        if best is not None and _enough(best, source, target, threshold_px, size, tried):
            break
    return None if best is None else _polish(best, source, target, model, threshold_px)


def distances(matrix: Matrix, source: Points, target: Points) -> Points:
    """(..., N) distance of each mapped source from its target; inf where there is no map."""
    away = apply(matrix, source) - target
    length: Points = np.nan_to_num(np.hypot(away[..., 0], away[..., 1]), nan=np.inf)
    return length


def _costs(maps: Matrix, source: Points, target: Points, threshold: float) -> Points:
    """Truncated squares (Torr & Zisserman 2000, CVIU): among equal counts the closer fit wins."""
    squares = distances(maps, source, target) ** 2
    return np.minimum(squares, threshold**2).sum(axis=1)


def _enough(
    best: Matrix, source: Points, target: Points, threshold: float, size: int, tried: int
) -> bool:
    share = float((distances(best, source, target) <= threshold).mean()) ** size
    return bool((1 - share) ** tried < 1 - SURE)


def _polish(best: Matrix, source: Points, target: Points, model: Model, threshold: float) -> Fit:
    """Fit to all inliers, which may bring in more of them."""
    inliers = distances(best, source, target) <= threshold
    for _ in range(POLISH_ROUNDS):
        if inliers.sum() < FEWEST_POINTS[model]:
            break
        better = fit(model, source[inliers], target[inliers])
        found = distances(better, source, target) <= threshold
        if found.sum() < inliers.sum():
            break
        best, settled, inliers = better, bool((found == inliers).all()), found
        if settled:
            break
    away = distances(best, source, target)[inliers]
    return Fit(best, inliers, float(np.median(away)) if away.size else float("nan"))
