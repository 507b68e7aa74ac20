"""Frames that repeat the pixels of another are told; black ones and chance aren't."""

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.register.copied_frames import copies_among
from napari_zstack_align.samples import recording_with_motion, zstack_with_repeats


def said(alignment):
    return [each for each in alignment.remarks if "repeat the pixels" in each]


@pytest.fixture(scope="module")
def frames():
    return recording_with_motion(n_frames=40, size=96, photons=60, seed=4).stack.read(0, 40)[:, 0]


def registered(frames):
    stack = nza.Stack.from_array(frames, name="rec")
    return nza.run(nza.register_recordings([stack], nza.KeypointParams(chunk_frames=10)))[0]


def test_frames_of_their_own_are_no_copies(frames):
    assert said(registered(frames)) == []


def test_a_recording_that_was_frozen(frames):
    frozen = frames.copy()
    frozen[11:15] = frozen[10]
    (remark,) = said(registered(frozen))
    assert "4 of 40 frames repeat the pixels of another one (frames 10 and 11 are" in remark
    assert remark.is_warning
    assert not remark.is_serious


def test_mostly_copies_make_the_whole_recording_doubtful(frames):
    frozen = frames.copy()
    frozen[11:36] = frozen[10]
    with pytest.warns(nza.ResultWarning, match="25 of 40 frames repeat"):
        (remark,) = said(registered(frozen))
    assert remark.is_serious


def test_repeats_that_are_copies():
    frames = zstack_with_repeats(n_slices=3, n_repeats=3, size=96, seed=2).stack.read(0, 9)[:, 0]
    frames[4] = frames[3]
    alignment = nza.run(nza.align_adaptive(nza.Stack.from_array(frames, frames_per_slice=3)))
    (remark,) = said(alignment)
    assert "1 of 9 frames repeat the pixels of another one (frames 3 and 4)" in remark


def test_black_frames_and_those_that_were_not_read_are_not_counted():
    digests = np.array([5, 7, 7, 0, 0, 0, 9, 9], np.uint32)
    shown = np.array([True, False, False, True, True, True, True, True])
    copies, of = copies_among(digests, shown)
    assert (copies.tolist(), of.tolist()) == ([7], [6])


def test_a_few_equal_digests_far_apart_are_chance_and_many_are_not():
    digests = np.arange(1, 1001, dtype=np.uint32)
    digests[700] = digests[20]
    shown = np.ones(1000, bool)
    assert not len(copies_among(digests, shown)[0])
    digests[500:] = digests[:500]
    copies, of = copies_among(digests, shown)
    assert copies.tolist() == list(range(500, 1000))
    assert of.tolist() == list(range(500))
