from __future__ import annotations

import numpy as np
import pytest
from scenes import SHAPE, similarity

from napari_zstack_align.register.recordings.geometry import (
    FEWEST_POINTS,
    Motion,
    apply,
    fit,
    inverse,
    neighbours_differ,
    translation,
)

SHEARED = np.array([[1.02, 0.03, -4.0], [-0.05, 0.97, 7.5], [0, 0, 1]])
TRUTHS = {
    "translation": translation((3.5, -7.25)),
    "rigid": similarity(3.5, -7.25, 12),
    "similarity": similarity(3.5, -7.25, -8, 1.07),
    "affine": SHEARED,
}
MODELS = list(TRUTHS)


def _points(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 128, (*shape, 2))


@pytest.mark.parametrize("n_more", [0, 20], ids=["fewest points", "many points"])
@pytest.mark.parametrize("model", MODELS)
def test_each_model_finds_its_own_map_exactly(model: str, n_more: int):
    source = _points(FEWEST_POINTS[model] + n_more)
    found = fit(model, source, apply(TRUTHS[model], source))
    np.testing.assert_allclose(found, TRUTHS[model], atol=1e-9)


@pytest.mark.parametrize(("model", "more"), [("rigid", "similarity"), ("similarity", "affine")])
def test_a_model_does_no_more_than_it_may(model: str, more: str):
    source = _points(30)
    found = fit(model, source, apply(TRUTHS[more], source))
    linear = found[:2, :2]
    scale = np.sqrt(np.linalg.det(linear))
    np.testing.assert_allclose(linear @ linear.T, scale**2 * np.eye(2), atol=1e-12)
    if model == "rigid":
        assert scale == pytest.approx(1)
    assert np.abs(found - TRUTHS[more]).max() > 1e-3


@pytest.mark.parametrize("model", MODELS)
def test_a_batch_is_as_good_as_one_after_the_other(model: str):
    source, target = _points(7, 9), _points(7, 9, seed=1)
    single = [fit(model, a, b) for a, b in zip(source, target, strict=True)]
    np.testing.assert_allclose(fit(model, source, target), single, atol=1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_points_without_weight_count_nothing(model: str):
    source = _points(12)
    target = apply(TRUTHS[model], source)
    target[8:] += 100
    weights = (np.arange(12) < 8).astype(float)
    found = fit(model, source, target, weights)
    np.testing.assert_allclose(found, TRUTHS[model], atol=1e-9)


@pytest.mark.parametrize(
    ("model", "source"),
    [
        ("affine", np.array([[0.0, 0], [1, 1], [2, 2]])),
        ("similarity", np.array([[4.0, 4], [4, 4]])),
        ("rigid", np.array([[4.0, 4], [4, 4]])),
    ],
    ids=["affine on a line", "similarity of one place", "rigid of one place"],
)
def test_points_that_do_not_determine_the_map_give_none(model: str, source: np.ndarray):
    assert not np.isfinite(fit(model, source, source + 1)).all()


def test_the_inverse_leads_back():
    points = _points(20)
    np.testing.assert_allclose(apply(inverse(SHEARED), apply(SHEARED, points)), points)


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (translation((4.1, 0)), "4.1 px down"),
        (translation((-4.1, 2.0)), "4.1 px up, 2.0 px right"),
        (translation((0, -3.0)), "3.0 px left"),
        (similarity(4.1, 0, -0.8), "4.1 px down, 0.8° clockwise"),
        (similarity(0, 0, 2, 1.02), "2.0° counter-clockwise, 2.0 % larger"),
        (similarity(0, 0, 0, 0.97), "3.0 % smaller"),
        (np.eye(3), "no motion"),
    ],
)
def test_motion_in_words(matrix: np.ndarray, words: str):
    assert str(Motion.of(matrix, SHAPE)) == words


def test_clockwise_is_what_a_clock_does_on_a_screen():
    # y runs down: a point above the centre, turned clockwise, comes to lie to its right
    quarter = fit("rigid", np.array([[-1.0, 0], [0, 1]]), np.array([[0.0, 1], [1, 0]]))
    assert "clockwise" in str(Motion.of(quarter, (1, 1)))
    assert "counter" not in str(Motion.of(quarter, (1, 1)))


def test_shear_is_told_apart_from_scale():
    motion = Motion.of(np.diag([1.1, 1 / 1.1, 1]), SHAPE)
    assert motion.scale == pytest.approx(1)
    assert motion.shear == pytest.approx(0.1)


def test_neighbours_differ_by_the_motion_between_them():
    chain = np.stack([similarity(0, 0), similarity(5, 2, 4), similarity(5, 2, 4, 1.03)])
    turn, scale = neighbours_differ(chain)
    np.testing.assert_allclose(turn, [4, 0], atol=1e-9)
    np.testing.assert_allclose(scale, [0, 0.03], atol=1e-9)
