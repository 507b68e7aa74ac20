from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_zstack_align.register.brightness import Levels
from napari_zstack_align.register.recordings.events import (
    black_frames,
    find_steps,
    intensity_outliers,
    passing,
    segments,
    twitches,
)

N = 120
STILL = np.zeros(N)


def _trace(seed: int = 0, noise: float = 0.3, n: int = N) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, noise, (n, 2))


@pytest.mark.parametrize("noise", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(
    "truth",
    [{}, {60: (6, 0)}, {30: (0, -8), 75: (7, 7)}, {20: (9, 0), 40: (-9, 0), 100: (0, 9)}],
    ids=["none", "one", "two", "three"],
)
def test_steps_are_found_to_the_frame(truth: dict, noise: float):
    trace = _trace(noise=noise)
    for frame, size in truth.items():
        trace[frame:] += size
    found = find_steps(trace, STILL)
    assert len(found) == len(truth)
    assert all(abs(f - t) <= 1 for f, t in zip(found, truth, strict=True))


@pytest.mark.parametrize("speed", [0.1, 0.5, 1.0])
def test_drift_however_fast_is_no_step(speed: float):
    for seed in range(6):
        trace = _trace(seed) + speed * np.arange(N)[:, np.newaxis]
        assert find_steps(trace, STILL) == []


def test_a_wave_is_no_step():
    wave = 8 * np.sin(np.arange(N) / 30)[:, np.newaxis]
    assert find_steps(_trace() + wave, STILL) == []


def test_a_step_is_found_upon_drift():
    trace = _trace() + 0.2 * np.arange(N)[:, np.newaxis]
    trace[50:] += (6, -3)
    assert [abs(s - 50) <= 1 for s in find_steps(trace, STILL)] == [True]


def test_jitter_is_no_step():
    for seed in range(5):
        assert find_steps(_trace(seed, noise=2.0), STILL) == []


def test_a_turn_is_a_step_too():
    turn = np.random.default_rng(1).normal(0, 0.2, N)
    turn[70:] -= 5
    assert [abs(s - 70) <= 1 for s in find_steps(_trace(), turn)] == [True]


def test_unknown_frames_are_stepped_over():
    trace = _trace()
    trace[60:] += 6
    trace[[10, 58, 59, 80]] = np.nan
    found = find_steps(trace, STILL)
    assert len(found) == 1
    assert 57 <= found[0] <= 61


@pytest.mark.parametrize("at", [9, 16, 20, 23, 100, 110])
def test_a_step_near_an_end_is_found_once(at: int):
    trace = _trace(noise=0.0)
    trace[at:] += (6, 0)
    assert find_steps(trace, STILL) == [at]


@pytest.mark.parametrize("at", [12, 19, 24, 30, 95, 98, 104])
def test_a_step_near_an_end_is_found_once_upon_drift(at: int):
    trace = _trace() + 0.2 * np.arange(N)[:, np.newaxis]
    trace[at:] += (-2, 5)
    found = find_steps(trace, STILL)
    assert len(found) == 1
    assert abs(found[0] - at) <= 1


@pytest.mark.parametrize("at", [6, 10, 14])
def test_a_step_is_found_in_twenty_frames(at: int):
    trace = _trace(n=20)
    trace[at:] += 6
    assert find_steps(trace, STILL[:20]) == [at]


def test_drift_that_begins_or_turns_is_no_step():
    speed = np.repeat([0.0, 0.2, -0.1], N // 3)[:, np.newaxis]
    for seed in range(6):
        assert find_steps(_trace(seed) + np.cumsum(speed, axis=0), STILL) == []


@pytest.mark.parametrize("n", [0, 1, 7])
def test_a_few_frames_have_no_steps(n: int):
    assert find_steps(_trace(n=n), STILL[:n]) == []


def test_twitches_are_told_in_px():
    trace = _trace() + 0.1 * np.arange(N)[:, np.newaxis]
    trace[[40, 41, 90]] += (9, 0)
    away = twitches(trace, [])
    assert np.flatnonzero(away).tolist() == [40, 41, 90]
    np.testing.assert_allclose(away[[40, 41, 90]], 9, atol=1.5)


def test_a_step_is_no_twitch():
    trace = _trace()
    trace[60:] += 8
    assert not twitches(trace, [60]).any()


@pytest.mark.parametrize("frames", [[0], [1], [N - 1], [0, 1], [0, N - 2]])
@pytest.mark.parametrize("speed", [0.0, 0.3, -1.0])
def test_a_twitch_at_an_end_is_one(frames: list[int], speed: float):
    trace = _trace() + speed * np.arange(N)[:, np.newaxis]
    trace[frames] += (12, 0)
    assert np.flatnonzero(twitches(trace, [])).tolist() == frames


@pytest.mark.parametrize("speed", [1.0, -2.0])
def test_drift_has_no_twitch_at_its_ends(speed: float):
    assert not twitches(_trace() + speed * np.arange(N)[:, np.newaxis], []).any()


def test_flashes_and_dark_frames_stand_out():
    level = np.random.default_rng(0).normal(500, 5, N)
    level[[20, 21]] += 300
    level[80] = 110
    levels = Levels(level, 0.5 * level, np.full(N, 0.5), np.zeros((8, 8), np.float32))
    outliers = intensity_outliers(levels, dark=100, mad=6)
    assert np.flatnonzero(outliers).tolist() == [20, 21, 80]
    assert not intensity_outliers(levels, dark=100, mad=0).any()


@pytest.mark.parametrize(
    "change",
    [np.linspace(0, -200, N), 20 * np.sin(np.arange(N) / 3), np.zeros(N)],
    ids=["bleaching", "activity", "no noise"],
)
def test_bleaching_and_activity_are_no_outliers(change: np.ndarray):
    level = 500 + change
    level[[3, 50]] = np.nan
    levels = Levels(level, 0.5 * level, np.full(N, 0.5), np.zeros((8, 8), np.float32))
    assert not intensity_outliers(levels, dark=100, mad=6).any()


@pytest.mark.slow
@pytest.mark.each_time(seed=2)
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rise", [0.5, 1.0, 3.0])
def test_a_wave_over_sparse_cells_makes_no_outliers(seed: int, rise: float):
    """Of whole counts between the cells, the less changed pixels jump or don't change at all."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((128, 128))
    light = np.full((150, 128, 128), 0.5, np.float32)
    for cy, cx in rng.uniform(8, 120, (9, 2)):
        cell = 20 * rng.gamma(2, 0.5) / (1 + np.exp((np.hypot(y - cy, x - cx) - 4) / 0.7))
        wave = 1 + rise * np.exp(-(((np.arange(150) - 30 - cx * 0.7) / 18) ** 2))
        light += (wave[:, np.newaxis, np.newaxis] * cell).astype(np.float32)
    frames = np.round(10 * rng.poisson(light) + rng.normal(100, 2, light.shape))
    levels = Levels.of(frames.astype(np.float32))
    assert not intensity_outliers(levels, dark=101.0, mad=6).any()


def _levels(above: np.ndarray, added: np.ndarray | float = 0.0) -> Levels:
    """Levels of frames whose light above dark (100) is so bright, plus light that was added."""
    noise = np.random.default_rng(0).normal(0, 1, N)
    usual = np.zeros((8, 8), np.float32)
    return Levels(100 + above + added + noise, 0.5 * above + added + noise, np.full(N, 0.5), usual)


@pytest.mark.parametrize("quiet", [4, 10, 20])
@pytest.mark.parametrize("times", [3.0, 5.5])
@pytest.mark.parametrize("at_the_end", [False, True])
def test_quiet_frames_between_an_end_and_a_wave_are_usual(
    quiet: int, times: float, at_the_end: bool
):
    active = np.zeros(N)
    active[quiet : quiet + 30] = times - 1
    active = active[::-1] if at_the_end else active
    levels = _levels(np.full(N, 400.0))
    wave = Levels(levels.mean + 400 * active, levels.low + 20 * active, levels.share, levels.usual)
    assert not intensity_outliers(wave, dark=100, mad=6).any()


@pytest.mark.parametrize("times", [0.5, 1.1, 1.3, 1.6, 2.0])
@pytest.mark.parametrize("every", [2, 3, 5])
@pytest.mark.parametrize("first", [0, 1])
def test_a_light_that_flickers_makes_no_outliers(times: float, every: int, first: int):
    light = np.where(np.arange(N) % every == first, times, 1.0)
    assert not intensity_outliers(_levels(400 * light), dark=100, mad=6).any()


@pytest.mark.parametrize("spread", [0.1, 0.2])
def test_light_at_random_makes_no_outliers(spread: float):
    light = np.random.default_rng(3).normal(1, spread, N)
    assert not intensity_outliers(_levels(400 * light), dark=100, mad=6).any()


@pytest.mark.parametrize("every", [5, 12])
def test_light_that_is_added_again_and_again_does(every: int):
    lit = np.arange(N) % every == 1
    outliers = intensity_outliers(_levels(np.full(N, 400.0), 200.0 * lit), dark=100, mad=6)
    np.testing.assert_array_equal(outliers, lit)


def test_a_shutter_that_closes_again_and_again_does():
    shut = np.arange(N) % 5 == 1
    outliers = intensity_outliers(_levels(400.0 * ~shut), dark=100, mad=6)
    np.testing.assert_array_equal(outliers, shut)


ENDS = [[0], [N - 1], [0, 1, 2], [0, 1, 2, 30], [N - 2, N - 1], [0, 1, N - 1]]


@pytest.mark.parametrize("odd", [*ENDS, list(range(0, N, 5)), list(range(4, N, 5))])
@pytest.mark.parametrize("shut", [False, True])
def test_odd_frames_at_an_end_stand_out_and_no_others(odd: list[int], shut: bool):
    at = np.isin(np.arange(N), odd)
    levels = _levels(400.0 * ~at) if shut else _levels(np.full(N, 400.0), 120.0 * at)
    np.testing.assert_array_equal(intensity_outliers(levels, dark=100, mad=6), at)


@pytest.mark.parametrize("tau", [5, 15, 30, 60])
@pytest.mark.parametrize("part", [0.2, 0.4, 0.7])
def test_fast_bleaching_makes_no_outliers(tau: float, part: float):
    light = 1 - part + part * np.exp(-np.arange(N) / tau)
    assert not intensity_outliers(_levels(400 * light), dark=100, mad=6).any()


@pytest.mark.parametrize("times", [0.3, 0.6])
@pytest.mark.parametrize("loss", [0.15, 0.3])
def test_flashes_stand_out_where_the_laser_flickers(times: float, loss: float):
    rng = np.random.default_rng(4)
    dim = rng.random(N) < 0.3
    lit = np.isin(np.arange(N), rng.choice(np.flatnonzero(~dim), 8, replace=False))
    light = 400 * np.where(dim, 1 - loss, 1.0)
    outliers = intensity_outliers(_levels(light, 400 * times * lit), dark=100, mad=6)
    np.testing.assert_array_equal(outliers, lit)


@pytest.mark.parametrize("dark", [100, 300, 339])
@pytest.mark.parametrize("left", [0.05, 0.6])
def test_light_that_falls_makes_no_outliers_whatever_the_dark_level(dark: float, left: float):
    """Haze, which bleaches with the tissue, hides how dark a frame without light is."""
    light = 240 / left * (left + (1 - left) * np.exp(-np.arange(N) / 20))
    assert not intensity_outliers(_levels(light), dark=dark, mad=6).any()


@pytest.mark.parametrize("left", [0.05, 0.6])
def test_flashes_stand_out_where_light_falls(left: float):
    light = 400 * (left + (1 - left) * np.exp(-np.arange(N) / 20))
    lit = np.isin(np.arange(N), [3, 40, 41, 100])
    outliers = intensity_outliers(_levels(light, 150.0 * lit), dark=100, mad=6)
    np.testing.assert_array_equal(outliers, lit)


@pytest.mark.parametrize(("sigmas", "is_odd"), [(0.0, False), (3.0, False), (8.0, True)])
def test_the_less_changed_pixels_have_to_stand_out_too(sigmas: float, is_odd: bool):
    rng = np.random.default_rng(2)
    mean, low = 500 + rng.normal(0, 5, N), rng.normal(0, 15, N)
    mean[50], low[50] = 590, 15 * sigmas
    levels = Levels(mean, low, np.full(N, 0.5), np.zeros((8, 8), np.float32))
    assert intensity_outliers(levels, dark=100, mad=6)[50] == is_odd


@pytest.mark.parametrize("every", [3, 4, 6, 9])
@pytest.mark.parametrize("times", [1.2, 1.5, 2.0])
def test_light_with_the_period_of_the_looked_at_frames_is_a_factor(every: int, times: float):
    rng = np.random.default_rng(6)
    n = 33 * every
    tissue = rng.gamma(2, 150, (24, 24))
    light = np.where(np.arange(n) % every == 0, times, 1.0)
    frames = 100 + light[:, np.newaxis, np.newaxis] * tissue + rng.normal(0, 5, (n, 24, 24))
    levels = Levels.of(frames.astype(np.float32))
    assert not intensity_outliers(levels, dark=100, mad=6).any()


def test_segments_lie_between_steps():
    assert segments([20, 50], 60) == [(0, 20), (20, 50), (50, 60)]
    assert segments([], 5) == [(0, 5)]


ENDS = [3, 5, 10, 20]


def tissue_levels(n_frames: int = 150, seed: int = 0) -> Levels:
    """Levels of a recording that bleaches a little: 100 above dark (100), dim pixels 60."""
    rng = np.random.default_rng(seed)
    mean = 200 - 0.05 * np.arange(n_frames) + rng.normal(0, 0.5, n_frames)
    low = -0.03 * np.arange(n_frames) + rng.normal(0, 0.3, n_frames)
    return Levels(mean, low, np.full(n_frames, 0.6), np.full((4, 4), 200, np.float32))


def at_end(n_frames: int, n: int, last: bool) -> np.ndarray:
    """(T,) bool: the first n frames, or the last ones."""
    event = np.zeros(n_frames, bool)
    event[:n] = True
    return event[::-1] if last else event


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("n", ENDS)
@pytest.mark.parametrize("what", ["shutter", "light"])
def test_an_event_at_an_end_is_one_as_in_the_middle(what, n, last):
    levels = tissue_levels(seed=n)
    event = at_end(150, n, last)
    change = (-100.0, -60.0) if what == "shutter" else (80.0, 80.0)
    mean, low = levels.mean + event * change[0], levels.low + event * change[1]
    found = intensity_outliers(replace(levels, mean=mean, low=low), 100.0, 6.0)
    np.testing.assert_array_equal(found, event)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("tau", [1, 2, 5, 10, 20, 60])
@pytest.mark.each_time(seed=1)
@pytest.mark.parametrize("seed", range(3))
def test_bleaching_however_fast_is_no_event_at_an_end(tau, last, seed):
    levels = tissue_levels(seed=seed)
    rest = 1 - 0.4 * (1 - np.exp(-np.arange(150) / tau))
    rest = rest[::-1] if last else rest
    mean, low = 100 + (levels.mean - 100) * rest, levels.low + 60 * (rest - 1)
    found = intensity_outliers(replace(levels, mean=mean, low=low), 100.0, 6.0)
    assert not found[3:-3].any()


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("n", [*ENDS, 24, 45])
@pytest.mark.each_time(times=2)
@pytest.mark.parametrize("times", [0.5, 3.0, 0.7, 1.5])
def test_a_laser_that_was_turned_up_or_down_near_an_end_is_no_event(n, times, last):
    levels, event = tissue_levels(seed=n), at_end(150, n, last)
    factor = np.where(event, times, 1.0)
    mean, low = 100 + (levels.mean - 100) * factor, levels.low + 60 * (factor - 1)
    found = intensity_outliers(replace(levels, mean=mean, low=low), 100.0, 6.0)
    assert not found.any()


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("n", [5, 10, 45])
def test_a_wave_of_activity_at_an_end_is_no_event(n, last):
    levels = tissue_levels(seed=n)
    mean = levels.mean + 60 * at_end(150, n, last)  # cells alone: the other pixels stay
    assert not intensity_outliers(replace(levels, mean=mean), 100.0, 6.0).any()


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("n", [5, 10, 20])
def test_light_at_an_end_passes_and_an_offset_that_rises_for_good_does_not(n, last):
    event = at_end(150, n, last)
    np.testing.assert_allclose(passing(40.0 * event), 40.0 * event)
    np.testing.assert_allclose(passing(-40.0 * event), 0, atol=1e-9)


def seen(structure, light, seed=0):
    """Structure and levels of frames that show so much, with so much light above dark (100)."""
    rng = np.random.default_rng(seed)
    n, error = len(structure), np.ones(len(structure))
    levels = Levels(100 + np.asarray(light) + rng.normal(0, 0.1, n), np.zeros(n), error, STILL)
    return np.stack([structure + rng.normal(0, 1, n), error]), levels


BLACK = {
    "every second": np.arange(N) % 2 == 0,
    "most": np.arange(N) < 100,
    "some in the middle": (np.arange(N) > 40) & (np.arange(N) < 50),
    "none": np.zeros(N, bool),
}


@pytest.mark.parametrize("black", BLACK.values(), ids=BLACK)
@pytest.mark.parametrize("shown", [60.0, 1000.0])
def test_black_frames_are_told_by_themselves(black, shown):
    structure, levels = seen(np.where(black, 0, shown), np.where(black, 0, 50))
    np.testing.assert_array_equal(black_frames(structure, levels, 100.0), black)


@pytest.mark.parametrize("times", [2, 6])
@pytest.mark.parametrize("shown", [0.5, 3.0, 30.0, 1000.0])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_frames_beside_a_wave_of_activity_are_not_black(times, shown, part):
    wave = np.arange(N) < part * N
    structure, levels = seen(np.where(wave, times**2, 1) * shown, np.where(wave, times, 1) * 10)
    assert not black_frames(structure, levels, 100.0).any()


@pytest.mark.parametrize("shown", [0.0, 1.0, 5.0])
def test_where_nothing_is_clear_nothing_is_black(shown):
    structure, levels = seen(np.full(N, shown), np.where(np.arange(N) % 2, 0, 5))
    assert not black_frames(structure, levels, 100.0).any()
