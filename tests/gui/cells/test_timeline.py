"""Recordings along one axis, thinned curves and runs."""

from __future__ import annotations

import numpy as np
import pytest

from napari_zstack_align.gui.cells.timeline import Timeline, joined, runs, thinned
from napari_zstack_align.gui.cells.trace_axis import round_step


def test_every_frame_is_found_again_at_its_place():
    timeline = Timeline((100, 50, 200))
    for recording, length in enumerate(timeline.lengths):
        for frame in (0, length // 2, length - 1):
            assert timeline.locate(timeline.x_of(recording, frame)) == (recording, frame)


def test_recordings_are_apart_and_one_alone_has_no_gap():
    timeline = Timeline((100, 50))
    ((start, end),) = timeline.gaps
    assert end - start == timeline.gap >= 2
    assert timeline.locate(start + 0.4) == (0, 99)
    assert timeline.locate(end - 0.4) == (1, 0)
    assert Timeline((100,)).gaps == []
    assert Timeline((100,)).span == (-0.5, 99.5)


def test_joined_recordings_are_parted_by_nan():
    np.testing.assert_array_equal(joined([np.ones(2), np.zeros(1)]), [1, 1, np.nan, 0])


def test_a_thinned_curve_keeps_every_peak_and_gap():
    y = np.zeros(10_000)
    y[1234], y[7000:7200] = 9, np.nan
    y[5000] = np.nan
    x, thin = thinned(np.arange(10_000.0), y, 200)
    assert len(x) == len(thin) == 400
    assert np.nanmax(thin) == 9
    missing = x[np.isnan(thin)]
    assert missing.min() >= 7000
    assert missing.max() < 7200


def test_a_short_curve_stays_as_it_is():
    y = np.array([1.0, np.nan, 3.0])
    np.testing.assert_array_equal(thinned(np.arange(3.0), y, 300)[1], y)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [([], []), ([0, 1, 1, 0, 1], [(1, 3), (4, 5)]), ([1, 1], [(0, 2)]), ([0, 0], [])],
)
def test_runs(chosen, expected):
    assert runs(np.array(chosen, bool)) == expected


@pytest.mark.parametrize(
    ("least", "expected"), [(0.7, 1), (1, 1), (1.1, 2), (3, 5), (7, 10), (0.03, 0.05), (0, 1)]
)
def test_round_steps(least, expected):
    assert round_step(least) == pytest.approx(expected)
