"""How smooth the fields within a slice should be, told by the data: no knob.

The registration is linear near its solution, so that what another smoothness would have found
follows from one solve. Its error is told without the truth (Stein's unbiased risk estimate, Stein
1981, Ann. Stat.): noise alone, the frames' own residuals put elsewhere in the image, goes through
the same solves and shows how far they scatter; what a smoother field differs from a rough one by
more than noise makes it differ is motion that it misses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_zstack_align.register.normal_equations import NormalEquations, normal_equations
from napari_zstack_align.register.prefilter import Image
from napari_zstack_align.register.smoothness import smoothness
from napari_zstack_align.register.template import Coefficients, Level

FACTORS = tuple(2.0**k for k in range(-3, 11))
"""Multiples of the smoothness that are tried."""
FEWEST_FRAMES = 3
MOST_FRAMES = 12
ROLLS = ((1, 3), (2, 5), (3, 4))
"""Where the residuals are put, in sixths of the image along y and sevenths along x."""
SAMPLING = 8
"""Fields are compared at every eighth pixel."""


@dataclass(frozen=True)
class Calibration:
    """Right-hand sides of registered frames, and of noise alone.

    Attributes
    ----------
    level : Level
        That the frames were registered at last.
    motion : numpy.ndarray
        (n, 2, gy, gx): the normal equations' right side for each frame.
    noise : numpy.ndarray
        (m, 2, gy, gx): the same for noise that doesn't move.
    """

    level: Level
    motion: Coefficients
    noise: Coefficients

    @classmethod
    def of(cls, level: Level, fields: Coefficients, residuals: Sequence[Image]) -> Calibration:
        """Take the equations of frames (n, 2, gy, gx) with their residuals (Y, X)."""
        motion = [
            level.pull(field) - level.data_gradient(residual)
            for field, residual in zip(fields, residuals, strict=True)
        ]
        noise = [
            [-level.data_gradient(_elsewhere(level, residual, roll)) for residual in residuals]
            for roll in ROLLS
        ]
        # The mean over the repeats of a slice is zero by choice, that of their noise as well.
        centred = [np.stack(part) - np.mean(part, axis=0) for part in (motion, *noise)]
        return cls(level, centred[0], np.concatenate(centred[1:]))

    def risks(
        self, shape: tuple[int, int], spacing: float, alpha: float
    ) -> npt.NDArray[np.float64]:
        """Expected squared error of the fields (px²) at each of `FACTORS` times a smoothness."""
        rough: tuple[Image, Image] | None = None
        risks = []
        for factor in FACTORS:
            equations = self._equations(shape, spacing, factor * alpha)
            found, scatter = (
                self._sampled(equations.solve(part)) for part in (self.motion, self.noise)
            )
            rough = rough or (found, scatter)
            missed = _power(found - rough[0]) - _power(scatter - rough[1])
            risks.append(missed + _power(scatter))
        return np.array(risks)

    def errors(self, shape: tuple[int, int], spacing: float, alpha: float) -> Coefficients:
        """(m, 2, gy, gx) fields that noise alone makes at some smoothness."""
        n = len(self.motion)
        centred = self._equations(shape, spacing, alpha).solve(self.noise)
        return centred * np.float32(np.sqrt(n / (n - 1)))

    def _equations(self, shape: tuple[int, int], spacing: float, alpha: float) -> NormalEquations:
        return normal_equations(
            self.level.weighted_gradients,
            self.level.gradients,
            self.level.bases,
            smoothness(shape, spacing, alpha),
            self.level.prior_scale,
        )

    def _sampled(self, field: Coefficients) -> Image:
        rows, columns = (basis[::SAMPLING] for basis in self.level.bases)
        return np.asarray(rows @ field @ columns.T, np.float32)


@dataclass(frozen=True)
class Calibrated:
    """What some registered frames tell of all others.

    Attributes
    ----------
    factor : float
        On the smoothness, that predicts the least error.
    errors : numpy.ndarray
        (m, 2, gy, gx) fields that noise alone makes.
    """

    factor: float
    errors: Coefficients


def calibrated(
    level: Level,
    fields: Coefficients,
    residuals: Sequence[Image],
    shape: tuple[int, int],
    spacing: float,
    alpha: float,
) -> Calibrated:
    """Find the factor on a smoothness that predicts the least error; 1 from too few frames."""
    if len(fields) < FEWEST_FRAMES:
        return Calibrated(1.0, np.zeros((0, *fields.shape[1:]), np.float32))
    told = Calibration.of(level, fields, residuals)
    factor = FACTORS[int(told.risks(shape, spacing, alpha).argmin())]
    return Calibrated(factor, told.errors(shape, spacing, factor * alpha))


def _elsewhere(level: Level, residual: Image, roll: tuple[int, int]) -> Image:
    """Residual moved to another part of the image, as strong as the residuals there are."""
    amplitude = np.sqrt(level.weights)
    shift = tuple(
        part * size // n for part, size, n in zip(roll, residual.shape, (6, 7), strict=True)
    )
    moved: Image = np.roll(residual * amplitude, shift, axis=(0, 1))
    return np.divide(moved, amplitude, out=np.zeros_like(moved), where=amplitude > 0)


def _power(fields: Image) -> float:
    """Mean square length of fields (n, 2, y, x)."""
    return float((fields**2).sum(axis=1).mean())
