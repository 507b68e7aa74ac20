from __future__ import annotations

import numpy as np
import pytest
from scenes import Scene, distances_px, similarity
from skimage.feature import SIFT, match_descriptors
from skimage.measure import ransac as published_ransac
from skimage.transform import AffineTransform

from napari_zstack_align.params import KeypointParams
from napari_zstack_align.register.recordings.geometry import apply
from napari_zstack_align.register.recordings.keypoints import (
    AT_ONCE,
    Keypoints,
    find_keypoints,
    match,
)
from napari_zstack_align.register.recordings.ransac import ransac

SHAPE = (160, 176)
TRUTH = similarity(6, -4, 2, 1.01, SHAPE)
RECIPE = {"n_octaves": 2, "n_scales": 5, "sigma_min": 1.0, "sigma_in": 0.1}
RECIPE |= {"c_edge": 5, "c_dog": 0.005, "upsampling": 1}
SAME = KeypointParams(
    **RECIPE,
    transform="affine",
    min_samples=8,
    residual_threshold_px=1.0,
    match_ratio=0.6,
    blur_px=0.0,
    intensity_range=(0, 1),
)


@pytest.fixture(scope="module")
def pair() -> list[np.ndarray]:
    """Noisy means of 20 frames at rest and moved by the truth, clipped to [0, 1]."""
    scene = Scene(shape=SHAPE)
    images = []
    for seed, matrix in enumerate((np.eye(3), TRUTH)):
        mean = scene.frames(np.tile(matrix, (20, 1, 1)), seed=seed).mean(axis=0)
        low, high = np.percentile(mean, (0.5, 99.8))
        images.append(np.clip((mean - low) / (high - low), 0, 1).astype(np.float32))
    return images


@pytest.fixture(scope="module")
def published(pair) -> list[tuple[np.ndarray, np.ndarray]]:
    """(positions, descriptors) of both images by scikit-image's SIFT."""
    found = []
    for image in pair:
        sift = SIFT(**RECIPE)
        sift.detect_and_extract(image)
        found.append((sift.positions, sift.descriptors))
    return found


def _near(points: np.ndarray, others: np.ndarray) -> float:
    """Part of the points that have one of the others within 1.5 px."""
    away = np.linalg.norm(points[:, np.newaxis] - others, axis=2)
    return float((away.min(axis=1) < 1.5).mean())


@pytest.mark.slow
def test_keypoints_lie_where_those_of_the_published_recipe_do(pair, published):
    for image, (positions, _) in zip(pair, published, strict=True):
        ours = find_keypoints(image, SAME).points
        assert len(ours) > 0.6 * len(positions)
        # by chance a quarter of them would
        assert _near(positions, ours) > 0.75
        assert _near(ours, positions) > 0.95


def test_the_transform_is_that_of_the_published_recipe(pair, published):
    (positions_a, descriptors_a), (positions_b, descriptors_b) = published
    matches = match_descriptors(descriptors_a, descriptors_b, cross_check=True, max_ratio=0.6)
    theirs, _ = published_ransac(
        (positions_a[matches[:, 0]], positions_b[matches[:, 1]]),
        AffineTransform,
        min_samples=8,
        residual_threshold=1,
        max_trials=1000,
        rng=0,
    )
    a, b = (find_keypoints(image, SAME) for image in pair)
    i, j = match(a, b, SAME.match_ratio)
    ours = ransac(
        a.points[i],
        b.points[j],
        "affine",
        threshold_px=1.0,
        max_trials=1000,
        seed=0,
        min_samples=8,
    )
    assert distances_px(ours.matrix[np.newaxis], theirs.params, shape=SHAPE).max() < 0.1
    assert distances_px(ours.matrix[np.newaxis], TRUTH, shape=SHAPE).max() < 0.1
    assert ours.inliers.mean() > 0.9


@pytest.mark.parametrize("detector", ["sift", "orb"])
def test_matches_follow_the_motion(pair, detector: str):
    params = KeypointParams(detector=detector)
    a, b = (find_keypoints(image, params) for image in pair)
    i, j = match(a, b, 0.8)
    away = np.linalg.norm(apply(TRUTH, a.points[i]) - b.points[j], axis=1)
    assert len(i) > 30
    assert (away < 1.5).mean() > 0.8


@pytest.mark.parametrize(
    ("change", "fewer"),
    [
        ({"c_dog": 0.05}, True),
        ({"c_edge": 1.5}, True),
        ({"blur_px": 2.0}, True),
        ({"sigma_min": 3.0}, True),
        ({"n_octaves": 1}, True),
        ({"upsampling": 2}, False),
    ],
    ids=str,
)
def test_settings_reach_the_detector(pair, change: dict, fewer: bool):
    usual, changed = (len(find_keypoints(pair[0], SAME.replace(**c))) for c in ({}, change))
    assert changed < usual if fewer else changed > usual


def test_a_lower_contrast_finds_more(pair):
    assert len(find_keypoints(pair[0], SAME, 0.2)) > len(find_keypoints(pair[0], SAME))


def test_the_strongest_are_kept(pair):
    few, all_of_them = (find_keypoints(pair[0], SAME.replace(max_keypoints=n)) for n in (50, 9999))
    assert len(few) == 50 < len(all_of_them)
    np.testing.assert_array_equal(few.points, all_of_them.points[:50])


def test_a_given_range_of_intensities_is_what_counts(pair):
    counts = 54600 + 400 * pair[0]
    given = find_keypoints(counts, SAME.replace(intensity_range=(54600, 55000)))
    # but for rounding they are the same
    assert _near(given.points, find_keypoints(pair[0], SAME).points) > 0.99
    assert len(find_keypoints(counts, SAME.replace(intensity_range=(0, 65535)))) < 0.2 * len(given)


@pytest.mark.parametrize(
    "image",
    [np.zeros((64, 64)), np.full((64, 64), np.nan), np.full((64, 64), 7.0)],
    ids=["black", "NaN", "grey"],
)
@pytest.mark.parametrize("detector", ["sift", "orb"])
def test_an_image_that_shows_nothing_has_no_keypoints(image: np.ndarray, detector: str):
    found = find_keypoints(image.astype(np.float32), KeypointParams(detector=detector))
    assert len(found) == 0
    assert [len(k) for k in match(found, found, 0.6)] == [0, 0]


def _described(*rows: float) -> Keypoints:
    return Keypoints(np.zeros((len(rows), 2)), np.array(rows, np.float32)[:, np.newaxis])


def test_matches_are_each_others_nearest_and_clearly_so():
    # 5 is nearest to both 5.4 and 4.9: only one of them gets it; 9 has two that are as near
    first, second = _described(0, 5.4, 4.9, 9), _described(5, 0.1, 8.8, 9.3)
    i, j = match(first, second, 0.6)
    assert sorted(zip(i.tolist(), j.tolist(), strict=True)) == [(0, 1), (2, 0)]
    i, j = match(first, second, 1.0)
    assert sorted(zip(i.tolist(), j.tolist(), strict=True)) == [(0, 1), (2, 0), (3, 2)]


@pytest.mark.parametrize("ratio", [1.0, 0.8])
@pytest.mark.parametrize(("n", "m"), [(AT_ONCE + 40, 3 * AT_ONCE), (5, 9), (1, 1), (7, 0)])
def test_keypoints_compared_in_parts_are_matched_as_all_at_once(n, m, ratio):
    rng = np.random.default_rng(n + m)
    first = rng.normal(size=(n, 128)).astype(np.float32)
    second = rng.normal(size=(m, 128)).astype(np.float32)
    shared = rng.permutation(n)[: min(n, m) // 2]
    second[: len(shared)] = first[shared] + 0.2 * rng.normal(size=(len(shared), 128))
    points = np.zeros((n + m, 2))
    i, j = match(Keypoints(points[:n], first), Keypoints(points[:m], second), ratio)
    distances = np.linalg.norm(first[:, np.newaxis].astype(float) - second, axis=2)
    pairs = []
    for row, line in enumerate(distances if m else []):
        near = int(line.argmin())
        rest = np.delete(line, near).min(initial=np.inf)
        if distances[:, near].argmin() == row and (ratio == 1 or line[near] < ratio * rest):
            pairs.append((row, near))
    assert list(zip(i.tolist(), j.tolist(), strict=True)) == pairs
