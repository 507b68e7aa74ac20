from __future__ import annotations

import numpy as np
import pytest
from scenes import PARAMS, SHAPE, Scene, distances_px, drift, similarity, still

import napari_zstack_align as nza
from napari_zstack_align.errors import InputError
from napari_zstack_align.register.recordings import preview_chunk, preview_session

MOVED = similarity(4.1, 0, -0.8)


def _preview(stacks, *arguments, **options):
    return nza.run(preview_chunk(stacks, *arguments, **options))


def test_a_chunk_that_will_work(scene):
    stack = scene.recording(np.tile(MOVED, (30, 1, 1)))
    found = _preview([stack], 0, (10, 20), PARAMS, reference=scene.counts)
    assert found.go
    assert (found.recording, found.frames, found.least_alike_of) == (0, (10, 20), 0)
    assert found.words.startswith("4.1 px down, 0.8° clockwise")
    assert distances_px(found.matrix[np.newaxis], MOVED).mean() < 0.1
    assert "matches agree within" in found.reason
    assert "the correlation rises from" in found.reason
    assert found.correlation_after > found.correlation_before
    assert found.coverage > 0.5
    assert found.reference_image.shape == found.chunk_image.shape == SHAPE
    frames = stack.read(10, 20)[:, 0]
    np.testing.assert_allclose(found.chunk_image, frames.mean(axis=0, dtype=float), rtol=1e-5)
    assert len(found.matches_reference) == len(found.matches_chunk) == len(found.inliers)
    assert found.inliers.sum() > 50
    assert found.reference_in_mask.all()
    assert found.chunk_in_mask.all()


def test_keypoints_in_and_outside_the_mask_are_shown(scene):
    mask = np.zeros(SHAPE, bool)
    mask[:, :70] = True
    stack = scene.recording(still(10))
    found = _preview([stack], 0, (0, 10), PARAMS, mask, reference=scene.counts)
    assert 0 < found.reference_in_mask.sum() < len(found.reference_in_mask)
    inside = found.reference_points[found.reference_in_mask]
    assert (inside[:, 1] < 70.5).all()
    assert (found.matches_reference[:, 1] < 70.5).all()


@pytest.mark.parametrize(
    ("content", "changes", "reason", "advice"),
    [
        ("unrelated", {}, "Too few ", "take longer chunks"),
        ("blank", {}, "None of these frames shows anything", "choose others"),
        ("moved", {"max_shift_px": 2}, "Implausible transform: a shift of 4 px", "raise the bound"),
        ("moved", {"c_dog": 0.4}, "Too few keypoints", "lower c_dog"),
    ],
)
def test_a_chunk_that_will_not_work_says_why_and_what_to_do(
    scene, content, changes, reason, advice
):
    frames = {
        "unrelated": lambda: Scene(seed=9).frames(still(10)),
        "blank": lambda: np.full((10, *SHAPE), 100, np.uint16),
        "moved": lambda: scene.frames(np.tile(MOVED, (10, 1, 1))),
    }[content]()
    stack = nza.Stack.from_array(frames, "TYX")
    params = PARAMS.replace(**changes)
    found = _preview([stack], 0, None, params, reference=scene.counts)
    assert not found.go
    assert found.matrix is None
    assert found.words == ""
    assert found.reason.startswith(reason)
    assert advice in found.reason
    assert found.reason.endswith(".")


@pytest.mark.parametrize("moved", [1, 5])
def test_the_chunk_that_is_least_like_the_reference_is_looked_at(scene, moved):
    maps = still(60)
    maps[10 * moved : 10 * moved + 10] = similarity(9, -6, 3)
    frames = scene.frames(maps)
    frames[20:30] = frames.mean()  # nothing is shown: a run bridges that
    stack = nza.Stack.from_array(frames, "TYX")
    found = _preview([stack], 0, None, PARAMS, reference=scene.counts)
    assert found.frames == (10 * moved, 10 * moved + 10)
    assert found.least_alike_of == 6
    assert found.go


@pytest.mark.thorough
def test_a_session_is_previewed_by_its_least_similar_chunks(scene):
    maps = [still(30), still(40)]
    maps[0][:10] = similarity(5, 0, 0)
    maps[1][30:] = similarity(0, -5, 1)
    stacks = [scene.recording(each) for each in maps]
    stacks = [*stacks, Scene(seed=9).recording(still(20))]
    found = nza.run(preview_session(stacks, PARAMS, reference=scene.counts))
    assert [p.recording for p in found] == [0, 1, 2]
    assert [p.frames for p in found[:2]] == [(0, 10), (30, 40)]
    assert [p.go for p in found] == [True, True, False]
    assert found[0].words.startswith("5.0 px down")


def test_a_preview_is_the_first_pass_of_the_run(scene):
    stack = scene.recording(drift(30))
    params = PARAMS.replace(passes=1, residual="none")
    found = _preview([stack], 0, (10, 20), params, reference=scene.counts)
    run = nza.run(nza.register_recordings([stack], params, reference=scene.counts))[0]
    np.testing.assert_allclose(run.chunks["matrix"][1], found.matrix, atol=1e-6)


@pytest.mark.parametrize(
    ("recording", "frames", "sentence"),
    [
        (1, None, "There is no recording 1: they are counted 0 to 0"),
        (-1, None, "There is no recording -1"),
        (0, (5, 31), "has no frames 5 to 30"),
        (0, (9, 9), "has no frames 9 to 8"),
    ],
)
def test_bad_choices_are_told_at_the_call(scene, recording, frames, sentence):
    stack = scene.recording(still(30))
    with pytest.raises(InputError, match=sentence):
        preview_chunk([stack], recording, frames)
    with pytest.raises(InputError, match="There are no recordings"):
        preview_session([])
