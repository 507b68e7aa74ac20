"""Light from elsewhere against activity, on frames of one place."""

from __future__ import annotations

import numpy as np
import pytest

from napari_zstack_align.register.brightness import Levels, from_elsewhere, joined

DARK, N = 100.0, 40
CHANGED = np.arange(20, 26)


def frames() -> np.ndarray:
    """(N, 48, 48) float32: dim neuropil with cells on an eighth of the pixels."""
    rng = np.random.default_rng(0)
    tissue = np.full((48, 48), 20.0)
    tissue[8:40:8, 8:40:8] = tissue[9:40:8, 8:40:8] = tissue[8:40:8, 9:40:8] = 60
    tissue[9:40:8, 9:40:8] = tissue[10:40:8, 8:40:8] = tissue[10:40:8, 9:40:8] = 60
    return (DARK + rng.poisson(np.tile(tissue, (N, 1, 1)))).astype(np.float32)


def judged(images: np.ndarray) -> np.ndarray:
    levels = Levels.of(images)
    usual = [np.full(N, np.median(part)) for part in (levels.mean, levels.low)]
    noise = 6 * float(np.median(np.abs(levels.low - usual[1])))
    return from_elsewhere(levels, *usual, DARK, noise)[CHANGED]


@pytest.mark.parametrize("times", [1.5, 2, 5])
def test_cells_that_light_up_are_no_light_from_elsewhere(times):
    images = frames()
    cells = images.mean(axis=0) > DARK + 40
    images[np.ix_(CHANGED, *map(np.arange, (48, 48)))[0], cells] += (times - 1) * 60
    assert not judged(images).any()


def test_stimulus_light_is():
    images = frames()
    images[CHANGED] += 8
    assert judged(images).all()


@pytest.mark.parametrize("factor", [0.1, 0.6, 1.6, 30])
def test_a_factor_on_the_whole_frame_is(factor):
    images = frames()
    images[CHANGED] = DARK + factor * (images[CHANGED] - DARK)
    assert judged(images).all()


def test_windows_are_joined_at_one_level():
    """The second window lies wholly within brighter light."""
    images = frames()
    images[N // 2 :] += 30
    whole = joined([Levels.of(images[: N // 2]), Levels.of(images[N // 2 :])])
    step = np.median(whole.low[N // 2 :]) - np.median(whole.low[: N // 2])
    assert abs(step - 30) < 2


def test_levels_are_the_same_for_frames_of_other_types():
    frames = np.random.default_rng(5).poisson(50.0, (12, 96, 80)).astype(np.float32)
    expected = Levels.of(frames)
    for dtype in (np.float64, np.uint16):
        found = Levels.of(frames.astype(dtype))
        np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-6)
        np.testing.assert_allclose(found.low, expected.low, rtol=1e-6)
