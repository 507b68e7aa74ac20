"""Micro-Manager's files: repeats × slices × channels come out as they were taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_zstack_align.read import open_stack

from .micromanager_files import mmstack
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
