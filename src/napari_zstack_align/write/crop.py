"""The largest rectangle that every aligned frame covers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import Job, Progress

Bools = npt.NDArray[np.bool_]


class Box(NamedTuple):
    """Rows ``y0`` to ``y1`` and columns ``x0`` to ``x1`` (exclusive), in px of the reference."""

    y0: int
    y1: int
    x0: int
    x1: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the box in an image (Y, X)."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def __str__(self) -> str:
        return f"rows {self.y0} to {self.y1 - 1}, columns {self.x0} to {self.x1 - 1}"


def common_box(alignments: Sequence[Alignment]) -> Job[Box]:
    """Find the largest box that is valid in every unflagged frame of all alignments.

    Raises
    ------
    InputError
        Where the frames share no field of view, or the alignments no reference.
    """
    if len({alignment.transforms.shape for alignment in alignments}) != 1:
        raise InputError("These alignments have references of different sizes: export each alone.")
    return _common_box(alignments)


def _common_box(alignments: Sequence[Alignment]) -> Job[Box]:
    common = np.ones(alignments[0].transforms.shape, bool)
    for done, alignment in enumerate(alignments):
        yield Progress("Finding the common field of view", done, len(alignments))
        common &= alignment.common_fov()
    if not common.any():
        raise InputError(
            "No pixel lies inside every frame, so there is nothing to crop to: export without "
            "cropping."
        )
    return largest_box(common)


def largest_box(inside: Bools) -> Box:
    """Find the largest box whose pixels are all True.

    For every row, each column knows how far True reaches up from it, and how wide that height
    can be kept; so a row is a few operations on whole arrays.

    Parameters
    ----------
    inside : numpy.ndarray
        (Y, X) bool, somewhere True.
    """
    width = inside.shape[1]
    columns = np.arange(width)
    height, left, right = np.zeros(width, int), np.zeros(width, int), np.full(width, width)
    best, best_area = Box(0, 0, 0, 0), 0
    for y, row in enumerate(inside):
        run_left = np.maximum.accumulate(np.where(row, 0, columns + 1))
        run_right = np.minimum.accumulate(np.where(row, width, columns)[::-1])[::-1]
        height = np.where(row, height + 1, 0)
        left = np.where(row, np.maximum(left, run_left), 0)
        right = np.where(row, np.minimum(right, run_right), width)
        area = height * (right - left)
        x = int(np.argmax(area))
        if area[x] > best_area:
            best_area = int(area[x])
            best = Box(y + 1 - int(height[x]), y + 1, int(left[x]), int(right[x]))
    return best
