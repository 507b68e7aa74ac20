"""Steps of Gauss–Newton for many frames at once: shift and turn against one reference.

`refine` fits a map with more freedom to one image. Single frames carry less: a shift and a small
turn, robust over the blocks, for all frames of a window in a few array operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from napari_zstack_align.register.recordings.geometry import Matrix
from napari_zstack_align.register.recordings.refine import HUBER, LEAST_INSIDE, Blocks, Image, Level

TINY = 1e-9


@dataclass(frozen=True)
class FrameSteps:
    """Normal equations of the blocks of n frames.

    Attributes
    ----------
    level : Level
        What the frames are compared with.
    hessian : numpy.ndarray
        (n, blocks, 2, 2).
    gradient : numpy.ndarray
        (n, blocks, 2).
    known : numpy.ndarray
        (n, blocks) bool: blocks of which enough lies inside the raw frame.
    """

    level: Level
    hessian: Blocks
    gradient: Blocks
    known: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, level: Level, frames: Sequence[Image] | Image, matrices: Matrix) -> Self:
        """Compare filtered frames, each mapped by its own matrix (n, 3, 3), with the level."""
        gradient, inside = level.differences(frames, matrices)
        hessian = level.hessian * inside[:, :, np.newaxis, np.newaxis]
        return cls(level, hessian, gradient, inside > LEAST_INSIDE)

    def shifts(self) -> Blocks:
        """(n, 2) shifts (dy, dx) in px that undo the differences, robust over the blocks."""
        return self._weighted(self._agreement(self._weighted(self.known)))

    def turns(self, shifts: Blocks) -> Blocks:
        """(n,) rotations left after the shifts, as the px that they move the blocks on average."""
        weights = self._agreement(shifts)
        offset = self.level.centres - self.level.centres.mean(axis=0)
        across = np.stack([-offset[:, 1], offset[:, 0]], -1)
        pulled = np.einsum("nb,bi,nbi->n", weights, across, self._misfits(shifts))
        curved = np.einsum("bi,nbij,bj->nb", across, self.hessian, across)
        stiffness = (weights * curved).sum(axis=1)
        turns = np.zeros(len(shifts))
        np.divide(-pulled * self.level.radius, stiffness, out=turns, where=stiffness > 0)
        return turns

    def halves(self) -> Blocks:
        """(2, n, 2) shifts from either half of the blocks: what they share is motion, not noise."""
        white = self.level.white
        return np.stack([self._weighted(self.known & half) for half in (white, ~white)])

    def _weighted(self, weights: npt.NDArray[Any]) -> Blocks:
        n, blocks = weights.shape
        flat = self.hessian.reshape(n, blocks, 4)
        yy, yx, _, xx = np.einsum("nb,nbk->kn", weights, flat)
        gy, gx = np.einsum("nb,nbk->kn", weights, self.gradient)
        determinant = yy * xx - yx * yx
        solvable = determinant > TINY * (yy + xx) ** 2
        shifts = np.zeros((n, 2))
        np.divide(yx * gx - xx * gy, determinant, out=shifts[:, 0], where=solvable)
        np.divide(yx * gy - yy * gx, determinant, out=shifts[:, 1], where=solvable)
        return shifts

    def _misfits(self, shifts: Blocks) -> Blocks:
        return np.einsum("nbij,nj->nbi", self.hessian, shifts) + self.gradient

    def _agreement(self, shifts: Blocks) -> Blocks:
        """(n, blocks) weights by how well each block agrees with its frame's shift.

        A block that stands out loses its weight with the square: a frame is pulled by one bright
        cell more than a mean is.
        """
        power = self.hessian[..., 0, 0] + self.hessian[..., 1, 1]
        power += TINY * power.max(axis=1, keepdims=True) + 1e-30
        length = np.sqrt((self._misfits(shifts) ** 2).sum(axis=2) / power)
        ordered = np.sort(np.where(self.known, length, np.inf), axis=1)
        middle = np.minimum(self.known.sum(axis=1) // 2, length.shape[1] - 1)
        typical = np.take_along_axis(ordered, middle[:, np.newaxis], axis=1)
        typical[~np.isfinite(typical)] = 0.0
        return self.known / np.maximum(length / np.maximum(HUBER * typical, 1e-30), 1) ** 2


def moved_by(level: Level, shifts: Blocks, turns: Blocks) -> Matrix:
    """(n, 3, 3) maps that shift, and turn the blocks about their middle by so many px each."""
    angle = turns / (level.radius or 1.0)  # a single block can't turn
    matrices = np.tile(np.eye(3), (len(shifts), 1, 1))
    matrices[:, 0, 0] = matrices[:, 1, 1] = np.cos(angle)
    matrices[:, 1, 0] = np.sin(angle)
    matrices[:, 0, 1] = -matrices[:, 1, 0]
    middle = level.centres.mean(axis=0)
    matrices[:, :2, 2] = shifts + middle - matrices[:, :2, :2] @ middle
    return matrices
