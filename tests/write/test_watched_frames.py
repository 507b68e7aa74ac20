"""Raw files that change or go while an export reads them: one sentence, and no file of both."""

import os
from dataclasses import replace

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align import stack as stack_module
from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.alignment.watched_frames import unchanged_frames
from napari_zstack_align.errors import InputError, RunStopped
from napari_zstack_align.progress import run
from napari_zstack_align.saved import WatchedFrames
from napari_zstack_align.write import unfinished
from napari_zstack_align.write.export import export_alignment
from napari_zstack_align.write.unfinished import unfinished_of

N_FRAMES = 12
ENDINGS = [".tif", ".zarr", ".h5", ".bin"]


@pytest.fixture
def pixels(recording):
    return recording.stack.read(0, N_FRAMES)[:, 0]


@pytest.fixture
def raw(tmp_path, pixels):
    path = tmp_path / "raw.tif"
    tifffile.imwrite(path, pixels, photometric="minisblack")
    return path


@pytest.fixture
def of_file(recording, raw, monkeypatch):
    """An alignment of frames in a file, which are read one by one."""
    monkeypatch.setattr(stack_module, "CHUNK_BYTES", 1)
    stack = nza.open_stack(raw)
    frames = WatchedFrames(stack)
    frames.stack.read(0, N_FRAMES)
    transforms = Transforms(
        recording.transforms.shape, (AffineLink(recording.transforms.matrices()[:N_FRAMES]),)
    )
    return replace(
        recording,
        stack=stack,
        transforms=transforms,
        quality=recording.quality[:N_FRAMES],
        chunks=None,
        frame_digests=frames.seen(),
    )


def change(raw, pixels):
    """Other pixels in the second half: the same size, another time."""
    tifffile.imwrite(raw, np.concatenate([pixels[:6], pixels[6:, ::-1]]), photometric="minisblack")


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_that_changes_in_mid_export_stops_it(of_file, raw, pixels, tmp_path, ending):
    job = export_alignment(tmp_path / f"out{ending}", of_file)
    for _ in range(4):
        next(job)
    change(raw, pixels)
    with pytest.raises(RunStopped, match=r"raw.tif changed while it was read: start again when"):
        run(job)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("out")]


def test_a_file_that_changes_after_its_last_frame_was_read_stops_it(
    of_file, raw, pixels, tmp_path, monkeypatch
):
    monkeypatch.setattr(WatchedFrames, "check_now_and_then", lambda self: None)
    job = export_alignment(tmp_path / "out.tif", of_file)
    for _ in range(N_FRAMES):
        next(job)
    change(raw, pixels)
    with pytest.raises(RunStopped, match=r"raw.tif changed"):
        run(job)
    assert not (tmp_path / "out.tif").exists()


def test_a_file_that_goes_stops_zarr_which_goes_on_when_it_is_back(of_file, raw, tmp_path):
    out = tmp_path / "out.zarr"
    job = export_alignment(out, of_file)
    for _ in range(4):
        next(job)
    raw.rename(tmp_path / "away.tif")
    with pytest.raises(RunStopped, match=r"raw.tif is gone.*: bring it back and start again\.$"):
        run(job)
    assert not out.exists()
    assert unfinished_of(out).is_dir()
    (tmp_path / "away.tif").rename(raw)
    run(export_alignment(out, of_file))
    assert nza.open_stack(out).n_frames == N_FRAMES


def test_frames_that_were_read_while_a_file_changed_are_not_listed(
    of_file, raw, pixels, tmp_path, monkeypatch
):
    """Though the change shows only when it comes to the list."""
    monkeypatch.setattr(WatchedFrames, "check_now_and_then", lambda self: None)
    monkeypatch.setattr(unfinished, "SECONDS", 1e6)
    job = export_alignment(tmp_path / "out.zarr", of_file)
    for _ in range(4):
        next(job)
    change(raw, pixels)
    job.close()
    listed = unfinished_of(tmp_path / "out.zarr") / unfinished.FINISHED
    assert listed.read_text("utf-8") == ""


def test_a_file_that_changed_before_the_export_is_refused(of_file, raw, pixels, tmp_path):
    change(raw, pixels)
    with pytest.raises(InputError, match=r"6 of 12 frames of raw have changed since this result"):
        run(export_alignment(tmp_path / "out.tif", of_file))
    assert not (tmp_path / "out.tif").exists()


def test_a_frame_that_can_be_read_no_more_is_told_without_words_of_a_run(of_file):
    """Nothing of an export is left out, and nothing of most formats kept."""
    frames = unchanged_frames(of_file.stack, None)
    frames.stack.read(3, 4)
    frames._source = Broken(frames.shape, frames.dtype)
    with pytest.raises(RunStopped, match=r"Frame 3 of raw .*page 3\): start again to go on\.$"):
        frames.stack.read(3, 4)


class Broken:
    """Frames none of which can be read."""

    def __init__(self, shape, dtype):
        self.shape, self.dtype = shape, dtype

    def read(self, start, stop):
        raise OSError(f"page {start}")


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_frame_that_was_changed_in_place_is_noticed_by_its_pixels(of_file, raw, tmp_path, ending):
    """Size and time of the file are as they were."""
    before = raw.stat()
    content = bytearray(raw.read_bytes())
    content[-5000] ^= 255
    raw.write_bytes(content)
    os.utime(raw, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(RunStopped, match="isn't what it was"):
        run(export_alignment(tmp_path / f"out{ending}", of_file))
    assert not (tmp_path / f"out{ending}").exists()
