"""Displacement fields as few numbers: their cosine modes, in bins of equal smoothness."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.spline import basis_matrix

Matrix: TypeAlias = npt.NDArray[np.float64]
Bins: TypeAlias = npt.NDArray[np.intp]

HIGHEST = 5
"""Half waves over the shorter side in the finest bin: as fine as steps between slices resolve."""
SHIFT = 0
"""The bin of translations."""
PLACES_PER_POINT = 8
"""Fields are compared at so many places an interval of control points."""


@dataclass(frozen=True)
class Modes:
    """Cosine modes of the fields on an image.

    A field is ``sum over modes of value * cos cos``, normalised so that the sum of the squared
    values is its mean square. Modes finer than `HIGHEST` are left out.

    Attributes
    ----------
    shape : tuple of int
        (Y, X) of the image.
    """

    shape: tuple[int, int]

    @cached_property
    def wanted(self) -> npt.NDArray[np.bool_]:
        """(ky, kx) bool: the modes that count."""
        return self._smoothness < HIGHEST + 0.5

    @cached_property
    def bins(self) -> Bins:
        """(K,) bin of each value: half waves over the shorter side; those of dy, then of dx."""
        of_one = np.rint(self._smoothness[self.wanted]).astype(np.intp)
        return np.concatenate([of_one, of_one])

    def values(self, fields: npt.NDArray[np.floating], spacing_px: float) -> Matrix:
        """(n, K) values of spline fields (n, 2, gy, gx)."""
        rows, columns = (
            waves.T @ basis_matrix(places, size, spacing_px) / len(places)
            for waves, places, size in zip(self._waves, self._places, self.shape, strict=True)
        )
        modes = rows @ fields.astype(np.float64) @ columns.T
        return np.asarray(modes[..., self.wanted].reshape(len(fields), -1))

    def splines(self, values: Matrix, spacing_px: float) -> Matrix:
        """(n, 2, gy, gx) coefficients of the fields with these values (n, K), by least squares."""
        modes = np.zeros((len(values), 2, *self.wanted.shape))
        modes[..., self.wanted] = values.reshape(len(values), 2, -1)
        rows, columns = (
            np.linalg.pinv(basis_matrix(places, size, spacing_px).astype(np.float64)) @ waves
            for waves, places, size in zip(self._waves, self._places, self.shape, strict=True)
        )
        return np.asarray(rows @ modes @ columns.T)

    @cached_property
    def _smoothness(self) -> Matrix:
        counts = [waves.shape[1] for waves in self._waves]
        shorter = min(self.shape)
        ky, kx = (np.arange(n) * shorter / size for n, size in zip(counts, self.shape, strict=True))
        return np.hypot(ky[:, np.newaxis], kx)

    @cached_property
    def _places(self) -> tuple[Matrix, Matrix]:
        """Where fields are compared along each axis, in the middle of equal parts."""
        first, second = (_places(size) for size in self.shape)
        return first, second

    @cached_property
    def _waves(self) -> tuple[Matrix, Matrix]:
        """(places, k) cosines along each axis, of mean square 1."""
        first, second = (
            _waves(len(places), int(np.ceil((HIGHEST + 0.5) * size / min(self.shape))))
            for size, places in zip(self.shape, self._places, strict=True)
        )
        return first, second


def _places(size: int) -> Matrix:
    count = min(size, max(size // PLACES_PER_POINT, 2 * HIGHEST + 2))
    return (np.arange(count) + 0.5) * size / count - 0.5


def _waves(n_places: int, count: int) -> Matrix:
    k = np.arange(min(count, n_places))
    waves = np.cos(np.pi * (np.arange(n_places)[:, np.newaxis] + 0.5) * k / n_places)
    return np.asarray(waves * np.where(k == 0, 1.0, np.sqrt(2.0)))
