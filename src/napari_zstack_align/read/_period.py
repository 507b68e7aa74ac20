"""The period at which similarity drops: every ``period`` frames a new slice begins.

A comb of borders is matched against the similarities, by correlation over all pairs of frames up
to a few frames apart. Both are freed of their local mean first, so that slices of different
brightness and slow drift don't count; outliers are clipped, so that one odd frame doesn't either.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter1d

from napari_zstack_align.progress import Job, Progress

MIN_SLICES = 3
MIN_MATCH = 0.32
"""Match of the comb, as a correlation. Recordings reach 0.28, z-stacks of 3 photons 0.36."""
MIN_SCORE = 2.8
"""Match times the root of the number of frames: few frames reach a high match by chance."""
MARGIN = 1.3
"""How much better the comb must match than one that begins elsewhere in the period."""
CLIP_MAD = 3.5


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
    if period is None or best < max(MIN_MATCH, MIN_SCORE / np.sqrt(n_frames - 1)):
        return None
    residuals = _residuals(alike, period)
    others = max(_match(residuals, period, phase) for phase in range(1, period))
    return period if best > MARGIN * others else None


def _residuals(alike: npt.NDArray[np.float64], period: int) -> list[npt.NDArray[np.float64]]:
    """Similarities of pairs closer than a period, less the local mean, in units of their spread."""
    out = []
    for lag, row in enumerate(alike[: period - 1]):
        values = row[: len(row) - lag]
        known = np.isfinite(values)
        values = np.where(known, values, np.median(values[known]) if known.any() else 0.0)
        flat = _less_local_mean(values, period)
        spread = 1.4826 * np.median(np.abs(flat - np.median(flat)))
        out.append(np.clip(flat / max(spread, 1e-9), -CLIP_MAD, CLIP_MAD))
    return out


def _match(residuals: list[npt.NDArray[np.float64]], period: int, phase: int = 0) -> float:
    """Correlation of low similarity with lying across a border."""
    low, comb = [], []
    for lag, values in enumerate(residuals):
        first = np.arange(len(values)) - phase
        across = first // period != (first + lag + 1) // period
        low.append(-values)
        comb.append(_less_local_mean(across.astype(float), period))
    x, y = np.concatenate(low), np.concatenate(comb)
    norm = np.linalg.norm(x) * np.linalg.norm(y)
    return float(x @ y / norm) if norm > 0 else 0.0


def _less_local_mean(values: npt.NDArray[np.float64], period: int) -> npt.NDArray[np.float64]:
    width = min(2 * period + 1, len(values))
    flat: npt.NDArray[np.float64] = values - uniform_filter1d(values, width, mode="nearest")
    return flat
