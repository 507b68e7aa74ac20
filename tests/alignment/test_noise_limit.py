"""How well frames can resemble one another at all."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_zstack_align.alignment.noise_limit import Power, power_of
from napari_zstack_align.alignment.quality import comparison_image, correlation, without_extremes

N_FRAMES = 8


def still(size: int, photons: float, seed: int = 0) -> np.ndarray:
    """(8, size, size) frames of tissue that doesn't move, with shot noise."""
    rng = np.random.default_rng(seed)
    tissue = gaussian_filter(rng.gamma(0.2, 1.0, (size, size)), 2.0)
    tissue *= photons / np.percentile(tissue, 99.5)
    return rng.poisson(tissue + 0.2, (N_FRAMES, size, size)).astype(np.float32)


def measured(frames: np.ndarray) -> float:
    """Median correlation of frames with the mean of the others."""
    compared = [without_extremes(comparison_image(frame)) for frame in frames]
    total, weight = np.sum(compared, axis=0), np.ones_like(compared[0])
    others = [(total - one) / (len(frames) - 1) for one in compared]
    pairs = zip(compared, others, strict=True)
    return float(np.median([correlation(one, other, weight) for one, other in pairs]))


@pytest.mark.parametrize("photons", [2.0, 10.0, 60.0])
@pytest.mark.parametrize(("size", "tolerance"), [(160, 0.02), (256, 0.015), (100, 0.06)])
def test_the_limit_is_what_still_frames_reach(size: int, photons: float, tolerance: float) -> None:
    frames = still(size, photons)
    limits = [power_of(frame).expected_correlation(1, N_FRAMES - 1) for frame in frames]
    assert np.median(limits) == pytest.approx(measured(frames), abs=tolerance)


def test_it_doesn_t_see_motion() -> None:
    frames = still(160, 5.0)
    moved = np.stack([np.roll(frame, 2 * t, axis=0) for t, frame in enumerate(frames)])
    limits = [[power_of(frame).signal for frame in each] for each in (frames, moved)]
    np.testing.assert_allclose(limits[0], limits[1], rtol=0.1)
    assert measured(moved) < measured(frames) - 0.2


def test_noise_has_no_signal() -> None:
    noise = np.random.default_rng(0).poisson(9, (160, 160)).astype(np.float32)
    assert power_of(noise).expected_correlation(1, 8) < 0.25
    assert power_of(np.full((64, 64), 7, np.float32)).expected_correlation(1, 8) == 0


def test_the_mask_chooses_what_counts() -> None:
    frame = still(160, 20.0)[0]
    frame[:, 80:] = np.random.default_rng(1).poisson(5, (160, 80))
    tissue, noise = np.zeros((80, 80), np.float32), np.zeros((80, 80), np.float32)
    tissue[:, :35], noise[:, 45:] = 1, 1
    assert power_of(frame, tissue).expected_correlation(1, 7) > 0.8
    assert power_of(frame, noise).expected_correlation(1, 7) < 0.4


def test_more_frames_allow_more() -> None:
    power = Power(signal=1.0, noise=3.0)
    assert power.expected_correlation(1, 1) == pytest.approx(0.25)
    assert power.expected_correlation(1, 1e9) == pytest.approx(0.5)
    assert power.expected_correlation(3, 1e9) == pytest.approx(np.sqrt(0.5))
    assert power.expected_correlation(1, 0) == 0
