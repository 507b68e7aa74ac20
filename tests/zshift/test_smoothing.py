"""Smoothing over time and space: what is known comes out, what isn't is bridged."""

from __future__ import annotations

import numpy as np
import pytest

from napari_zstack_align.params import ZShiftParams
from napari_zstack_align.progress import Progress, mapped, run
from napari_zstack_align.zshift.over_time import smooth_over_time
from napari_zstack_align.zshift.smoothing import Smooth, smooth_depths

RNG = np.random.default_rng(0)
STEP = Progress("Smoothing", 0, 0)


def over_time(values, variance):
    return run(mapped(smooth_over_time(values, variance), lambda _: STEP))


def over_both(z, error, confidence, shape, **params) -> Smooth:
    job = smooth_depths(z, error, confidence, shape, ZShiftParams(**params))
    return run(mapped(job, lambda _: STEP))


def test_a_line_stays_a_line() -> None:
    line = np.linspace(2, 9, 50)[:, np.newaxis]
    smooth, variance = over_time(line, np.full_like(line, 0.01))
    np.testing.assert_allclose(smooth, line, atol=1e-3)
    assert variance.max() < 0.01


def test_noise_falls_and_a_slow_wave_stays() -> None:
    wave = 3 * np.sin(np.linspace(0, 6, 400))[:, np.newaxis]
    noisy = wave + RNG.normal(0, 0.3, wave.shape)
    smooth, variance = over_time(noisy, np.full_like(wave, 0.09))
    error = smooth - wave
    assert error.std() < 0.12
    assert np.sqrt(variance.mean()) == pytest.approx(error.std(), rel=0.6)


def test_sharp_steps_without_noise_stay() -> None:
    steps = np.repeat([1.0, 6.0, 3.0], 20)[:, np.newaxis]
    smooth, _ = over_time(steps, np.full_like(steps, 1e-4))
    np.testing.assert_allclose(smooth, steps, atol=0.1)


def test_gaps_are_bridged() -> None:
    wave = 3 * np.sin(np.linspace(0, 9, 90))[:, np.newaxis]
    values, variance = wave + RNG.normal(0, 0.02, wave.shape), np.full_like(wave, 4e-4)
    values[40:44], variance[40:44] = np.nan, np.inf
    smooth, spread = over_time(values, variance)
    np.testing.assert_allclose(smooth, wave, atol=0.2)
    assert spread[42] > 2 * spread[30]


def test_a_jump_is_believed_where_it_is_sure() -> None:
    """And it doesn't let the noise of all other frames pass."""
    noisy = 3 + RNG.normal(0, 0.1, (300, 1))
    variance = np.full_like(noisy, 0.01)
    noisy[100] += 5
    noisy[200] += 5
    variance[200] = 100.0
    smooth, _ = over_time(noisy, variance)
    assert smooth[100] == pytest.approx(8, abs=0.3)
    assert smooth[200] == pytest.approx(3, abs=0.2)
    calm = np.delete(smooth, slice(95, 106))
    assert (calm - 3).std() < 0.05


@pytest.mark.parametrize("n_frames", [1, 2])
def test_few_frames_stay_as_they_are(n_frames: int) -> None:
    values = np.ones((n_frames, 1))
    smooth, _ = over_time(values, np.full_like(values, 0.1))
    np.testing.assert_array_equal(smooth, values)


@pytest.mark.parametrize("shape", [(5, 5), (1, 4), (3, 1), (1, 1), (2, 2)])
def test_a_plane_is_kept(shape: tuple[int, int]) -> None:
    y, x = np.indices(shape)
    plane = (4 + 0.3 * y - 0.2 * x).ravel()
    z = np.tile(plane, (6, 1))
    smooth = over_both(z, np.full_like(z, 0.05), np.ones_like(z), shape)
    np.testing.assert_allclose(smooth.patch_z, z, atol=0.01)
    np.testing.assert_allclose(smooth.z, plane.mean(), atol=0.01)


def test_a_lost_patch_follows_its_neighbours() -> None:
    y, x = np.indices((5, 5))
    plane = (4 + 0.1 * y + 0.05 * x).ravel()
    z, error, confidence = np.tile(plane, (8, 1)), np.full((8, 25), 0.05), np.ones((8, 25))
    z[:, 7], error[:, 7] = np.nan, np.inf
    z[:, 18] += 3  # wrong, and sure of it
    smooth = over_both(z, error, confidence, (5, 5))
    np.testing.assert_allclose(smooth.patch_z, np.tile(plane, (8, 1)), atol=0.1)


def test_noise_falls_by_space() -> None:
    z = 3 + RNG.normal(0, 0.1, (200, 49))
    smooth = over_both(z, np.full_like(z, 0.1), np.ones_like(z), (7, 7), smooth_time=False)
    assert (smooth.patch_z - 3).std() < 0.06
    assert (smooth.z - 3).std() < 0.03
    assert smooth.error.mean() == pytest.approx((smooth.z - 3).std(), rel=0.5)


def test_without_evidence_nothing_is_known() -> None:
    z = np.full((4, 9), np.nan)
    smooth = over_both(z, np.full_like(z, np.inf), np.zeros_like(z), (3, 3))
    assert np.isnan(smooth.z).all()
