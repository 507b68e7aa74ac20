"""Digests of the frames that were read, and files that change or vanish meanwhile."""

import os
import shutil

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.alignment.readable import read_each
from napari_zstack_align.errors import InputError, RunStopped
from napari_zstack_align.saved import WatchedFrames
from napari_zstack_align.saved.watched import FrameChanged, states_of


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 999, (6, 16, 16)).astype(np.uint16)


@pytest.fixture
def path(tmp_path, pixels):
    tifffile.imwrite(tmp_path / "raw.tif", pixels, photometric="minisblack")
    return tmp_path / "raw.tif"


def test_digests_are_those_of_the_pixels(path, pixels):
    of_file = WatchedFrames(nza.open_stack(path))
    of_array = WatchedFrames(nza.Stack.from_array(np.asfortranarray(pixels)))
    np.testing.assert_array_equal(of_file.stack.read(1, 4)[:, 0], pixels[1:4])
    of_array.stack.read(0, 6)
    assert (of_array.digests != 0).all()
    np.testing.assert_array_equal(of_file.digests[1:4], of_array.digests[1:4])
    assert not of_file.digests[[0, 4, 5]].any()
    assert len(set(of_array.digests)) == 6


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (None, "start again"),
        ([], "start again; nothing was finished yet"),
        (["slice-0"], "start again; what was finished is kept"),
    ],
)
def test_a_file_that_vanishes_stops_the_run(path, names, kept):
    frames = WatchedFrames(nza.open_stack(path))
    if names is not None:
        frames.are_kept_in(lambda: names)
    frames.stack.read(0, 1)
    path.unlink()
    with pytest.raises(RunStopped, match=rf"raw.tif is gone.*: bring it back and {kept}\.$"):
        frames.stack.read(1, 2)


@pytest.mark.parametrize("longer", [True, False])
def test_a_file_that_changes_stops_the_run(path, pixels, longer):
    frames = WatchedFrames(nza.open_stack(path))
    frames.stack.read(0, 1)
    if longer:
        with path.open("ab") as file:
            file.write(b"more")
    else:
        os.utime(path, ns=(1, 1))
    frames._next_check = 0
    with pytest.raises(RunStopped, match=r"raw.tif changed while it was read"):
        frames.check_now_and_then()


def test_a_frame_that_changes_without_a_trace_stops_the_run(pixels):
    frames = WatchedFrames(nza.Stack.from_array(pixels, name="larva"))
    frames.stack.read(0, 6)
    pixels[3, 0, 0] += 1
    with pytest.raises(FrameChanged, match="Frame 3 of larva"):
        frames.stack.read(2, 5)


def test_a_frame_that_cannot_be_read_is_noted_while_the_file_is_there(pixels):
    class Source:
        shape, dtype = (6, 1, 16, 16), np.dtype(np.uint16)

        def read(self, start, stop):
            if start <= 2 < stop:
                raise InputError("page 2 is damaged")
            return pixels[start:stop, np.newaxis]

    frames = WatchedFrames(nza.Stack(Source()))
    with pytest.raises(InputError, match="page 2"):
        frames.stack.read(2, 3)
    frames.stack.read(3, 4)
    assert frames.failed.tolist() == [False, False, True, False, False, False]


class AtTimes:
    """Source of which frame 2 can't be read at some of the times that it is asked for."""

    shape, dtype = (6, 1, 16, 16), np.dtype(np.uint16)

    def __init__(self, pixels, fails):
        self._pixels, self._fails, self.asked = pixels, fails, 0

    def read(self, start, stop):
        if start <= 2 < stop:
            self.asked += 1
            if self.asked in self._fails:
                raise OSError(5, "Input/output error")
        return self._pixels[start:stop, np.newaxis]


def test_a_frame_that_fails_once_stays_unreadable(pixels):
    frames = WatchedFrames(nza.Stack(AtTimes(pixels, {1})))
    for start, stop in ((2, 3), (2, 3), (0, 6)):
        with pytest.raises(OSError, match="Input/output error"):
            frames.stack.read(start, stop)
    assert frames.failed.tolist() == [False, False, True, False, False, False]
    assert frames.digests[2] == 0


def test_a_frame_that_is_there_by_itself_was_never_unreadable(pixels):
    frames = WatchedFrames(nza.Stack(AtTimes(pixels, {1})))
    assert [fault for _, fault in read_each(frames.stack, 0, 6)] == [None] * 6
    assert not frames.failed.any()


@pytest.mark.parametrize("start", [2, 0])
def test_a_frame_that_cannot_be_read_any_more_stops_the_run(pixels, start):
    """What was made of it is in the result already: what comes later may not lack it."""
    frames = WatchedFrames(nza.Stack(AtTimes(pixels, {2, 3}), name="larva"))
    read_each(frames.stack, 0, 6)
    with pytest.raises(RunStopped, match=r"Frame 2 of larva could be read before, but not now"):
        read_each(frames.stack, start, 3)


def test_the_state_of_a_folder_is_that_of_all_in_it(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "chunk").write_bytes(b"123")
    before = states_of([tmp_path / "a"])
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    assert before == states_of([tmp_path / "a"])
    (tmp_path / "a" / "b" / "chunk").write_bytes(b"1234")
    assert before != states_of([tmp_path / "a"])
