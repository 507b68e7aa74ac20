"""Depths smoothed over the patches of a frame: a plane may tilt freely, but hardly bends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

ROUNDS = 4
OUTLIER = 3.0
"""Standard errors from which a patch counts less."""
LEAST_ERROR = 0.03
"""What the standard error of a patch lacks: errors of the model, in slices."""
TILT = 1.0
"""Expected difference from patch to patch, in slices: so weak that it tells of patches far from
all others only."""
RIDGE = 1e-6
"""Weight that keeps a frame without evidence from having no solution."""


@dataclass(frozen=True)
class OverSpace:
    """Depths after smoothing over space, as amounts of modes.

    Attributes
    ----------
    amounts, variance : numpy.ndarray
        (T, modes) amount of each mode and its variance; NaN and infinite in frames without
        evidence.
    """

    amounts: Numbers
    variance: Numbers


class SpaceSmoother:
    """Penalised least squares, with outliers weighted down (Huber).

    Parameters
    ----------
    shape : tuple of int
        (py, px) patches.
    bending : float
        Expected second difference from patch to patch, in slices.
    modes : numpy.ndarray
        (patches, modes) what the depths are multiplied by for the amounts.
    """

    def __init__(self, shape: tuple[int, int], bending: float, modes: Numbers) -> None:
        penalty = _roughness(shape, 2) / bending**2 + _roughness(shape, 1) / TILT**2
        self._penalty = penalty + RIDGE * np.eye(len(penalty))
        self._modes = modes

    def __call__(self, z: Numbers, error: Numbers, confidence: Numbers) -> OverSpace:
        """Smooth depths (T, patches; NaN: refused) of known error and confidence."""
        known = np.isfinite(z) & np.isfinite(error)
        filled = np.where(known, z, 0.0)
        variance = np.where(known, error, 1.0) ** 2 + LEAST_ERROR**2
        weight = np.where(known, confidence, 0.0) / variance
        robust = np.ones_like(weight)
        for _ in range(ROUNDS):
            weighed = weight * robust
            right = (weighed * filled)[..., np.newaxis]
            smooth = np.linalg.solve(self._normal(weighed), right)[..., 0]
            distance = np.abs(filled - smooth) / np.sqrt(variance)
            robust = np.minimum(OUTLIER / np.maximum(distance, 1e-12), 1.0)
        seen = (weight > 0).any(axis=1, keepdims=True)
        part = np.linalg.solve(
            self._normal(weighed), np.broadcast_to(self._modes, (len(z), *self._modes.shape))
        )
        spread = np.einsum("tim,im->tm", part, self._modes)
        return OverSpace(
            np.where(seen, smooth @ self._modes, np.nan), np.where(seen, spread, np.inf)
        )

    def _normal(self, weight: Numbers) -> Numbers:
        """(T, n, n) matrices of the normal equations."""
        normal = np.broadcast_to(self._penalty, (len(weight), *self._penalty.shape)).copy()
        diagonal = np.arange(len(self._penalty))
        normal[:, diagonal, diagonal] += weight
        return normal


def _roughness(shape: tuple[int, int], order: int) -> Numbers:
    """(n, n) sum of squares of all differences of an order, 1 or 2 (then mixed ones twice)."""
    along = [_differences(size, order) for size in shape]
    parts = [np.kron(along[0], np.eye(shape[1])), np.kron(np.eye(shape[0]), along[1])]
    if order == 2:
        mixed = np.kron(*(_differences(size, 1) for size in shape))
        parts.append(np.sqrt(2) * mixed)
    every = np.concatenate(parts)
    return np.asarray(every.T @ every)


def _differences(size: int, order: int) -> Numbers:
    """(size - order, size) matrix of differences; none where there are too few values."""
    return np.diff(np.eye(size), order, axis=0) if size > order else np.zeros((0, size))
