"""Offsets that change within a recording move nothing, and are named."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.register.artefacts.offset_steps import dark_level, shared_level
from napari_zstack_align.register.artefacts.search import LEVELLED
from napari_zstack_align.samples import recording_with_motion

N_FRAMES, SIZE, FIRST = 60, 128, 27
"""The step lies within a chunk."""
POINTS = np.stack(np.meshgrid([30.0, 64, 98], [30.0, 64, 98]), -1).reshape(-1, 2)
TIMES = np.arange(N_FRAMES)
CHANGES = {
    "up by twice the range": 2.0 * (TIMES >= FIRST),
    "down by the range": 1.0 * (TIMES < FIRST),
    "up by a fifth": 0.2 * (TIMES >= FIRST),
    "up twice": 0.5 * (TIMES >= FIRST) + 0.5 * (TIMES >= 33),
    "drift": 2.0 * TIMES / N_FRAMES,
    "every third frame": 1.0 * (TIMES % 3 == 0),
}
"""What is added to each frame, as a part of the range from dark to bright."""


@cache
def movie() -> tuple[np.ndarray, float]:
    """(60, 128, 128) counts, and their range."""
    sample = recording_with_motion(n_frames=N_FRAMES, size=SIZE, photons=60.0, seed=9)
    frames = np.asarray(sample.stack.read(0, N_FRAMES))[:, 0].astype(float)
    low, high = np.percentile(frames.mean(axis=0), (1, 99.5))
    return frames, float(high - low)


def registered(frames: np.ndarray) -> nza.Alignment:
    stack = nza.Stack.from_array(frames.round().astype(np.uint16), "TYX")
    return nza.run(nza.register_recordings([stack], nza.KeypointParams(chunk_frames=20)))[0]


@cache
def places(change: str | None) -> tuple[np.ndarray, nza.Alignment]:
    frames, size = movie()
    added = np.zeros(N_FRAMES) if change is None else CHANGES[change] * size
    alignment = registered(frames + added[:, None, None])
    return np.array([alignment.transforms.to_raw(POINTS, t) for t in TIMES]), alignment


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_an_added_offset_moves_nothing_and_is_named(change):
    (found, alignment), (clean, _) = places(change), places(None)
    good = alignment.quality["flag"] == ""
    # Light that comes and goes is still light from elsewhere: its frames stay flagged.
    assert np.array_equal(good, TIMES % 3 != 0) if change == "every third frame" else good.all()
    assert np.linalg.norm(found - clean, axis=2)[good].mean() < 0.02
    assert LEVELLED in alignment.summary()


def test_a_recording_of_one_offset_is_left_as_it_is():
    assert LEVELLED not in places(None)[1].summary()


@pytest.mark.parametrize("haze", [0.0, 2.0])
@pytest.mark.parametrize(
    "times", [np.linspace(1, 0.4, N_FRAMES), np.random.default_rng(1).uniform(0.5, 1.5, N_FRAMES)]
)
def test_bleaching_and_flicker_are_no_step_of_the_offset(times, haze):
    frames, size = movie()
    light = frames - frames.min()
    light[light > 0] += haze * size  # in all tissue, but a few pixels see none
    images = 100 + light * times[:, None, None]
    assert shared_level(images.astype(np.float32)) is None


def test_the_dark_level_leaves_gated_and_struck_rows_aside():
    frame = movie()[0][0].astype(np.float32)
    spoilt = frame.copy()
    spoilt[10:40], spoilt[70:90] = 0, 60_000
    assert dark_level(spoilt) == pytest.approx(dark_level(frame), abs=0.03 * movie()[1])
