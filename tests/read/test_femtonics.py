"""Femtonics: which measurement of a .mesc is opened, and what its attributes say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.read import open_stack, started_at

from .written import PIXEL_UM, STARTED, Z_STEP_UM, acquisition, in_numbers, mesc


def test_a_z_stack_is_no_recording(tmp_path: Path) -> None:
    stack = open_stack(mesc(tmp_path, acquisition(n_channels=2), is_zstack=True))
    assert (stack.n_slices, stack.frames_per_slice) == (12, 1)
    assert (stack.z_step_um, stack.frame_times_s) == (Z_STEP_UM, None)
    assert stack.channel_names == ("green", "red")


def test_a_measurement_among_others(tmp_path: Path) -> None:
    one, many, other = acquisition(1), acquisition(6), acquisition(5, size=(40, 16))
    for made in (one, many, other):
        path = mesc(tmp_path, made)
    stack = open_stack(path)
    np.testing.assert_array_equal(stack.read(0, 6), many.frames)
    [remark] = [remark for remark in stack.remarks if "measurements" in remark]
    assert remark == (
        "The file has 3 measurements: 'MSession_0/MUnit_1' (6 × 24 × 32) was opened, not "
        "'MSession_0/MUnit_0' (1 × 24 × 32), 'MSession_0/MUnit_2' (5 × 40 × 16). For another "
        "one: `image='MSession_0/MUnit_0'`."
    )
    assert not remark.is_warning
    for image in ("MSession_0/MUnit_2", "/MSession_0/MUnit_2", 2):
        np.testing.assert_array_equal(open_stack(path, image=image).read(0, 5), other.frames)
    for image in ("MSession_0/MUnit_9", 3, "x"):
        with pytest.raises(nza.InputError, match=r"no measurement .*: choose 'MSession_0/MUnit_0'"):
            open_stack(path, image=image)


def test_measurements_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for n_frames in range(2, 14):
        path = mesc(tmp_path, acquisition(n_frames, size=(8, 8)))
    assert open_stack(path, image=10).n_frames == 12
    assert open_stack(path).n_frames == 2


def test_a_channel_alone(tmp_path: Path) -> None:
    made = acquisition(n_channels=2)
    path = mesc(tmp_path, made)
    stack = open_stack(path, image="MSession_0/MUnit_0/Channel_1")
    np.testing.assert_array_equal(stack.read(0, 12)[:, 0], made.frames[:, 1])
    assert stack.channel_names == ("red",)


def test_light_that_makes_numbers_smaller(tmp_path: Path) -> None:
    made = acquisition(n_channels=2)
    path = mesc(tmp_path, made, Channel_1_Conversion_ConversionLinearScale=-1.0)
    stack = open_stack(path)
    frames = stack.read(0, 12)
    np.testing.assert_array_equal(frames[:, 0], made.frames[:, 0])
    np.testing.assert_array_equal(frames[:, 1], 65535 - made.frames[:, 1])
    assert any("a pixel of Channel_1 is 65,535 less what is stored" in r for r in stack.remarks)


def test_channels_that_differ(tmp_path: Path) -> None:
    path = mesc(tmp_path, acquisition())
    with h5py.File(path, "a") as file:
        file["MSession_0/MUnit_0/Channel_1"] = np.ones((3, 24, 32), "u2")
        file["MSession_0/MUnit_0/Channel_2"] = np.ones(12)
    stack = open_stack(path)
    assert stack.shape == (12, 1, 24, 32)
    [remark] = [remark for remark in stack.remarks if remark.is_warning]
    assert "Channel_1 of 'MSession_0/MUnit_0' have another size or type" in remark
    assert open_stack(path, image="MSession_0/MUnit_0/Channel_1").n_frames == 3


def test_the_start_is_said_to_be_in_utc(tmp_path: Path) -> None:
    path = mesc(tmp_path, acquisition())
    assert started_at(path) == open_stack(path).started_at == STARTED
    assert "The start of the recording is in UTC." in open_stack(path).remarks
    (tmp_path / "other").mkdir()
    path = mesc(tmp_path / "other", acquisition(), MeasurementDatePosix=1e300)
    assert started_at(path) is None


@pytest.mark.parametrize(
    ("changes", "axis"),
    [
        ({"ZAxisConversionUnitName": None}, "T"),
        ({"ZAxisConversionUnitName": None, "ZAxisConversionTitle": in_numbers("z")}, "Z"),
        ({"ZAxisConversionTitle": None}, "T"),
        ({"ZAxisConversionTitle": None, "ZAxisConversionUnitName": in_numbers("µm")}, "Z"),
        ({"ZAxisConversionTitle": None, "ZAxisConversionUnitName": b"ms"}, "T"),
    ],
)
def test_what_the_third_axis_is(changes: dict[str, Any], axis: str, tmp_path: Path) -> None:
    stack = open_stack(mesc(tmp_path, acquisition(), **changes))
    assert stack.frames_per_slice == (1 if axis == "Z" else None)
    assert not any(remark.is_warning for remark in stack.remarks)
    has_unit = changes.get("ZAxisConversionUnitName", 1) is not None
    assert (stack.frame_times_s is not None) == (axis == "T" and has_unit)


def test_an_axis_that_nothing_is_said_of(tmp_path: Path) -> None:
    nothing = {"ZAxisConversionUnitName": None, "ZAxisConversionTitle": None}
    path = mesc(tmp_path, acquisition(), **nothing)
    stack = open_stack(path)
    assert (stack.frames_per_slice, stack.frame_times_s) == (None, None)
    [remark] = [remark for remark in stack.remarks if remark.is_warning]
    assert "whether its frames were taken at times or at depths" in remark
    assert open_stack(path, axes="ZYX").n_slices == 12


@pytest.mark.parametrize(
    "changes",
    [
        {"XAxisConversionUnitName": None},
        {"XAxisConversionUnitName": in_numbers("m")},
        {"XAxisConversionUnitName": in_numbers("px")},
        {"YAxisConversionConversionLinearScale": np.nan},
        {"YAxisConversionConversionLinearScale": "x"},
        {"YAxisConversionUnitName": np.full(5000, 65, "u2")},
    ],
)
def test_sizes_that_cannot_be(changes: dict[str, Any], tmp_path: Path) -> None:
    assert open_stack(mesc(tmp_path, acquisition(), **changes)).pixel_size_um is None


def test_units_as_other_versions_write_them(tmp_path: Path) -> None:
    changes = {"XAxisConversionUnitName": np.array([956, 109, 0], "u2")}
    stack = open_stack(mesc(tmp_path, acquisition(), **changes))
    assert stack.pixel_size_um == PIXEL_UM


def test_repeats_that_are_said(tmp_path: Path) -> None:
    path = mesc(tmp_path, acquisition(n_channels=2))
    stack = open_stack(path, frames_per_slice=3)
    assert (stack.n_slices, stack.order, stack.shape[1]) == (4, "repeats", 2)


def test_a_file_without_measurements(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.mesc", "w") as file:
        file["MSession_0/MUnit_0/Channel_0"] = np.ones(5)
        file["MSession_0/other/Channel_0"] = np.ones((5, 9, 9))
    with pytest.raises(nza.InputError, match="holds no measurement with frames"):
        open_stack(tmp_path / "x.mesc")
    (tmp_path / "x.mesc").write_bytes((tmp_path / "x.mesc").read_bytes()[:600])
    with pytest.raises(nza.InputError, match="truncated"):
        open_stack(tmp_path / "x.mesc")


def test_by_another_ending_it_is_hdf5(tmp_path: Path) -> None:
    made = acquisition(n_channels=2)
    path = mesc(tmp_path, made).rename(tmp_path / "x.h5")
    stack = open_stack(path, image="MSession_0/MUnit_0/Channel_1")
    np.testing.assert_array_equal(stack.read(0, 12)[:, 0], made.frames[:, 1])
