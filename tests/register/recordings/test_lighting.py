"""Frames whose cells are lit: how much each counts in a mean, and that light moves nothing."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scenes import DARK, SHAPE, Scene

from napari_zstack_align.register.prefilter import Prefilter
from napari_zstack_align.register.recordings.lighting import Lighting
from napari_zstack_align.register.recordings.measure import follow

N, TIMES = 30, 4.0
LIT = np.arange(N) >= 20


def _lit_by(image: np.ndarray, times: float) -> np.ndarray:
    band = cv2.GaussianBlur(image, (0, 0), 1.5) - cv2.GaussianBlur(image, (0, 0), 8)
    cells = (band > np.quantile(band, 0.85)).astype(np.float32)
    return 1 + (times - 1) * cv2.GaussianBlur(cells, (0, 0), 1.0)


@pytest.fixture(scope="module")
def frames(scene: Scene) -> np.ndarray:
    """(N, Y, X) still frames with shot noise; in the last ones cells are lit."""
    rng = np.random.default_rng(3)
    lit = DARK + (scene.counts - DARK) * _lit_by(scene.counts, TIMES)
    clean = np.where(LIT[:, np.newaxis, np.newaxis], lit, scene.counts)
    return (clean + rng.normal(0, 1, clean.shape) * np.sqrt(clean)).astype(np.float32)


def _lighting(frames: np.ndarray) -> Lighting:
    prefilter = Prefilter.for_image(frames.mean(axis=0))
    return Lighting.of(frames, np.zeros((len(frames), 2)), prefilter)


def _detail(frames: np.ndarray) -> np.ndarray:
    """Band-passed mean of the frames that aren't lit."""
    mean = frames[:20].mean(axis=0)
    return cv2.GaussianBlur(mean, (0, 0), 0.9) - cv2.GaussianBlur(mean, (0, 0), 2.5)


def test_lit_frames_count_as_often_as_they_are_bright(frames):
    weights = _lighting(frames).weights(frames, _detail(frames))
    assert weights.mean() == pytest.approx(1)
    assert weights[LIT].mean() / weights[~LIT].mean() == pytest.approx(TIMES, rel=0.3)


def test_evened_frames_are_alike(frames):
    inner = np.s_[:, 8:-8, 8:-8]
    even = np.stack(list(_lighting(frames).evened(frames)))
    before, after = (
        np.abs(each[inner][LIT].mean(axis=0) - each[inner][~LIT].mean(axis=0)).mean()
        for each in (frames, even)
    )
    assert after < 0.4 * before


def test_frames_of_one_brightness_stay_as_they_are(frames):
    dim = frames[~LIT]
    lighting = _lighting(dim)
    np.testing.assert_array_equal(list(lighting.evened(dim)), dim)
    assert (lighting.weights(dim, _detail(dim)) == 1).all()


def test_a_frame_that_shows_nothing_counts_a_little(frames):
    black = frames.copy()
    black[0] = DARK
    weights = _lighting(black).weights(black, _detail(black))
    assert 0 < weights[0] < 0.1


def test_the_trace_of_still_frames_does_not_step_where_cells_light_up(frames):
    shift = follow(frames, 10.0).shift
    step = shift[LIT].mean(axis=0) - shift[~LIT].mean(axis=0)
    assert np.hypot(*step) < 0.03


def test_noise_is_no_light():
    noise = np.random.default_rng(0).poisson(250, (20, *SHAPE)).astype(np.float32)
    assert _lighting(noise).change is None


def test_a_lone_place_is_no_wave(frames):
    """One bright cell, far below the part of the pixels by which a wave is told."""
    dim = frames[~LIT].copy()
    dim[10:, 30:34, 30:34] *= 5
    assert SHAPE[0] > 64
    assert _lighting(dim).change is None


def test_a_mean_without_detail_weighs_all_alike():
    frames = np.full((6, 32, 32), DARK, np.float32)
    lighting = Lighting(np.ones((6, 16, 16), np.float32), DARK, np.zeros((6, 2)))
    assert lighting.weights(frames, np.zeros((32, 32), np.float32)).tolist() == [1.0] * 6
