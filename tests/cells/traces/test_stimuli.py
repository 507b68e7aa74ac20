"""Tables of stimulus times: read, put on the time axis of a recording, kept and exported."""

import csv
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.acquisition import Acquisition
from napari_zstack_align.cells.traces.stimuli import places_of
from napari_zstack_align.cells.traces.traces import stimulus_of_frames
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import run
from napari_zstack_align.write.cells.npz import write_traces_npz
from napari_zstack_align.write.cells.tidy_csv import write_tidy_csv
from napari_zstack_align.write.cells.wide_csv import write_wide_csv

START = datetime(2026, 3, 4, 5, 6, 7)


@pytest.fixture
def table(tmp_path):
    def write(text, name="stimuli.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def traces(make_traces):
    """Ten frames a second, nine frames, every second raw frame, with a start."""
    made = make_traces()
    made.frames["raw_frame"] = 2 * np.arange(9)
    return replace(made, started_at=START)


def rows_on(traces, text, table, unit=None):
    found = nza.with_stimuli(traces, nza.read_stimuli(table(text), unit)).stimuli
    names = ("name", "onset_s", "offset_s", "onset_frame", "offset_frame")
    return [tuple(round(v, 9) if isinstance(v, float) else v for v in row[list(names)].item())
            for row in found]  # fmt: skip


SAME = {
    "seconds": "onset,offset,name\n0.2,0.4,dot\n0.55,0.7,bar\n",
    "durations": "Onset,Duration,name\n0.2,0.2,dot\n0.55,0.15,bar\n",
    "of BIDS": "onset\tduration\ttrial_type\n0.2\t0.2\tdot\n0.55\t0.15\tbar\n",
    "with decimal commas": "onset;offset;name\n0,2;0,4;dot\n0,55;0,7;bar\n",
    "milliseconds": "onset_ms,duration_ms,name\n200,200,dot\n550,150,bar\n",
    "onsets in s, durations in ms": "onset_s,duration_ms,name\n0.2,200,dot\n0.55,150,bar\n",
    "unsorted": "name,onset,offset\nbar,0.55,0.7\ndot,0.2,0.4\n",
    "of NWB": "start_time,stop_time,name\n0.2,0.4,dot\n0.55,0.7,bar\n",
    "dates": "onset,offset,name\n2026-03-04T05:06:07.2,2026-03-04T05:06:07.4,dot\n"
    "2026-03-04 05:06:07.55,2026-03-04 05:06:07.7,bar\n",
    "dates and durations": "onset,duration,name\n2026-03-04T05:06:07.200,0.2,dot\n"
    "2026-03-04T05:06:07.550,0.15,bar\n",
}


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_one_table_in_many_ways(text, table, traces):
    assert rows_on(traces, text, table) == [
        ("dot", 0.2, 0.4, 2.0, 4.0),
        ("bar", 0.55, 0.7, 5.5, 7.0),
    ]


def test_raw_frames_are_counted_in_the_files(table, traces):
    expected = [("stimulus", 0.2, 0.4, 2.0, 4.0)]
    assert rows_on(traces, "onset_frame,offset_frame\n4,8\n", table) == expected
    assert rows_on(traces, "onset,offset\n4,8\n", table, "frames") == expected
    without = replace(traces, frames=traces.frames.copy())
    without.frames["time_s"] = np.nan
    ((_, onset, _, *places),) = rows_on(without, "onset_frame,duration\n4,4\n", table)
    assert np.isnan(onset)
    assert places == [2, 4]


def test_only_those_in_the_recording_are_kept(table, traces):
    text = "onset,offset\n-3,-1\n-1,0.05\n0,0\n0.3,0.3\n0.85,9\n0.9,1\n77,78\n"
    kept = nza.with_stimuli(traces, nza.read_stimuli(table(text)))
    np.testing.assert_allclose(kept.stimuli["onset_s"], [-1, 0, 0.3, 0.85])
    assert kept.stimuli["onset_frame"].tolist()[:2] == [0, 0]
    (remark,) = kept.remarks
    assert remark == (
        "stimuli.csv, in seconds since the start of the recording: 4 of 7 stimuli are in the "
        "recording."
    )
    assert not remark.is_warning
    again = nza.with_stimuli(kept, nza.read_stimuli(table("onset,offset\n50,51\n")))
    (remark,) = again.remarks
    assert "0 of 1 stimuli are in the recording" in remark
    assert remark.is_warning


def test_a_pause_has_no_width():
    times = np.array([0.0, 1, 2, 60, 61])
    seconds = np.array([-5, 0, 2.5, 3, 30, 60, 61.5, 99])
    np.testing.assert_allclose(places_of(seconds, times), [0, 0, 2.5, 3, 3, 3, 4.5, 5])


def test_frames_name_the_stimuli_in_them(table, traces):
    text = "onset,offset,name\n0.15,0.3,dot\n0.25,0.25,flash\n0.8,5,bar\n"
    stimuli = nza.with_stimuli(traces, nza.read_stimuli(table(text)))
    expected = ["", "dot", "dot;flash", "", "", "", "", "", "bar"]
    assert stimulus_of_frames(stimuli) == expected


def test_a_column_names_the_recording(table, make_traces):
    text = "onset,offset,recording\n0.1,0.2,larva_1\n0.3,0.4,larva_2\n0.5,0.6,\n"
    session = [make_traces("larva_1"), make_traces("larva_2")]
    first, second = nza.with_stimuli(session, nza.read_stimuli(table(text)))
    np.testing.assert_allclose(first.stimuli["onset_s"], [0.1, 0.5])
    np.testing.assert_allclose(second.stimuli["onset_s"], [0.3, 0.5])
    with pytest.raises(InputError, match=r"names recordings that aren't .* \(larva_2\): these"):
        nza.with_stimuli(session[0], nza.read_stimuli(table(text)))


def test_dates_find_their_recording_in_a_session(table, make_traces):
    later = START + timedelta(minutes=1)
    session = [
        replace(make_traces("a"), started_at=START),
        replace(make_traces("b"), started_at=later),
    ]
    text = f"onset,duration\n{START},0.2\n{later},0.3\n"
    first, second = nza.with_stimuli(session, nza.read_stimuli(table(text)))
    assert first.stimuli["offset_s"].tolist() == [0.2]
    np.testing.assert_allclose(second.stimuli["offset_s"], [0.3])


BAD = {
    "a word": ("onset,offset\n1,2\n3,end\n", "row 3, column offset: 'end' is no number"),
    "an empty cell": ("onset,offset\n,2\n", "row 2, column onset: '' is no number"),
    "a short row": ("onset,duration\n1,1\n5\n", "row 3, column duration: '' is no number"),
    "infinite": ("onset,offset\n1,inf\n", "row 2, column offset: 'inf' is no finite number"),
    "a late onset": ("onset,offset\n1,2\n9,8\n", "row 3, column offset: the stimulus ends before"),
    "a negative duration": ("onset,duration\n1,-2\n", "row 2, column duration: the stimulus has a"),
    "no date": (
        "onset,offset\n2026-03-04T05:06:07,2026-03-04T05:06:08\n2026-03-04T05:07:07,soon\n",
        "row 3, column offset: 'soon' is no date and time such as",
    ),
    "no offset": ("onset,name\n1,a\n", r"lacks the column offset or duration \(its columns are"),
    "neither": ("time,name\n1,a\n", "lacks the column onset and offset or duration"),
    "both": ("onset,offset,duration\n1,2,1\n", "has offsets and durations: leave one"),
    "twice": ("onset,onset_s,offset\n1,1,2\n", "has the columns onset and onset_s: leave one"),
    "milliseconds": ("onset,offset,unit\n1,2,ms\n", "has a column unit, which isn't read"),
    "frames for seconds": (
        "onset_s,duration_frames\n1,2\n",
        "duration_frames isn't in seconds",
    ),
    "seconds for frames": ("onset_frame,duration_s\n1,2\n", "duration_s isn't in numbers of raw"),
    "no unit for frames": ("onset,offset_frame\n1,2\n", "offset_frame isn't in seconds, as"),
    "no row": ("onset,offset\n", "lists no stimulus: add a row for each"),
    "empty": ("", "is no table of stimuli"),
}


@pytest.mark.parametrize(("text", "sentence"), BAD.values(), ids=BAD)
def test_bad_tables_are_refused_in_a_sentence(text, sentence, table):
    with pytest.raises(InputError, match=sentence) as told:
        nza.read_stimuli(table(text))
    assert "stimuli.csv" in str(told.value)
    assert str(told.value).endswith(".")


def test_other_refusals(table, tmp_path, traces):
    with pytest.raises(InputError, match="There is no file"):
        nza.read_stimuli(tmp_path / "gone.csv")
    with pytest.raises(InputError, match="unit must be one of s, frames, dates, not 'ms'"):
        nza.read_stimuli(table("onset,offset\n1,2\n"), "ms")
    dates = nza.read_stimuli(table("onset,duration\n2026-03-04T05:06:07,1\n"))
    with pytest.raises(InputError, match="the files of larva_1 don't say when it was started"):
        nza.with_stimuli(replace(traces, started_at=None), dates)
    traces.frames["time_s"] = np.nan
    with pytest.raises(InputError, match="those of the frames of larva_1 are unknown"):
        nza.with_stimuli(traces, nza.read_stimuli(table("onset,offset\n1,2\n")))


def test_a_recording_of_one_frame_without_times_takes_frames(table):
    frames = Acquisition.of(1)
    stimuli = nza.read_stimuli(table("onset_frame,offset_frame\n0,1\n5,6\n"))
    assert stimuli.on("x", frames)["offset_frame"].tolist() == [1]


def test_they_are_removed_without_a_trace(table, traces):
    stimuli = nza.read_stimuli(table(SAME["seconds"]))
    without = nza.with_stimuli([nza.with_stimuli(traces, stimuli)], None)[0]
    assert without.stimuli is None
    assert without.remarks == traces.remarks


def test_they_are_saved_and_exported_with_the_traces(table, traces, tmp_path, file_of):
    text = 'onset,offset,name\n0.2,0.4,dot\n0.3,0.35,"-a, b"\n'
    with_them = nza.with_stimuli(traces, nza.read_stimuli(table(text)))
    folder = with_them.save(tmp_path / "traces")
    loaded = nza.load(folder)
    np.testing.assert_array_equal(loaded.stimuli, with_them.stimuli)
    assert loaded.remarks == with_them.remarks
    assert file_of(folder, "stimuli").read_text(encoding="utf-8").startswith("name,onset_s")
    for write in (write_tidy_csv, write_wide_csv):
        path = run(write(tmp_path / f"{write.__name__}.csv", [loaded]))
        with path.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["frame"] in "23"]
        assert {(row["frame"], row["stimulus"]) for row in rows} == {
            ("2", "dot"),
            ("3", "dot;-a, b"),
        }
    with np.load(run(write_traces_npz(tmp_path / "a.npz", [loaded]))) as arrays:
        assert arrays["stimulus_name"].tolist() == ["dot", "-a, b"]
        assert arrays["stimulus_onset_frame"].tolist() == [2, 3]
    assert nza.load(traces.save(tmp_path / "plain")).stimuli is None
