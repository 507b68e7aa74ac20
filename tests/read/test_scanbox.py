"""Scanbox: channels, slices of the optotune and times as the .mat says."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

import napari_zstack_align as nza
from napari_zstack_align.read import open_stack

from .written import INTERVAL_S, Z_STEP_UM, acquisition, scanbox, scanbox_info


def test_light_makes_pixels_brighter(tmp_path: Path) -> None:
    made = acquisition()
    stack = open_stack(scanbox(tmp_path, made))
    stored = np.fromfile(tmp_path / "x_000_001.sbx", "<u2").reshape(made.frames.shape)
    np.testing.assert_array_equal(stack.read(0, 12), 65535 - stored)
    assert not stack.remarks


def test_channels_lie_pixel_by_pixel(tmp_path: Path) -> None:
    made = acquisition(n_channels=2)
    stack = open_stack(scanbox(tmp_path, made))
    assert stack.channel_names == ("PMT0", "PMT1")
    np.testing.assert_array_equal(stack.read(3, 5), made.frames[3:5])
    assert stack.read(3, 5).flags.c_contiguous


@pytest.mark.parametrize(("channels", "name"), [(2, "PMT0"), (3, "PMT1")])
def test_one_of_two_detectors(channels: int, name: str, tmp_path: Path) -> None:
    made = acquisition()
    stack = open_stack(scanbox(tmp_path, made, channels=channels))
    np.testing.assert_array_equal(stack.read(0, 12), made.frames)
    assert stack.channel_names == (name,)


def test_channels_of_version_3(tmp_path: Path) -> None:
    made = acquisition(n_channels=2)
    more = {"scanbox_version": 3, "chan": {"nchan": 2, "save": [1, 1]}, "channels": -1}
    stack = open_stack(scanbox(tmp_path, made, **more))
    np.testing.assert_array_equal(stack.read(0, 12), made.frames)


@pytest.mark.parametrize(("scanmode", "lines"), [(1, 24), (0, 12)])
def test_frame_rate_of_both_ways_to_scan(scanmode: int, lines: int, tmp_path: Path) -> None:
    more = {"resfreq": 8000.0, "scanmode": scanmode, "recordsPerBuffer": lines}
    stack = open_stack(scanbox(tmp_path, acquisition(), **more))
    assert stack.frame_times_s is not None
    assert stack.frame_times_s == pytest.approx(np.arange(12) * lines / 8000)
    assert [*map(str, stack.remarks)] == [
        "Lines were scanned there and back: the columns at the left edge of such frames may hold "
        "no image. Leave them out with a mask."
    ] * (scanmode == 0)


def test_slices_and_their_depths(tmp_path: Path) -> None:
    stack = open_stack(scanbox(tmp_path, acquisition(n_slices=3)))
    assert (stack.n_slices, stack.frames_per_slice, stack.order) == (3, 4, "slices")
    assert stack.z_positions_um == (0, Z_STEP_UM, 2 * Z_STEP_UM)
    assert "in the order of its wave; depths are those of info.otwave_um" in stack.remarks[0]


@pytest.mark.parametrize("depths", [None, [0.0, 10.0, 0.0], [5.0], "x"])
def test_slices_without_depths(depths: Any, tmp_path: Path) -> None:
    stack = open_stack(scanbox(tmp_path, acquisition(n_slices=3), otwave_um=depths))
    assert (stack.n_slices, stack.z_positions_um, stack.z_step_um) == (3, None, None)
    assert "the file doesn't say their depths" in stack.remarks[0]


@pytest.mark.parametrize(
    ("more", "n_slices"),
    [
        ({"volscan": 0}, None),
        ({"volscan": None}, 3),
        ({"volscan": None, "otwave": None}, None),
        ({"otwave": None, "etl_table": np.ones((4, 2))}, 4),
        ({"otwave": np.array([])}, None),
    ],
)
def test_whether_the_optotune_was_on(
    more: dict[str, Any], n_slices: int | None, tmp_path: Path
) -> None:
    stack = open_stack(scanbox(tmp_path, acquisition(n_slices=3), **more))
    assert stack.frames_per_slice == (None if n_slices is None else 12 // n_slices)


def test_an_unfinished_volume(tmp_path: Path) -> None:
    made = acquisition(14, n_channels=2, n_slices=1)
    path = scanbox(tmp_path, made, otwave=np.arange(3), volscan=1)
    stack = open_stack(path)
    np.testing.assert_array_equal(stack.read(0, 12), made.frames[:12])
    assert (stack.n_frames, stack.n_slices) == (12, 3)
    assert "The last 2 frames, of an unfinished volume of 3, were left out" in stack.remarks[-1]
    every = open_stack(path, axes="TCYX")
    np.testing.assert_array_equal(every.read(0, 14), made.frames)


def test_repeats_that_are_said(tmp_path: Path) -> None:
    stack = open_stack(scanbox(tmp_path, acquisition(n_channels=2)), frames_per_slice=3)
    assert (stack.n_slices, stack.order) == (4, "repeats")
    (tmp_path / "one").mkdir()
    path = scanbox(tmp_path / "one", acquisition(n_slices=3))
    stack = open_stack(path, axes="ZRYX", frames_per_slice=4)
    assert (stack.n_slices, stack.order) == (3, "repeats")


def test_a_file_that_breaks_off(tmp_path: Path) -> None:
    made = acquisition(n_channels=2)
    path = scanbox(tmp_path, made)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(nza.InputError, match="truncated: only 11 of its 12 frames are whole"):
        open_stack(path)
    stack = open_stack(path, whole_frames=True)
    np.testing.assert_array_equal(stack.read(0, 11), made.frames[:11])
    path.write_bytes(b"x" * 99)
    with pytest.raises(nza.InputError, match="truncated"):
        open_stack(path, whole_frames=True)


def test_a_recording_that_was_stopped(tmp_path: Path) -> None:
    stack = open_stack(scanbox(tmp_path, acquisition(), config={"frames": 500}))
    assert [*map(str, stack.remarks)] == ["x_000_001.sbx holds 12 frames; 500 were to be recorded."]
    assert not stack.remarks[0].is_warning


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"recordsPerBuffer": 20}, "speaks of 20 lines of a frame (recordsPerBuffer) and of 24"),
        ({"calibration": np.ones(3)}, "The pixel size is left open: what info.calibration is"),
        ({"dxcal": 1.2}, "The pixel size is left open: what info.dxcal is"),
    ],
)
def test_what_is_told(more: dict[str, Any], said: str, tmp_path: Path) -> None:
    [remark] = open_stack(scanbox(tmp_path, acquisition(), **more)).remarks
    assert said in remark


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"sz": None, "scanbox_version": None}, "was written by Scanbox 1"),
        ({"sz": None}, r"how many rows and columns x_000_001\.sbx has"),
        ({"sz": [0, 5]}, r"how many rows and columns x_000_001\.sbx has"),
        ({"sz": [1e9, 5]}, r"how many rows and columns x_000_001\.sbx has"),
        ({"sz": "24 32"}, r"how many rows and columns x_000_001\.sbx has"),
        ({"channels": None}, r"which channels were recorded \(info\.channels\)"),
        ({"channels": 7}, r"which channels were recorded \(info\.channels\)"),
        ({"channels": np.array([1, 2])}, r"which channels were recorded"),
    ],
)
def test_what_is_refused(more: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(nza.InputError, match=said):
        open_stack(scanbox(tmp_path, acquisition(), **more))


@pytest.mark.parametrize(
    "more",
    [
        {"resfreq": None},
        {"resfreq": "x"},
        {"resfreq": np.nan},
        {"config": "x"},
        {"config": {"frames": -1}},
        {"otwave": {"a": 1}},
        {"scanmode": np.array([])},
        {"chan": "x"},
        {"recordsPerBuffer": 1e30},
    ],
    ids=str,
)
def test_odd_values_count_as_unknown(more: dict[str, Any], tmp_path: Path) -> None:
    assert open_stack(scanbox(tmp_path, acquisition(), **more)).n_frames == 12


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no Matlab file of version 5 to 7"),
        (b"MATLAB 7.3 MAT-file" + bytes(500), "save 'info' again with '-v7'"),
        (b"MATLAB 5.0 MAT-file" + bytes(500), "no Matlab file of version 5 to 7"),
        (bytes(126) + b"IM", "holds no settings of Scanbox"),
        (bytes(126) + b"IM" + bytes(5), "is damaged"),
        (bytes(126) + b"IM\x0f\0\0\0\x08\0\0\0notzlib!", "is damaged"),
    ],
)
def test_a_damaged_mat(content: bytes, said: str, tmp_path: Path) -> None:
    path = scanbox(tmp_path, acquisition())
    path.with_suffix(".mat").write_bytes(content)
    with pytest.raises(nza.InputError, match=rf"x_000_001\.mat .*{said}") as caught:
        open_stack(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("info", [np.arange(3), "x", np.array([[{"a": 1}]], object)])
def test_a_mat_of_something_else(info: Any, tmp_path: Path) -> None:
    path = scanbox(tmp_path, acquisition())
    for name in ("info", "other"):
        scipy.io.savemat(path.with_suffix(".mat"), {name: info})
        with pytest.raises(nza.InputError, match=r"mat holds no settings|Scanbox 1"):
            open_stack(path)


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_mat_spoilt_at_random(is_packed: bool, tmp_path: Path) -> None:
    """SciPy's reader ends the whole program at some of these."""
    made = acquisition()
    path = scanbox(tmp_path, made)
    mat = path.with_suffix(".mat")
    scipy.io.savemat(mat, {"info": scanbox_info(made)}, do_compression=is_packed)
    good, rng = mat.read_bytes(), random.Random(0)
    for _ in range(100):
        spoilt = bytearray(good)
        for _ in range(rng.randint(1, 6)):
            spoilt[rng.randrange(len(spoilt))] = rng.choice((0, 1, 127, 255, rng.randrange(256)))
        mat.write_bytes(spoilt[: rng.choice((len(spoilt), rng.randrange(len(spoilt))))])
        with suppress(nza.InputError):
            open_stack(path, whole_frames=True)


def test_without_the_mat(tmp_path: Path) -> None:
    path = scanbox(tmp_path, acquisition())
    path.with_suffix(".mat").unlink()
    with pytest.raises(nza.InputError, match=r"without the \.mat of the same name that describes"):
        open_stack(path)


def test_a_folder_of_one_is_opened_by_itself(tmp_path: Path) -> None:
    scanbox(tmp_path, acquisition())
    stack = open_stack(tmp_path)
    assert stack.frame_times_s == pytest.approx(np.arange(12) * INTERVAL_S)


def test_settings_are_those_of_the_file(tmp_path: Path) -> None:
    """Two files that differ in settings are told apart when they are joined."""
    for k, rows in enumerate((24, 12)):
        made = acquisition(size=(rows, 32))
        (scanbox(tmp_path, made)).rename(tmp_path / f"{k}.sbx")
        scipy.io.savemat(tmp_path / f"{k}.mat", {"info": scanbox_info(made)})
    with pytest.raises(nza.InputError, match="frames of one stack must have one shape"):
        open_stack([tmp_path / "0.sbx", tmp_path / "1.sbx"])
