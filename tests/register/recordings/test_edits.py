"""What a person decided about chunks: remembered, taken back, and done again on another run."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scenes import PARAMS, Scene, drift, errors_px, similarity

import napari_zstack_align as nza
from napari_zstack_align.alignment.edits import EDITS, EditKind, edits_of
from napari_zstack_align.errors import InputError
from napari_zstack_align.flags import Flag
from napari_zstack_align.register.recordings import (
    accept_chunk,
    back_to_automatic,
    reject_chunk,
    replay_edits,
    set_chunk_points,
)
from napari_zstack_align.register.recordings.geometry import apply

CORNERS = np.array([[20.0, 20], [20, 120], [100, 60]])
CHUNK = 3


def moved(alignment: nza.Alignment, chunk: int, by: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Points in a chunk, where it says that they lie or beside it, and in the reference."""
    return apply(alignment.chunks["matrix"][chunk], CORNERS) + by, CORNERS


@pytest.fixture(scope="module")
def edited(registered: nza.Alignment) -> nza.Alignment:
    """A chunk marked as bad, and another one fitted to points 2 px off."""
    rejected = nza.run(reject_chunk(registered, CHUNK))
    return nza.run(set_chunk_points(rejected, 1, *moved(registered, 1, 2.0)))


def test_they_are_remembered_in_order(edited: nza.Alignment) -> None:
    bad, points = edits_of(edited)
    assert (bad.kind, bad.start, bad.stop) == (EditKind.BAD, 30, 40)
    assert bad.words == "frames 30–39: marked as bad"
    assert (points.kind, points.start, points.stop) == (EditKind.POINTS, 10, 20)
    assert points.words == "frames 10–19: fitted to 3 points"
    np.testing.assert_allclose(points.reference_yx, CORNERS)


def test_they_are_saved_with_the_alignment(edited: nza.Alignment, tmp_path) -> None:
    read = nza.load_alignment(edited.save(tmp_path / "one.zalign"), stack=edited.stack)
    assert edits_of(read) == edits_of(edited)
    again = nza.run(back_to_automatic(read, 1))
    assert [edit.kind for edit in edits_of(again)] == [EditKind.BAD]


@pytest.mark.parametrize("chunk", [1, CHUNK])
def test_each_is_taken_back_by_itself(
    registered: nza.Alignment, edited: nza.Alignment, chunk: int
) -> None:
    found = nza.run(back_to_automatic(edited, chunk))
    for name in registered.chunks.dtype.names:
        np.testing.assert_array_equal(found.chunks[name][chunk], registered.chunks[name][chunk])
    frames = slice(chunk * 10, chunk * 10 + 10)
    away = np.abs(found.transforms.matrices() - registered.transforms.matrices())[frames]
    assert away.max() < 0.05
    # of chunks, as single frames of a bridged one are followed to their place
    was, of_chunks = (each.transforms.links[0].matrices[frames] for each in (edited, registered))
    assert np.abs(was - of_chunks).max() > 0.2
    assert len(edits_of(found)) == 1
    with pytest.raises(InputError, match=f"Chunk {chunk} of .* is as it was found"):
        back_to_automatic(found, chunk)


def test_a_chunk_edited_twice_goes_back_to_what_was_found(registered: nza.Alignment) -> None:
    once = nza.run(set_chunk_points(registered, CHUNK, *moved(registered, CHUNK, 1.0)))
    twice = nza.run(reject_chunk(once, CHUNK))
    assert [edit.kind for edit in edits_of(twice)] == [EditKind.BAD]
    back = nza.run(back_to_automatic(twice, CHUNK))
    assert back.chunks[CHUNK] == registered.chunks[CHUNK]
    assert edits_of(back) == ()
    assert EDITS not in back.provenance


@pytest.mark.parametrize(("by", "sign"), [(0.0, 0), (1.5, -1)])
def test_points_say_whether_they_make_it_better(
    registered: nza.Alignment, by: float, sign: int
) -> None:
    found = nza.run(set_chunk_points(registered, CHUNK, *moved(registered, CHUNK, by)))
    was, now = edits_of(found)[0].correlations
    assert was > 0.6
    assert (now - was < -0.05) if sign else abs(now - was) < 0.01


def test_a_flag_is_overruled_where_the_chunk_lies(scene: Scene, registered: nza.Alignment) -> None:
    rejected = nza.run(reject_chunk(registered, CHUNK))
    found = nza.run(accept_chunk(rejected, CHUNK))
    frames = slice(30, 40)
    assert (found.quality["flag"][frames] == "").all()
    assert found.quality["used"][frames].all()
    assert found.chunks["flag"][CHUNK] == ""
    middle = rejected.transforms.links[0].matrices[[34, 35]].mean(axis=0)
    np.testing.assert_allclose(found.chunks["matrix"][CHUNK], middle, atol=1e-9)
    assert found.chunks["correlation_after"][CHUNK] > 0.6
    back = nza.run(back_to_automatic(found, CHUNK))
    assert back.chunks["flag"][CHUNK] == registered.chunks["flag"][CHUNK]


def test_nothing_is_overruled_where_nothing_is_wrong_or_to_be_seen(
    registered: nza.Alignment, edited: nza.Alignment
) -> None:
    with pytest.raises(InputError, match=r"Chunk 0 of .* is good already"):
        accept_chunk(registered, 0)
    chunks = edited.chunks.copy()
    chunks["flag"][CHUNK], chunks["n_frames"][CHUNK] = Flag.NO_FRAMES, 0
    edited = dataclasses.replace(edited, chunks=chunks)
    with pytest.raises(InputError, match="has no frames that can be used"):
        accept_chunk(edited, CHUNK)


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("chunk_frames", [10, 12])
def test_another_run_does_the_same_again(
    scene: Scene, edited: nza.Alignment, chunk_frames: int
) -> None:
    params = PARAMS.replace(chunk_frames=chunk_frames, match_ratio=0.75)
    fresh = nza.run(nza.register_recordings([edited.stack], params, reference=scene.counts))[0]
    found = nza.run(replay_edits(fresh, edits_of(edited)))
    assert [edit.kind for edit in edits_of(found)] == [EditKind.BAD, EditKind.POINTS]
    bad, points = (each.start // chunk_frames for each in edits_of(found))
    assert found.chunks["flag"][bad] == Flag.MARKED_BAD
    assert found.chunks["method"][points] == "by hand"
    notes = [str(each) for each in found.remarks if "again" in each]
    assert notes == [
        "Done again of the run before: frames 30–39: marked as bad.",
        "Done again of the run before: frames 10–19: fitted to 3 points.",
    ]


def test_what_cannot_be_done_again_is_said(
    scene: Scene, registered: nza.Alignment, edited: nza.Alignment
) -> None:
    other = nza.run(replay_edits(registered, edits_of(edited), same_reference=False))
    assert [edit.kind for edit in edits_of(other)] == [EditKind.BAD]
    (lost,) = [each for each in other.remarks if "Not done again" in each]
    assert lost.is_serious
    assert "frames 10–19: fitted to 3 points (the points lie on another reference)" in lost
    params = PARAMS.replace(chunk_frames=30)
    long = nza.run(nza.register_recordings([edited.stack], params, reference=scene.counts))[0]
    found = nza.run(replay_edits(long, edits_of(edited)))
    assert edits_of(found) == ()
    assert sum("cut into other chunks" in each for each in found.remarks) == 2
    np.testing.assert_array_equal(found.quality, long.quality)


def test_edits_that_somebody_changed_are_refused(edited: nza.Alignment) -> None:
    provenance = {**edited.provenance, EDITS: [{"kind": "worse", "start": "x"}]}
    spoilt = dataclasses.replace(edited, provenance=provenance)
    with pytest.raises(InputError, match=r"edits saved with .* can't be read"):
        edits_of(spoilt)


def test_a_lost_chunk_brought_back_is_brought_back_again(scene: Scene) -> None:
    truth = drift(60, 0.5) @ similarity(5, -4)
    truth[30:40] = truth[30:40] @ similarity(0, 0, 12)
    params = PARAMS.replace(residual="none", max_rotation_deg=10, detect_steps=False)
    stack = scene.recording(truth)
    lost = nza.run(nza.register_recordings([stack], params, reference=scene.counts))[0]
    true = truth[[34, 35]].mean(axis=0)
    by_hand = nza.run(set_chunk_points(lost, CHUNK, apply(true, CORNERS), CORNERS))
    again = nza.run(replay_edits(lost, edits_of(by_hand)))
    np.testing.assert_array_equal(again.transforms.matrices(), by_hand.transforms.matrices())
    assert errors_px(again, truth)[34:36].mean() < 0.6
