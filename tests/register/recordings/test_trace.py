from __future__ import annotations

import numpy as np
import pytest

from napari_zstack_align.register.recordings.trace import Trace, smoothed

N = 400
WHOLE = [(0, N)]


def _trace(motion: np.ndarray, noise: float, seed: int = 0) -> Trace:
    """The halves of the image have independent noise; their mean has half its variance."""
    halves = motion + np.random.default_rng(seed).normal(0, noise, (2, len(motion), 2))
    return Trace(halves.mean(axis=0), halves, np.zeros(halves.shape[1]), np.ones(halves.shape[1]))


def _white(size: float) -> np.ndarray:
    return np.random.default_rng(9).normal(0, size, (N, 2))


@pytest.mark.parametrize("noise", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("size", [0.0, 0.5, 2.0])
def test_jitter_is_told_from_noise(size: float, noise: float):
    jitter, left = _trace(_white(size), noise).jitter(WHOLE)
    # per frame, over both axes
    assert jitter == pytest.approx(size * np.sqrt(2), abs=0.15 + 0.3 * noise)
    assert left == pytest.approx(noise, rel=0.2)


def test_slow_motion_and_jumps_are_no_jitter():
    motion = 8 * np.sin(np.arange(N) / 60)[:, np.newaxis] * np.ones(2)
    motion[200:] += 9
    steps = [(0, 200), (200, N)]
    assert _trace(motion, 0.1).jitter(steps)[0] < 0.2
    assert _trace(motion, 0.1).jitter(WHOLE)[0] > 0.4


def test_frames_can_be_forgotten():
    trace = _trace(_white(0.2), 0.1)
    trace.shift[7], trace.halves[:, 7] = 99, 99
    forgotten = trace.without(np.arange(N) == 7)
    assert forgotten.jitter(WHOLE)[0] < 0.5 < trace.jitter(WHOLE)[0]
    assert np.isnan(forgotten.shift[7]).all()
    assert trace.shift[7, 0] == 99


def test_slow_motion_is_smoothed_as_far_as_the_halves_agree():
    motion = 2 * np.sin(np.arange(N) / 25)[:, np.newaxis] * np.ones(2)
    trace = _trace(motion, 1.0)
    found = smoothed(trace.shift, trace.halves, WHOLE)
    assert np.abs(found - motion).mean() < 0.35 * np.abs(trace.shift - motion).mean()
    assert np.abs(found - motion).mean() < 0.2 * np.abs(motion).mean()


def test_noise_is_smoothed_to_next_to_nothing():
    trace = _trace(np.zeros((N, 2)), 1.0)
    assert np.abs(smoothed(trace.shift, trace.halves, WHOLE)).max() < 0.3


def test_nothing_is_smoothed_across_a_jump():
    motion = np.zeros((N, 2))
    motion[200:] = 5
    trace = _trace(motion, 0.5)
    found = smoothed(trace.shift, trace.halves, [(0, 200), (200, N)])
    np.testing.assert_allclose(found[[198, 199]], 0, atol=1)
    np.testing.assert_allclose(found[[200, 201]], 5, atol=1)


def test_nothing_known_is_nothing_found():
    unknown = np.full((N, 2), np.nan)
    trace = Trace(unknown, np.stack([unknown, unknown]), unknown[:, 0], np.ones(len(unknown)))
    assert trace.jitter(WHOLE) == (0.0, 0.0)
    assert not smoothed(trace.shift, trace.halves, WHOLE).any()
