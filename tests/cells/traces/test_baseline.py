from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_traces import baseline_trace

from napari_zstack_align.cells.traces.baseline import (
    Timeline,
    dff_of,
    explained,
    frame_noise,
    sliding_baseline,
)

RNG = np.random.default_rng(1)


@settings(max_examples=60)
@given(
    n=st.integers(1, 60),
    window=st.integers(1, 70),
    percentile=st.floats(0, 100),
    pauses=st.integers(0, 3),
    seed=st.integers(0, 99),
)
def test_equals_plain_loops(n: int, window: int, percentile: float, pauses: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    trace, good = rng.normal(size=n), rng.random(n) < 0.8
    segment = np.sort(rng.integers(0, pauses + 1, n)).astype(np.int32)
    slow = baseline_trace(trace, good, segment, window, percentile)
    fast = sliding_baseline(trace, good, segment, window, percentile)
    np.testing.assert_allclose(fast, slow, rtol=1e-12)


def test_never_slides_across_a_pause() -> None:
    times = np.r_[np.arange(100) / 10, 500 + np.arange(100) / 10]
    timeline = Timeline.of(times, 200, pause_intervals=5)
    trace = np.where(np.arange(200) < 100, 100.0, 300.0)
    baseline = sliding_baseline(trace, np.ones(200, bool), timeline.segment, 80, 8)
    np.testing.assert_array_equal(baseline, trace)
    across = sliding_baseline(trace, np.ones(200, bool), np.zeros(200, np.int32), 80, 8)
    assert np.any(across != trace)


@pytest.mark.parametrize(
    ("times", "segments", "interval"),
    [
        (None, [0, 0, 0, 0], 0.1),
        ([0, 1, 2, 3], [0, 0, 0, 0], 1),
        ([0, 1, 2, 8], [0, 0, 0, 1], 1),
        ([0, 1, 0, 1], [0, 0, 1, 1], 1),
        ([0, 0, 0, 0], [0, 0, 0, 0], 0.1),
        ([np.nan] * 4, [0, 0, 0, 0], 0.1),
    ],
    ids=["unknown", "steady", "pause", "clock starts anew", "no time passes", "nan"],
)
def test_timeline(times, segments, interval) -> None:
    timeline = Timeline.of(None if times is None else np.array(times, float), 4, 5)
    np.testing.assert_array_equal(timeline.segment, segments)
    assert timeline.interval_s == interval


def test_noise_is_that_from_frame_to_frame() -> None:
    trace = RNG.normal(0, 3, 5000) + np.linspace(0, 500, 5000)
    trace[1000:1100] += 200
    segment = np.zeros(5000, np.int32)
    assert frame_noise(trace, np.ones(5000, bool), segment) == pytest.approx(3, rel=0.05)


def test_below_the_floor_is_nan() -> None:
    trace = np.array([12.0, 13.0, 20.0])
    baseline = np.array([10.0, 10.5, 20.0])
    np.testing.assert_allclose(dff_of(trace, baseline, 10.0, 2.0), [np.nan, np.nan, 0])


def test_motion_explains_what_it_made() -> None:
    move = np.cumsum(RNG.normal(size=(2, 500)), axis=1)
    good = np.ones(500, bool)
    made = 3 * move[0] - 0.2 * move[1] ** 2
    assert explained(made, move, good) == pytest.approx(1)
    assert explained(made + RNG.normal(0, made.std(), 500), move, good) == pytest.approx(
        0.5, abs=0.1
    )
    assert explained(RNG.normal(size=500), move, good) < 0.05
    assert explained(RNG.normal(size=500), np.ones((2, 500)), good) == 0
    assert np.isnan(explained(made, move, np.arange(500) < 5))
    assert np.isnan(explained(np.ones(500), move, good))
