"""Recordings of another offset or gain are aligned as those that have the reference's."""

from __future__ import annotations

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.samples import recording_with_motion

N_FRAMES, SIZE, OFFSET, BACKGROUND = 60, 128, 3000, 3000
POINTS = np.stack(np.meshgrid([30.0, 64, 98], [30.0, 64, 98]), -1).reshape(-1, 2)

CHANGES = {
    "offset subtracted": lambda frames: np.clip(frames.astype(float) - OFFSET, 0, None).round(),
    "offset added": lambda frames: frames.astype(float) + 5000,
    "gain a quarter": lambda frames: ((frames.astype(float) - OFFSET) / 4 + OFFSET).round(),
    "float, scaled": lambda frames: ((frames - float(OFFSET)) / 1000).astype(np.float32),
    "8 bits": lambda frames: np.clip((frames - float(OFFSET)) / 60, 0, 255).astype(np.uint8),
}


@pytest.fixture(scope="module")
def movies():
    """Two recordings of one field, whose tissue shines everywhere: (60, 128, 128) each."""
    sample = recording_with_motion(n_frames=2 * N_FRAMES, size=SIZE, photons=60.0, seed=9)
    frames = np.asarray(sample.stack.read(0, 2 * N_FRAMES))[:, 0].astype(np.int64)
    frames = (frames - frames.min() + OFFSET + BACKGROUND).astype(np.uint16)
    return frames[:N_FRAMES], frames[N_FRAMES:]


def registered(first, second):
    stacks = [
        nza.Stack.from_array(each, "TYX", name=n) for each, n in ((first, "a"), (second, "b"))
    ]
    return nza.run(nza.register_recordings(stacks, nza.KeypointParams(chunk_frames=20)))


def places(alignments):
    return np.concatenate(
        [[a.transforms.to_raw(POINTS, t) for t in range(N_FRAMES)] for a in alignments]
    )


@pytest.fixture(scope="module")
def alike(movies):
    """Places by the alignments of recordings that have one offset and gain."""
    alignments = registered(*movies)
    assert not any("dark places" in each.summary() for each in alignments)
    return places(alignments)


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.thorough
def test_it_is_aligned_as_one_of_the_same_levels(movies, alike, change):
    first, second = movies
    alignments = registered(first, CHANGES[change](second))
    off = np.linalg.norm(places(alignments) - alike, axis=2)
    assert np.median(off) < 0.03
    assert np.percentile(off, 95) < 0.1
    assert not any(each.quality["flag"].any() for each in alignments)
    assert "dark places lie at" in alignments[1].summary()
    np.testing.assert_allclose(alignments[0].reference.min(), first.mean(0).min(), rtol=0.3)
