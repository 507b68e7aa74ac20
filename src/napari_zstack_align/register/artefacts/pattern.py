"""Rows or columns with an offset of their own, in the same place of the detector throughout.

The median over a row of the differences to the row before is what the rows' offsets differ by:
tissue crosses a border between rows both ways. Such steps that stay in place while the tissue
moves are taken off; those that move with it are layers of the tissue.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from napari_zstack_align.register.artefacts.movement import MOVED_PX, Movement
from napari_zstack_align.register.brightness import TINY
from napari_zstack_align.spread import SD_PER_MAD

Image = npt.NDArray[np.float32]
Profile = npt.NDArray[np.float64]

APART_PX = 1.2
FEWEST_PAIRS = 0.25
"""Least number of pairs of frames that the tissue of a tile moved between, per frame."""
SMOOTH_PX = 16.0
"""Offsets that change more slowly from row to row are shading, which harms nobody."""
LEAST_PART = 0.01
"""Offsets below this part of how much the pixels differ move nothing."""
SIGNIFICANT = 5.0
TIMES_TISSUE = 2.0
CAP = 6.0
"""Steps count up to so many standard deviations: rows of single frames may have been struck."""
CLIP = 1.5
"""Single pixels count up to so many, until there is something to be measured."""
ENOUGH_PX = 128
"""So many pixels of a row show whether there is."""
MOST_FRAMES = 36
FEW_FRAMES = 12
"""So many show whether a step is in all of them."""
TEXTURED = 90.0
"""Percentile over the rows: those that cross tissue, where most are dark."""


@dataclass(frozen=True)
class Pattern:
    """Offsets of rows (Y,) and columns (X,), float32; zeros where there are none."""

    rows: npt.NDArray[np.float32]
    columns: npt.NDArray[np.float32]

    def __bool__(self) -> bool:
        return bool(self.rows.any() or self.columns.any())

    @property
    def image(self) -> Image:
        """(Y, X) float32, what is added to every frame."""
        return self.rows[:, np.newaxis] + self.columns


def find_pattern(
    images: Image,
    groups: npt.NDArray[np.intp],
    movement: Movement,
    known: npt.NDArray[np.bool_],
) -> Pattern:
    """Find the offsets of rows and columns.

    Parameters
    ----------
    images : numpy.ndarray
        (n, Y, X) float32 frames.
    groups : numpy.ndarray
        (n,) frames of a group show the same tissue: only these are compared, as layers of the
        tissue go on from slice to slice.
    movement : Movement
    known : numpy.ndarray
        (Y, X) bool: pixels that are left out already.
    """
    few = _few(groups)  # a view where the frames are of one group
    images, groups, shifts = images[few], groups[few], movement.shifts[few]
    usable = np.where(known, np.float32(np.nan), images) if known.any() else images
    rows = _offsets(usable, groups, shifts[..., 0])
    columns = _offsets(usable.transpose(0, 2, 1), groups, shifts[..., 1].transpose(0, 2, 1))
    return Pattern(rows, columns)


def shared_step(images: Image, known: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Largest step between rows, or columns, that is in all frames, however little these move.

    Parameters
    ----------
    images : numpy.ndarray
        (n, Y, X) float32 frames.
    known : numpy.ndarray
        (Y, X) bool: pixels that don't count.

    Returns
    -------
    step : float
        Counts.
    times : float
        The same in units of what half of the pixels of a row that crosses tissue differ by.
    """
    few = np.where(known, np.float32(np.nan), images[:: max(len(images) // FEW_FRAMES, 1)])
    found = [_shared_step(some) for some in (few, few.transpose(0, 2, 1))]
    return max(found, key=lambda each: each[1])


def _shared_step(images: Image) -> tuple[float, float]:
    """`shared_step` between rows."""
    some = images[:, :, :: max(images.shape[2] // ENOUGH_PX, 1)]
    steps = _median(np.diff(some, axis=1))
    shared = np.maximum(steps.min(axis=0), 0) + np.minimum(steps.max(axis=0), 0)
    rows = some[len(some) // 2]
    rows = rows[np.isfinite(rows).any(axis=1)]
    if not shared.any() or not len(rows):
        return 0.0, 0.0
    low, high = np.nanpercentile(rows, (25, 75), axis=1)
    step = float(np.abs(shared).max())
    return step, step / max(float(np.percentile(high - low, TEXTURED)), TINY)


def _few(groups: npt.NDArray[np.intp]) -> slice | npt.NDArray[np.bool_]:
    """Enough frames, whole groups where there are several."""
    names = np.unique(groups)
    every = -(-len(groups) // MOST_FRAMES)
    if len(names) < every or every == 1:
        return slice(None, None, every)
    return np.isin(groups, names[::every])


def _offsets(
    images: Image, groups: npt.NDArray[np.intp], shifts: Profile
) -> npt.NDArray[np.float32]:
    """(Y,) offsets of the rows of frames whose tiles moved by so many rows (n, rows, columns)."""
    length = images.shape[1]
    none = np.zeros(length, np.float32)
    if all(np.ptp(shifts[groups == g], axis=0).max() < APART_PX for g in np.unique(groups)):
        return none
    # A clipped mean needs no sorting as a median does, and shows as well whether there are any.
    some = images[:, :, :: max(images.shape[2] // ENOUGH_PX, 1)]
    parts = _parts(_clipped(np.diff(some, axis=1)), shifts.shape[2], _mean)
    spread = _capped(parts)
    noise = spread / np.sqrt(parts.shape[0] * parts.shape[1])
    if not (np.abs(parts.mean(axis=(0, 1))) > SIGNIFICANT * noise).any():
        return none
    stays, goes = _agreement(parts, groups, shifts)
    if stays <= 0 or stays < TIMES_TISSUE * goes:
        return none
    parts = _parts(np.diff(images, axis=1), shifts.shape[2], _median)
    _capped(parts)
    offsets = np.concatenate([[0], np.cumsum(parts.mean(axis=(0, 1)))])
    offsets -= gaussian_filter1d(offsets, SMOOTH_PX, mode="nearest")
    if np.abs(offsets).max() < LEAST_PART * float(np.nanstd(some)):
        return none
    return np.asarray(offsets - np.median(offsets), np.float32)


def _parts(steps: Image, n_columns: int, average: Callable[[Image], Profile]) -> Profile:
    """(n, columns, Y - 1) averages of steps (n, Y - 1, X) over the tiles along the last axis."""
    edges = np.linspace(0, steps.shape[2], n_columns + 1).astype(int)
    return np.stack([average(steps[:, :, a:b]) for a, b in pairwise(edges)], axis=1)


def _clipped(steps: Image) -> Image:
    """Cut steps (n, Y - 1, X), in place, to what noise would make of a pixel."""
    some = steps[:, :, ::7]
    limit = CLIP * SD_PER_MAD * float(np.nanmedian(np.abs(some[:: max(len(some) // 8, 1)])))
    return np.clip(steps, -limit, limit, out=steps) if limit > 0 else steps


def _capped(parts: Profile) -> float:
    """Cut what single frames stand out by, in place; returns the spread of (n, columns, Y - 1)."""
    usual = np.median(parts, axis=0)
    spread = max(SD_PER_MAD * float(np.median(np.abs(parts - usual))), TINY)
    np.clip(parts, usual - CAP * spread, usual + CAP * spread, out=parts)
    return spread


def _agreement(
    parts: Profile, groups: npt.NDArray[np.intp], shifts: Profile
) -> tuple[float, float]:
    """How well the steps of frames agree at the detector, and where the tissue went.

    Parameters
    ----------
    parts : numpy.ndarray
        (n, columns, Y - 1) steps in columns of tiles.
    groups : numpy.ndarray
        (n,) frames of a group are compared.
    shifts : numpy.ndarray
        (n, rows, columns) of the tiles.
    """
    stays, goes = [0.0], [0.0]
    same = groups[np.newaxis] == groups[:, np.newaxis]
    # Of noisy frames, some tile seems to move by as much in any still movie; not most of them.
    usual = np.median(shifts, axis=(1, 2))
    moves = np.abs(usual[np.newaxis] - usual[:, np.newaxis]) >= MOVED_PX
    borders = np.linspace(0, parts.shape[2], shifts.shape[1] + 1).astype(int)
    for row, (start, stop) in enumerate(pairwise(borders)):
        for column in range(shifts.shape[2]):
            moved = shifts[:, row, column]
            apart = np.abs(moved[np.newaxis] - moved[:, np.newaxis]) >= APART_PX
            first, second = np.nonzero(apart & same & moves)
            if len(first) < FEWEST_PAIRS * len(parts):
                continue
            by = np.round(moved[second] - moved[first]).astype(int)
            at = np.arange(start, stop) + by[:, np.newaxis]
            inside = (at >= 0) & (at < parts.shape[2])
            at = np.clip(at, 0, parts.shape[2] - 1)
            here = parts[:, column, start:stop]
            there = parts[second[:, np.newaxis], column, at] * inside
            stays.append(float((here[first] * here[second]).sum()))
            goes.append(float((here[first] * there).sum()))
    return sum(stays), sum(goes)


def _mean(steps: Image) -> Profile:
    """(n, Y - 1) means over the last axis, pixels without numbers aside."""
    known = np.isfinite(steps)
    if known.all():
        return steps.mean(axis=2).astype(np.float64)
    total = np.where(known, steps, 0).sum(axis=2, dtype=np.float64)
    return np.asarray(total / np.maximum(known.sum(axis=2), 1))


def _median(steps: Image) -> Profile:
    """(n, Y - 1) medians over the last axis, pixels without numbers aside."""
    if np.isfinite(steps).all():
        return np.median(steps, axis=2).astype(np.float64)
    known = np.isfinite(steps).any(axis=2)
    result = np.zeros(steps.shape[:2])
    result[known] = np.nanmedian(steps[known], axis=-1)
    return result
