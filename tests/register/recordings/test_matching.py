from __future__ import annotations

import numpy as np
import pytest
from scenes import PARAMS, SHAPE, Scene, distances_px, similarity, still

from napari_zstack_align.register.recordings.geometry import apply, inverse, translation
from napari_zstack_align.register.recordings.matchers import prepared
from napari_zstack_align.register.recordings.matching import (
    Matcher,
    correlations_of,
    coverage,
    match_image,
)
from napari_zstack_align.register.recordings.reference import Reference

TRUTH = similarity(7, -5, 2, 1.01)


@pytest.fixture(scope="module")
def matcher(scene) -> Matcher:
    return prepared(scene.counts, None, PARAMS)


def _mean(scene: Scene, matrix: np.ndarray, seed: int = 0) -> np.ndarray:
    frames = scene.frames(np.tile(matrix, (20, 1, 1)), seed=seed)
    return frames.mean(axis=0).astype(np.float32)


def test_a_match_tells_where_the_chunk_lies(scene, matcher):
    found = match_image(matcher, _mean(scene, TRUTH), np.eye(3), 0)
    assert found.fault is None
    assert distances_px(found.matrix[np.newaxis], TRUTH).max() < 0.2
    assert found.n_inliers == found.inliers.sum() > 50
    assert len(found.source) == len(found.target) == len(found.inliers)
    assert 0.5 < found.coverage <= 1
    assert found.after > 0.9 > 0.7 > found.before
    assert 0 < found.residual_px < 1


def test_both_ends_of_an_inlier_lie_in_the_mask(scene):
    stripes = np.zeros(SHAPE, np.float32)
    stripes[:, np.arange(SHAPE[1]) // 4 % 2 == 0] = 1
    matcher = prepared(scene.counts, stripes, PARAMS.replace(residual_threshold_px=2.0))
    reference = matcher.reference
    found = match_image(matcher, _mean(scene, TRUTH), np.eye(3), 0)
    back = apply(inverse(found.matrix), found.target)
    assert reference.in_mask(found.source).all()
    assert reference.in_mask(back[found.inliers]).all()
    assert not reference.in_mask(back).all()
    near = np.linalg.norm(back - found.source, axis=1) < 1.5
    assert (near & ~found.inliers).any()


@pytest.mark.parametrize(
    ("truth", "changes", "reason"),
    [
        (
            similarity(12, 0),
            {"max_shift_px": 8},
            "implausible transform: a shift of 12 px, where max_shift_px (--max-shift-px) allows 8",
        ),
        (
            similarity(0, 0, 6),
            {"max_rotation_deg": 4},
            "implausible transform: a rotation of 6°, where max_rotation_deg "
            "(--max-rotation-deg) allows 4",
        ),
        (
            similarity(0, 0, 0, 1.06),
            {"max_scale_percent": 3},
            "implausible transform: a change of scale or shear of 6 %, where max_scale_percent "
            "(--max-scale-percent) allows 3",
        ),
        (TRUTH, {"min_matches": 1000}, "too few keypoints: "),
        (TRUTH, {"min_matches": 270}, "too few matches: "),
    ],
    ids=["shift", "rotation", "scale", "keypoints", "matches"],
)
def test_what_is_beyond_belief_is_told(scene, truth, changes, reason):
    matcher = prepared(scene.counts, None, PARAMS.replace(**changes))
    found = match_image(matcher, _mean(scene, truth), np.eye(3), 0)
    assert found.matrix is None
    assert found.fault is not None
    assert found.fault.detail.startswith(reason)


def test_a_wrong_shift_of_a_still_movie_does_not_raise_its_correlation():
    """The blur of an interpolation must not pass for likeness."""
    scene = Scene(photons=3)
    frames = scene.frames(still(40)).astype(np.float32)
    others = Reference.of(frames[10:].mean(axis=0), None)
    for n in (1, 10):
        own = np.ascontiguousarray(frames[:n].mean(axis=0))
        for shift in ((0.5, 0.5), (0.5, 0), (0.25, -0.5), (1, 1)):
            before, after = correlations_of(own, translation(shift), np.eye(3), others)
            assert after < before


@pytest.mark.parametrize(
    ("point", "dilated", "inside"),
    [
        ((20, 20), 0, True),
        ((9, 20), 0, False),
        ((9, 20), 2, True),
        ((-4, 20), 15, True),
        ((-4, 20), 10, False),
        ((500, 20), 10, False),
    ],
)
def test_points_in_a_mask_and_near_it(scene, point, dilated, inside):
    mask = np.zeros(SHAPE, np.float32)
    mask[10:40, 10:40] = 1
    reference = Reference.of(scene.counts, mask)
    assert reference.in_mask(np.array([point], float), dilated).tolist() == [inside]


def test_coverage_is_the_part_of_the_mask_with_inliers_near(scene):
    y, x = np.mgrid[8 : SHAPE[0] : 16, 8 : SHAPE[1] : 16]
    everywhere = np.column_stack([y.ravel(), x.ravel()]).astype(float)
    left = everywhere[everywhere[:, 1] < 40]
    whole = Reference.of(scene.counts, None)
    assert coverage(everywhere, whole) == 1
    assert coverage(everywhere[:0], whole) == 0
    assert 0.3 < coverage(left, whole) < 0.6
    mask = np.zeros(SHAPE, np.float32)
    mask[:, :32] = 1
    assert coverage(left, Reference.of(scene.counts, mask)) == 1


def test_what_the_reference_does_not_show_is_not_compared(scene):
    image = scene.counts.copy()
    image[:, 100:] = np.nan
    matcher = prepared(image, None, PARAMS)
    reference = matcher.reference
    assert np.isfinite(reference.image).all()
    assert (matcher.points[:, 1] < 104).all()
    chunk = _mean(scene, np.eye(3))
    chunk[:, 104:] = Scene(seed=9).counts[:, 104:]
    whole = Reference.of(scene.counts, None)
    assert correlations_of(chunk, np.eye(3), np.eye(3), reference)[1] > 0.95
    assert correlations_of(chunk, np.eye(3), np.eye(3), whole)[1] < 0.8
