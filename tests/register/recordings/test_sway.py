"""Frames that sway within a chunk are moved back before they are averaged."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scenes import SHAPE, best_gauge, distances_px, similarity

import napari_zstack_align as nza
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.progress import Progress, run
from napari_zstack_align.register.recordings.driving import averaging
from napari_zstack_align.register.recordings.sway import sways
from napari_zstack_align.register.recordings.trace import Trace
from napari_zstack_align.register.recordings.waiting import with_progress

N = 60
PARAMS = KeypointParams(chunk_frames=30)


def trace_of(path: np.ndarray, noise: float = 0.1) -> Trace:
    halves = path + np.random.default_rng(0).normal(0, noise, (2, *path.shape))
    return Trace(halves.mean(axis=0), halves, np.zeros(len(path)), np.ones(len(path)))


def swaying(px: float, period: float = 30.0) -> np.ndarray:
    """(N, 2) there and back by so many px in all."""
    return px / 2 * np.sin(2 * np.pi * np.arange(N) / period)[:, np.newaxis] * (0.8, 0.6)


@pytest.mark.parametrize("px", [5.0, 12.0])
def test_motion_about_the_mean_is_found_where_it_smears(px: float):
    trace = trace_of(swaying(px))
    trace.shift[7] = np.nan
    frames = np.arange(30)
    first, second = sways(trace, [(0, N)], [frames, frames + 30])
    np.testing.assert_allclose(second, swaying(px)[30:], atol=0.4)
    assert not first[7].any()
    known = np.delete(np.arange(30), 7)
    np.testing.assert_allclose(first[known].mean(axis=0), 0, atol=1e-9)


@pytest.mark.parametrize(("px", "noise"), [(2.0, 0.1), (0.0, 3.0)], ids=["small", "noise"])
def test_small_motion_and_noise_leave_frames_in_place(px: float, noise: float):
    assert sways(trace_of(swaying(px), noise), [(0, N)], [np.arange(N)]) == [None]


def test_frames_that_nothing_is_known_of_stay():
    path = np.full((N, 2), np.nan)
    assert sways(
        Trace(path, np.stack([path] * 2), path[:, 0], np.ones(len(path))), [(0, N)], [np.arange(N)]
    ) == [None]


def test_the_mean_of_frames_moved_back_is_sharp_to_its_edges(scene):
    shifts = {t: np.array((0.0, 6.0 * (-1) ** t)) for t in range(6)}
    maps = np.array([similarity(*shift) for shift in shifts.values()])
    stack = scene.recording(maps, noise=False)
    work = averaging(stack, 0, 6, PARAMS, shifts=shifts)
    image = run(with_progress(work, Progress("", 0, 0)))
    np.testing.assert_allclose(image[8:-8, 8:-8], scene.counts[8:-8, 8:-8], rtol=0.02, atol=25)
    np.testing.assert_allclose(image[:, :6].mean(), scene.counts[:, :6].mean(), rtol=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("px", "period"), [(7.0, 20.0), (8.0, 45.0), (8.0, 90.0)])
def test_a_recording_that_sways_is_aligned(scene, px: float, period: float):
    maps = np.array([similarity(*shift) for shift in swaying(px, period)])
    alignment = nza.run(nza.register_recordings([scene.recording(maps)], PARAMS))[0]
    found = alignment.transforms.matrices()
    error = distances_px(found, maps, best_gauge([found], [maps]), SHAPE)
    assert (alignment.quality["flag"] == "").all()
    assert error.mean() < 0.12


ONE_PASS = PARAMS.replace(passes=1, residual="none")


def lacking(image: np.ndarray, scene) -> float:
    """Part of the clean tissue's variance that an image lacks, at its best shift."""
    target = scene.counts[24:-24, 24:-24]
    found = cv2.matchTemplate(image, target, cv2.TM_CCOEFF_NORMED)
    return 1 - float(found.max()) ** 2


def test_the_first_reference_is_not_doubled(scene):
    maps = np.array([similarity(*shift) for shift in swaying(8.0)])
    alignment = nza.run(nza.register_recordings([scene.recording(maps)], ONE_PASS))[0]
    assert lacking(alignment.reference, scene) < 0.1


def test_chunks_are_not_doubled(scene):
    maps = np.array([similarity(*shift) for shift in swaying(8.0, period=60.0)])
    params = ONE_PASS.replace(chunk_frames=60, detect_steps=False)
    job = nza.register_recordings([scene.recording(maps)], params, reference=scene.counts)
    chunks = nza.run(job)[0].chunks
    assert (chunks["correlation_after"] > 0.98).all()
