"""Blobs that overlap another one too much are dropped."""

from __future__ import annotations

from math import sqrt

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

Values = npt.NDArray[np.float64]
Pairs = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]


def keep_after_overlap(centres: npt.NDArray[np.generic], sigma: Values, overlap: float) -> Mask:
    """Tell which blobs stay when of two that overlap too much the smaller one goes.

    A blob that has gone takes no other with it. Where a blob loses to none but such as lose
    themselves, the order of the pairs matters: it is that of scikit-image, which walks through a
    Python set of index pairs.

    Parameters
    ----------
    centres : numpy.ndarray
        (n, 2) y, x in px, the strongest blob first.
    sigma : numpy.ndarray
        (n,) scales in px.
    overlap : float
        Largest part of the smaller blob's disc that it may share.

    Returns
    -------
    numpy.ndarray
        (n,) bool.
    """
    keep = np.ones(len(sigma), bool)
    if len(sigma) < 2:
        return keep
    tree = cKDTree(centres)
    reach = 2 * sigma.max() * sqrt(2)
    pairs = tree.query_pairs(reach, output_type="ndarray")
    winner, loser = _duels(pairs, centres, sigma, overlap)
    certain = ~np.isin(winner, loser)
    keep[loser[certain]] = False
    if keep[loser].any():
        _settle(tree.query_pairs(reach), winner, loser, keep)
    return keep


def _settle(in_order: set[tuple[int, int]], winner: Pairs, loser: Pairs, keep: Mask) -> None:
    """Let all duels be fought in the order of the pairs; ``keep`` is written to."""
    keep[:] = True
    lower, upper = np.minimum(winner, loser).tolist(), np.maximum(winner, loser).tolist()
    duels = dict(zip(zip(lower, upper, strict=True), _tuples(winner, loser), strict=True))
    for one, other in (duels[pair] for pair in in_order if pair in duels):
        if keep[one]:
            keep[other] = False


def _tuples(winner: Pairs, loser: Pairs) -> list[tuple[int, int]]:
    return list(zip(winner.tolist(), loser.tolist(), strict=True))


def disc_overlap(distance: Values, large: Values, small: Values) -> Values:
    """Part of the smaller of two discs that lies inside the larger one.

    Parameters
    ----------
    distance, large, small : numpy.ndarray
        (m,) distance of the centres, larger and smaller radius.

    Returns
    -------
    numpy.ndarray
        (m,) float64 in [0, 1].
    """
    part = np.zeros(len(distance))
    inside = distance <= large - small
    part[inside] = 1.0
    lens = ~inside & (distance <= large + small)
    d, r, s = distance[lens], large[lens], small[lens]
    at_r = np.arccos(np.clip((d**2 + r**2 - s**2) / (2 * d * r), -1, 1))
    at_s = np.arccos(np.clip((d**2 + s**2 - r**2) / (2 * d * s), -1, 1))
    kite = np.sqrt(np.abs((-d + s + r) * (d - s + r) * (d + s - r) * (d + s + r)))
    part[lens] = (r**2 * at_r + s**2 * at_s - kite / 2) / (np.pi * s**2)
    return part


def _duels(
    pairs: Pairs, centres: npt.NDArray[np.generic], sigma: Values, overlap: float
) -> tuple[Pairs, Pairs]:
    """Winners and losers of the pairs that overlap too much, in the order of the pairs."""
    first, second = pairs.T
    large, small = np.maximum(sigma[first], sigma[second]), np.minimum(sigma[first], sigma[second])
    # Radii are √2 sigma; as in the model, lengths are measured in radii of the larger blob.
    unit = large * sqrt(2)
    apart = centres[first] / unit[:, np.newaxis] - centres[second] / unit[:, np.newaxis]
    shared = disc_overlap(np.sqrt((apart**2).sum(axis=1)), np.ones(len(pairs)), small / large)
    first, second = pairs[shared > overlap].T
    first_wins = sigma[first] > sigma[second]
    return np.where(first_wins, first, second), np.where(first_wins, second, first)
