"""Jumps of the sample, end to end."""

from __future__ import annotations

import numpy as np
import pytest
from scenes import PARAMS, drift, errors_px, similarity, still

import napari_zstack_align as nza

N = 90
STEPS = (33, 61)


@pytest.fixture(scope="module")
def jumping() -> np.ndarray:
    maps = drift(N, 0.5)
    maps[STEPS[0] :] = maps[STEPS[0] :] @ similarity(6, 0, 1)
    maps[STEPS[1] :] = maps[STEPS[1] :] @ similarity(-3, 5, -2)
    return maps


@pytest.fixture(scope="module")
def found(scene, jumping) -> nza.Alignment:
    stack = scene.recording(jumping)
    params = PARAMS.replace(residual="none")
    return nza.run(nza.register_recordings([stack], params, reference=scene.counts))[0]


def test_a_jump_ends_a_chunk(found):
    assert found.provenance["steps"] == list(STEPS)
    borders = found.chunks["start"].tolist()
    assert set(STEPS) < set(borders)
    assert found.chunks["segment"].tolist() == [
        sum(start >= step for step in STEPS) for start in borders
    ]


def test_nothing_is_interpolated_across_a_jump(found, jumping):
    errors = errors_px(found, jumping).mean(axis=1)
    assert errors.max() < 0.6  # across a jump it would be px
    assert not found.quality["detail"][found.quality["flag"] != ""].tolist()


@pytest.mark.thorough
def test_left_to_the_interpolation_jumps_cost_many_frames(scene, jumping):
    params = PARAMS.replace(residual="none", detect_steps=False)
    stack = scene.recording(jumping)
    found = nza.run(nza.register_recordings([stack], params, reference=scene.counts))[0]
    assert found.provenance["steps"] == []
    assert (errors_px(found, jumping).mean(axis=1) > 1).sum() > 10


@pytest.mark.thorough
@pytest.mark.slow
def test_fast_drift_is_not_cut(scene):
    """Half a pixel a frame, which begins, turns and ends."""
    truth = still(90)
    truth[:, 0, 2] = np.interp(np.arange(90), [0, 20, 45, 70, 90], [-6, -6, 6, -6, -6])
    stack = scene.recording(truth)
    found = nza.run(nza.register_recordings([stack], PARAMS, reference=scene.counts))[0]
    assert found.provenance["steps"] == []
    assert errors_px(found, truth).mean() < 0.6
