"""Affine maps of the plane: fitted to points, composed, and said in words.

All matrices act on the column (y, x, 1). Fits take batches, so that a robust fit can try many
hypotheses at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt

Model: TypeAlias = Literal["translation", "rigid", "similarity", "affine"]
Points: TypeAlias = npt.NDArray[np.float64]
Matrix: TypeAlias = npt.NDArray[np.float64]

FEWEST_POINTS: dict[Model, int] = {"translation": 1, "rigid": 2, "similarity": 2, "affine": 3}
"""How many pairs of points determine each model."""
TINY = 1e-12


def fit(model: Model, source: Points, target: Points, weights: Points | None = None) -> Matrix:
    """Least-squares map from source to target points.

    Rotation and scale as in Umeyama (1991, IEEE PAMI), in complex numbers.

    Parameters
    ----------
    model : {'translation', 'rigid', 'similarity', 'affine'}
        What the map may do.
    source, target : numpy.ndarray
        (..., N, 2) positions (y, x).
    weights : numpy.ndarray, optional
        (..., N) weights; all equal by default.

    Returns
    -------
    numpy.ndarray
        (..., 3, 3) float64; not finite where the points don't determine the map.
    """
    w = np.ones(source.shape[:-1]) if weights is None else weights
    w = (w / np.maximum(w.sum(axis=-1, keepdims=True), TINY))[..., np.newaxis]
    source_centre = (w * source).sum(axis=-2)
    target_centre = (w * target).sum(axis=-2)
    a, b = source - source_centre[..., np.newaxis, :], target - target_centre[..., np.newaxis, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        linear: Matrix = (
            _affine(a, b, w) if model == "affine" else _conformal(model, a, b, w[..., 0])
        )
    matrix = np.zeros((*source.shape[:-2], 3, 3))
    matrix[..., :2, :2] = linear
    matrix[..., :2, 2] = target_centre - np.einsum("...ij,...j->...i", linear, source_centre)
    matrix[..., 2, 2] = 1
    return matrix


def _affine(a: Points, b: Points, w: Points) -> Matrix:
    second = np.einsum("...ni,...nj->...ij", w * a, a)
    mixed = np.einsum("...ni,...nj->...ij", w * b, a)
    determinant = second[..., 0, 0] * second[..., 1, 1] - second[..., 0, 1] ** 2
    inverse = np.empty_like(second)
    inverse[..., 0, 0], inverse[..., 1, 1] = second[..., 1, 1], second[..., 0, 0]
    inverse[..., 0, 1] = inverse[..., 1, 0] = -second[..., 0, 1]
    determinant = np.where(determinant > TINY, determinant, np.nan)
    result: Matrix = mixed @ (inverse / determinant[..., np.newaxis, np.newaxis])
    return result


def _conformal(model: Model, a: Points, b: Points, w: Points) -> Matrix:
    """Rotation, and scale for a similarity: a complex factor, (y, x) as y + ix."""
    if model == "translation":
        return np.broadcast_to(np.eye(2), (*a.shape[:-2], 2, 2))
    za, zb = a[..., 0] + 1j * a[..., 1], b[..., 0] + 1j * b[..., 1]
    factor = (w * za.conj() * zb).sum(axis=-1)
    size = np.abs(factor) if model == "rigid" else (w * np.abs(za) ** 2).sum(axis=-1)
    factor = factor / np.where(size > TINY, size, np.nan)
    rows = [[factor.real, -factor.imag], [factor.imag, factor.real]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def apply(matrix: Matrix, points: Points) -> Points:
    """Map (N, 2) points by (..., 3, 3) matrices to (..., N, 2)."""
    moved: Points = points @ np.swapaxes(matrix[..., :2, :2], -1, -2)
    return moved + matrix[..., np.newaxis, :2, 2]


def inverse(matrix: Matrix) -> Matrix:
    """Inverse of (..., 3, 3) matrices."""
    return np.asarray(np.linalg.inv(matrix), np.float64)


def translation(shift: npt.ArrayLike) -> Matrix:
    """Matrices (..., 3, 3) of shifts (..., 2) (dy, dx) in px."""
    shifts = np.asarray(shift, np.float64)
    matrix = np.zeros((*shifts.shape[:-1], 3, 3))
    matrix[...] = np.eye(3)
    matrix[..., :2, 2] = shifts
    return matrix


@dataclass(frozen=True)
class Motion:
    """What a map does, in a person's terms.

    Attributes
    ----------
    shift : tuple of float
        (dy, dx) at the image's centre, in px.
    rotation_deg : float
        From the y axis towards the x axis: counter-clockwise on a screen whose y runs down.
    scale : float
        Mean change of length.
    shear : float
        Largest change of length against the mean.
    """

    shift: tuple[float, float]
    rotation_deg: float
    scale: float
    shear: float

    @classmethod
    def of(cls, matrix: Matrix, shape: tuple[int, int]) -> Self:
        """Take a (3, 3) map apart, seen from the centre of an image (Y, X)."""
        centre = (np.array(shape, float) - 1) / 2
        dy, dx = apply(matrix, centre[np.newaxis])[0] - centre
        (a, b), (c, d) = matrix[:2, :2]
        largest, smallest = np.linalg.svd(matrix[:2, :2], compute_uv=False)
        scale = float(np.sqrt(max(largest * smallest, TINY)))
        turn = float(np.degrees(np.arctan2(c - b, a + d)))
        return cls((float(dy), float(dx)), turn, scale, float(largest / scale - 1))

    def __str__(self) -> str:
        """'4.1 px down, 0.8° clockwise, 1.2 % larger'."""
        dy, dx = self.shift
        parts = [
            f"{abs(size):.1f} px {names[size > 0]}"
            for size, names in ((dy, ("up", "down")), (dx, ("left", "right")))
            if abs(size) >= 0.05
        ]
        if abs(self.rotation_deg) >= 0.05:
            sense = "counter-clockwise" if self.rotation_deg > 0 else "clockwise"
            parts.append(f"{abs(self.rotation_deg):.1f}° {sense}")
        if abs(self.scale - 1) >= 0.0005:
            sense = "larger" if self.scale > 1 else "smaller"
            parts.append(f"{100 * abs(self.scale - 1):.1f} % {sense}")
        return ", ".join(parts) or "no motion"


def neighbours_differ(matrices: Matrix) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Rotation in degrees and relative scale between each of (n, 3, 3) matrices and the next."""
    step = np.linalg.solve(matrices[:-1, :2, :2], matrices[1:, :2, :2])
    turn = np.degrees(np.arctan2(step[:, 1, 0] - step[:, 0, 1], step[:, 0, 0] + step[:, 1, 1]))
    scale = np.sqrt(np.abs(np.linalg.det(step)))
    return np.abs(turn), np.abs(scale - 1)
