"""A plane of Suite2p: its binary opens, and files of ROIs and traces are refused by name."""

from __future__ import annotations

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.read import holds_frames

from .written import acquisition, suite2p


@pytest.fixture
def plane(tmp_path):
    folder = tmp_path / "plane0"
    folder.mkdir()
    for name in ("F", "Fneu", "spks"):
        np.save(folder / f"{name}.npy", np.zeros((20, 400), np.float32))
    np.save(folder / "iscell.npy", np.zeros((20, 2)))
    np.save(folder / "stat.npy", np.array([{"y": 1}] * 20), allow_pickle=True)
    return folder


@pytest.mark.parametrize("name", ["F", "Fneu", "spks", "iscell", "stat"])
def test_a_file_of_suite2p_is_named(plane, name):
    path = plane / f"{name}.npy"
    with pytest.raises(nza.InputError) as caught:
        nza.open_stack(path)
    assert str(caught.value) == (
        f"{path} is a file of Suite2p with ROIs or traces, no images: give the raw recording."
    )


def test_a_folder_of_suite2p_is_no_sequence(plane):
    with pytest.raises(nza.InputError, match=r"F\.npy is a file of Suite2p"):
        nza.open_stack(plane)


def test_frames_that_bear_such_a_name_are_frames(tmp_path):
    np.save(tmp_path / "F.npy", np.zeros((5, 20, 30), np.float32))
    assert nza.open_stack(tmp_path / "F.npy").n_frames == 5


def frames_and(folder, **more):
    """Write a plane of 12 frames of 24 × 32 pixels in two channels."""
    made = acquisition(n_channels=2)
    return made, suite2p(folder, made, **more)


def test_each_channel_can_be_opened_alone(tmp_path):
    made, plane = frames_and(tmp_path)
    second = nza.open_stack(plane / "data_chan2.bin")
    np.testing.assert_array_equal(second.read(0, 12)[:, 0], made.frames[:, 1])
    with pytest.raises(nza.InputError, match=r"data_chan2\.bin is the second channel of another"):
        nza.open_stack([plane / "data.bin", plane / "data_chan2.bin"])
    (plane / "data_chan2.bin").unlink()
    stack = nza.open_stack(plane)
    assert stack.shape == (12, 1, 24, 32)
    assert stack.remarks == ("ops.npy speaks of two channels: only data.bin was opened.",)


def test_frames_before_registration(tmp_path):
    made, plane = frames_and(tmp_path)
    for name in ("data.bin", "data_chan2.bin"):
        (plane / name).rename(plane / name.replace(".bin", "_raw.bin"))
    np.testing.assert_array_equal(nza.open_stack(plane).read(0, 12), made.frames)


def test_frames_that_lack(tmp_path):
    made, plane = frames_and(tmp_path, nframes=20, nchannels=1)
    stack = nza.open_stack(plane)
    assert stack.n_frames == 12
    assert "holds 12 frames, but ops.npy speaks of 20" in stack.remarks[0]
    assert stack.remarks[0].is_warning
    content = (plane / "data.bin").read_bytes()
    (plane / "data.bin").write_bytes(content[:-100])
    with pytest.raises(nza.InputError, match="truncated: only 11 of its 20 frames are whole"):
        nza.open_stack(plane)
    stack = nza.open_stack(plane, whole_frames=True)
    np.testing.assert_array_equal(stack.read(0, 11)[:, 0], made.frames[:11, 0])
    assert stack.remarks == (
        "data.bin ends within a frame: its 11 whole frames of 20 were opened.",
    )


def test_what_is_said_goes_before_ops(tmp_path):
    made, plane = frames_and(tmp_path, nchannels=1)
    stack = nza.open_stack(plane, axes="ZRYX", frames_per_slice=3)
    np.testing.assert_array_equal(stack.read(0, 12)[:, 0], made.frames[:, 0])
    assert (stack.n_slices, stack.frames_per_slice, stack.order) == (4, 3, "repeats")


def test_channels_of_unlike_length(tmp_path):
    _, plane = frames_and(tmp_path)
    content = (plane / "data_chan2.bin").read_bytes()
    (plane / "data_chan2.bin").write_bytes(content[: len(content) // 12 * 11])
    with pytest.raises(nza.InputError, match=r"data_chan2\.bin has 11 frames, and data\.bin 12"):
        nza.open_stack(plane)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"fs": 10.0}, "The frame rate of 10 Hz is what Suite2p takes where none is entered"),
        ({"do_registration": 1, "yoff": [0]}, "Suite2p has registered these frames already."),
        ({"int16_scale": 2.0, "int16_offset": 5.0}, "the brightness was value / 2 + 5"),
        ({"badframes": np.arange(12) < 2}, "ops.npy marks 2 frames as bad (0, 1, counted from 0)"),
        ({"badframes": np.arange(12)}, "marks 11 frames as bad (1, 2, 3, 4, 5 and 6 more"),
    ],
)
def test_what_is_told(tmp_path, more, said):
    _, plane = frames_and(tmp_path, **more)
    [remark] = nza.open_stack(plane).remarks
    assert said in remark


@pytest.mark.parametrize(
    "more",
    [
        {"Ly": None},
        {"Ly": "wide"},
        {"Lx": 3.5},
        {"Lx": -32},
        {"Lx": [32]},
        {"Ly": np.zeros(3)},
        {"Ly": 10**9},
    ],
)
def test_ops_without_a_size(tmp_path, more):
    _, plane = frames_and(tmp_path, **more)
    assert not holds_frames(plane)
    with pytest.raises(nza.InputError, match=r"ops\.npy doesn't say how many rows and columns"):
        nza.open_stack(plane)


@pytest.mark.parametrize(
    "more",
    [{"fs": "fast"}, {"fs": -1}, {"nframes": "many"}, {"nchannels": [2]}, {"badframes": "none"},
     {"pixel_size_um": (1, 2, 3)}, {"pixel_size_um": ("a", 1)}, {"int16_scale": "x"}],
)  # fmt: skip
def test_values_of_wrong_types(tmp_path, more):
    _, plane = frames_and(tmp_path, **more)
    assert nza.open_stack(plane).n_frames == 12


def test_ops_that_are_none(tmp_path):
    _, plane = frames_and(tmp_path)
    np.save(plane / "ops.npy", np.array([{"Ly": 24}], object), allow_pickle=True)
    with pytest.raises(nza.InputError, match=r"is no ops\.npy of Suite2p"):
        nza.open_stack(plane)
    (plane / "ops.npy").write_bytes(bytes(200))
    with pytest.raises(nza.InputError, match=r"ops\.npy is not read"):
        nza.open_stack(plane)


def test_a_binary_beside_images_is_left_out(tmp_path, frames):
    _, plane = frames_and(tmp_path)
    (plane / "ops.npy").unlink()
    np.save(plane / "a.npy", frames)
    assert nza.open_stack(plane).n_frames == 12
