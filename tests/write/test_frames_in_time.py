"""Exports say which raw frame each frame is and when it was recorded, and are read back with it."""

import csv
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.acquisition import Acquisition
from napari_zstack_align.alignment.tables import table_bytes
from napari_zstack_align.cells.traces.traces import joined_frames
from napari_zstack_align.layout import Layout
from napari_zstack_align.progress import run
from napari_zstack_align.read import open_stack
from napari_zstack_align.write.cells.npz import write_traces_npz
from napari_zstack_align.write.cells.suite2p import write_suite2p_folder
from napari_zstack_align.write.cells.tidy_csv import write_tidy_csv
from napari_zstack_align.write.cells.wide_csv import write_wide_csv
from napari_zstack_align.write.export import export_volume
from napari_zstack_align.write.transforms import read_transforms, write_transforms

START = datetime(2026, 3, 4, 5, 6, 7, 250_000)
NUMBERS = np.array([0, 1, 2, 4, 5, 6])
UNEVEN = np.array([0.0, 0.1, 0.21, 0.4, 0.5, 3.0])
DATES = [f"2026-03-04T05:06:{s}" for s in ("07.250000", "07.350000", "07.460000", "07.650000")]


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def timed(recording):
    """The recording without every fourth raw frame, with uneven times and a start."""
    stack = recording.stack
    numbers = np.flatnonzero(np.arange(2 * stack.n_frames) % 4 != 3)[: stack.n_frames]
    times = numbers / 10 + np.arange(stack.n_frames) % 3 / 100
    stack = stack.replace(frame_numbers=numbers, frame_times_s=times, started_at=START)
    return recording.with_stack(stack, check_frames=False)


@pytest.mark.parametrize("name", ["a.h5", "a.ome.tif", "a.ome.zarr"])
@pytest.mark.parametrize("layout", [None, Layout(3, "slices"), Layout((2, 4))])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_images_are_read_back_with_their_times(name, layout, n_channels, tmp_path):
    data = np.random.default_rng(0).integers(0, 999, (6, n_channels, 12, 11)).astype(np.uint16)
    frames = Acquisition(NUMBERS, UNEVEN, START)
    known = {"pixel_size_um": (0.5, 0.75), "z_step_um": layout and 2.5, "frame_interval_s": 0.1}
    path = run(export_volume(tmp_path / name, data, "TCYX", frames=frames, layout=layout, **known))
    stack = open_stack(path)
    np.testing.assert_array_equal(stack.read(0, 6), data)
    np.testing.assert_allclose(stack.frame_times_s, UNEVEN, atol=1e-9)
    assert stack.numbers.tolist() == NUMBERS.tolist()
    assert stack.started_at == START
    assert stack.acquisition.recorded_at.tolist()[:4] == DATES
    assert stack.pixel_size_um == (0.5, 0.75)
    assert (stack.frames_per_slice, stack.order) == (
        (None, None) if layout is None else (layout.frames_per_slice, layout.order)
    )
    assert stack.z_step_um == (layout and 2.5)


@pytest.mark.parametrize("name", ["a.h5", "a.ome.tif", "a.ome.zarr"])
def test_aligned_frames_keep_the_times_of_the_raw_ones(name, timed, tmp_path):
    stack = open_stack(run(nza.export_alignment(tmp_path / name, timed)))
    np.testing.assert_allclose(stack.frame_times_s, timed.stack.frame_times_s, atol=1e-9)
    np.testing.assert_array_equal(stack.numbers, timed.stack.numbers)
    assert stack.started_at == START


def test_a_suite2p_binary_says_it_in_ops(timed, tmp_path):
    folder = run(nza.export_alignment(tmp_path / "a.bin", timed))
    ops = np.load(folder / "ops.npy", allow_pickle=True).item()
    np.testing.assert_array_equal(ops["raw_frames"], timed.stack.numbers)
    np.testing.assert_array_equal(ops["frame_times_s"], timed.stack.frame_times_s)
    assert ops["started_at"] == START.isoformat()


def test_tables_of_an_alignment_name_raw_frames(timed, tmp_path, file_of):
    folder = timed.save(tmp_path / "a.zalign")
    numbers, dates = timed.stack.numbers, timed.stack.acquisition.recorded_at
    rows = rows_of(file_of(folder, "quality"))
    assert [int(row["raw_frame"]) for row in rows] == numbers.tolist()
    assert [row["recorded_at"] for row in rows] == dates.tolist()
    times = timed.stack.frame_times_s
    np.testing.assert_array_equal([float(row["time_s"]) for row in rows], times)
    chunks = rows_of(file_of(folder, "chunks"))
    assert [int(row["raw_frame"]) for row in chunks] == numbers[[0, 20]].tolist()
    # the raw frames were in memory: what is known of them is in the folder
    loaded = nza.load(folder)
    np.testing.assert_array_equal(loaded.stack.numbers, numbers)
    np.testing.assert_array_equal(loaded.stack.frame_times_s, times)
    assert loaded.stack.started_at == START
    assert loaded.quality.dtype == timed.quality.dtype


def test_numbers_without_times_are_kept_too(timed, tmp_path):
    stack = timed.stack.replace(frame_times_s=None)
    loaded = nza.load(timed.with_stack(stack, check_frames=False).save(tmp_path / "a.zalign"))
    np.testing.assert_array_equal(loaded.stack.numbers, stack.numbers)
    assert loaded.stack.frame_times_s is None


def test_a_table_of_matrices_names_raw_frames(timed, tmp_path):
    path = write_transforms(tmp_path / "t.csv", timed)
    rows = rows_of(path)
    assert [int(row["raw_frame"]) for row in rows] == timed.stack.numbers.tolist()
    assert rows[3]["recorded_at"] == timed.stack.acquisition.recorded_at[3]
    read = read_transforms(path, timed.transforms.shape)
    np.testing.assert_allclose(read.matrices(), timed.transforms.matrices())


@pytest.fixture
def session(make_traces):
    """Traces of two recordings, the second of which began 2 minutes after the first."""
    first, second = make_traces("larva_1"), make_traces("larva_2")
    for traces in (first, second):
        traces.frames["raw_frame"] = np.arange(9) * 2
    return [replace(first, started_at=START), replace(second, started_at=START.replace(minute=8))]


@pytest.mark.parametrize("write", [write_tidy_csv, write_wide_csv])
def test_tables_of_traces_have_the_time_of_the_session(write, session, tmp_path):
    rows = rows_of(run(write(tmp_path / "a.csv", session)))
    assert {int(row["raw_frame"]) for row in rows} == set(range(0, 18, 2))
    later = [row for row in rows if row["recording"] == "larva_2"]
    for row in later:
        assert float(row["session_time_s"]) == pytest.approx(120 + float(row["time_s"]))
    assert later[1]["recorded_at"] == "2026-03-04T05:08:07.350000"


def test_without_a_start_there_is_no_time_of_the_session(session, tmp_path):
    recordings = [session[0], replace(session[1], started_at=None)]
    rows = rows_of(run(write_wide_csv(tmp_path / "a.csv", recordings)))
    assert {row["session_time_s"] for row in rows} == {""}
    assert {row["recorded_at"] for row in rows if row["recording"] == "larva_2"} == {""}


def test_joined_frames_have_the_time_of_the_session(session):
    table = joined_frames(session)
    np.testing.assert_allclose(table["session_time_s"][9:], 120 + np.arange(9) / 10)
    assert table["recorded_at"][9] == "2026-03-04T05:08:07.250000"


def test_saved_traces_keep_start_and_numbers(session, tmp_path, file_of):
    folder = session[0].save(tmp_path / "traces")
    rows = rows_of(file_of(folder, "frames"))
    assert rows[1]["recorded_at"] == "2026-03-04T05:06:07.350000"
    loaded = nza.load(folder)
    assert loaded.started_at == START
    assert loaded.frames["raw_frame"].tolist() == list(range(0, 18, 2))


def test_traces_of_earlier_versions_count_frames(session, tmp_path, file_of, monkeypatch):
    as_then = lambda table: table[[n for n in table.dtype.names if n not in NEW]]  # noqa: E731
    module = "napari_zstack_align.cells.traces.storage.table_bytes"
    monkeypatch.setattr(module, lambda table: table_bytes(as_then(table)))
    loaded = nza.load(session[0].save(tmp_path / "traces"))
    assert loaded.frames["raw_frame"].tolist() == list(range(9))


NEW = ("raw_frame", "recorded_at")


def test_other_formats_of_traces(session, tmp_path):
    with np.load(run(write_traces_npz(tmp_path / "a.npz", session[:1]))) as arrays:
        assert arrays["recorded_at"][1] == "2026-03-04T05:06:07.350000"
        assert arrays["raw_frame"].tolist() == list(range(0, 18, 2))
    folder = run(write_suite2p_folder(tmp_path / "s2p", session[:1]))
    ops = np.load(folder / "ops.npy", allow_pickle=True).item()
    assert ops["raw_frames"].tolist() == list(range(0, 18, 2))
    assert ops["started_at"] == START.isoformat()
