"""Axes and units as ImageJ, OME and tifffile write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_zstack_align.read import open_stack
from napari_zstack_align.read._units import length_um

pytestmark = pytest.mark.filterwarnings("ignore:.*stored as RGB:DeprecationWarning")

LAYOUTS = {
    # axes, sizes: frames, channels, frames_per_slice, order
    "T": (("TYX", (12,)), (12, 1, None, None)),
    "Z": (("ZYX", (12,)), (12, 1, 1, "repeats")),
    "volumes": (("TZYX", (4, 3)), (12, 1, 4, "slices")),
    "channels": (("TCYX", (4, 3)), (4, 3, None, None)),
    "volumes with channels": (("TZCYX", (2, 3, 2)), (6, 2, 2, "slices")),
    "slices with channels": (("ZCYX", (6, 2)), (6, 2, 1, "repeats")),
}
WRITERS: dict[str, dict[str, Any]] = {
    "imagej": {"imagej": True},
    "ome": {"ome": True},
    "shaped": {},
    "compressed ome": {"ome": True, "compression": "zlib"},
}


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize(("written", "expected"), LAYOUTS.values(), ids=LAYOUTS)
def test_layout(
    written: Any, expected: Any, writer: dict[str, Any], tmp_path: Path, frames: Any
) -> None:
    axes, sizes = written
    n_frames, n_channels, frames_per_slice, order = expected
    data = frames.reshape(*sizes, 20, 30)
    tifffile.imwrite(tmp_path / "x.tif", data, metadata={"axes": axes}, **writer)
    stack = open_stack(tmp_path / "x.tif")
    assert stack.shape == (n_frames, n_channels, 20, 30)
    assert (stack.frames_per_slice, stack.order) == (frames_per_slice, order)
    np.testing.assert_array_equal(stack.read(0, n_frames).reshape(frames.shape), frames)


def test_repeats_run_fastest(tmp_path: Path, frames: Any) -> None:
    data = frames.reshape(4, 3, 20, 30)
    tifffile.imwrite(tmp_path / "x.tif", data, metadata={"axes": "ZTYX"})
    stack = open_stack(tmp_path / "x.tif")
    assert (stack.frames_per_slice, stack.order) == (3, "repeats")


@pytest.mark.parametrize("order", ["XYCZT", "XYTZC", "XYZTC", "XYCTZ", "XYTCZ", "XYZCT"])
def test_ome_dimension_orders(order: str, tmp_path: Path, frames: Any) -> None:
    sizes = {"T": 2, "Z": 3, "C": 2}
    axes = order[:1:-1]
    path = tmp_path / "x.ome.tif"
    tiffdata = "".join(
        f'<TiffData IFD="{ifd}" PlaneCount="1" '
        + " ".join(f'First{a}="{i}"' for a, i in zip(axes, where, strict=True))
        + "/>"
        for ifd, where in enumerate(np.ndindex(*(sizes[a] for a in axes)))
    )
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        f'<Pixels ID="Pixels:0" DimensionOrder="{order}" Type="uint16" SizeX="30" SizeY="20" '
        f'SizeC="2" SizeZ="3" SizeT="2">{tiffdata}</Pixels></Image></OME>'
    )
    tifffile.imwrite(path, frames, description=xml, metadata=None)
    stack = open_stack(path)
    data = frames.reshape(*(sizes[a] for a in axes), 20, 30)
    frames_first = np.moveaxis(data, axes.index("C"), 2).reshape(6, 2, 20, 30)
    np.testing.assert_array_equal(stack.read(0, 6), frames_first)
    slices_fastest = axes.index("T") < axes.index("Z")
    assert stack.order == ("slices" if slices_fastest else "repeats")
    assert stack.frames_per_slice == 2


def test_caller_overrides_the_file(tmp_path: Path, frames: Any) -> None:
    tifffile.imwrite(tmp_path / "x.tif", frames, imagej=True, metadata={"axes": "ZYX"})
    stack = open_stack(tmp_path / "x.tif", frames_per_slice=4)
    assert (stack.frames_per_slice, stack.order, stack.n_slices) == (4, "repeats", 3)
    stack = open_stack(tmp_path / "x.tif", frames_per_slice=4, order="slices")
    assert stack.order == "slices"
    tifffile.imwrite(tmp_path / "y.tif", frames.reshape(4, 3, 20, 30), metadata={"axes": "TZYX"})
    assert open_stack(tmp_path / "y.tif", order="repeats").order == "repeats"
    assert open_stack(tmp_path / "y.tif", frames_per_slice=4).order == "slices"


@pytest.mark.parametrize("unit", ["ms", "s", "sec", "min", "us"])
def test_units_of_time_are_no_lengths(unit: str) -> None:
    assert length_um(unit) is None


@pytest.mark.parametrize("unit", ["um", "micron", "\\u00B5m", "µm", "nm", "mm"])
def test_imagej_units(unit: str, tmp_path: Path, frames: Any) -> None:
    factor = {"nm": 1000.0, "mm": 0.001}.get(unit, 1.0)
    tifffile.imwrite(
        tmp_path / "x.tif",
        frames.reshape(4, 3, 20, 30),
        imagej=True,
        resolution=(1 / (0.5 * factor), 1 / (0.8 * factor)),
        metadata={"axes": "TZYX", "spacing": 2 * factor, "unit": "um", "finterval": 0.3},
    )
    if unit != "um":  # the writer knows ASCII only
        with tifffile.TiffFile(tmp_path / "x.tif", mode="r+b") as tiff:
            text = tiff.pages[0].description.replace("unit=um", f"unit={unit}")
            tiff.pages[0].tags["ImageDescription"].overwrite(text.encode("latin-1"), dtype=2)
    stack = open_stack(tmp_path / "x.tif")
    assert stack.pixel_size_um == pytest.approx((0.8, 0.5), rel=1e-4)
    assert stack.z_step_um == pytest.approx(2)
    assert stack.frame_times_s is not None
    np.testing.assert_allclose(stack.frame_times_s, np.arange(12) * 0.1)


UNITS_OF_TIME: dict[str, float] = {
    "sec": 1,
    "Seconds": 1,
    "ms": 1e-3,
    "msecs": 1e-3,
    "milliseconds": 1e-3,
    "µs": 1e-6,
    "usec": 1e-6,
    "min.": 60,
    "mins": 60,
    "minutes": 60,
    "hrs": 3600,
    "days": 86400,
}


def imagej_text(path: Path, frames: Any, text: str) -> Any:
    head = f"ImageJ=1.54f\nimages=12\n{text}loop=false\n"
    tifffile.imwrite(
        path, frames, description=head.encode("latin-1"), metadata=None, resolution=(2, 4)
    )
    return open_stack(path)


@pytest.mark.parametrize(("unit", "seconds"), UNITS_OF_TIME.items())
def test_units_of_time(unit: str, seconds: float, tmp_path: Path, frames: Any) -> None:
    text = f"frames=12\nhyperstack=true\nfinterval=30\ntunit={unit}\n"
    opened = [imagej_text(tmp_path / "x.tif", frames, text)]
    if unit.isascii():
        meta = {"axes": "TYX", "finterval": 30, "tunit": unit}
        tifffile.imwrite(tmp_path / "y.tif", frames, metadata=meta)
        opened.append(open_stack(tmp_path / "y.tif"))
    for stack in opened:
        assert stack.frame_interval_s == pytest.approx(30 * seconds)
        assert not stack.remarks


def test_a_rate_is_one_a_second_in_any_unit(tmp_path: Path, frames: Any) -> None:
    stack = imagej_text(tmp_path / "x.tif", frames, "frames=12\nfps=20\ntunit=ms\n")
    assert stack.frame_interval_s == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("text", "size", "step"),
    [
        ("unit=micron\nzunit=nm\n", (0.25, 0.5), 0.5),
        ("unit=microns\nyunit=mm\n", (250, 0.5), 500),
        ("unit=Âµm\n", (0.25, 0.5), 500),
        ("unit=micrometers\nzunit=pixel\n", (0.25, 0.5), None),
    ],
    ids=["zunit", "yunit", "UTF-8 read as Latin-1", "z in pixels"],
)
def test_each_axis_has_its_unit(
    text: str, size: Any, step: float | None, tmp_path: Path, frames: Any
) -> None:
    stack = imagej_text(tmp_path / "x.tif", frames, f"slices=12\nspacing=500\n{text}")
    assert stack.pixel_size_um == pytest.approx(size)
    assert stack.z_step_um == (step if step is None else pytest.approx(step))
    assert not stack.remarks


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("frames=12\nfinterval=30\ntunit=frames\n", "frames"),
        ("slices=12\nspacing=5\nunit=furlong\n", "furlong"),
        ("slices=12\nspacing=5\nunit=micron\nzunit=steps\n", "steps"),
        ("slices=12\nunit=micron\nyunit=Mm\n", "Mm"),
    ],
)
def test_what_has_an_unknown_unit_is_unknown(
    text: str, unit: str, tmp_path: Path, frames: Any
) -> None:
    stack = imagej_text(tmp_path / "x.tif", frames, text)
    assert stack.frame_interval_s is None
    assert stack.z_step_um is None
    assert (stack.pixel_size_um is None) == ("zunit" not in text)
    assert any(f"'{unit}'" in remark and remark.is_warning for remark in stack.remarks)


@pytest.mark.parametrize("key", ["TimeIncrement", "PhysicalSizeX", "PhysicalSizeZ", "DeltaT"])
def test_unknown_units_of_ome(key: str, tmp_path: Path, frames: Any) -> None:
    meta: Any = {"axes": "TYX", "TimeIncrement": 1, "PhysicalSizeX": 1, "PhysicalSizeZ": 2}
    if key == "DeltaT":
        del meta["TimeIncrement"]
        meta["Plane"] = {"DeltaT": list(range(12)), "DeltaTUnit": ["ticks"] * 12}
    else:
        meta[f"{key}Unit"] = "ticks"
    tifffile.imwrite(tmp_path / "x.ome.tif", frames, metadata=meta)
    stack = open_stack(tmp_path / "x.ome.tif")
    assert (stack.frame_times_s is None) == (key in ("TimeIncrement", "DeltaT"))
    assert (stack.pixel_size_um is None) == (key == "PhysicalSizeX")
    assert (stack.z_step_um is None) == (key == "PhysicalSizeZ")
    assert ["'ticks'" in remark for remark in stack.remarks] == [True]


def test_imagej_without_unit_has_no_sizes(tmp_path: Path, frames: Any) -> None:
    tifffile.imwrite(tmp_path / "x.tif", frames, imagej=True, metadata={"axes": "ZYX"})
    stack = open_stack(tmp_path / "x.tif")
    assert stack.pixel_size_um is None
    assert stack.z_step_um is None
    assert stack.frame_times_s is None


IMAGEJ_STACKS = {
    "slices only": ("images=12\nslices=12\n", (12, 1, 1), 0),
    "slices with a time between them": ("images=12\nslices=12\nfinterval=0.1\n", (12, 1, None), 1),
    "gray channels that must be frames": ("images=12\nchannels=12\n", (12, 1, None), 1),
    "fewer than are there": ("images=5\nslices=5\n", (12, 1, None), 1),
}


@pytest.mark.parametrize(
    ("text", "expected", "n_remarks"), IMAGEJ_STACKS.values(), ids=IMAGEJ_STACKS
)
def test_imagej_headers_with_a_remark(
    text: str, expected: Any, n_remarks: int, tmp_path: Path, frames: Any
) -> None:
    tifffile.imwrite(
        tmp_path / "x.tif", frames, description=f"ImageJ=1.54f\n{text}loop=false\n", metadata=None
    )
    stack = open_stack(tmp_path / "x.tif")
    assert (*stack.shape[:2], stack.frames_per_slice) == expected
    assert len(stack.remarks) == n_remarks


def test_ome_units_and_channels(tmp_path: Path, frames: Any) -> None:
    tifffile.imwrite(
        tmp_path / "x.ome.tif",
        frames.reshape(6, 2, 20, 30),
        metadata={
            "axes": "TCYX",
            "PhysicalSizeX": 500,
            "PhysicalSizeXUnit": "nm",
            "PhysicalSizeY": 0.8,
            "PhysicalSizeZ": 2.5,
            "TimeIncrement": 250,
            "TimeIncrementUnit": "ms",
            "Channel": {"Name": ["GCaMP", "tdTomato"]},
        },
    )
    stack = open_stack(tmp_path / "x.ome.tif")
    assert stack.pixel_size_um == pytest.approx((0.8, 0.5))
    assert stack.z_step_um == 2.5
    assert stack.channel_names == ("GCaMP", "tdTomato")
    assert stack.frame_times_s is not None
    np.testing.assert_allclose(stack.frame_times_s, np.arange(6) * 0.25)
    assert stack.name == "x"


def test_ome_time_of_each_plane(tmp_path: Path, frames: Any) -> None:
    times = np.cumsum(np.linspace(0.1, 0.2, 12))
    tifffile.imwrite(
        tmp_path / "x.ome.tif",
        frames,
        metadata={"axes": "TYX", "TimeIncrement": 1, "Plane": {"DeltaT": times.tolist()}},
    )
    stack = open_stack(tmp_path / "x.ome.tif")
    assert stack.frame_times_s is not None
    np.testing.assert_allclose(stack.frame_times_s, times)


@pytest.mark.parametrize(
    ("times", "remark"),
    [
        ({5: 4.0}, "the time (DeltaT) of frame 5 (counted from 0) is missing or out of order: it"),
        ({5: 3.5}, "the time (DeltaT) of frame 5 (counted from 0) is missing or out of order: it"),
        ({0: 7.0}, "the time (DeltaT) of frame 0 (counted from 0) is missing or out of order: it"),
        ({11: 0.0}, "the time (DeltaT) of frame 11 (counted from 0) is missing or out of order"),
        ({3: 2.0, 8: 1.0}, "times (DeltaT) of 2 frames (the first: frame 3, counted from 0) are"),
    ],
)
@pytest.mark.parametrize("interval", [{}, {"TimeIncrement": 1.0}])
def test_ome_time_of_a_plane_that_leads_back(
    times: Any, remark: str, interval: Any, tmp_path: Path, frames: Any
) -> None:
    """The times of the others stay, and theirs lie between them."""
    given = {**dict(enumerate(np.arange(12.0))), **times}
    meta = {"axes": "TYX", "Plane": {"DeltaT": list(given.values())}, **interval}
    tifffile.imwrite(tmp_path / "x.ome.tif", frames, metadata=meta)
    stack = open_stack(tmp_path / "x.ome.tif")
    np.testing.assert_allclose(stack.frame_times_s, np.arange(12))
    (found,) = stack.remarks
    assert found.is_warning
    assert remark in found
    assert found.endswith("interpolated from the times of the other frames.")


@pytest.mark.parametrize(
    ("interval", "instead"),
    [
        ({}, "no times are taken from it."),
        ({"TimeIncrement": 0.5}, "its usual time from frame to frame, 0.5 s, is taken instead."),
    ],
)
def test_ome_times_that_order_no_frames(
    interval: Any, instead: str, tmp_path: Path, frames: Any
) -> None:
    meta = {"axes": "TYX", "Plane": {"DeltaT": [0.0] * 12}, **interval}
    tifffile.imwrite(tmp_path / "x.ome.tif", frames, metadata=meta)
    stack = open_stack(tmp_path / "x.ome.tif")
    assert stack.frame_interval_s == interval.get("TimeIncrement")
    assert [remark.endswith(instead) for remark in stack.remarks] == [True]
    assert "11 frames (the first: frame 1, counted from 0)" in stack.remarks[0]


def _ome(pixels: str, inside: str) -> str:
    return (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        f'<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="30" SizeY="20" '
        f"{pixels}>{inside}</Pixels></Image></OME>"
    )


def test_ome_in_several_files(tmp_path: Path, frames: Any) -> None:
    """One file is opened, and those that its metadata names are read too, in its order."""
    names = [f"run_Ch{c}_{t + 1:06}.ome.tif" for c in (1, 2) for t in range(6)]
    places = "".join(
        f'<TiffData FirstC="{i // 6}" FirstT="{i % 6}" FirstZ="0" IFD="0" PlaneCount="1">'
        f'<UUID FileName="{name}">urn:uuid:0</UUID></TiffData>'
        for i, name in enumerate(names)
    )
    xml = _ome('SizeC="2" SizeZ="1" SizeT="6" PhysicalSizeX="0.5"', places)
    for i, name in enumerate(names):
        tifffile.imwrite(
            tmp_path / name, frames[i], description=xml if i == 0 else "", metadata=None
        )
    expected = frames.reshape(2, 6, 20, 30).swapaxes(0, 1)
    for what in (tmp_path / names[0], tmp_path, [tmp_path / name for name in names]):
        stack = open_stack(what)
        np.testing.assert_array_equal(stack.read(0, 6), expected)
        assert len(stack.paths) == 12
    one_channel = open_stack([tmp_path / name for name in names[:6]])
    assert one_channel.shape == (6, 1, 20, 30)
    assert one_channel.pixel_size_um == (0.5, 0.5)
    assert "left aside" in one_channel.remarks[0]


def test_ome_acquisition_that_was_stopped(tmp_path: Path, frames: Any) -> None:
    xml = _ome('SizeC="1" SizeZ="5" SizeT="9"', "<TiffData/>")
    tifffile.imwrite(tmp_path / "x.ome.tif", frames, description=xml, metadata=None)
    stack = open_stack(tmp_path / "x.ome.tif")
    assert stack.n_frames == 10  # two whole volumes
    assert (stack.frames_per_slice, stack.order, stack.n_slices) == (2, "slices", 5)
    assert "12 of the 45" in stack.remarks[0]


def test_resolution_for_print_is_no_pixel_size(tmp_path: Path, frames: Any) -> None:
    tifffile.imwrite(tmp_path / "x.tif", frames, resolution=(72, 72), resolutionunit="INCH")
    assert open_stack(tmp_path / "x.tif").pixel_size_um is None
    tifffile.imwrite(tmp_path / "x.tif", frames, resolution=(20000, 12500), resolutionunit=3)
    assert open_stack(tmp_path / "x.tif").pixel_size_um == pytest.approx((0.8, 0.5))


def test_real_volume_recording(shared_data: Path) -> None:
    stack = open_stack(shared_data / "thunder_fish_ls" / "fish.tif")
    assert stack.shape == (480, 1, 87, 76)
    assert (stack.frames_per_slice, stack.order, stack.n_slices) == (240, "slices", 2)


def test_a_last_axis_of_one_value_is_left_out(tmp_path: Path) -> None:
    """tifffile takes it for samples: frames one pixel wide are one image, and that is told."""
    frames = np.arange(6 * 20, dtype=np.uint16).reshape(6, 20, 1)
    tifffile.imwrite(tmp_path / "x.tif", frames)
    stack = open_stack(tmp_path / "x.tif")
    np.testing.assert_array_equal(stack.read(0, 1)[0, 0], frames[..., 0])
    assert any("(6, 20, 1) has one value" in remark for remark in stack.remarks)
