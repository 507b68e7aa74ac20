"""The period at which similarity drops: every ``period`` frames a new slice begins.

A comb of borders is matched against the similarities, by correlation over all pairs of frames up
to a few frames apart. Both are freed of their local mean first, so that slices of different
brightness and slow drift don't count; outliers are clipped, so that one odd frame doesn't either.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter, uniform_filter1d

from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.read.layout.borders import Following, inner_borders
from napari_zstack_align.spread import spread_of

MIN_SLICES = 3
MIN_MATCH = 0.47
"""Match of the comb, as a part of that of borders which all stand out clearly. Recordings stay
below, z-stacks in little light whose slices are nearly alike above."""
MIN_SCORE = 2.8
"""Match times the root of the number of frames: few frames reach a high match by chance."""
MARGIN = 1.17
"""How much better the comb must match than one that begins elsewhere in the period; beside three
clear borders a shift by one frame still matches worse than that."""
CLIP_MAD = 3.5
SHORT = 12
"""Periods up to twice the lags: half of the pairs may lie across a border."""
WIDEST = 41


def find_period(alike: npt.NDArray[np.float64]) -> Job[int | None]:
    """Find the period of drops.

    Parameters
    ----------
    alike : numpy.ndarray
        (lags, T - 1) correlation of frame t with t + 1 + lag index; NaN where unknown.

    Returns
    -------
    generator of Progress
        Returns the period in frames, or None where none is clear.
    """
    n_frames = alike.shape[1] + 1
    best, period = 0.0, None
    longest = n_frames // MIN_SLICES
    for candidate in range(2, longest + 1):
        match = _match(_residuals(alike, candidate), candidate)
        if match > best:
            best, period = match, candidate
        if candidate % 20 == 0:
            yield Progress("Looking for a period", candidate, longest)
    if period is None or best < MIN_SCORE / np.sqrt(n_frames - 1):
        return None
    residuals = _residuals(alike, period)
    if best < MIN_MATCH * _clear_match(residuals, period):
        return None
    others = max(_match(residuals, period, phase) for phase in range(1, period))
    if not best > MARGIN * others:
        return None
    inner = inner_borders([Following(0, alike)], period)
    return period if inner is None else inner.length


def _residuals(alike: npt.NDArray[np.float64], period: int) -> list[npt.NDArray[np.float64]]:
    """Similarities of pairs closer than a period, less the local mean, in units of their spread."""
    out = []
    for lag, row in enumerate(alike[: period - 1]):
        values = row[: len(row) - lag]
        known = np.isfinite(values)
        values = np.where(known, values, np.median(values[known]) if known.any() else 0.0)
        flat = _less_local_level(values, period)
        out.append(np.clip(flat / max(spread_of(flat), 1e-9), -CLIP_MAD, CLIP_MAD))
    return out


def _match(residuals: list[npt.NDArray[np.float64]], period: int, phase: int = 0) -> float:
    """Correlation of low similarity with lying across a border."""
    low, comb = [], []
    for lag, values in enumerate(residuals):
        low.append(-values)
        comb.append(_less_local_level(_across(len(values), lag, period, phase), period))
    x, y = np.concatenate(low), np.concatenate(comb)
    norm = np.linalg.norm(x) * np.linalg.norm(y)
    return float(x @ y / norm) if norm > 0 else 0.0


def _clear_match(residuals: list[npt.NDArray[np.float64]], period: int) -> float:
    """Match of the comb with noise of unit spread in which every border is clipped.

    It is low where borders are few among many frames.
    """
    comb = np.concatenate([_across(len(v), lag, period, 0) for lag, v in enumerate(residuals)])
    signal = CLIP_MAD**2 * float(comb.var())
    return float(np.sqrt(signal / (1 + signal)))


def _across(n: int, lag: int, period: int, phase: int) -> npt.NDArray[np.float64]:
    """1 for pairs of frames with a border in between, else 0."""
    first = np.arange(n) - phase
    return (first // period != (first + lag + 1) // period).astype(np.float64)


def _less_local_level(values: npt.NDArray[np.float64], period: int) -> npt.NDArray[np.float64]:
    """Values less those around them.

    Around a border of a long period the median is the level inside a slice. In short periods a
    mean over two of them is needed: the median would jump with every border.
    """
    width = min(2 * period + 1, WIDEST, len(values))
    smooth = uniform_filter1d if period <= SHORT else median_filter
    flat: npt.NDArray[np.float64] = values - smooth(values, width, mode="nearest")
    return flat
