from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_traces import baseline_in_time, baseline_trace

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
    fast = sliding_baseline(trace, good, Timeline(segment, segment, 0.1, window), percentile)
    np.testing.assert_allclose(fast, slow, rtol=1e-12)


@settings(max_examples=60)
@given(
    n=st.integers(12, 60),
    window=st.floats(0.5, 40),
    percentile=st.floats(0, 100),
    seed=st.integers(0, 99),
)
def test_uneven_times_equal_plain_loops(n: int, window: float, percentile: float, seed: int):
    rng = np.random.default_rng(seed)
    trace, good = rng.normal(size=n), rng.random(n) < 0.8
    good[:5] = True
    times = np.cumsum(rng.choice([0.1, 1.0, 3.0], n) + rng.random(n) / 50)
    whole = np.zeros(n, np.int32)
    timeline = Timeline(whole, whole, 0.1, 5, times / window)
    slow = baseline_in_time(trace, good, times, window, percentile)
    np.testing.assert_allclose(sliding_baseline(trace, good, timeline, percentile), slow)


def test_never_slides_across_a_long_pause() -> None:
    trace, good = np.where(np.arange(200) < 100, 100.0, 300.0), np.ones(200, bool)
    for pause, window_s, across in ((500, 8, False), (500, 600, True), (5, 8, True), (5, 4, False)):
        times = np.r_[np.arange(100) / 10, 10 + pause + np.arange(100) / 10]
        baseline = sliding_baseline(trace, good, Timeline.of(times, 200, 5, window_s), 8)
        assert np.any(baseline != trace) == across, (pause, window_s)


ACTIVE = (np.arange(400) // 5) % 2 == 1
"""A cell that is on for 5 frames, and off for 5."""
TIMINGS: dict[str, Any] = {
    "steady": np.arange(400) * 0.1,
    "fast, then slow": np.r_[np.arange(300) * 0.1, 30 + np.arange(100)],
    "slow, then fast": np.r_[np.arange(250) * 1.0, 250 + np.arange(150) * 0.1],
    "half fast, half slow": np.r_[np.arange(200) * 0.01, 2 + np.arange(200) * 10.0],
    "bursts of 2": np.repeat(np.arange(200) * 5.0, 2) + np.tile([0, 0.1], 200),
    "bursts of 3": (np.repeat(np.arange(134) * 5.0, 3) + np.tile([0, 0.1, 0.2], 134))[:400],
    "bursts of 5": np.repeat(np.arange(80) * 8.0, 5) + np.tile(np.arange(5) * 0.03, 80),
    "slower than the window": np.arange(400) * 20.0,
    "a single frame far off": np.r_[np.arange(399) * 0.1, 60],
}


@pytest.mark.parametrize("times", TIMINGS.values(), ids=TIMINGS)
def test_activity_is_seen_however_the_frames_are_spaced(times: Any) -> None:
    trace = 120.0 + 200 * ACTIVE + RNG.normal(0, 1, 400)
    # 20 frames a second at the fastest: a minute holds both states in every case but the slowest.
    window_s = 130.0 if times[-1] > 7000 else 60.0
    timeline = Timeline.of(times, 400, 5, window_s)
    good = np.ones(400, bool)
    dff = dff_of(trace, sliding_baseline(trace, good, timeline, 8), 20.0, 0.0)
    assert np.isfinite(dff).all()
    assert np.abs(dff[ACTIVE] - 2).max() < 0.2
    assert np.abs(dff[~ACTIVE]).max() < 0.2


def test_too_few_frames_have_no_baseline() -> None:
    times = np.r_[np.arange(50) * 0.1, 500 + np.arange(4) * 0.1, 1000 + np.arange(6) * 0.1]
    good = np.ones(60, bool)
    good[54:56] = False
    timeline = Timeline.of(times, 60, 5, 60)
    baseline = sliding_baseline(RNG.normal(size=60), good, timeline, 8)
    np.testing.assert_array_equal(np.isnan(baseline), np.arange(60) >= 50)


def test_noise_leaves_out_steps_across_pauses() -> None:
    level = np.repeat(RNG.normal(0, 500, 1000), 2)
    times = np.repeat(np.arange(1000) * 5.0, 2) + np.tile([0, 0.1], 1000)
    timeline = Timeline.of(times, 2000, 5, 60)
    found = frame_noise(level + RNG.normal(0, 3, 2000), np.ones(2000, bool), timeline.burst)
    assert found == pytest.approx(3, rel=0.15)


@pytest.mark.parametrize(
    ("times", "segments", "interval"),
    [
        (None, [0, 0, 0, 0], 0.1),
        ([0, 1, 2, 3], [0, 0, 0, 0], 1),
        ([0, 1, 2, 8], [0, 0, 0, 1], 1),
        ([0, 1, 2, 7.5], [0, 0, 0, 0], 1),
        ([0, 1, 0, 1], [0, 0, 1, 1], 1),
        ([0, 0, 0, 0], [0, 0, 0, 0], 0.1),
        ([np.nan] * 4, [0, 0, 0, 0], 0.1),
    ],
    ids=[
        "unknown",
        "steady",
        "pause",
        "shorter than the window",
        "clock starts anew",
        "no time passes",
        "nan",
    ],
)
def test_timeline(times, segments, interval) -> None:
    timeline = Timeline.of(None if times is None else np.array(times, float), 4, 5, 5.6)
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
