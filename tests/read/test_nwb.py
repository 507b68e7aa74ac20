"""NWB: which series is opened, the order of its axes, and what its file says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.read import holds_frames, open_stack, started_at
from napari_zstack_align.read._format import Wish
from napari_zstack_align.read.hdf5.nwb import open_nwb

from .written import STARTED, acquisition, nwb, typed

pynwb = pytest.importorskip("pynwb")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A recording of one plane, 24 × 32 pixels."""
    return nwb()(tmp_path, acquisition())


def changed(path: Path, change: Callable[[Any], Any]) -> Path:
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def replaced(file: Any, name: str, value: Any) -> None:
    del file[name]
    file[name] = value


def test_as_pynwb_writes_it(tmp_path: Path, frames: Any) -> None:
    file = pynwb.NWBFile("x", "x", datetime(2024, 3, 5, 12, 30, 15).astimezone())
    device = file.create_device("microscope")
    channel = pynwb.ophys.OpticalChannel(name="green", description="x", emission_lambda=500.0)
    plane = file.create_imaging_plane(
        name="plane",
        optical_channel=channel,
        device=device,
        description="x",
        excitation_lambda=600.0,
        indicator="x",
        location="x",
        grid_spacing=[0.5e-6, 0.8e-6],
        grid_spacing_unit="meters",
    )
    series = pynwb.ophys.TwoPhotonSeries(
        name="movie",
        data=frames.swapaxes(1, 2),
        imaging_plane=plane,
        unit="x",
        rate=20.0,
        dimension=[30, 20],
    )
    file.add_acquisition(series)
    with pynwb.NWBHDF5IO(tmp_path / "x.nwb", "w") as io:
        io.write(file)
    stack = open_stack(tmp_path / "x.nwb")
    np.testing.assert_array_equal(stack.read(0, 12)[:, 0], frames)
    assert stack.pixel_size_um == pytest.approx((0.8, 0.5))
    assert stack.frame_interval_s == pytest.approx(0.05)
    assert stack.channel_names == ("green",)
    assert started_at(tmp_path / "x.nwb") == datetime(2024, 3, 5, 12, 30, 15)
    assert not stack.remarks


def test_frames_with_x_and_y_exchanged(path: Path) -> None:
    expected = open_stack(path).read(0, 12)
    changed(path, lambda file: replaced(file, "acquisition/x/data", expected[:, 0]))
    stack = open_stack(path)
    np.testing.assert_array_equal(stack.read(0, 12), expected)
    assert "its images are 32 pixels wide and 24 high" in stack.remarks[0]


def test_frames_that_may_be_exchanged(path: Path) -> None:
    changed(path, lambda file: file.pop("acquisition/x/dimension"))
    [remark] = open_stack(path).remarks
    assert remark.startswith("Frames of NWB files are (time, x, y)")
    assert not remark.is_warning


def test_the_two_photon_series_goes_before_videos(path: Path) -> None:
    def add_all(file: Any) -> None:
        for name, kind in (("a", "ImageSeries"), ("y", "TwoPhotonSeries"), ("z", "TimeSeries")):
            group = typed(file.create_group(f"acquisition/{name}"), kind)
            group["data"] = np.ones((5,) if name == "z" else (5, 9, 9), "u2")

    opened = open_nwb(changed(path, add_all))
    assert opened.source.shape == (12, 1, 24, 32)
    assert opened.facts.remarks == (
        "The file has 3 imaging series: acquisition/x was opened, not acquisition/y, "
        "acquisition/a. For another one: `image='acquisition/y'`.",
    )
    for series in ("acquisition/a", "/acquisition/y", 1):
        assert open_nwb(path, Wish(image=series)).source.shape == (5, 1, 9, 9)
    for series in ("acquisition/z", 3, -1):
        with pytest.raises(nza.InputError, match=r"choose acquisition/x, acquisition/y, acq"):
            open_nwb(path, Wish(image=series))


def test_a_series_that_was_processed(path: Path) -> None:
    changed(path, lambda file: file.move("acquisition/x", "processing/ophys/corrected"))
    assert open_stack(path).shape == (12, 1, 24, 32)


def test_no_imaging_series(path: Path) -> None:
    changed(path, lambda file: file.pop("acquisition"))
    assert not holds_frames(path)
    assert started_at(path) == datetime(2024, 3, 5, 12, 28, 45)
    with pytest.raises(nza.InputError, match="NWB file without an imaging series"):
        open_stack(path)


def test_frames_in_other_files(path: Path) -> None:
    def external(file: Any) -> None:
        replaced(file, "acquisition/x/data", np.zeros((0, 0, 0), "u1"))
        file["acquisition/x/external_file"] = [b"./a.tif", b"./b.tif"]

    with pytest.raises(nza.InputError, match=r"are in other files: open \./a\.tif, \./b\.tif\."):
        open_stack(changed(path, external))


@pytest.mark.parametrize(
    ("spacing", "unit", "expected", "remark"),
    [
        ([0.5, 0.8], "micrometers", (0.8, 0.5), ""),
        ([0.5, 0.8], "meters", None, "which can't be"),
        ([0.5, 0.8], "furlongs", None, "unknown unit"),
        ([0.5], "meters", None, ""),
        (["a", "b"], "meters", None, ""),
        ([np.nan, 1e-6], "meters", None, ""),
    ],
)
def test_sizes(spacing: Any, unit: str, expected: Any, remark: str, path: Path) -> None:
    def change(file: Any) -> None:
        name = "general/optophysiology/plane/grid_spacing"
        replaced(file, name, spacing)
        file[name].attrs["unit"] = unit

    stack = open_stack(changed(path, change))
    assert stack.pixel_size_um == expected
    assert [remark in each for each in stack.remarks] == ([True] if remark else [])


def test_the_field_of_view_gives_the_size_of_a_pixel(path: Path) -> None:
    def change(file: Any) -> None:
        del file["general/optophysiology/plane/grid_spacing"]
        file["acquisition/x/field_of_view"] = [32e-6, 48e-6]

    assert open_stack(changed(path, change)).pixel_size_um == pytest.approx((2, 1))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("acquisition/x/starting_time", "noon"),
        ("acquisition/x/starting_time", [1.0, 2.0]),
        ("acquisition/x/dimension", "wide"),
        ("session_start_time", "some day"),
        ("session_start_time", 7),
    ],
)
def test_values_of_wrong_types(name: str, value: Any, path: Path) -> None:
    stack = open_stack(changed(path, lambda file: replaced(file, name, value)))
    assert stack.shape == (12, 1, 24, 32)
    assert started_at(path) in (None, STARTED, datetime(2024, 3, 5, 12, 28, 45))


def test_times_of_another_number(path: Path) -> None:
    def change(file: Any) -> None:
        del file["acquisition/x/starting_time"]
        file["acquisition/x/timestamps"] = np.arange(5.0)

    stack = open_stack(changed(path, change))
    assert stack.frame_times_s is None
    assert "12 frames, but times of the shape (5,)" in stack.remarks[0]


@pytest.mark.parametrize("data", [np.zeros((5, 9, 9, 3), "u1"), np.zeros((5, 9, 9), "S2")])
def test_what_is_no_intensity(data: Any, path: Path) -> None:
    def change(file: Any) -> None:
        replaced(file, "acquisition/x/data", data)
        typed(file["acquisition/x"], "ImageSeries")

    with pytest.raises(nza.InputError, match=r"RGB colours|holds no frames in acquisition/x"):
        open_stack(changed(path, change))


def test_a_file_that_is_cut(path: Path) -> None:
    content = path.read_bytes()
    for end in (50, 900, len(content) // 2):
        path.write_bytes(content[:end])
        assert started_at(path) is None
        with pytest.raises(nza.InputError, match=r"x\.nwb .* copy it again"):
            open_stack(path)
