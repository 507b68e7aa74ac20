"""The prior on displacement fields: membrane and bending energy of a cubic B-spline field.

Integrals over the image of |∇w|² (membrane) and of the squared second derivatives (bending)
separate into small matrices along each axis (Rueckert et al. 1999, IEEE TMI; Sorzano, Thévenaz &
Unser 2005, IEEE TBME).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.spline import basis_matrix

Matrix = npt.NDArray[np.float32]

BENDING_WEIGHT = 12.5
"""Strength of the bending energy at alpha = 1, times the squared grid spacing."""
MEMBRANE_WEIGHT = 1.0
"""Strength of the membrane energy at alpha = 1."""


@dataclass(frozen=True)
class Smoothness:
    """Quadratic energy of a field, as a sum of products of small matrices along y and x.

    Attributes
    ----------
    terms : tuple of (numpy.ndarray, numpy.ndarray)
        Pairs ((gy, gy), (gx, gx)): the energy of one component with coefficients c (gy, gx) is
        half of the sum of ``c * (along_y @ c @ along_x)``.
    """

    terms: tuple[tuple[Matrix, Matrix], ...]

    @cached_property
    def stacked(self) -> tuple[Matrix, Matrix]:
        """(n, gy, gy) and (n, gx, gx): the matrices of all terms."""
        return np.stack([y for y, _ in self.terms]), np.stack([x for _, x in self.terms])

    def gradient(self, coefficients: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Gradient of the energy with respect to the coefficients (2, gy, gx)."""
        return np.sum([y @ coefficients @ x for y, x in self.terms], axis=0, dtype=np.float32)


@lru_cache(maxsize=8)
def smoothness(image_shape: tuple[int, int], spacing: float, alpha: float) -> Smoothness:
    """Build the prior of fields over an image (Y, X), ``alpha`` times the standard strength."""
    y0, y1, y2 = (_gram(image_shape[0], spacing, d) for d in range(3))
    x0, x1, x2 = (_gram(image_shape[1], spacing, d) for d in range(3))
    membrane, bending = alpha * MEMBRANE_WEIGHT, alpha * BENDING_WEIGHT * spacing**2
    terms = (
        (membrane * y1 + bending * y2, x0),
        (membrane * y0 + 2 * bending * y1, x1),
        (bending * y0, x2),
    )
    return Smoothness(tuple((y.astype(np.float32), x.astype(np.float32)) for y, x in terms))


def _gram(size: int, spacing: float, derivative: int) -> npt.NDArray[np.float64]:
    """Inner products over the pixels of the basis functions' derivatives along an axis."""
    basis = basis_matrix(np.arange(size), size, spacing, derivative).astype(np.float64)
    gram: npt.NDArray[np.float64] = basis.T @ basis
    return gram
