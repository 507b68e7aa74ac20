from __future__ import annotations

import numpy as np
import pytest
from scenes import PARAMS, SHAPE, Scene, drift, errors_px, similarity, still

import napari_zstack_align as nza
from napari_zstack_align.errors import InputError
from napari_zstack_align.flags import Flag
from napari_zstack_align.register.recordings import (
    aligned_mean,
    chunk_mean,
    reject_chunk,
    session_fov,
    set_chunk_points,
)
from napari_zstack_align.register.recordings.geometry import apply

CORNERS = np.array([[20.0, 20], [20, 120], [100, 60]])
CHUNK = 3


def _same_outside(old: nza.Alignment, new: nza.Alignment, frames: slice) -> None:
    """Frames beyond the neighbouring chunks' midpoints are untouched, bit for bit."""
    outside = np.ones(len(old.quality), bool)
    outside[frames] = False
    for a, b in ((old, new),):
        np.testing.assert_array_equal(
            a.transforms.matrices()[outside], b.transforms.matrices()[outside]
        )
        np.testing.assert_array_equal(a.quality["flag"][outside], b.quality["flag"][outside])
        np.testing.assert_array_equal(
            a.quality["correlation_after"][outside], b.quality["correlation_after"][outside]
        )


def test_a_rejected_chunk_is_bridged_from_its_neighbours(registered):
    before = registered.quality.copy()
    found = nza.run(reject_chunk(registered, CHUNK))
    frames = slice(30, 40)
    assert found.chunks["method"][CHUNK] == "bridged"
    assert set(found.quality["flag"][frames]) == {Flag.BRIDGED}
    assert set(found.quality["detail"][frames]) == {"bridged: marked as bad"}
    assert not found.quality["used"][frames].any()
    _same_outside(registered, found, slice(20, 50))
    line = (found.chunks["matrix"][2] + found.chunks["matrix"][4]) / 2
    middle = found.transforms.links[0].matrices[[34, 35]].mean(axis=0)
    np.testing.assert_allclose(middle, line, atol=1e-9)
    assert not np.allclose(found.transforms.matrices()[34], registered.transforms.matrices()[34])
    assert errors_px(found, drift(60)).mean(axis=1).max() < 1.0
    # the one given stays as it is
    np.testing.assert_array_equal(registered.quality, before)
    assert registered.chunks["flag"][CHUNK] == ""


@pytest.mark.slow
@pytest.mark.parametrize("residual", ["none", "translation"])
def test_points_by_hand_bring_a_lost_chunk_back(scene, residual):
    truth = drift(60, 0.5) @ similarity(5, -4)
    truth[30:40] = truth[30:40] @ similarity(0, 0, 12)
    stack = scene.recording(truth)
    # turned farther than is believed
    params = PARAMS.replace(residual=residual, max_rotation_deg=10, detect_steps=False)
    lost = nza.run(nza.register_recordings([stack], params, reference=scene.counts))[0]
    assert lost.chunks["flag"][CHUNK]
    true = truth[[34, 35]].mean(axis=0)
    found = nza.run(set_chunk_points(lost, CHUNK, apply(true, CORNERS), CORNERS))
    row = found.chunks[CHUNK]
    assert (row["method"], row["flag"], row["n_inliers"]) == ("by hand", "", 3)
    np.testing.assert_allclose(row["matrix"], true, atol=1e-3)
    assert row["residual_px"] < 0.01
    _same_outside(lost, found, slice(20, 50))
    assert np.isfinite(row["correlation_after"])
    assert row["correlation_after"] > 0.9
    # but for those that are interpolated to the neighbours, which lie 12° off
    assert (found.quality["flag"][33:37] == "").all()
    assert errors_px(found, truth)[34:36].mean() < 0.6


def test_points_beside_the_truth_lower_the_correlation(scene):
    """By hand nobody can make a still movie look better than it is."""
    stack = scene.recording(still(50))
    params = PARAMS.replace(residual="none")
    found = nza.run(nza.register_recordings([stack], params, reference=scene.counts))[0]
    wrong = nza.run(set_chunk_points(found, 2, CORNERS + 0.4, CORNERS))
    after, before = (wrong.chunks[f"correlation_{when}"][2] for when in ("after", "before"))
    assert after < before
    assert after < found.chunks["correlation_after"][2]


def test_a_correction_can_be_taken_back(registered):
    rejected = nza.run(reject_chunk(registered, CHUNK))
    raw = apply(registered.chunks["matrix"][CHUNK], CORNERS)
    again = nza.run(set_chunk_points(rejected, CHUNK, raw, CORNERS))
    assert (again.quality["flag"] == "").all()
    away = again.transforms.matrices() - registered.transforms.matrices()
    assert np.abs(away).max() < 0.05


def test_a_corrected_alignment_is_saved_and_read_back(registered, tmp_path):
    found = nza.run(reject_chunk(registered, CHUNK))
    read = nza.load_alignment(found.save(tmp_path / "one.zalign"), stack=registered.stack)
    np.testing.assert_array_equal(read.chunks["flag"], found.chunks["flag"])
    again = nza.run(reject_chunk(read, 1))
    assert again.chunks["flag"][[1, CHUNK]].tolist() == ["marked as bad"] * 2


@pytest.mark.parametrize(
    ("raw", "reference", "sentence"),
    [
        (CORNERS[:2], CORNERS[:2], "Set at least 3 points in both images, not 2"),
        (CORNERS, CORNERS[:2], "Set as many points in the chunk as in the reference"),
        (CORNERS.T, CORNERS.T, "Set"),
        (np.ones((3, 2)), np.ones((3, 2)), "The points lie on a line"),
    ],
    ids=["two", "unequal", "transposed", "one place"],
)
def test_points_that_do_not_do_are_told_at_the_call(registered, raw, reference, sentence):
    with pytest.raises(InputError, match=sentence):
        set_chunk_points(registered, CHUNK, raw, reference)


def test_there_is_no_such_chunk(registered, alignment):
    for chunk in (-1, 6):
        with pytest.raises(InputError, match=f"has no chunk {chunk}: they are 0 to 5"):
            reject_chunk(registered, chunk)
        with pytest.raises(InputError, match=f"has no chunk {chunk}"):
            chunk_mean(registered, chunk)
    with pytest.raises(InputError, match="wasn't registered by chunks"):
        reject_chunk(alignment, 0)


def test_the_only_good_chunk_cannot_be_rejected(scene):
    stack = scene.recording(still(10))
    found = nza.run(nza.register_recordings([stack], PARAMS, reference=scene.counts))[0]
    with pytest.raises(InputError, match="is the only good one"):
        reject_chunk(found, 0)


# -- means and common fields -------------------------------------------------------------------


def test_the_mean_of_a_chunk_is_that_of_its_good_frames(scene):
    frames = scene.frames(still(20))
    frames[13] = 7
    stack = nza.Stack.from_array(frames, "TYX")
    found = nza.run(nza.register_recordings([stack], PARAMS, reference=scene.counts))[0]
    good = [10, 11, 12, *range(14, 20)]
    np.testing.assert_allclose(chunk_mean(found, 1), frames[good].mean(axis=0), rtol=1e-5)


def test_the_aligned_mean_is_sharper_than_the_raw_one(scene, registered):
    aligned, raw = (nza.run(aligned_mean(registered, moved=m)) for m in (True, False))
    inner = np.s_[20:-20, 20:-20]
    likeness = [
        np.corrcoef(image[inner].ravel(), scene.counts[inner].ravel())[0, 1]
        for image in (aligned, raw)
    ]
    assert likeness[0] > 0.98
    assert likeness[0] > likeness[1] + 0.1
    few = nza.run(aligned_mean(registered, max_frames=5))
    assert few.shape == SHAPE
    assert np.corrcoef(few[inner].ravel(), scene.counts[inner].ravel())[0, 1] > 0.9


@pytest.mark.thorough
@pytest.mark.slow
def test_the_common_field_is_what_every_frame_shows(session):
    fields = [a.common_fov() for a in session]
    common = session_fov(session)
    np.testing.assert_array_equal(common, np.logical_and.reduce(fields))
    assert 0.5 < common.mean() < min(field.mean() for field in fields)
    for alignment in session:
        for t in (0, alignment.stack.n_frames - 1):
            assert (alignment.valid_frame(t) | ~common).all()


def test_recordings_of_different_references_have_no_common_field(session):
    small = Scene(shape=(96, 112)).recording(still(10))
    other = nza.run(nza.register_recordings([small], PARAMS))
    for alignments in ([], [session[0], *other]):
        with pytest.raises(InputError, match="A common field of view needs at least one"):
            session_fov(alignments)
