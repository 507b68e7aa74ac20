"""Whether anything at all tells the slices of a layout apart.

Frames of a recording that drifts, bleaches or is active are less alike the farther apart in time
they are, as those of a z-stack of thin slices are. Only frames that are about as far apart in time
show whether it matters that a layout puts two of them into one slice: those across a border of
slices beside those within, or, where the slices run fastest, those of one plane in two volumes
beside those one plane off.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.read.layout.arrangements import Arrangement, Kind
from napari_zstack_align.read.layout.borders import Following, mean_drop
from napari_zstack_align.read.layout.pairs import FramePairs

LEAST_ERRORS = 3.0
"""Slices are told apart where frames resemble their own slice more by so many errors."""
FEWEST_FRAMES = 6
PLANES_OFF = (1, 2)
"""Frames of one plane are compared with those so many planes off: even and odd frames of one plane
may differ (scan directions), so that those one plane off alone tell nothing."""


def are_told_apart(pairs: FramePairs, layout: Arrangement) -> bool | None:
    """Whether frames resemble those of their own slice more than others as far apart in time.

    Returns
    -------
    bool or None
        None where there are too few such frames.
    """
    if layout.kind is Kind.REPEATS:
        errors = mean_drop(Following.blocks_of(pairs), layout.length, pairs.by_chance)
        return None if errors is None else errors > LEAST_ERRORS
    gains = [_gain(pairs, layout.length, off) for off in PLANES_OFF if 2 * off <= layout.length]
    known = [gain for gain in gains if gain is not None]
    return min(known) > LEAST_ERRORS if known else None


def _gain(pairs: FramePairs, n_planes: int, off: int) -> float | None:
    """By how many errors frames of one plane are more alike than those some planes off."""
    alike = np.where(np.isfinite(pairs.alike), pairs.alike, np.nan)
    frames = pairs.frames.ravel()
    lag = np.abs(frames[:, np.newaxis] - frames)
    gains = []
    for volumes in range(1, int(lag.max(initial=0)) // n_planes + 1):
        at = n_planes * volumes
        own, before, after = (_mean_at(alike, lag == each) for each in (at, at - off, at + off))
        gains.append(own - (before + after) / 2)
    if not gains:
        return None
    each = np.array(gains)
    known = np.isfinite(each)
    rows = known.any(axis=0)
    if rows.sum() < FEWEST_FRAMES:
        return None
    of_frame = np.where(known, each, 0).sum(axis=0)[rows] / known.sum(axis=0)[rows]
    error = float(of_frame.std(ddof=1)) / np.sqrt(len(of_frame))
    return float(of_frame.mean()) / max(error, 1e-9)


def _mean_at(
    alike: npt.NDArray[np.floating], where: npt.NDArray[np.bool_]
) -> npt.NDArray[np.floating]:
    """(n,) mean similarity of each frame to some others; NaN where there are none."""
    counted = where & np.isfinite(alike)
    number = counted.sum(axis=1)
    total = np.where(counted, alike, 0).sum(axis=1)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)
