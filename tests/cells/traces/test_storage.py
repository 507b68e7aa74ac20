from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from slow_traces import alignment_of

import napari_zstack_align as nza
from napari_zstack_align.alignment.transforms import identity
from napari_zstack_align.cells.traces.traces import joined_frames
from napari_zstack_align.flags import Fault, Flag, mark
from napari_zstack_align.remark import as_notes, as_warnings


def traces_of(times=None, **params) -> nza.Traces:
    rng = np.random.default_rng(2)
    stack = nza.Stack.from_array(
        rng.integers(0, 500, (8, 2, 32, 40)).astype(np.uint16),
        "TCYX",
        name="mouse é",
        frame_times_s=times,
        channel_names=("green", "red"),
        pixel_size_um=(0.8, 0.9),
    )
    alignment = alignment_of(stack, *identity(8, (32, 40)).links)
    mark(alignment.quality[3], Fault(Flag.LOW_CORRELATION, "left out: 0.1, far"))
    rois = nza.Rois.of([[9, 9, 3], [20, 28, 4.5], [1, 1, 3]], ids=[2, 5, 9])
    return nza.run(nza.extract_traces(stack, rois, alignment, nza.TraceParams(**params)))


@pytest.mark.parametrize("times", [None, np.arange(8) / 7], ids=["no times", "times"])
def test_reads_back_equal(tmp_path: Path, times) -> None:
    traces = traces_of(times, dark_level=(3, 4.5), neuropil_width_um=7)
    again = nza.load_traces(traces.save(tmp_path / "out" / "traces"))
    arrays = ("F", "Fneu", "corrected", "dff", "motion_explained", "saturated", "reliable")
    for name in (*arrays, "ids", "confidence"):
        one, other = getattr(traces, name), getattr(again, name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    for name in traces.frames.dtype.names:
        np.testing.assert_array_equal(traces.frames[name], again.frames[name])
    np.testing.assert_array_equal(traces.rois.circles, again.rois.circles)
    np.testing.assert_array_equal(traces.dark_level, again.dark_level)
    for name in (
        "recording",
        "channel_names",
        "params",
        "frame_shape",
        "pixel_size_um",
        "remarks",
        "provenance",
        "dff_reliable",
        "complete",
    ):
        assert getattr(traces, name) == getattr(again, name)
    assert (again.frame_times_s is None) == (times is None)


def test_remarks_keep_their_severity(tmp_path: Path) -> None:
    remarks = (*as_notes("The dark level is an estimate."), *as_warnings("Torn."))
    again = nza.load_traces(replace(traces_of(), remarks=remarks).save(tmp_path / "t"))
    assert [remark.severity for remark in again.remarks] == ["note", "warning"]


def test_files_are_plain(tmp_path: Path, file_of) -> None:
    folder = traces_of().save(tmp_path / "t")
    arrays = {"F", "Fneu", "corrected", "dff", "motion_explained", "saturated"}
    listed = [file_of(folder, role) for role in (*arrays, "rois", "frames")]
    assert {*listed, folder / "run.json"} == set(folder.iterdir())
    assert np.load(file_of(folder, "F"), allow_pickle=False).shape == (2, 3, 8)
    facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert facts["recording"] == "mouse é"
    assert facts["dff_reliable"] is False
    assert (facts["kind"], facts["schema_version"]) == ("traces", 2)


def test_saving_again_takes_the_place(tmp_path: Path) -> None:
    traces_of(neuropil_width_um=3).save(tmp_path / "t")
    traces_of(neuropil_width_um=6).save(tmp_path / "t")
    assert nza.load_traces(tmp_path / "t").params.neuropil_width_um == 6


def test_other_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "thesis.tex").write_text("precious")
    with pytest.raises(nza.InputError, match="is a folder with 1 other file"):
        traces_of().save(tmp_path / "t")
    with pytest.raises(nza.InputError, match="no traces: check its name"):
        nza.load_traces(tmp_path / "t")


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(nza.InputError, match="no traces"):
        nza.load_traces(tmp_path / "nowhere")


def test_joined_frames_name_their_recording() -> None:
    one, two = traces_of(), traces_of(np.arange(8) + 100.0)
    rows = joined_frames([one, two])
    assert len(rows) == 16
    assert rows["recording"][0] == "mouse é"
    np.testing.assert_array_equal(rows["frame"], [*range(8)] * 2)
    np.testing.assert_array_equal(rows["time_s"][8:], np.arange(8) + 100.0)
