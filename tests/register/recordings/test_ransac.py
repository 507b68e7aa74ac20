from __future__ import annotations

import numpy as np
import pytest
from scenes import similarity

from napari_zstack_align.register.recordings.geometry import apply, translation
from napari_zstack_align.register.recordings.ransac import distances, ransac

TRUTHS = {
    "translation": translation((9.0, -6.0)),
    "rigid": similarity(9, -6, 4),
    "similarity": similarity(9, -6, 4, 0.96),
    "affine": np.array([[1.02, 0.03, -4.0], [-0.05, 0.97, 7.5], [0, 0, 1]]),
}
N_GOOD, N_BAD = 40, 60


def _matches(truth: np.ndarray, seed: int, noise: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Matches of which the larger part is wrong, and these by up to the whole image."""
    rng = np.random.default_rng(seed)
    source = rng.uniform(0, 256, (N_GOOD + N_BAD, 2))
    target = apply(truth, source) + rng.normal(0, noise, source.shape)
    target[N_GOOD:] = rng.uniform(0, 256, (N_BAD, 2))
    return source, target


def _fit(source: np.ndarray, target: np.ndarray, model: str, **changes: object):
    options = {"threshold_px": 1.0, "max_trials": 1000, "seed": 0, **changes}
    return ransac(source, target, model, **options)


@pytest.mark.parametrize("model", TRUTHS)
@pytest.mark.parametrize("seed", range(3))
def test_the_map_is_found_among_gross_outliers(model: str, seed: int):
    source, target = _matches(TRUTHS[model], seed)
    found = _fit(source, target, model, seed=seed)
    assert distances(found.matrix, source, apply(TRUTHS[model], source)).max() < 0.6
    assert found.inliers[:N_GOOD].mean() > 0.9
    assert found.inliers[N_GOOD:].sum() <= 1
    assert 0.1 < found.residual_px < 0.6


def test_without_noise_it_is_exact():
    source, target = _matches(TRUTHS["similarity"], 1, noise=0)
    found = _fit(source, target, "similarity")
    np.testing.assert_allclose(found.matrix, TRUTHS["similarity"], atol=1e-9)
    assert found.residual_px < 1e-9


def test_the_settings_of_the_published_recipe():
    rng = np.random.default_rng(2)
    source = rng.uniform(0, 256, (60, 2))
    target = apply(TRUTHS["affine"], source)
    target[45:] += rng.uniform(20, 50, (15, 2))
    found = _fit(source, target, "affine", min_samples=8)
    assert found.inliers.tolist() == [True] * 45 + [False] * 15
    np.testing.assert_allclose(found.matrix, TRUTHS["affine"], atol=1e-9)


def test_the_same_seed_gives_the_same_and_another_one_another():
    # so few trials that luck shows
    source, target = _matches(TRUTHS["affine"], 3)
    few = {"max_trials": 3}
    same = [_fit(source, target, "affine", seed=(7, 1, 20), **few).matrix for _ in range(2)]
    np.testing.assert_array_equal(*same)
    others = [_fit(source, target, "affine", seed=(7, 1, s), **few).matrix for s in range(5)]
    assert len({m.tobytes() for m in others}) > 1


@pytest.mark.parametrize(
    ("model", "n", "min_samples"),
    [("translation", 0, None), ("similarity", 1, None), ("affine", 7, 8)],
)
def test_too_few_matches_give_nothing(model: str, n: int, min_samples: int | None):
    points = np.random.default_rng(0).uniform(0, 9, (n, 2))
    assert _fit(points, points, model, min_samples=min_samples) is None


def test_matches_on_one_line_bring_no_affine_inlier():
    line = np.linspace(0, 50, 20)[:, np.newaxis] * np.array([1.0, 2.0])
    assert not _fit(line, line + 3, "affine").inliers.any()
