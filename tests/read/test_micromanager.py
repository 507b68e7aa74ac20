"""Micro-Manager's files: repeats × slices × channels come out as they were taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.read import open_stack

from .micromanager_files import images_of, mmstack, ndtiff, ndtiff_of
from .written import INTERVAL_S, NAMES, PIXEL_UM, Z_STEP_UM, acquisition

NAME = "x_1_MMStack_Pos0.ome.tif"
each_order = pytest.mark.parametrize("slices_first", [False, True], ids=["channels", "slices"])


@each_order
def test_the_files_are_such_as_micromanager_writes(slices_first: bool, tmp_path: Path) -> None:
    path = mmstack(tmp_path / NAME, acquisition(12, n_channels=2, n_slices=4), slices_first)
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_micromanager
        assert tiff.series[0].kind == "mmstack"
        sizes = {"time": 3, "depth": 4, "channel": 2, "height": 24, "width": 32}
        assert dict(tiff.series[0].sizes) == sizes


@each_order
@pytest.mark.parametrize("n_channels", [1, 2])
def test_volumes_with_channels(n_channels: int, slices_first: bool, tmp_path: Path) -> None:
    made = acquisition(12, n_channels, n_slices=4)
    stack = open_stack(mmstack(tmp_path / NAME, made, slices_first))
    np.testing.assert_array_equal(stack.read(0, 12), made.frames)
    assert (stack.n_slices, stack.frames_per_slice, stack.order) == (4, 3, "slices")
    assert (stack.pixel_size_um, stack.z_step_um) == (PIXEL_UM, Z_STEP_UM)
    assert stack.channel_names == NAMES[:n_channels]
    assert stack.frame_times_s == pytest.approx(np.arange(12) * INTERVAL_S / 4)
    assert not stack.remarks


def test_a_recording_and_a_z_stack(tmp_path: Path) -> None:
    made = acquisition(6)
    recording = open_stack(mmstack(tmp_path / NAME, made))
    assert (recording.n_frames, recording.frames_per_slice) == (6, None)
    zstack = open_stack(mmstack(tmp_path / NAME, acquisition(6, n_slices=6)))
    assert (zstack.n_slices, zstack.frames_per_slice) == (6, 1)


@each_order
def test_an_acquisition_that_was_stopped(slices_first: bool, tmp_path: Path) -> None:
    """What was never taken has no time that could be missing."""
    made = acquisition(12, n_channels=2, n_slices=4)
    stack = open_stack(mmstack(tmp_path / NAME, made, slices_first, n_written=15))
    np.testing.assert_array_equal(stack.read(0, 4), made.frames[:4])
    assert (stack.n_frames, stack.n_slices) == (4, 4)
    assert stack.frame_times_s == pytest.approx(np.arange(4) * INTERVAL_S / 4)
    assert [*map(str, stack.remarks)] == [
        "The file holds 7 of the 12 frames that were planned; 3 of an unfinished volume were left "
        "out."
    ]


def test_a_recording_that_was_stopped_early_keeps_its_times(tmp_path: Path) -> None:
    made = acquisition(12)
    stack = open_stack(mmstack(tmp_path / NAME, made, n_written=3))
    assert stack.frame_times_s == pytest.approx(np.arange(3) * INTERVAL_S)
    assert [*map(str, stack.remarks)] == ["The file holds 3 of the 12 frames that were planned."]


def test_repeats_of_each_slice(tmp_path: Path) -> None:
    made = acquisition(12, n_channels=2, n_slices=4)
    stack = open_stack(ndtiff_of(tmp_path, made, by_slice=True))
    np.testing.assert_array_equal(stack.read(0, 12), made.frames)
    assert (stack.n_slices, stack.frames_per_slice, stack.order) == (4, 3, "repeats")
    assert not stack.remarks


@pytest.mark.parametrize("per_file", [1, 5, 6])
def test_images_in_several_files(per_file: int, tmp_path: Path) -> None:
    """Which may begin with the second channel of a frame."""
    made = acquisition(12, n_channels=2, n_slices=4)
    path = ndtiff_of(tmp_path, made, per_file=per_file)
    stack = open_stack(path)
    np.testing.assert_array_equal(stack.read(0, 12), made.frames)
    np.testing.assert_array_equal(stack.read(4, 9), made.frames[4:9])
    assert len(stack.paths) == -(-24 // per_file)
    again = open_stack(sorted(path.glob("*.tif"))[:2])
    assert again.shape == stack.shape
    (path / "x_NDTiffStack_1.tif").unlink()
    with pytest.raises(nza.InputError, match=r"There is no file .*x_NDTiffStack_1\.tif"):
        open_stack(path)


def test_positions_are_images(tmp_path: Path) -> None:
    one, other = acquisition(4), acquisition(6)
    images = [({**place, "position": 0}, image) for place, image in images_of(one)]
    images += [({**place, "position": 3}, 9 + image) for place, image in images_of(other)]
    path = ndtiff(tmp_path / "run", images, {})
    stack = open_stack(path)
    np.testing.assert_array_equal(stack.read(0, 4), one.frames)
    assert [*map(str, stack.remarks)] == [
        "The folder has 2 images (position): 'position 0' was opened, not 'position 3'. For "
        "another one: `image='position 3'`."
    ]
    for image in (1, "position 3"):
        np.testing.assert_array_equal(open_stack(path, image=image).read(0, 6), other.frames + 9)
    for image in (2, "x"):
        with pytest.raises(nza.InputError, match="choose 'position 0', 'position 3'"):
            open_stack(path, image=image)
    with pytest.raises(nza.InputError, match="has one image"):
        open_stack(ndtiff(tmp_path / "other", images_of(one), {}), image=1)


@pytest.mark.parametrize(
    ("n_written", "by_slice", "n_frames", "said"),
    [
        (22, False, 8, "The last 3 frames, of an unfinished volume, were left out."),
        (22, True, 9, "The last 2 frames, of an unfinished slice, were left out."),
        (21, False, 8, "The last frame lacks some of its 2 channels: it was left out."),
    ],
)
def test_an_ndtiff_that_was_stopped(
    n_written: int, by_slice: bool, n_frames: int, said: str, tmp_path: Path
) -> None:
    made = acquisition(12, n_channels=2, n_slices=4)
    images = images_of(made, by_slice)[:n_written]
    stack = open_stack(ndtiff(tmp_path / "run", images, {}))
    np.testing.assert_array_equal(stack.read(0, n_frames), made.frames[:n_frames])
    assert (stack.n_frames, said in stack.remarks) == (n_frames, True)
    every = open_stack(tmp_path / "run", axes="TYX")
    np.testing.assert_array_equal(every.read(0, 1)[0], made.frames[0, :1])
    assert every.n_frames == n_written


def test_a_frame_without_a_channel(tmp_path: Path) -> None:
    images = images_of(acquisition(12, n_channels=2))
    with pytest.raises(nza.InputError, match="has frames without some of its 2 channels"):
        open_stack(ndtiff(tmp_path / "run", images[:5] + images[6:], {}))


def test_slices_in_no_regular_order(tmp_path: Path) -> None:
    images = images_of(acquisition(12, n_slices=4))
    images[5], images[9] = images[9], images[5]
    stack = open_stack(ndtiff(tmp_path / "run", images, {}))
    assert (stack.n_frames, stack.frames_per_slice) == (12, None)
    assert "don't follow one another in a regular way" in stack.remarks[0]
    said = open_stack(tmp_path / "run", frames_per_slice=3, order="slices")
    assert (said.n_slices, len(said.remarks)) == (4, 0)


def test_settings_of_images(tmp_path: Path) -> None:
    made = acquisition(4)
    plain = [({"time": t}, image[0]) for t, image in enumerate(made.frames)]
    path = ndtiff(tmp_path / "run", plain, {"PixelSize_um": 0.5, "StartTime": "yesterday"})
    stack = open_stack(path)
    assert (stack.pixel_size_um, stack.z_step_um) == ((0.5, 0.5), None)
    assert (stack.frame_times_s, stack.started_at) == (None, None)


def test_an_ndtiff_that_breaks_off(tmp_path: Path) -> None:
    made = acquisition(12)
    path = ndtiff_of(tmp_path, made)
    file = path / "x_NDTiffStack.tif"
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(nza.InputError, match="truncated: only 11 of its 12 frames are whole"):
        open_stack(path)
    stack = open_stack(path, whole_frames=True)
    np.testing.assert_array_equal(stack.read(0, 11), made.frames[:11])


def test_an_index_that_breaks_off(tmp_path: Path) -> None:
    made = acquisition(12)
    path = ndtiff_of(tmp_path, made)
    index = path / "NDTiff.index"
    index.write_bytes(index.read_bytes()[:-20])
    stack = open_stack(path)
    np.testing.assert_array_equal(stack.read(0, 11), made.frames[:11])
    assert "NDTiff.index breaks off: the 11 images that it names were opened." in stack.remarks


@pytest.mark.parametrize("content", [b"", b"\1", b"\1\0\0\0x" + bytes(99), b"\xff" * 99])
def test_an_index_that_is_damaged(content: bytes, tmp_path: Path) -> None:
    path = ndtiff_of(tmp_path, acquisition())
    (path / "NDTiff.index").write_bytes(content)
    with pytest.raises(nza.InputError, match=r"NDTiff\.index (is damaged|names no image): copy"):
        open_stack(path)


def test_files_outside_the_folder_are_not_read(tmp_path: Path) -> None:
    path = ndtiff_of(tmp_path, acquisition())
    index = path / "NDTiff.index"
    index.write_bytes(index.read_bytes().replace(b"x_NDTiffStack.tif", b"../../../etc/pass"))
    with pytest.raises(nza.InputError, match="is damaged"):
        open_stack(path)


def test_images_of_several_sizes(tmp_path: Path) -> None:
    images = images_of(acquisition(4))
    images[2] = (images[2][0], images[2][1][:8])
    with pytest.raises(nza.InputError, match="images of several sizes or types"):
        open_stack(ndtiff(tmp_path / "run", images, {}))


def test_the_index_itself(tmp_path: Path) -> None:
    path = ndtiff_of(tmp_path, acquisition()) / "NDTiff.index"
    with pytest.raises(nza.InputError, match="open the folder that it is in"):
        open_stack(path)
