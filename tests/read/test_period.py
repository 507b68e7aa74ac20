"""The period at which similarity drops, from similarities alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from napari_zstack_align.progress import run
from napari_zstack_align.read.layout.period import find_period

LAGS = 6


def alike(n_frames: int, borders: npt.NDArray[np.intp], seed: int) -> npt.NDArray[np.float64]:
    """(lags, T - 1) similarities, lower for frames with a border in between."""
    rng = np.random.default_rng(seed)
    values = 0.8 + 0.02 * rng.standard_normal((LAGS, n_frames - 1))
    for border in borders:
        for lag in range(LAGS):
            values[lag, max(border - lag - 1, 0) : border] -= 0.3
    return values


@pytest.mark.parametrize("period", [4, 9, 14])
def test_regular_borders_are_a_period(period):
    n_frames = 4 * period
    assert run(find_period(alike(n_frames, np.arange(period, n_frames, period), 0))) == period


@pytest.mark.parametrize(
    ("n_frames", "borders"),
    [(56, [13, 15]), (58, [32, 36, 47]), (54, [15, 48])],
)
def test_jumps_here_and_there_are_none(n_frames, borders):
    """A comb that begins elsewhere fits them nearly as well."""
    assert run(find_period(alike(n_frames, np.array(borders), 0))) is None


@pytest.mark.parametrize(
    ("repeats", "n_frames", "clear"),
    [
        (6, 60, [12]),
        (6, 60, [12, 24]),
        (6, 60, [36]),
        (4, 120, [40, 80]),
        (4, 48, [8, 24]),
        (10, 80, [40]),
        (8, 96, [16, 64]),
    ],
)
def test_a_few_clear_borders_hide_no_others(repeats, n_frames, clear):
    """A multiple of the repeats fits these better."""
    values = 0.8 + 0.015 * np.random.default_rng(0).standard_normal((LAGS, n_frames - 1))
    for border in range(repeats, n_frames, repeats):
        for lag in range(LAGS):
            drop = 0.5 if border in clear else 0.03
            values[lag, max(border - lag - 1, 0) : border] -= drop
    assert run(find_period(values)) == repeats
