"""Repeats of a slice that show different places or depths of the tissue.

The correlation of a repeat with the mean of the others says little where several are lost: each
spoils the mean that the right ones are compared with. So repeats are compared in pairs. Those of
one place resemble one another; where a slice falls into groups that don't, the slices beside it
say which group is right, or else more than half of the repeats do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.signal import correlate
from scipy.sparse.csgraph import connected_components

from napari_zstack_align.alignment.quality import Compared, Image, noise_spread

Which: TypeAlias = npt.NDArray[np.bool_]
Places: TypeAlias = npt.NDArray[np.intp]

FEWEST_REPEATS = 3
"""Of two that differ there is no telling what repeats of one place would reach."""
LINK = 0.5
"""Repeats of one place correlate by this part of what is usual in their slice, or more."""
NOISE_SPREADS = 4.0
"""... or by less than so many spreads of pure noise below it."""
LEAST_USUAL, LEAST_SPREADS = 0.15, 5.0
"""A slice whose repeats are less alike, or by less than so many spreads of pure noise, shows too
little to tell places apart."""
CLEARER = 1.4
"""The right group resembles the slices beside it by this factor more than every other one."""
LEAST_BESIDE = 0.1
"""Less alike, neighbouring slices tell nothing."""
COMPARED_PX = 128
"""Larger images are compared at every second pixel: the band leaves nothing finer."""


def places(compared: Sequence[Compared], good: Which, mask: Image | None) -> Places:
    """(n,) number of the place that each repeat shows, -1 for those that aren't good.

    Parameters
    ----------
    compared : sequence of Compared
        The aligned repeats.
    good : numpy.ndarray
        (n,) bool: which of them are looked at.
    mask : numpy.ndarray, optional
        Weights at the size of the compared images.
    """
    result = np.where(good, 0, -1)
    chosen = np.flatnonzero(good)
    if len(chosen) < FEWEST_REPEATS:
        return result
    alike, spread = _in_pairs([compared[i] for i in chosen.tolist()], mask)
    usual = float(np.median(alike.max(axis=1)))
    if usual < max(LEAST_USUAL, LEAST_SPREADS * spread):
        return result
    linked = (alike > LINK * usual) | (alike > usual - NOISE_SPREADS * spread)
    result[chosen] = connected_components(linked, directed=False)[1]
    return result


def _in_pairs(
    compared: Sequence[Compared], mask: Image | None
) -> tuple[npt.NDArray[np.float64], float]:
    """(n, n) correlations, those of a repeat with itself or a copy aside; spread of pure noise."""
    step = np.s_[::2, ::2] if min(compared[0].aligned.shape) >= COMPARED_PX else np.s_[:, :]
    units = []
    for one in compared:
        weight = one.valid.astype(np.float32) if mask is None else one.valid * mask
        units.append(_unit(one.aligned[step], weight[step]))
    alike = np.full((len(units), len(units)), -1.0)
    for i, first in enumerate(units):
        for j in range(i):
            if not np.array_equal(compared[i].raw, compared[j].raw):
                alike[i, j] = alike[j, i] = np.vdot(first, units[j])
    seen = compared[0].valid if mask is None else mask > 0
    return alike, noise_spread(int(seen.sum()))


def _unit(image: Image, weight: Image) -> Image:
    """Image of mean 0 and length 1; 0 where nothing counts."""
    total = float(weight.sum())
    away = image - np.float32(np.vdot(weight, image) / total if total else 0)
    away = away * np.sqrt(weight)
    length = float(np.sqrt(np.vdot(away, away)))
    return np.asarray(away / np.float32(length or 1), np.float32)


def mean_of(compared: Sequence[Compared]) -> Image:
    """Mean (Y, X) of aligned repeats, 0 where none is valid."""
    total = np.sum([np.where(one.valid, one.aligned, 0) for one in compared], axis=0)
    count = np.sum([one.valid for one in compared], axis=0)
    return np.asarray(total / np.maximum(count, 1), np.float32)


def likeness_nearby(image: Image, other: Image, reach: float) -> float:
    """Highest correlation of two compared images (Y, X) over shifts of up to ``reach`` px."""
    weight = np.ones_like(image)
    score = correlate(_unit(image, weight), _unit(other, weight), mode="same", method="fft")
    y, x = (np.arange(size) - size // 2 for size in score.shape)
    return float(score[np.hypot(y[:, np.newaxis], x) <= reach + 1].max())


def clearly_right(beside: npt.NDArray[np.float64]) -> int | None:
    """Return the place that resembles the slices beside clearly more than the others; else None.

    Parameters
    ----------
    beside : numpy.ndarray
        (places,) how much each resembles them; NaN where these show nothing.
    """
    second, first = np.sort(beside)[-2:]
    clear = first > LEAST_BESIDE and first > CLEARER * second
    return int(beside.argmax()) if clear else None


def shown_by_most(shown: Places) -> int | None:
    """Return the place that more than half of the repeats (n,) show; None where there is none."""
    counts = np.bincount(shown[shown >= 0])
    return int(counts.argmax()) if 2 * counts.max() > counts.sum() else None
