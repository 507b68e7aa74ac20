"""ScanImage: what its header says, against files of known content."""

from __future__ import annotations

import json
import random
import struct
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from scipy.ndimage import gaussian_filter

import napari_zstack_align as nza
from napari_zstack_align.read import channel_offsets, holds_frames, open_stack, started_at
from napari_zstack_align.read.scanimage.header import parse

from .scanimage_files import (
    RATE_HZ,
    SIZE,
    fast_keys,
    header_text,
    pages_of,
    roi,
    stack_keys,
    write,
    write_old,
)

STARTED = datetime(2024, 3, 5, 12, 30, 15, 250_000)
BOTH = {"hChannels.channelSave": "[1;2]"}


def warnings_of(stack: nza.Stack) -> list[str]:
    return [str(remark) for remark in stack.remarks if remark.is_warning]


def test_a_recording_of_two_channels(tmp_path: Path) -> None:
    frames = pages_of(20, 2)
    stack = open_stack(write(tmp_path / "x.tif", frames, BOTH))
    np.testing.assert_array_equal(stack.read(0, 20), frames)
    assert stack.frames_per_slice is None
    assert stack.channel_names == ("Green", "Red")
    assert stack.pixel_size_um == (1.0, 1.0)
    assert stack.frame_times_s == pytest.approx(np.arange(20) / RATE_HZ)
    assert stack.started_at == started_at(stack.paths[0]) == STARTED
    assert channel_offsets(stack.paths[0]) == (0.0, 0.0)
    assert not warnings_of(stack)
    assert "ScanImage 5.6: a recording of 2 channels (1 and 2)" in stack.remarks[0]
    assert "subtracted" in stack.remarks[1]


@pytest.mark.parametrize("of_before_2018", [False, True])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_a_slow_z_stack(of_before_2018: bool, bigtiff: bool, tmp_path: Path) -> None:
    frames, keys = pages_of(30, 2), {**stack_keys(5, 6), **BOTH}
    if of_before_2018:
        keys |= {"hStackManager.enable": None, "hStackManager.actualNumSlices": None}
    stack = open_stack(write(tmp_path / "x.tif", frames, keys, bigtiff=bigtiff))
    assert (stack.frames_per_slice, stack.order, stack.n_slices) == (6, "repeats", 5)
    assert stack.z_step_um == 2
    assert not warnings_of(stack)
    tifffile.imwrite(tmp_path / "plain.tif", frames.reshape(-1, *SIZE))
    said = open_stack(tmp_path / "plain.tif", frames_per_slice=6, channels=2)
    np.testing.assert_array_equal(stack.read(0, 30), said.read(0, 30))
    np.testing.assert_array_equal(stack.slice_of_frame, said.slice_of_frame)


def test_left_over_settings_make_no_z_stack(tmp_path: Path) -> None:
    keys = {**stack_keys(41, 54000), "hStackManager.enable": "false"}
    stack = open_stack(write(tmp_path / "x.tif", pages_of(41), keys))
    assert stack.frames_per_slice is None
    assert "41 slices × 54,000 frames) were off and weren't used" in stack.remarks[1]
    assert not warnings_of(stack)


VOLUMES: dict[str, tuple[int, dict[str, Any], list[int] | None, bool]] = {
    "no flyback": (30, fast_keys(5, 6), None, False),
    "flyback": (42, fast_keys(5, 6, 2), None, True),
    "flyback, not after the last": (40, fast_keys(5, 6, 2), None, True),
    "flyback not saved": (
        30,
        fast_keys(5, 6, 2),
        [7 * v + z + 1 for v in range(6) for z in range(5)],
        False,
    ),
    "flyback not saved, numbered through": (30, fast_keys(5, 6, 2), None, False),
    "endless": (30, {**fast_keys(5, 6), "hStackManager.numVolumes": "Inf"}, None, False),
    "before 2018": (
        42,
        {
            "hStackManager.numSlices": 5,
            "hStackManager.actualNumSlices": "[]",
            "hFastZ.enable": 1,
            "hFastZ.numVolumes": 6,
            "hFastZ.numFramesPerVolume": 7,
            "hFastZ.numDiscardFlybackFrames": 2,
        },
        None,
        True,
    ),
}


@pytest.mark.parametrize("described", [True, False])
@pytest.mark.parametrize(("n_frames", "keys", "numbers", "is_saved"), VOLUMES.values(), ids=VOLUMES)
def test_volumes(
    n_frames: int,
    keys: dict[str, Any],
    numbers: list[int] | None,
    is_saved: bool,
    described: bool,
    tmp_path: Path,
) -> None:
    frames = pages_of(n_frames)
    stack = open_stack(write(tmp_path / "x.tif", frames, keys, numbers, described=described))
    assert (stack.frames_per_slice, stack.order, stack.n_slices) == (6, "slices", 5)
    kept = [t for t in range(n_frames) if not is_saved or t % 7 < 5]
    np.testing.assert_array_equal(stack.read(0, 30), frames[kept])
    assert ("left the stack" in " ".join(stack.remarks)) is is_saved
    assert not warnings_of(stack)
    if described:
        there = np.array(numbers or range(1, n_frames + 1))[kept] - 1
        assert stack.frame_times_s == pytest.approx(there / RATE_HZ)


def test_several_frames_per_slice_of_a_volume(tmp_path: Path) -> None:
    keys = {
        **fast_keys(5, 3),
        "hStackManager.framesPerSlice": 2,
        "hStackManager.numFramesPerVolume": 10,
        "hStackManager.numFramesPerVolumeWithFlyback": 11,
    }
    stack = open_stack(write(tmp_path / "x.tif", pages_of(33), keys))
    assert (stack.frames_per_slice, stack.order, stack.frames_in_turn) == (6, "slices", 2)
    np.testing.assert_array_equal(stack.slice_of_frame[:12], [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 0, 0])
    assert stack.numbers[10] == 11


STOPPED: dict[str, tuple[int, dict[str, Any], int, int | None, str]] = {
    "slow, in a slice": (20, stack_keys(5, 6), 20, 6, "3 of its 5 slices are whole"),
    "slow, in the first slice": (4, stack_keys(5, 6), 4, None, "left open"),
    "slow, too many": (40, stack_keys(5, 6), 40, None, "left open"),
    "fast, in a volume": (31, fast_keys(5, 6, 2), 20, 4, "3 frames of a volume that isn't whole"),
    "fast, more than planned": (45, fast_keys(5, 6), 45, None, "it plans 6 volumes"),
    "averages that don't fit": (
        5,
        {**stack_keys(5, 6), "hScan2D.logAverageFactor": 4},
        5,
        None,
        "left open",
    ),
}


@pytest.mark.parametrize(
    ("n_frames", "keys", "n_kept", "repeats", "said"), STOPPED.values(), ids=STOPPED
)
def test_what_is_whole_of_others(
    n_frames: int, keys: dict[str, Any], n_kept: int, repeats: int | None, said: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "x.tif", pages_of(n_frames), keys)
    stack = open_stack(path)
    assert (stack.n_frames, stack.frames_per_slice) == (n_kept, repeats)
    assert said in " ".join(warnings_of(stack))
    if repeats is None:
        given = open_stack(path, frames_per_slice=1)
        assert not warnings_of(given)


def test_averaged_by_the_microscope(tmp_path: Path) -> None:
    keys = {**stack_keys(5, 6), "hScan2D.logAverageFactor": 6}
    for name, numbers in (("each", None), ("last", [6 * z for z in range(1, 6)])):
        stack = open_stack(write(tmp_path / f"{name}.tif", pages_of(5), keys, numbers))
        assert (stack.frames_per_slice, stack.n_slices) == (1, 5)
        assert "6 frames each: only slices can be aligned" in stack.remarks[1]
        assert not warnings_of(stack)
    keys["hScan2D.logAverageFactor"] = 3
    stack = open_stack(write(tmp_path / "3.tif", pages_of(10), keys, [3 * t for t in range(1, 11)]))
    assert (stack.frames_per_slice, stack.n_slices) == (2, 5)


@pytest.mark.parametrize(("saved", "n_pages"), [("1", 2), ("[1 2]", 1), ("[1 3 4]", 2)])
def test_pages_of_a_frame_number_are_counted(saved: str, n_pages: int, tmp_path: Path) -> None:
    frames = pages_of(12, n_pages)
    stack = open_stack(write(tmp_path / "x.tif", frames, {"hChannels.channelSave": saved}))
    np.testing.assert_array_equal(stack.read(0, 12), frames)
    assert "each frame number has" in warnings_of(stack)[0]


def test_a_frame_without_all_channels_is_left_out(tmp_path: Path) -> None:
    frames = pages_of(9, 1)
    numbers = [t // 2 + 1 for t in range(9)]
    stack = open_stack(write(tmp_path / "x.tif", frames, BOTH, numbers))
    assert stack.shape[:2] == (4, 2)
    assert warnings_of(stack) == ["The last frame has 1 of its 2 channels: it was left out."]


def test_skipped_frames_leave_a_gap(tmp_path: Path) -> None:
    numbers = [n for n in range(1, 21) if n not in (9, 10)]
    stack = open_stack(write(tmp_path / "x.tif", pages_of(18), {}, numbers))
    assert stack.n_frames == 18
    assert stack.frame_times_s == pytest.approx((np.array(numbers) - 1) / RATE_HZ)
    assert "2 frames were skipped" in warnings_of(stack)[0]


@pytest.mark.parametrize("keys", [stack_keys(5, 6), fast_keys(5, 6)], ids=["slow", "fast"])
def test_skipped_frames_move_no_other_to_another_slice(
    keys: dict[str, Any], tmp_path: Path
) -> None:
    frames = pages_of(30)
    there = [t for t in range(30) if t not in (8, 19)]
    path = write(tmp_path / "x.tif", frames[there], keys, [t + 1 for t in there])
    stack = open_stack(path)
    assert (stack.missing, stack.dropped) == ((8, 19), ())
    for t in there:
        np.testing.assert_array_equal(stack.read(t, t + 1), frames[t : t + 1])
    with pytest.raises(nza.InputError, match="Frame 8 was skipped by the microscope"):
        stack.read(8, 9)
    assert stack.frame_times_s == pytest.approx(np.arange(30) / RATE_HZ)
    assert "2 frames were skipped" in warnings_of(stack)[0]
    said = open_stack(path, drop_frames="3, 8")
    assert (said.missing, said.dropped) == ((8, 19), (3, 8))


READ_AS = "By the header of ScanImage"


@pytest.mark.parametrize(
    ("said", "stands"),
    [
        ({}, True),
        ({"frames_per_slice": 6}, True),
        ({"z_step_um": 2}, True),
        ({"pixel_size_um": 0.5}, True),
        ({"frames_per_slice": 5}, False),
        ({"order": "up-and-down"}, False),
        ({"channels": 2}, False),
        ({"z_step_um": 7}, False),
        ({"z_positions_um": [0, 1, 4, 5, 6]}, False),
    ],
    ids=str,
)
def test_the_header_is_quoted_unless_something_else_is_said(
    said: dict[str, Any], stands: bool, tmp_path: Path
) -> None:
    keys = {**stack_keys(5, 6), "hStackManager.stackZStepSize": 2}
    path = write(tmp_path / "x.tif", pages_of(30), keys)
    assert any(READ_AS in remark for remark in open_stack(path, **said).remarks) is stands


def test_frames_that_are_missing_are_flagged_as_such(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    tissue = np.repeat(rng.gamma(0.3, 900, (3, 32, 32)), 4, axis=0)
    frames = rng.poisson(gaussian_filter(tissue, (0, 2, 2))).astype(np.int16)
    there = [t for t in range(12) if t != 5]
    path = write(tmp_path / "x.tif", frames[there], stack_keys(3, 4), [t + 1 for t in there])
    stack = open_stack(path, drop_frames="9")
    direct = nza.AdaptiveParams(strategy="direct")
    alignment = nza.run(nza.align_adaptive(stack, direct))
    flags = alignment.quality["flag"]
    assert (flags[5], flags[9]) == ("missing in the file", "dropped")
    assert "Frame 5 was skipped by the microscope" in alignment.quality["detail"][5]
    assert alignment.complete
    assert nza.load(alignment.save(tmp_path / "x.zalign")).stack.missing == (5,)


def test_uneven_slices(tmp_path: Path) -> None:
    keys = {**stack_keys(5, 6), "hStackManager.zs": "[0 2 5 9 14]"}
    stack = open_stack(write(tmp_path / "x.tif", pages_of(30), keys))
    assert stack.z_positions_um == (0, 2, 5, 9, 14)
    assert stack.z_step_um is None
    keys["hStackManager.zs"] = "[0 3 6 9 12]"  # goes before the step that is set
    assert open_stack(write(tmp_path / "even.tif", pages_of(30), keys)).z_step_um == 3


def test_the_objective_gives_the_pixel_size(tmp_path: Path) -> None:
    keys = {
        "hRoiManager.imagingFovUm": "[]",
        "hRoiManager.imagingFovDeg": "[-1 -1;1 -1;1 1;-1 1]",
        "objectiveResolution": 15,
    }
    stack = open_stack(write(tmp_path / "x.tif", pages_of(3), keys))
    assert stack.pixel_size_um == pytest.approx((30 / SIZE[0], 30 / SIZE[1]))


@pytest.mark.parametrize("names", ["abc", "cab"])
def test_parts_of_an_acquisition(names: str, tmp_path: Path) -> None:
    frames = pages_of(30)
    for i, name in enumerate(names):
        some = slice(10 * i, 10 * i + 10)
        numbers = range(10 * i + 1, 10 * i + 11)
        write(tmp_path / f"{name}.tif", frames[some], stack_keys(5, 6), numbers)
    stack = open_stack(tmp_path)
    assert (stack.frames_per_slice, stack.n_slices) == (6, 5)
    np.testing.assert_array_equal(stack.read(0, 30), frames)
    assert not warnings_of(stack)
    assert any("frame numbers" in remark for remark in stack.remarks) is (names == "cab")
    (tmp_path / f"{names[1]}.tif").unlink()
    stack = open_stack(tmp_path)
    assert stack.missing == tuple(range(10, 20))
    np.testing.assert_array_equal(stack.read(20, 30), frames[20:])


def test_another_field_of_view_is_reported(tmp_path: Path) -> None:
    for i, half in enumerate((8, 12)):
        field = f"[-{half} -6;{half} -6;{half} 6;-{half} 6]"
        keys = {"hRoiManager.imagingFovUm": field}
        epoch = f"[2024 3 5 12 3{i} 15.250]"
        write(tmp_path / f"{i}.tif", pages_of(4), keys, acquisition=i + 1, epoch=epoch)
    stack = nza.open_stack(tmp_path)
    assert stack.pixel_size_um is None
    assert any("1.tif gives another pixel size than 0.tif" in str(r) for r in stack.remarks)
    assert stack.frame_times_s is not None


def test_other_acquisitions(tmp_path: Path) -> None:
    frames = pages_of(10)
    for i in range(2):
        epoch = f"[2024 3 5 12 {30 + i} 15.25]"
        write(tmp_path / f"{i}.tif", frames, {}, acquisition=i + 1, epoch=epoch)
    stack = open_stack(tmp_path)
    assert "0.tif (acquisition number 1, 2024-03-05 12:30:15); 1.tif" in warnings_of(stack)[0]
    assert stack.frame_times_s is not None
    assert stack.frame_times_s[10] == pytest.approx(60)
    for i in range(2):
        epoch = f"[2024 3 5 12 {30 + i} 15.25]"
        write(tmp_path / f"{i}.tif", pages_of(30), stack_keys(5, 6), epoch=epoch)
    with pytest.raises(nza.InputError, match=r"of 2 acquisitions: 0\.tif .* by themselves"):
        open_stack(tmp_path)


def test_files_of_others_are_no_part(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", pages_of(10))
    tifffile.imwrite(tmp_path / "b.tif", pages_of(10)[:, 0], metadata=None)
    with pytest.raises(nza.InputError, match=r"b\.tif is no file of ScanImage's"):
        open_stack(tmp_path)


def test_each_roi_by_itself(tmp_path: Path) -> None:
    frames = pages_of(6, 2)
    keys = {**BOTH, "hRoiManager.mroiEnable": 1, "objectiveResolution": 20}
    rois = [roi("A", 4, 16), roi("off", 9, 9, enable=False), roi("B", 3, 10)]
    path = write(tmp_path / "x.tif", frames, keys, rois=rois)
    stack = open_stack(path)
    np.testing.assert_array_equal(stack.read(0, 6), frames[:, :, :4])
    assert stack.pixel_size_um == pytest.approx((2, 2))
    assert any("A was opened, not B" in remark for remark in stack.remarks)
    for image in (1, "B"):
        other = open_stack(path, image=image)
        np.testing.assert_array_equal(other.read(2, 5), frames[2:5, :, 9:, :10])
    for image in (2, "C"):
        with pytest.raises(nza.InputError, match=r"has no ROI .* 0 to 1 \(A, B\)"):
            open_stack(path, image=image)


@pytest.mark.parametrize("flyback", [0, 2])
def test_rois_of_some_slices(flyback: int, tmp_path: Path) -> None:
    """A and B at 0 µm, B and A below each other at 2 µm, C alone at 4 µm; 6 rows of filler."""
    n_frames = 6 * (3 + flyback)
    frames = pages_of(n_frames)
    keys = {**fast_keys(3, 6, flyback), "hRoiManager.mroiEnable": 1, "objectiveResolution": 20}
    rois = [
        roi("A", 4, 16, zs=0, discretePlaneMode=1),
        roi("B", 2, 16, zs=[0, 2], discretePlaneMode=1),
        roi("C", 3, 8, zs=4, discretePlaneMode=1),
    ]
    path = write(tmp_path / "x.tif", frames, keys, rois=rois)
    each = np.arange(n_frames).reshape(6, -1)
    one = open_stack(path)
    assert one.frames_per_slice is None
    np.testing.assert_array_equal(one.read(0, 6), frames[each[:, 0], :, :4])
    np.testing.assert_array_equal(one.numbers, each[:, 0])
    assert one.frame_times_s == pytest.approx(each[:, 0] / RATE_HZ)
    assert any("A was scanned in slice 0 of 3" in remark for remark in one.remarks)
    two = open_stack(path, image="B")
    assert (two.frames_per_slice, two.order, two.n_slices, two.z_step_um) == (6, "slices", 2, 2)
    np.testing.assert_array_equal(two.read(0, 12)[::2], frames[each[:, 0], :, 10:])
    np.testing.assert_array_equal(two.read(0, 12)[1::2], frames[each[:, 1], :, :2])
    np.testing.assert_array_equal(two.read(3, 4), frames[each[1, 1:2], :, :2])
    last = open_stack(path, image="C")
    np.testing.assert_array_equal(last.read(0, 6), frames[each[:, 2], :, :3, :8])
    stopped = write(tmp_path / "y.tif", frames[:2], keys, rois=rois)
    assert open_stack(stopped).shape[2:] == (4, 16)
    as_pages = open_stack(path, axes="TYX")
    assert as_pages.shape[2:] == SIZE
    assert "differ between the slices" in warnings_of(as_pages)[0]


@pytest.mark.parametrize("rois", [None, [], [roi("A", 4, 16), roi("B", 9, 9)], [{"name": "A"}]])
def test_rois_that_do_not_fit_stay_together(rois: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "x.tif", pages_of(4), {"hRoiManager.mroiEnable": 1}, rois=rois)
    stack = open_stack(path)
    assert stack.shape[2:] == SIZE
    assert "couldn't be told apart" in warnings_of(stack)[0]


def test_files_of_one_image(tmp_path: Path) -> None:
    write(tmp_path / "x.tif", pages_of(4))
    tifffile.imwrite(tmp_path / "plain.tif", pages_of(5)[:, 0])
    for name in ("x.tif", "plain.tif"):
        with pytest.raises(nza.InputError, match="has one image, of which 1 is none"):
            open_stack(tmp_path / name, image=1)


@pytest.mark.parametrize("n_channels", [1, 2])
def test_version_3(n_channels: int, tmp_path: Path) -> None:
    frames = pages_of(20, n_channels)
    keys = {"acq__numberOfZSlices": 5, "acq__numberOfFrames": 4}
    stack = open_stack(write_old(tmp_path / "x.tif", frames, **keys))
    assert (stack.frames_per_slice, stack.n_slices) == (4, 5)
    np.testing.assert_array_equal(stack.read(0, 20), frames)
    assert stack.started_at == started_at(stack.paths[0]) == STARTED
    assert stack.frame_times_s is None  # of slices in turn, nothing is known between them
    recording = open_stack(write_old(tmp_path / "y.tif", frames))
    assert recording.frame_times_s == pytest.approx(np.arange(20) / 2)


def test_the_header_at_the_start_of_a_file() -> None:
    """As JSON, with settings in groups, as version 2016 wrote it."""
    tree = {"SI": {"VERSION_MAJOR": "2016", "hChannels": {"channelSave": [1, 2]}}}
    header = parse(json.dumps(tree), "")
    assert header is not None
    assert (header.version, header.channels) == ("2016", (1, 2))


def with_header_at_start(path: Path, frames: npt.NDArray[np.int16], *texts: str) -> Path:
    """A BigTIFF that keeps header and ROIs before its pages, with nothing in the pages' tags."""
    header, rois = (text.encode() + b"\0" for text in texts)
    data = bytearray(b"II+\0\x08\0\0\0" + bytes(8))
    data += struct.pack("<IIII", 117637889, 3, len(header), len(rois)) + header + rois
    pointer = 8
    for frame in frames.reshape(-1, *frames.shape[-2:]):
        offset = len(data)
        data += frame.tobytes()
        tags = {256: frame.shape[1], 257: frame.shape[0], 258: 16, 259: 1, 262: 1, 273: offset}
        tags |= {277: 1, 278: frame.shape[0], 279: frame.nbytes, 339: 2}
        data[pointer : pointer + 8] = struct.pack("<Q", len(data))
        data += struct.pack("<Q", len(tags))
        data += b"".join(struct.pack("<HHQQ", code, 16, 1, tags[code]) for code in sorted(tags))
        pointer = len(data)
        data += bytes(8)
    path.write_bytes(bytes(data))
    return path


def test_a_header_before_the_pages(tmp_path: Path) -> None:
    frames = pages_of(30, 2)
    text = header_text({**stack_keys(5, 6), **BOTH})
    path = with_header_at_start(tmp_path / "x.tif", frames, text, "{}")
    stack = open_stack(path)
    assert (stack.frames_per_slice, stack.n_slices) == (6, 5)
    np.testing.assert_array_equal(stack.read(0, 30), frames)
    assert channel_offsets(path) == (0.0, 0.0)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(nza.InputError):
        open_stack(path)


def test_a_file_that_was_saved_again_is_that_of_the_other_program(tmp_path: Path) -> None:
    text = header_text(stack_keys(5, 6))
    tifffile.imwrite(tmp_path / "x.tif", pages_of(20)[:, 0], software=text)
    stack = open_stack(tmp_path / "x.tif")
    assert stack.frames_per_slice is None
    assert "The header of ScanImage 5.6 wasn't used" in " ".join(stack.remarks)


def test_axes_that_are_said_go_before_the_header(tmp_path: Path) -> None:
    frames = pages_of(30, 2)
    path = write(tmp_path / "x.tif", frames, {**fast_keys(5, 6), **BOTH})
    stack = open_stack(path, axes="ZRCYX", frames_per_slice=6, channels=2)
    assert (stack.order, stack.n_slices) == ("repeats", 5)
    np.testing.assert_array_equal(stack.read(0, 30), frames)
    assert open_stack(path, frames_per_slice=3).frames_per_slice == 3


def test_other_programs_have_no_header() -> None:
    for text in ("", "tifffile.py", "SI = 3", "state of the art = 3", "SI.=", "\0" * 50):
        assert parse(text, text) is None


def damaged(text: str, chance: random.Random) -> str:
    """Change, repeat or leave out pieces of a text."""
    for _ in range(chance.choice((1, 2, 5, 20))):
        a = chance.randrange(len(text) + 1)
        b = min(len(text), a + chance.choice((1, 3, 10)))
        piece = chance.choice(
            ("", "9", "-1", "1e300", "[", "]", "'", "\n", "\0", "nan", text[a:b] * 2)
        )
        text = text[:a] + piece + text[b:]
    return text


def test_damaged_headers_say_less(tmp_path: Path) -> None:
    chance = random.Random(5)
    keys = {**fast_keys(5, 6, 2), **BOTH, "hRoiManager.mroiEnable": 1}
    whole = header_text(keys)
    artist = json.dumps({"RoiGroups": {"imagingRoiGroup": {"rois": [roi("A", 4, 16)] * 2}}})
    for _ in range(400):
        parse(damaged(whole, chance), damaged(whole, chance), damaged(artist, chance))
    frames = pages_of(42, 2)
    for i in range(12):
        some = {
            key: damaged(str(value), chance).replace("\n", " ").replace("\0", " ")
            for key, value in keys.items()
        }
        numbers = [max(1, t + chance.choice((0, 0, 0, 1, -5, 10**12))) for t in range(42)]
        path = write(tmp_path / f"{i}.tif", frames, some, numbers if i % 2 else None)
        assert holds_frames(path)
        stack = open_stack(path)
        last = stack.n_frames - 1
        if last not in stack.missing:
            stack.read(last, last + 1)
