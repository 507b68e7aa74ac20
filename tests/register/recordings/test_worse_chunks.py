"""Chunks that resemble the others less after alignment than before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scenes import PARAMS, Scene, errors_px, similarity, still

import napari_zstack_align as nza
from napari_zstack_align.flags import Flag
from napari_zstack_align.register.recordings import kept_chunks
from napari_zstack_align.register.recordings.matching import judged
from napari_zstack_align.register.recordings.recovery import match_chunk
from napari_zstack_align.register.recordings.residual import FrameFollower

N, WRONG = 60, slice(20, 30)


def register(stack: nza.Stack, reference: np.ndarray, **changed: object) -> nza.Alignment:
    params = PARAMS.replace(outlier_mad=0, detect_steps=False, **changed)
    return nza.run(nza.register_recordings([stack], params, reference=reference))[0]


def test_a_chunk_that_the_second_pass_made_worse_is_bridged(scene: Scene, monkeypatch) -> None:
    refine = kept_chunks.refine_chunk

    def wrong(consensus, state, chunk, *others, **options):
        matrix, helps = refine(consensus, state, chunk, *others, **options)
        return (similarity(6, -6) if chunk == 2 else matrix), helps

    monkeypatch.setattr(kept_chunks, "refine_chunk", wrong)
    found = register(scene.recording(still(N)), scene.counts, residual="none")
    row = found.chunks[2]
    assert (row["flag"], row["method"]) == (Flag.NOT_IMPROVED, "bridged")
    assert row["detail"].startswith("not improved: correlation 0.")
    assert set(found.quality["flag"][WRONG]) == {Flag.BRIDGED}
    assert not found.quality["used"][WRONG].any()
    assert (np.delete(found.chunks["flag"], 2) == "").all()
    assert errors_px(found, still(N)).max() < 0.5
    # what the table says is of where they lie
    assert row["correlation_after"] > row["correlation_before"] - 0.05


@pytest.fixture
def wrong_match(monkeypatch):
    """Chunk 2 is matched 9 px to the wrong side, and gets no second chance."""

    def match(state, chunk, matcher):
        found = match_chunk(state, chunk, matcher)
        if chunk != 2:
            return found
        wrong = replace(found, matrix=similarity(-7, 6))
        return judged(matcher, wrong, state.image(chunk), state.expected)

    monkeypatch.setattr(kept_chunks, "match_chunk", match)
    monkeypatch.setattr(kept_chunks, "rescue", lambda *_: None)


def jumping() -> np.ndarray:
    """(T, 3, 3): all lie 9 px away, but one chunk lies in the raw place."""
    truth = np.tile(similarity(7, -6), (N, 1, 1))
    truth[WRONG] = np.eye(3)
    return truth


@pytest.mark.thorough
@pytest.mark.usefixtures("wrong_match")
def test_a_chunk_that_a_bridge_makes_worse_keeps_its_raw_place(scene: Scene) -> None:
    found = register(scene.recording(jumping()), scene.counts, residual="none")
    row = found.chunks[2]
    assert (row["flag"], row["method"]) == (Flag.NOT_IMPROVED, "raw place")
    assert row["detail"].endswith("it keeps its raw place")
    quality = found.quality[WRONG]
    assert set(quality["flag"]) == {Flag.NOT_IMPROVED}
    assert not quality["used"].any()
    np.testing.assert_array_equal(quality["correlation_after"], quality["correlation_before"])
    np.testing.assert_array_equal(found.transforms.matrices()[WRONG], still(10))
    assert errors_px(found, jumping())[:15].max() < 0.5


@pytest.mark.thorough
@pytest.mark.usefixtures("wrong_match")
def test_where_frames_are_followed_the_bridge_is_judged_by_where_they_are_found(
    scene: Scene,
) -> None:
    found = register(scene.recording(jumping()), scene.counts, residual="translation")
    assert found.chunks["method"][2] == "bridged"
    assert set(found.quality["flag"][WRONG]) == {Flag.BRIDGED}
    assert errors_px(found, jumping())[WRONG].max() < 1.0


@pytest.mark.slow
@pytest.mark.usefixtures("wrong_match")
@pytest.mark.parametrize("residual", ["translation", "spline"])
def test_frames_that_are_found_nowhere_better_keep_their_raw_place(
    residual: str, scene: Scene, monkeypatch
) -> None:
    """The follower may not go far enough to find them."""
    monkeypatch.setattr(
        FrameFollower, "_found", lambda self, images: {t: 0 * self._prior(t) for t in images}
    )
    found = register(scene.recording(jumping()), scene.counts, residual=residual)
    assert found.chunks["method"][2] == "raw place"
    quality = found.quality[WRONG]
    assert set(quality["flag"]) == {Flag.NOT_IMPROVED}
    np.testing.assert_array_equal(quality["correlation_after"], quality["correlation_before"])
    assert not quality["max_displacement_px"].any()
    for t in (20, 29):
        np.testing.assert_array_equal(found.transforms.displacement(t), 0)
    assert found.quality["max_displacement_px"][5] > 5


def test_a_chunk_that_is_bridged_well_stays_bridged(scene: Scene) -> None:
    frames = scene.frames(np.tile(similarity(7, -6), (N, 1, 1)))
    frames[WRONG] = np.random.default_rng(3).poisson(250, frames[WRONG].shape)
    found = register(nza.Stack.from_array(frames, "TYX"), scene.counts, residual="none")
    assert found.chunks["method"][2] == "bridged"
    assert set(found.quality["flag"][WRONG]) == {Flag.BRIDGED}
