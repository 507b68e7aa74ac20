from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scenes import SHAPE, distances_px, similarity

from napari_zstack_align.flags import Flag
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.register import translation as translations
from napari_zstack_align.register.prefilter import Prefilter
from napari_zstack_align.register.recordings import refine
from napari_zstack_align.register.recordings.geometry import translation
from napari_zstack_align.register.recordings.measure import MeasuredFrames, follow, measure_window
from napari_zstack_align.register.recordings.refine import Target
from napari_zstack_align.stack import Stack

TRUTHS = {
    "translation": translation((6.0, -4.0)),
    "rigid": similarity(6, -4, 3),
    "similarity": similarity(6, -4, 3, 1.02),
    "affine": similarity(6, -4, 3) @ np.array([[1.01, 0.02, -2], [-0.01, 0.98, 1.5], [0, 0, 1]]),
}


@pytest.fixture(scope="module")
def target(scene) -> Target:
    return Target.build(scene.counts, Prefilter.for_image(scene.counts))


@pytest.mark.parametrize("model", TRUTHS)
def test_a_start_nearby_is_refined(scene, target, model):
    start = TRUTHS[model] @ translation((1.2, -0.9))
    found = target.refine(scene.seen(TRUTHS[model]), start, model)
    assert distances_px(found.matrix[np.newaxis], TRUTHS[model]).max() < 0.08
    assert distances_px(start[np.newaxis], TRUTHS[model]).min() > 1.3


def test_a_noisy_frame_is_refined(scene, target):
    noisy = scene.frames(TRUTHS["rigid"][np.newaxis])[0].astype(np.float32)
    found = target.refine(noisy, TRUTHS["rigid"], "rigid")
    assert distances_px(found.matrix[np.newaxis], TRUTHS["rigid"]).mean() < 0.3


def test_an_affine_map_pays_where_there_is_shear(scene, target):
    helps = {
        model: target.refine(scene.seen(TRUTHS[model]), TRUTHS["similarity"], "similarity")
        for model in ("similarity", "affine")
    }
    assert helps["affine"].affine_helps > 10 * abs(helps["similarity"].affine_helps)


def test_a_part_that_moves_on_its_own_pulls_little(scene, target):
    frame = scene.seen(np.eye(3))
    frame[32:64, 32:64] = scene.seen(translation((2.5, 0)))[32:64, 32:64]
    found = target.refine(frame, np.eye(3), "translation")
    assert abs(found.matrix[0, 2]) < 0.1


def test_a_mask_silences_the_rest(scene):
    mask = np.zeros(SHAPE, np.float32)
    mask[:, :64] = 1
    frame = scene.seen(translation((0, 0)))
    frame[:, 72:] = scene.seen(translation((2.0, 0)))[:, 72:]
    prefilter = Prefilter.for_image(scene.counts)
    moved = {
        name: Target.build(scene.counts, prefilter, m).refine(frame, np.eye(3), "translation")
        for name, m in (("left", mask), ("right", 1 - mask))
    }
    assert abs(moved["left"].matrix[0, 2]) < 0.1
    assert abs(moved["right"].matrix[0, 2] - 2) < 0.4


def test_small_frames_are_followed_against_their_own_mean(scene):
    shifts = np.random.default_rng(0).normal(0, 1.5, (30, 2))
    frames = scene.frames(translation(shifts)).astype(np.float32)
    found = follow(frames, 20.0)
    centred = shifts - shifts.mean(axis=0)
    np.testing.assert_allclose(found.shift - found.shift.mean(axis=0), centred, atol=0.15)
    assert np.abs(found.turn).max() < 0.5
    # the halves differ by noise only
    assert 0 < np.abs(found.halves[0] - found.halves[1]).mean() < 0.2


def test_a_window_counts_and_flags(scene):
    frames = scene.frames(np.tile(np.eye(3), (6, 1, 1)))
    frames[2] = 7
    window = measure_window(Stack.from_array(frames, "TYX"), 0, 6, KeypointParams())
    good = [0, 1, 3, 4, 5]
    assert window.count == 5
    assert window.faults[2].flag is Flag.NO_SIGNAL
    assert [window.faults[i] for i in good] == [None] * 5
    np.testing.assert_allclose(window.total, frames[good].sum(axis=0, dtype=float))
    mean = window.levels.mean
    np.testing.assert_allclose(mean[good], frames[good].mean(axis=(1, 2)), rtol=1e-2)
    assert np.isnan(mean[2])
    assert np.isnan(window.shift[2]).all()


def window_of(frames: np.ndarray) -> MeasuredFrames:
    return measure_window(Stack.from_array(frames, "TYX"), 0, len(frames), KeypointParams())


def test_a_window_holds_each_of_its_frames_raw_and_filtered(scene):
    frames = scene.frames(np.tile(np.eye(3), (32, 1, 1))).astype(np.float32)
    window_of(frames[:2])  # what is made once
    tracemalloc.start()
    try:
        window_of(frames)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 2 * frames.nbytes < peak < 3 * frames.nbytes  # and small ones


def test_how_many_frames_are_compared_at_once_changes_no_bit(scene, monkeypatch):
    shifts = np.random.default_rng(1).normal(0, 1.5, (21, 2))
    frames = scene.frames(translation(shifts))
    whole = window_of(frames)
    for at_once in (1, 5, 100):
        monkeypatch.setattr(refine, "AT_ONCE", at_once)
        monkeypatch.setattr(translations, "AT_ONCE", at_once)
        again = window_of(frames)
        for name in ("shift", "halves", "turn", "proxy"):
            assert getattr(again, name).tobytes() == getattr(whole, name).tobytes()
