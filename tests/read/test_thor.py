"""ThorImage: planes, repeats, flyback and channels as Experiment.xml says."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.read import holds_frames, open_stack, started_at

from .written import INTERVAL_S, acquisition, experiment, thor

TIMED = {"CaptureMode__mode": 0, "Streaming__frames": 1}
"""A series of time points with pauses, each of them perhaps a z-stack."""


def test_a_stack_of_slices(tmp_path: Path) -> None:
    made = acquisition(n_channels=2, n_slices=12)
    stack = open_stack(thor(tmp_path, made, **TIMED))
    np.testing.assert_array_equal(stack.read(0, 12), made.frames)
    assert (stack.n_slices, stack.frames_per_slice, stack.frame_times_s) == (12, 1, None)
    assert not stack.remarks


def test_repeats_of_each_slice(tmp_path: Path) -> None:
    made = acquisition(n_slices=4)
    more = {"ZStage__zStreamMode": 1, "ZStage__zStreamFrames": 3}
    stack = open_stack(thor(tmp_path, made, **TIMED, **more))
    assert (stack.n_slices, stack.frames_per_slice, stack.order) == (4, 3, "repeats")
    assert not stack.remarks


def test_volumes_with_pauses(tmp_path: Path) -> None:
    more = {"Timelapse__timepoints": 4, "Timelapse__intervalSec": 60}
    stack = open_stack(thor(tmp_path, acquisition(n_slices=3), **TIMED, **more))
    assert (stack.n_slices, stack.frames_per_slice, stack.order) == (3, 4, "slices")
    assert stack.frame_times_s is not None
    np.testing.assert_allclose(stack.frame_times_s[::3], np.arange(4) * 60)


def test_planes_that_were_not_scanned(tmp_path: Path) -> None:
    for k, more in enumerate(({"Streaming__zFastEnable": 0}, {"ZStage__enable": 0})):
        (tmp_path / str(k)).mkdir()
        stack = open_stack(thor(tmp_path / str(k), acquisition(n_slices=3), **more))
        assert (stack.n_frames, stack.frames_per_slice) == (12, None)


def test_flyback_leaves_every_volume(tmp_path: Path) -> None:
    made = acquisition(n_channels=2, n_slices=3)
    stack = open_stack(thor(tmp_path, made, ZStage__steps=2, Streaming__flybackFrames=1))
    stay = np.arange(12) % 3 < 2
    np.testing.assert_array_equal(stack.read(0, 8), made.frames[stay])
    assert (stack.n_slices, stack.frames_per_slice, stack.order) == (2, 4, "slices")
    assert stack.frame_times_s == pytest.approx((np.arange(12) * INTERVAL_S / 3)[stay])
    [remark] = stack.remarks
    assert "The last 1 frame of every 3 left the stack" in remark


def test_repeats_of_each_slice_in_several_volumes(tmp_path: Path) -> None:
    more = {"Timelapse__timepoints": 2, "ZStage__zStreamMode": 1, "ZStage__zStreamFrames": 2}
    stack = open_stack(thor(tmp_path, acquisition(n_slices=3), **TIMED, **more))
    assert [*stack.slice_of_frame] == [0, 0, 1, 1, 2, 2] * 2
    assert not stack.remarks


def test_what_is_said_goes_before_the_experiment(tmp_path: Path) -> None:
    made = acquisition(n_channels=2)
    folder = thor(tmp_path, made)
    stack = open_stack(folder, axes="ZRCYX", frames_per_slice=3, channels=2)
    np.testing.assert_array_equal(stack.read(0, 12), made.frames)
    assert (stack.n_slices, stack.frames_per_slice, stack.order) == (4, 3, "repeats")
    assert open_stack(folder, channels=4).shape == (6, 4, 24, 32)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"ZStage__steps": 5}, "12 frames are no whole number of volumes of 5"),
        ({"Streaming__frames": 30}, "holds 12 frames, but Experiment.xml speaks of 30"),
    ],
)
def test_what_does_not_fit_is_told(more: Any, said: str, tmp_path: Path) -> None:
    stack = open_stack(thor(tmp_path, acquisition(n_slices=3), **more))
    assert stack.n_frames == 12
    assert [said in each for each in stack.remarks] == [True]
    assert stack.remarks[0].is_warning


@pytest.mark.parametrize(
    ("n_left", "more", "stay"),
    [
        (1, {}, 3),
        (2, {}, 3),
        (1, {"ZStage__steps": 2, "Streaming__flybackFrames": 1}, 2),
        (2, {"ZStage__steps": 2, "Streaming__flybackFrames": 1}, 2),
    ],
)
@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("is_cut", [False, True])
def test_a_series_that_was_stopped_within_a_volume(
    is_cut: bool, n_channels: int, n_left: int, more: Any, stay: int, tmp_path: Path
) -> None:
    made = acquisition(12, n_channels, n_slices=3)
    folder = thor(tmp_path, made, **more)
    file, n_bytes = folder / "Image_0001_0001.raw", 24 * 32 * 2 * n_channels
    file.write_bytes(file.read_bytes()[: (6 + n_left) * n_bytes + 99 * is_cut])
    stack = open_stack(folder, whole_frames=is_cut)
    kept = np.arange(6)[np.arange(6) % 3 < stay]
    np.testing.assert_array_equal(stack.read(0, len(kept)), made.frames[kept])
    assert (stack.n_slices, stack.frames_per_slice, stack.n_frames) == (stay, 2, len(kept))
    assert stack.frame_times_s == pytest.approx(kept * INTERVAL_S / 3)
    assert any(f"The last {n_left} frame" in remark for remark in stack.remarks)


def test_all_detectors_were_saved(tmp_path: Path) -> None:
    made = acquisition(n_channels=2)
    folder = thor(tmp_path, made)
    frames = np.repeat(made.frames, 2, axis=1)
    frames.tofile(folder / "Image_0001_0001.raw")
    [remark] = open_stack(folder).remarks
    assert remark.endswith("If it holds 4 channels, of which 2 are named, say so: `channels=4`.")
    np.testing.assert_array_equal(open_stack(folder, channels=4).read(0, 12), frames)


@pytest.mark.parametrize("more", [{}, {"ZStage__steps": 2, "Streaming__flybackFrames": 1}])
@pytest.mark.parametrize("n_left", [0, 2])
def test_channels_that_are_said_keep_slices_and_times(
    n_left: int, more: Any, tmp_path: Path
) -> None:
    folder = thor(tmp_path, acquisition(12, 2, n_slices=3), **more)
    frames = acquisition(12, 4).frames[: 12 - n_left]
    frames.tofile(folder / "Image_0001_0001.raw")
    stack = open_stack(folder, channels=4)
    kept = np.arange(9 if n_left else 12)
    kept = kept[kept % 3 < (2 if more else 3)]
    np.testing.assert_array_equal(stack.read(0, len(kept)), frames[kept])
    assert (stack.n_slices, stack.order) == (2 if more else 3, "slices")
    assert stack.frame_times_s == pytest.approx(kept * INTERVAL_S / 3)


@pytest.mark.parametrize("n_bytes", [1, 24 * 32 * 2])
def test_a_file_that_goes_on_after_its_frames_is_not_truncated(
    n_bytes: int, tmp_path: Path
) -> None:
    made = acquisition(12, 2, n_slices=3)
    file = thor(tmp_path, made) / "Image_0001_0001.raw"
    file.write_bytes(file.read_bytes() + bytes(n_bytes))
    stack = open_stack(file)
    np.testing.assert_array_equal(stack.read(0, 12), made.frames)
    assert (stack.n_slices, stack.frames_per_slice) == (3, 4)
    [remark] = stack.remarks
    assert "goes on after its 12 frames" in remark
    assert remark.is_warning


def test_half_of_a_recording_is_no_recording_of_half_the_channels(tmp_path: Path) -> None:
    made = acquisition(n_channels=2)
    stack = open_stack(thor(tmp_path, made, Streaming__frames=24))
    np.testing.assert_array_equal(stack.read(0, 12), made.frames)
    assert "holds 12 frames, but Experiment.xml speaks of 24" in stack.remarks[0]


def test_averaged_while_recording(tmp_path: Path) -> None:
    stack = open_stack(thor(tmp_path, acquisition(), LSM__averageMode=1, LSM__averageNum=4))
    assert stack.frame_interval_s == pytest.approx(4 * INTERVAL_S)
    assert stack.remarks == ("Each frame is the mean of 4, which the microscope averaged.",)


def test_the_size_of_a_pixel_alone(tmp_path: Path) -> None:
    more = {"LSM__widthUM": None, "LSM__pixelSizeUM": 0.4}
    assert open_stack(thor(tmp_path, acquisition(), **more)).pixel_size_um == (0.4, 0.4)


@pytest.mark.parametrize(
    ("date", "since_1970", "expected"),
    [
        ("03/05/2024 12:30:15", 1709638215, datetime(2024, 3, 5, 12, 30, 15)),
        ("05/03/2024 12:30:15", 1709638215, datetime(2024, 3, 5, 12, 30, 15)),
        ("03/05/2024 12:30:15", None, datetime(2024, 3, 5, 12, 30, 15)),
        ("25/03/2024 12:30:15", "x", datetime(2024, 3, 25, 12, 30, 15)),
        ("yesterday", 1709638215, None),
        ("", None, None),
    ],
)
def test_start(date: str, since_1970: Any, expected: Any, tmp_path: Path) -> None:
    folder = thor(tmp_path, acquisition(), Date__date=date, Date__uTime=since_1970)
    assert started_at(folder) == started_at(folder / "Image_0001_0001.raw") == expected


def test_several_files_of_frames(tmp_path: Path) -> None:
    folder = thor(tmp_path, acquisition())
    (folder / "Image_0001_0002.raw").write_bytes(b"xx")
    [remark] = open_stack(folder).remarks
    assert "Image_0001_0001.raw was opened, not Image_0001_0002.raw." in remark


@pytest.mark.parametrize("cut", [1, 100, 24 * 32 * 2])
def test_a_file_that_is_cut(cut: int, tmp_path: Path) -> None:
    file = thor(tmp_path, acquisition(n_channels=2)) / "Image_0001_0001.raw"
    file.write_bytes(file.read_bytes()[:-cut])
    with pytest.raises(nza.InputError, match="truncated: only 11 of its 12 frames are whole"):
        open_stack(file)


def test_the_whole_frames_of_a_file_that_is_cut(tmp_path: Path) -> None:
    made = acquisition(n_channels=2)
    folder = thor(tmp_path, made)
    file = folder / "Image_0001_0001.raw"
    file.write_bytes(file.read_bytes()[: -24 * 32 * 2 - 1])
    stack = open_stack(folder, whole_frames=True)
    np.testing.assert_array_equal(stack.read(0, 11), made.frames[:11])
    [remark] = stack.remarks
    assert (
        remark == "Image_0001_0001.raw ends within a frame: its 11 whole frames of 12 were opened."
    )
    file.write_bytes(b"")
    with pytest.raises(nza.InputError, match="truncated: only 0 of its 12 frames are whole"):
        open_stack(folder, whole_frames=True)


@pytest.mark.parametrize(
    "more",
    [{"LSM__pixelX": None}, {"LSM__pixelX": "wide"}, {"LSM__pixelY": -24}, {"LSM__pixelY": 1e9}],
)
def test_without_the_size_of_a_frame(more: Any, tmp_path: Path) -> None:
    folder = thor(tmp_path, acquisition(), **more)
    assert not holds_frames(folder)
    with pytest.raises(nza.InputError, match=r"Experiment\.xml doesn't say how many pixels"):
        open_stack(folder)


@pytest.mark.parametrize("text", ["", "<ThorImageExperiment>", "<a/>", "\0\0", "<a>\ud7ff</b>"])
def test_an_experiment_that_is_none(text: str, tmp_path: Path) -> None:
    folder = thor(tmp_path, acquisition())
    (folder / "Experiment.xml").write_text(text, "utf-8")
    assert started_at(folder) is None
    with pytest.raises(nza.InputError, match=r"Experiment\.xml (can't be read|doesn't say)"):
        open_stack(folder)


def test_values_of_wrong_types(tmp_path: Path) -> None:
    made = acquisition(n_slices=3)
    folder = thor(tmp_path, made)
    odd = ["", "x", "-1", "0", "1e400", "nan", "9" * 5000, "0.5", None]
    names = ("LSM__widthUM", "LSM__frameRate", "ZStage__steps", "ZStage__stepSizeUM",
             "Streaming__frames", "Streaming__flybackFrames", "CaptureMode__mode",
             "Timelapse__timepoints", "Date__date", "LSM__averageNum")  # fmt: skip
    for name in names:
        for value in odd:
            (folder / "Experiment.xml").write_text(experiment(made, **{name: value}))
            assert open_stack(folder).source.shape[0] in (12, 8, 4)
            started_at(folder)


def test_a_spoilt_experiment_is_one_sentence(tmp_path: Path) -> None:
    folder = thor(tmp_path, acquisition(n_slices=3))
    content = (folder / "Experiment.xml").read_bytes()
    for seed in range(200):
        rng = random.Random(seed)
        spoilt = bytearray(content)
        for _ in range(rng.randint(1, 3)):
            spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
        (folder / "Experiment.xml").write_bytes(spoilt)
        started_at(folder)
        with suppress(nza.InputError):
            open_stack(folder)
