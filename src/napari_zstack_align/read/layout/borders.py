"""Whether frames are less alike across each of the borders of slices that lie at equal distances.

Where a few borders stand out (tissue that ends, a gap), a period that hits those matches better
than the repeats of a slice, and can be a multiple of them. So each divisor of a period is asked
whether frames are less alike across its borders inside the period, too: it holds several slices
then.

The drop at a border is estimated by least squares from all pairs of up to six frames to each
side, at most six apart: a pair's similarity is the sum of a term for its distance in time, one for
each of its two frames (motion and noise of single frames), and the drop where the border lies in
between. The designs are alike for all borders, so that a drop is one scalar product, and what is
left of the similarities is its error. Beside borders of two or three frames there are too few pairs
for the terms of single frames; these are left out there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from napari_zstack_align.read.layout.pairs import FramePairs

LAGS = 6
"""Pairs are at most so many frames apart."""
WIDEST = 6
"""So many frames to each side of a border are looked at."""
FEWEST_FOR_FRAMES = 4
"""From so many frames to each side on, the similarities tell what single frames do."""
FEWEST_BORDERS = 2
DROPPING_PART = 0.8
"""Part of the borders at which similarity drops: of true ones nearly all, of others about half."""
DROP_ERRORS, DROP_SPREADS = 4.0, 2.0
"""The mean drop is so many times its error, by what is left of the similarities and by how much
drops differ."""
DROP_ERRORS_OF_FEW = 6.0
"""... where few frames lie between borders inside a period: a cell that lights up in one of them
makes drops, too."""
LEAST_DROP = 0.003
"""Frames that are equal to the last bit but one differ, too."""
MOST_TIMES = 2.0
"""Drops count up to so many times their median: one clear border says nothing of the others."""
LEAST_LEVEL = 0.05
"""Frames beside a border show something where they are alike by this much more than by chance."""

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Following:
    """Frames after one another, and how alike those close together are.

    Attributes
    ----------
    first : int
        Which is the first one.
    alike : numpy.ndarray
        (lags, n - 1) similarity of frame t with t + 1 + lag index; NaN where unknown.
    """

    first: int
    alike: npt.NDArray[np.floating]

    @classmethod
    def blocks_of(cls, pairs: FramePairs) -> list[Following]:
        """Blocks of a sample of frames."""
        n_blocks, length = pairs.frames.shape
        every = pairs.alike.reshape(n_blocks, length, n_blocks, length)
        out = []
        for block in range(n_blocks):
            alike = np.full((LAGS, max(length - 1, 0)), np.nan)
            for lag in range(1, min(LAGS, length - 1) + 1):
                alike[lag - 1, : length - lag] = np.diag(every[block, :, block], lag)
            out.append(cls(int(pairs.frames[block, 0]), alike))
        return out


@dataclass(frozen=True)
class ClearBorders:
    """Borders across which frames are less alike.

    Attributes
    ----------
    length : int
        Frames between two of them.
    number, dropping : int
        How many were looked at, and across how many of them frames are less alike.
    """

    length: int
    number: int
    dropping: int

    @property
    def in_words(self) -> str:
        """'borders every 6 frames (5 of 5)'."""
        return f"borders every {self.length} frames ({self.dropping} of {self.number})"


def clear_borders(
    runs: Sequence[Following],
    length: int,
    chance: npt.NDArray[np.floating] | None = None,
    but: int | None = None,
) -> ClearBorders | None:
    """Look whether frames are less alike across borders.

    Parameters
    ----------
    runs : sequence of Following
    length : int
        Frames between two borders.
    chance : numpy.ndarray, optional
        Similarities by chance: borders between frames that aren't more alike don't count.
    but : int, optional
        Borders at multiples of so many frames don't count.

    Returns
    -------
    ClearBorders or None
        None where frames aren't less alike across nearly all borders, or it isn't clear.
    """
    if length < 2:
        return None
    floor = -np.inf if chance is None else _floor(chance)
    design = _Design.of(min(length, WIDEST))
    found = [design.drops(_beside(run, design, length, but, floor)) for run in runs]
    drops, errors = (np.concatenate(each) for each in zip(*found, strict=True))
    is_few = but is not None and design.width < FEWEST_FOR_FRAMES
    if not _are_clear(drops, errors, DROP_ERRORS_OF_FEW if is_few else DROP_ERRORS):
        return None
    return ClearBorders(length, len(drops), int((drops > 0).sum()))


def inner_borders(
    runs: Sequence[Following], period: int, chance: npt.NDArray[np.floating] | None = None
) -> ClearBorders | None:
    """Find the borders of the smallest repeats inside a period.

    Parameters
    ----------
    runs, chance
        As for `clear_borders`.
    period : int
        Frames; the borders of the period itself don't count.

    Returns
    -------
    ClearBorders or None
        None where there are none: the period may be the repeats of one slice.
    """
    smallest = period
    while length := _clear_divisor(runs, smallest, chance):
        smallest = length
    return None if smallest == period else clear_borders(runs, smallest, chance)


def mean_drop(
    runs: Sequence[Following], length: int, chance: npt.NDArray[np.floating]
) -> float | None:
    """Return how far the mean drop of similarity across borders lies above 0, in its errors.

    Pairs across a border are compared with pairs of the same distance in time beside it, so that
    what changes steadily, as in a recording that drifts, drops nowhere.

    Parameters
    ----------
    runs, length, chance
        As for `clear_borders`.

    Returns
    -------
    float or None
        None where there are fewer than two borders to look at.
    """
    if length < 2:
        return None
    design = _Design.of(min(length, WIDEST))
    floor = _floor(chance)
    found = [design.drops(_beside(run, design, length, None, floor)) for run in runs]
    drops, errors = (np.concatenate(each) for each in zip(*found, strict=True))
    if len(drops) < FEWEST_BORDERS:
        return None
    if (middle := float(np.median(drops))) > 0:
        drops = np.minimum(drops, MOST_TIMES * middle)
    least = max(float(np.sqrt(np.median(errors**2))), float(drops.std(ddof=1)), 1e-9)
    return float(drops.mean()) * np.sqrt(len(drops)) / least


def _clear_divisor(
    runs: Sequence[Following], period: int, chance: npt.NDArray[np.floating] | None
) -> int | None:
    """Return the longest divisor of a period with clear borders inside it.

    It may be a multiple of the repeats itself; shorter ones are looked for within it.
    """
    divisors = (n for n in range(period // 2, 1, -1) if period % n == 0)
    return next((n for n in divisors if clear_borders(runs, n, chance, but=period)), None)


def _floor(chance: npt.NDArray[np.floating]) -> float:
    known = chance[np.isfinite(chance)]
    return float(known.mean() + known.std()) + LEAST_LEVEL if len(known) else -np.inf


def _are_clear(drops: Values, errors: Values, times: float) -> bool:
    """Whether similarity drops at all of some borders but a few."""
    n = len(drops)
    if n < FEWEST_BORDERS or (drops > 0).mean() < DROPPING_PART:
        return False
    counted = np.minimum(drops, MOST_TIMES * np.median(drops))
    if counted.mean() < LEAST_DROP:
        return False
    least = max(
        times * float(np.sqrt(np.median(errors**2))),
        DROP_SPREADS * float(counted.std(ddof=1)),
    )
    return bool(counted.mean() > least / np.sqrt(n))


def _beside(run: Following, design: _Design, length: int, but: int | None, floor: float) -> Values:
    """(n, p) similarities of the pairs beside each border of a run that counts."""
    n_frames = run.alike.shape[1] + 1
    border = np.arange(design.width, n_frames - design.width + 1)
    frame = run.first + border
    is_border = frame % length == 0
    if but is not None:
        is_border &= frame % but != 0
    start = border[is_border, np.newaxis] + design.start
    values = run.alike[design.lag - 1, start].astype(np.float64)
    values = values[np.isfinite(values).all(axis=1)]
    return values[values[:, ~design.is_across].mean(axis=1) > floor]


@dataclass(frozen=True, eq=False)
class _Design:
    """What is solved beside a border, with as many frames to each side.

    Attributes
    ----------
    width : int
        Frames to each side.
    start, lag : numpy.ndarray
        (p,) the pairs: the earlier frame's place beside the border, and how far they are apart.
    is_across : numpy.ndarray
        (p,) bool: whether the border lies between the two.
    across : numpy.ndarray
        (p,) the same, freed of what the other terms span.
    others : numpy.ndarray
        (p, k) orthonormal basis of the other terms.
    """

    width: int
    start: npt.NDArray[np.intp]
    lag: npt.NDArray[np.intp]
    is_across: npt.NDArray[np.bool_]
    across: Values
    others: Values

    @staticmethod
    @cache
    def of(width: int) -> _Design:
        first, second = np.triu_indices(2 * width, 1)
        near = second - first <= LAGS
        first, second = first[near], second[near]
        lag, is_across = second - first, (first < width) & (second >= width)
        terms = [lag == each for each in np.unique(lag)]
        if width >= FEWEST_FOR_FRAMES:
            terms += [(first == frame) | (second == frame) for frame in range(2 * width)]
        basis, sizes, _ = np.linalg.svd(np.stack(terms, axis=1).astype(float), full_matrices=False)
        others = basis[:, sizes > 1e-9 * sizes[0]]
        across = is_across - others @ (others.T @ is_across)
        return _Design(width, first - width, lag, is_across, across, others)

    def drops(self, values: Values) -> tuple[Values, Values]:
        """(n,) drops, and their errors, of (n, p) similarities."""
        square = float(self.across @ self.across)
        drops = -(values @ self.across) / square
        rest = values - (values @ self.others) @ self.others.T + drops[:, np.newaxis] * self.across
        free = len(self.across) - self.others.shape[1] - 1
        return drops, np.sqrt((rest**2).sum(axis=1) / (free * square))
