"""Frames of several files on one time axis."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.acquisition import Acquisition
from napari_zstack_align.read import _npy as npy
from napari_zstack_align.read._facts import Facts
from napari_zstack_align.read._sequence import in_sequence
from napari_zstack_align.read._time_axis import FileTimes, one_time_axis
from napari_zstack_align.read.said.drop import Dropped
from napari_zstack_align.write.export import export_volume

START = datetime(2026, 3, 4, 5, 6, 7, 500_000)


def file(name: str, n: int, after_s: float | None, step: float | None = 0.5) -> FileTimes:
    """A file of n frames that was started so long after the first."""
    times = None if step is None else np.arange(n) * step
    started = None if after_s is None else START + timedelta(seconds=after_s)
    return FileTimes(name, times, step, started)


def test_gaps_are_kept_by_the_clock() -> None:
    axis = one_time_axis([file("a", 4, 0), file("b", 4, 64), file("c", 2, 66), file("d", 2, 77)])
    expected = [*np.arange(4) / 2, *(64 + np.arange(4) / 2), 66, 66.5, 77, 77.5]
    np.testing.assert_allclose(axis.times_s, expected)
    assert axis.started_at == START
    assert axis.remarks == ("4 files make one time axis with 2 gaps, the longest 62 s.",)
    assert not axis.remarks[0].is_warning


def test_one_gap_or_none() -> None:
    (remark,) = one_time_axis([file("a", 4, 0), file("b", 4, 302)]).remarks
    assert remark == "2 files make one time axis with 1 gap, of 5 min."
    (remark,) = one_time_axis([file("a", 4, 0), file("b", 4, 2)]).remarks
    assert remark == "2 files make one time axis without gaps."


def test_files_without_a_start_follow_one_another() -> None:
    axis = one_time_axis([file("a", 4, None), file("b", 2, None), file("c", 2, 7)])
    np.testing.assert_allclose(axis.times_s, np.arange(8) / 2)
    assert axis.started_at is None
    assert "2 of 3 files don't say when they were started: each is taken" in axis.remarks[0]
    none = one_time_axis([file("a", 4, None), file("b", 2, None)])
    assert "The files don't say when they were started: each is taken" in none.remarks[0]
    first = one_time_axis([file("a", 4, 0), file("b", 2, None)])
    assert "1 of 2 files don't say when they were started: each is taken" in first.remarks[0]


def test_one_file_without_a_start_stands_between_the_others() -> None:
    axis = one_time_axis([file("a", 4, 0), file("b", 2, None), file("c", 2, 60)])
    np.testing.assert_allclose(axis.times_s, [0, 0.5, 1, 1.5, 2, 2.5, 60, 60.5])
    assert axis.remarks[0] == "3 files make one time axis with 1 gap, of 57 s."
    assert axis.remarks[1].startswith("1 of 3 files don't say when they were started")


def test_a_clock_of_whole_seconds_makes_no_gap_and_no_overlap() -> None:
    start = START.replace(microsecond=0)
    first = FileTimes("a", np.arange(5) * 0.3, 0.3, start)
    second = FileTimes("b", np.arange(5) * 0.3, 0.3, start + timedelta(seconds=1))
    axis = one_time_axis([first, second])
    np.testing.assert_allclose(np.diff(axis.times_s), 0.3)
    assert axis.remarks == ("2 files make one time axis without gaps.",)


def test_files_that_overlap_are_named_and_stay_where_the_clock_says() -> None:
    axis = one_time_axis([file("a", 40, 0), file("b", 4, 8), file("c", 4, 5)])
    assert axis.times_s is not None
    assert axis.times_s[40] == 8
    (remark,) = axis.remarks  # and not that there are no gaps
    assert remark.startswith("By the clock, b starts 12 s before a ends, and 1 other likewise:")


def test_a_file_without_times_leaves_all_unknown() -> None:
    axis = one_time_axis([file("a", 4, 0), file("b", 4, 9, step=None)])
    assert axis.times_s is None
    unknown, pauses = axis.remarks
    assert unknown == "b doesn't give the times of its frames: those of all are unknown."
    assert "with a frame rate alone, the pauses between them are left out" in pauses
    assert one_time_axis([file("a", 4, 0, step=None)] * 2).remarks == ()


FLYBACK = Facts(sizes=(20,), flyback=Dropped.read("last 2 of 12"))


@pytest.fixture(params=["h5", "ome.tif"])
def exported(request: Any, tmp_path: Path) -> Any:
    """Write a file that says when it was started."""

    def write(name: str, frames: Any, after_s: float | None, *, step: float = 0.5, **more: Any):
        known = Acquisition.of(
            len(frames),
            more.pop("numbers", None),
            np.arange(len(frames)) * step,
            None if after_s is None else START + timedelta(seconds=after_s),
        )
        path = tmp_path / f"{name}.{request.param}"
        job = export_volume(path, frames, "TYX", frame_interval_s=step, frames=known, **more)
        return nza.run(job)

    return write


def test_recordings_of_a_folder_make_one_axis(exported: Any) -> None:
    frames = np.random.default_rng(0).integers(0, 99, (12, 16, 16)).astype(np.uint16)
    folder = exported("rec1", frames[:5], 0).parent
    exported("rec2", frames[5:9], 30)
    exported("rec10", frames[9:], 90.5)
    stack = nza.open_stack(folder)
    expected = [*np.arange(5) / 2, *(30 + np.arange(4) / 2), *(90.5 + np.arange(3) / 2)]
    np.testing.assert_allclose(stack.frame_times_s, expected)
    assert stack.started_at == START
    assert stack.numbers.tolist() == list(range(12))
    assert "3 files make one time axis with 2 gaps, the longest 58.5 s." in stack.remarks
    np.testing.assert_array_equal(stack.read(0, 12)[:, 0], frames)
    assert stack.acquisition.recorded_at[9] == "2026-03-04T05:07:38.000000"
    said = nza.open_stack(folder, frame_rate_hz=2)
    assert said.frame_times_s == pytest.approx(np.arange(12) / 2)
    assert any("pauses between" in remark for remark in said.remarks)


def test_numbers_are_counted_over_all_files(tmp_path: Path) -> None:
    frames = np.zeros((3, 16, 16), np.uint16)
    for name, numbers in (("a", [0, 1, 4]), ("b", [1, 2, 3])):
        raw = Acquisition.of(3, np.array(numbers), np.arange(3.0))
        nza.run(export_volume(tmp_path / f"{name}.h5", frames, "TYX", frames=raw))
    assert nza.open_stack(tmp_path).numbers.tolist() == [0, 1, 4, 6, 7, 8]


def test_imagej_files_are_said_to_follow_one_another(tmp_path: Path) -> None:
    for name in "ab":
        frames = np.zeros((4, 16, 16), np.uint16)
        tifffile.imwrite(
            tmp_path / f"{name}.tif", frames, imagej=True, metadata={"axes": "TYX", "finterval": 2}
        )
    stack = nza.open_stack(tmp_path)
    assert stack.frame_times_s == pytest.approx(2 * np.arange(8))
    assert any("is taken to follow the one before it" in remark for remark in stack.remarks)


def test_a_file_without_a_rate_stands_by_its_clock(tmp_path: Path) -> None:
    frames = np.zeros((4, 16, 16), np.uint16)
    rate = {"TimeIncrement": 0.5, "TimeIncrementUnit": "s"}
    for name, start, known in (("a", "05:06:07", rate), ("b", "05:16:07", {})):
        metadata = {"axes": "TYX", "AcquisitionDate": f"2026-03-04T{start}", **known}
        tifffile.imwrite(tmp_path / f"{name}.ome.tif", frames, metadata=metadata)
    stack = nza.open_stack(tmp_path)
    assert stack.frame_times_s == pytest.approx([0, 0.5, 1, 1.5, 600, 600.5, 601, 601.5])
    assert "2 files make one time axis with 1 gap, of 9.97 min." in stack.remarks


@pytest.mark.parametrize("rate", [None, 2.0])
def test_pauses_that_a_frame_rate_cannot_keep_are_warned_of(rate: Any, tmp_path: Path) -> None:
    frames = np.zeros((4, 16, 16), np.uint16)
    for name, start in (("a", "05:06:07"), ("b", "05:16:07")):
        metadata = {"axes": "TYX", "AcquisitionDate": f"2026-03-04T{start}"}
        tifffile.imwrite(tmp_path / f"{name}.ome.tif", frames, metadata=metadata)
    stack = nza.open_stack(tmp_path, frame_rate_hz=rate)
    (remark,) = (each for each in stack.remarks if each.is_warning)
    assert "the pauses between them are left out" in remark


def test_flyback_at_the_end_of_a_file_counts(tmp_path: Path) -> None:
    """Of two files of 24 frames each, the second begins with raw frame 24."""
    files = [tmp_path / f"{name}.npy" for name in "ab"]
    frames = np.arange(48)[:, None, None] * np.ones((16, 16))
    for path, part in zip(files, np.split(frames, 2), strict=True):
        np.save(path, part.astype(np.uint16))
    opened = [replace(npy.open_npy(path), facts=FLYBACK) for path in files]
    joined = in_sequence(opened)
    frames_left = [t for t in range(48) if t % 12 < 10]
    np.testing.assert_array_equal(joined.facts.numbers, frames_left)
    np.testing.assert_array_equal(joined.source.read(0, 40)[:, 0, 0, 0], frames_left)


@pytest.mark.parametrize(
    ("plane", "said"), [(1, ["there are 3.00 a second of this plane"]), (None, [])]
)
def test_a_rate_that_is_said_counts_the_frames_of_all_planes(plane, said, tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", np.zeros((12, 8, 9), np.uint8) + np.uint8(1))
    layout = {"frames_per_slice": 4, "order": "slices", "plane": plane}
    stack = nza.open_stack(tmp_path / "x.tif", frame_rate_hz=9, **layout)
    found = [r for r in stack.remarks if "all planes" in r]
    assert [r.partition(": ")[2].rstrip(".") for r in found] == said
