"""Second chances of chunks that couldn't be matched at once."""

from __future__ import annotations

import numpy as np
import pytest
from scenes import PARAMS, SHAPE, Scene, drift, errors_px, similarity, still

import napari_zstack_align as nza
from napari_zstack_align.register.recordings.first_reference import average_frames, expected_map

TRUTH = drift(60, 0.5) @ similarity(4, -3)


def register(stacks, params, **options) -> list[nza.Alignment]:
    return nza.run(nza.register_recordings(stacks, params, **options))


def _dim(scene: Scene, photons: float) -> np.ndarray:
    """Recording in which chunk 2 is so dim that few keypoints are left."""
    frames = scene.frames(TRUTH)
    dim = Scene(photons=photons).frames(TRUTH[20:30], seed=1)
    frames[20:30] = dim
    return frames


def test_a_chunk_too_dim_for_keypoints_is_rescued(scene):
    params = PARAMS.replace(outlier_mad=0, detect_steps=False, residual="none")
    stack = nza.Stack.from_array(_dim(scene, 0.3), "TYX")
    found = register([stack], params, reference=scene.counts)[0]
    row = found.chunks[2]
    assert row["flag"] == ""
    assert row["method"] in ("lower threshold", "longer chunk", "via neighbour")
    assert (np.delete(found.chunks["method"], 2) == "keypoints").all()
    assert errors_px(found, TRUTH)[20:30].mean() < 0.6


def test_a_chunk_without_any_light_is_not(scene):
    params = PARAMS.replace(outlier_mad=0, detect_steps=False, residual="none")
    frames = _dim(scene, 20)
    frames[20:30] = np.random.default_rng(0).poisson(100, (10, *SHAPE))
    found = register([nza.Stack.from_array(frames, "TYX")], params, reference=scene.counts)[0]
    assert found.chunks["flag"][2]
    assert found.chunks["method"][2] == "bridged"
    # bridged on the line between the neighbours
    assert errors_px(found, TRUTH)[20:30].mean() < 0.3


# -- the first reference -----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("bad", ["blank", "foreign"])
def test_a_bad_middle_chunk_does_not_become_the_reference(scene, bad):
    frames = scene.frames(TRUTH)
    other = Scene(seed=9).frames(still(10))
    frames[20:30] = 100 if bad == "blank" else other
    params = PARAMS.replace(passes=1, outlier_mad=0)
    found = register([nza.Stack.from_array(frames, "TYX")], params)[0]
    good = np.delete(np.arange(6), found.chunks["chunk"][found.chunks["start"] == 20])
    assert (found.chunks["flag"][good] == "").all()
    assert (found.chunks["flag"] != "").sum() == 1
    inner = np.s_[20:-20, 20:-20]
    likeness = np.corrcoef(found.reference[inner].ravel(), other.mean(axis=0)[inner].ravel())
    assert likeness[0, 1] < 0.5


def test_the_mean_leaves_unusable_frames_out(scene):
    frames = scene.frames(still(6))
    frames[2] = 7
    mean = average_frames(nza.Stack.from_array(frames, "TYX"), 0, 6, PARAMS)
    np.testing.assert_allclose(mean, np.delete(frames, 2, 0).mean(axis=0), rtol=1e-5)
    assert average_frames(nza.Stack.from_array(frames, "TYX"), 2, 3, PARAMS) is None


@pytest.mark.parametrize(
    ("shape", "own_um", "reference_um", "expected"),
    [
        ((64, 80), None, None, np.eye(3)),
        ((64, 80), (1, 1), (1.005, 1.005), np.eye(3)),
        ((64, 80), (1, 1), None, np.eye(3)),
        ((32, 40), None, None, [[1, 0, -16], [0, 1, -20], [0, 0, 1]]),
        ((64, 80), (0.5, 0.5), (1, 1), [[2, 0, -31.5], [0, 2, -39.5], [0, 0, 1]]),
        ((64, 80), (1, 0.5), (1, 1), [[1, 0, 0], [0, 2, -39.5], [0, 0, 1]]),
    ],
    ids=["equal", "nearly equal", "unknown", "smaller", "finer", "finer along x"],
)
def test_what_is_expected_of_a_recording(shape, own_um, reference_um, expected):
    stack = nza.Stack.from_array(np.zeros((1, *shape), np.uint8), pixel_size_um=own_um)
    np.testing.assert_allclose(expected_map(stack, (64, 80), reference_um), expected)
