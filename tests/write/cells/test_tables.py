"""Tidy and wide tables."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from napari_zstack_align.cells.rois import Rois
from napari_zstack_align.cells.traces import DarkLevel
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import run
from napari_zstack_align.write.cells import tidy_csv, wide_csv
from napari_zstack_align.write.cells.npz import write_traces_npz
from napari_zstack_align.write.cells.options import CellOptions
from napari_zstack_align.write.cells.summary_csv import write_summary_csv
from napari_zstack_align.write.cells.tidy_csv import write_tidy_csv
from napari_zstack_align.write.cells.wide_csv import write_wide_csv


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def number(text):
    return float(text) if text else np.nan


def test_a_wide_column_is_one_roi(tmp_path, make_traces):
    first, second = make_traces("larva_1"), make_traces("larva_2")
    moved = first.rois.circles + np.array([0, 2, 0])
    other = replace(second, rois=Rois.of(moved, ids=second.ids))
    with pytest.raises(InputError, match=r"ROI 3 of larva_2 is another one than .* of larva_1"):
        write_wide_csv(tmp_path / "a.csv", [first, other])


def test_every_sample_is_a_tidy_row(tmp_path, make_traces):
    traces = make_traces(n_channels=2)
    rows = table(run(write_tidy_csv(tmp_path / "a.csv", [traces])))
    assert len(rows) == traces.F.size
    assert list(rows[0]) == list(tidy_csv.COLUMNS)
    row_of = {roi: row for row, roi in enumerate(traces.ids.tolist())}
    for row in rows:
        t, channel = int(row["frame"]), int(row["channel"])
        at = channel, row_of[int(row["roi"])], t
        assert row["recording"] == "larva_1"
        assert float(row["time_s"]) == pytest.approx(t / 10)
        assert (row["flag"], row["detail"]) == traces.frames[["flag", "detail"]][t].item()
        assert float(row["confidence"]) == 0.75
        for signal in ("F", "Fneu", "corrected", "dff"):
            expected = float(getattr(traces, signal)[at])
            assert number(row[signal]) == pytest.approx(expected, rel=1e-6, nan_ok=True)


def test_blocks_make_no_difference(tmp_path, make_traces, monkeypatch):
    traces = make_traces()
    whole = [
        write_tidy_csv(tmp_path / "a.csv", [traces]),
        write_wide_csv(tmp_path / "b.csv", [traces]),
    ]
    before = [run(job).read_bytes() for job in whole]
    monkeypatch.setattr(tidy_csv, "FRAMES_AT_ONCE", 4)
    monkeypatch.setattr(wide_csv, "VALUES_AT_ONCE", 7)
    pieces = [
        write_tidy_csv(tmp_path / "c.csv", [traces]),
        write_wide_csv(tmp_path / "d.csv", [traces]),
    ]
    seen = []
    assert [run(job, seen.append).read_bytes() for job in pieces] == before
    assert [p.done for p in seen][-1] == seen[-1].total
    assert len(seen) == 3 * 3 + 5


def test_what_is_unknown_is_empty(tmp_path, make_traces):
    traces = make_traces('nan, "of the day"', times=False)
    rows = table(run(write_tidy_csv(tmp_path / "a.csv", [traces])))
    assert {row["time_s"] for row in rows} == {""}
    # a name is no number, whatever it looks like
    assert {row["recording"] for row in rows} == {'nan, "of the day"'}
    unknown = [row for row in rows if row["F"] == ""]
    assert [(row["roi"], row["frame"], row["dff"]) for row in unknown] == [("7", "4", "")]


@pytest.mark.parametrize("signal", ["F", "dff"])
def test_a_wide_row_is_a_frame(tmp_path, traces, signal):
    rows = table(run(write_wide_csv(tmp_path / "a.csv", [traces], CellOptions(signal=signal))))
    assert list(rows[0]) == [*wide_csv.COLUMNS, "roi_3", "roi_7", "roi_12"]
    assert [int(row["frame"]) for row in rows] == list(range(9))
    values = [[number(row[f"roi_{roi}"]) for roi in traces.ids] for row in rows]
    np.testing.assert_allclose(values, getattr(traces, signal)[0].T, rtol=1e-6)
    assert [row["flag"] for row in rows] == traces.flags.tolist()


def test_recordings_of_a_session_share_a_table(tmp_path, make_traces, rois):
    session = [make_traces("a"), make_traces("b", rois=rois.where([0, 2]), n_frames=5)]
    rows = table(run(write_wide_csv(tmp_path / "a.csv", session, CellOptions(signal="F"))))
    assert [row["recording"] for row in rows] == ["a"] * 9 + ["b"] * 5
    assert {row["roi_7"] for row in rows[9:]} == {""}
    assert float(rows[9]["roi_12"]) == pytest.approx(float(session[1].F[0, 1, 0]), rel=1e-6)
    tidy = table(run(write_tidy_csv(tmp_path / "b.csv", session)))
    assert len(tidy) == 3 * 9 + 2 * 5


def test_a_summary_row_is_a_roi(tmp_path, make_traces):
    traces = make_traces(n_channels=2)
    traces.F[1, 2] = traces.Fneu[1, 2] = traces.dff[1, 2] = np.nan
    rows = table(run(write_summary_csv(tmp_path / "a.csv", [traces])))
    assert [(row["roi"], row["channel"]) for row in rows] == [
        (roi, channel) for channel in "01" for roi in ("3", "7", "12")
    ]
    assert [int(row["known_frames"]) for row in rows] == [9, 8, 9, 9, 8, 0]
    np.testing.assert_allclose(
        [[float(row[name]) for name in ("y", "x", "radius")] for row in rows[:3]],
        traces.rois.circles,
    )
    assert {row["motion_explained"] for row in rows} == {"0.01"}
    for row, values in zip(rows[:3], traces.dff[0], strict=True):
        assert float(row["max_dff"]) == pytest.approx(np.nanmax(values), rel=1e-6)
        assert float(row["sd_dff"]) == pytest.approx(np.nanstd(values), rel=1e-4)
    means = [number(row["mean_F"]) for row in rows]
    expected = np.nanmean(traces.F.reshape(6, 9)[:5], axis=1)
    np.testing.assert_allclose(means[:5], expected, rtol=1e-6)
    assert [rows[5][name] for name in ("mean_F", "mean_Fneu", "sd_dff", "max_dff")] == [""] * 4


@pytest.mark.parametrize("write", [write_tidy_csv, write_wide_csv, write_summary_csv])
def test_doubtful_dff_is_labelled(tmp_path, make_traces, write):
    doubtful = replace(make_traces("b"), dark=DarkLevel(np.array([np.nan]), "none", False))
    rows = table(run(write(tmp_path / "a.csv", [make_traces("a"), doubtful])))
    assert {(row["recording"], row["dff_reliable"]) for row in rows} == {("a", "1"), ("b", "0")}


def test_an_unknown_signal(tmp_path, traces):
    with pytest.raises(InputError, match=r"must be one of F, Fneu, corrected, dff, .*not 'spikes'"):
        write_wide_csv(tmp_path / "a.csv", [traces], CellOptions(signal="spikes"))


def test_both_ends_of_an_estimated_dark_level(tmp_path, traces):
    lowest, highest = -3.0, 4.0
    interval = np.tile([lowest, highest], (len(traces.channel_names), 1))
    level = np.zeros(len(traces.channel_names))
    estimated = replace(traces, dark=DarkLevel(level, "estimated", True, interval=interval))
    expected = {
        "dff_lowest_dark": estimated.dff_at(lowest),
        "dff_highest_dark": estimated.dff_at(highest),
    }
    assert not np.allclose(*expected.values(), equal_nan=True)
    with np.load(run(write_traces_npz(tmp_path / "a.npz", [estimated]))) as arrays:
        for name, dff in expected.items():
            np.testing.assert_array_equal(arrays[name], dff)
    for name, dff in expected.items():
        options = CellOptions(signal=name)
        rows = table(run(write_wide_csv(tmp_path / f"{name}.csv", [estimated], options)))
        columns = [f"roi_{roi}" for roi in estimated.ids.tolist()]
        values = [[number(row[column]) for column in columns] for row in rows]
        np.testing.assert_allclose(values, dff[0].T, rtol=1e-6)
        with pytest.raises(InputError, match="isn't estimated"):
            write_wide_csv(tmp_path / "b.csv", [traces], options)


@pytest.mark.parametrize("write", [write_tidy_csv, write_wide_csv])
def test_a_cancel_leaves_nothing(tmp_path, traces, write, no_leftovers):
    job = write(tmp_path / "a.csv", [traces])
    next(job)
    assert len(no_leftovers()) == 2  # the unfinished table, and its lock
    job.close()
    assert no_leftovers() == []


@pytest.mark.slow
@pytest.mark.thorough
def test_a_long_table_streams(tmp_path, make_traces):
    """Memory stays far below the size of the table."""
    import tracemalloc

    traces = make_traces(n_frames=60_000)
    tracemalloc.start()
    path = run(write_tidy_csv(tmp_path / "a.csv", [traces]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 10e6
    # frames as text, and one block
    assert peak < 40e6
