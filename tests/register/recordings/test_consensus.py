"""A chunk is compared with the mean of all others, never with itself."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from scenes import PARAMS, SHAPE

import napari_zstack_align as nza
from napari_zstack_align.register.prefilter import Prefilter
from napari_zstack_align.register.recordings import consensus as consensus_module
from napari_zstack_align.register.recordings.consensus import (
    Consensus,
    chunk_correlations,
    refine_chunk,
)
from napari_zstack_align.register.recordings.image_file import ImageFile
from napari_zstack_align.register.recordings.matching import WORSE_BY
from napari_zstack_align.register.recordings.reference import Reference
from napari_zstack_align.register.recordings.state import RecordingState


@pytest.fixture
def noise() -> Iterator[RecordingState]:
    """Three chunks of pure noise, which lie where they lie."""
    stack = nza.Stack.from_array(np.zeros((30, *SHAPE), np.uint16), "TYX")
    images = ImageFile(SHAPE)
    state = RecordingState(stack, 0, np.eye(3), images)
    state.set_ranges([(0, 10), (10, 20), (20, 30)])
    rng = np.random.default_rng(0)
    for chunk in range(3):
        state.image_numbers[chunk] = images.add(rng.normal(500, 50, SHAPE).astype(np.float32))
    state.chunks["method"] = "keypoints"
    yield state
    images.close()


def _consensus(state: RecordingState, fixed: bool = False) -> Consensus:
    first = Reference.of(state.image(0), None)
    consensus = Consensus(first, Prefilter.for_image(first.image), fixed=fixed)
    for chunk in range(3):
        consensus.add(state, chunk)
    return consensus


def test_the_mean_without_a_chunk_holds_nothing_of_it(noise):
    consensus = _consensus(noise)
    others = (noise.image(1) + noise.image(2)) / 2
    found = consensus.image(without=(noise, 0))
    inner = np.s_[8:-8, 8:-8]
    assert np.corrcoef(found[inner].ravel(), others[inner].ravel())[0, 1] > 0.999
    assert abs(np.corrcoef(found[inner].ravel(), noise.image(0)[inner].ravel())[0, 1]) < 0.05
    assert np.corrcoef(consensus.image().ravel(), noise.image(0).ravel())[0, 1] > 0.4


def test_a_chunk_counts_by_its_frames(noise):
    noise.chunks["n_frames"] = 10, 30, 10
    expected = (3 * noise.image(1) + noise.image(2)) / 4
    found = _consensus(noise).image(without=(noise, 0))
    inner = np.s_[8:-8, 8:-8]
    assert np.corrcoef(found[inner].ravel(), expected[inner].ravel())[0, 1] > 0.99


@pytest.mark.slow
@pytest.mark.parametrize(("now", "kept"), [(0.9 - 2 * WORSE_BY, False), (0.9, True)])
def test_a_refined_transform_must_not_make_the_chunk_less_like_the_others(
    scene, registered, monkeypatch, now, kept
):
    """Here by decree: what the correlations are is tested elsewhere."""
    state = RecordingState(registered.stack, 0, np.eye(3), ImageFile(SHAPE))
    state.set_ranges([(0, 10), (10, 20)])
    for chunk, (start, stop) in enumerate([(0, 10), (10, 20)]):
        image = registered.stack.read(start, stop)[:, 0].mean(axis=0, dtype=np.float32)
        state.image_numbers[chunk] = state.images.add(image)
    state.chunks["method"] = "keypoints"
    consensus = Consensus(
        Reference.of(scene.counts, None),
        Prefilter.for_image(scene.counts),
        fixed=True,
    )
    monkeypatch.setattr(consensus_module, "correlations_of", lambda *_: (0.9, now))
    matrix, _ = refine_chunk(consensus, state, 1, PARAMS)
    state.images.close()
    assert np.array_equal(matrix, state.chunks["matrix"][1]) != kept


def test_noise_does_not_resemble_the_mean(noise):
    consensus = _consensus(noise)
    for chunk in range(3):
        assert np.abs(chunk_correlations(consensus, noise, chunk)).max() < 0.15


def test_a_given_reference_stays_the_reference(noise):
    np.testing.assert_array_equal(_consensus(noise, fixed=True).image(), noise.image(0))
