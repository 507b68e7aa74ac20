"""NWB files, read back and checked by pynwb's own validator."""

import sys
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pynwb
import pytest

from napari_zstack_align.cells.rois import Rois
from napari_zstack_align.cells.traces import read_stimuli, with_stimuli
from napari_zstack_align.errors import InputError
from napari_zstack_align.flags import shown
from napari_zstack_align.params import NwbParams
from napari_zstack_align.progress import run
from napari_zstack_align.write.cells import nwb
from napari_zstack_align.write.cells.export import export_traces
from napari_zstack_align.write.cells.field import FieldOfView
from napari_zstack_align.write.cells.nwb import write_nwb
from napari_zstack_align.write.cells.options import CellOptions

FIELD = FieldOfView((40, 48), np.ones((40, 48)), pixel_size_um=(0.8, 0.5))
PARAMS = NwbParams(
    session_description="Looming discs",
    session_start="2026-01-31T14:30:00+01:00",
    identifier="larva-1",
    indicator="GCaMP6s",
    location="tectum",
    excitation_nm=920,
    emission_nm=(510, 600),
    subject_id="larva 1",
    age="P7D",
)


@pytest.fixture
def read(tmp_path):
    """Write, see that the file is valid, and open it."""
    opened = []

    def write_and_read(traces, field=FIELD, params=None, as_others_see_it=False):
        """Check it against pynwb's schema; as others see it, against the copy in the file."""
        path = run(write_nwb(tmp_path / "a.nwb", [traces], CellOptions(field, nwb=params)))
        assert pynwb.validate(path=str(path), use_cached_namespaces=as_others_see_it) == []
        opened.append(pynwb.NWBHDF5IO(str(path), "r"))
        return opened[-1].read()

    yield write_and_read
    for io in opened:
        io.close()


@pytest.mark.slow
def test_signals_read_back(read, traces):
    ophys = read(traces, as_others_see_it=True).processing["ophys"]
    for home, name in (
        ("Fluorescence", "F"),
        ("Fluorescence", "Fneu"),
        ("Fluorescence", "corrected"),
        ("DfOverF", "dff"),
    ):
        series = ophys[home][name]
        np.testing.assert_array_equal(series.data[:], getattr(traces, name)[0].T)
        assert (series.rate, series.starting_time) == (pytest.approx(10), 0)
        assert series.rois.data[:].tolist() == [0, 1, 2]
        said = [series.control_description[code] for code in series.control[:]]
        assert said == [shown(row) or "good" for row in traces.frames]
    assert "r = 0.7" in ophys["Fluorescence"]["corrected"].description
    np.testing.assert_array_equal(ophys["Confidence"].data[:], traces.confidence)


@pytest.mark.slow
def test_rois_are_pixel_masks_with_their_ids(read, traces):
    table = read(traces).processing["ophys"]["ImageSegmentation"]["PlaneSegmentation"]
    assert table.id[:].tolist() == [3, 7, 12]
    for row, (y, x, radius) in enumerate(traces.rois.circles):
        xs, ys, weights = (np.array(part) for part in zip(*table["pixel_mask"][row], strict=True))
        assert weights.sum() == pytest.approx(np.pi * radius**2, rel=1e-4)
        assert np.average(ys, weights=weights) == pytest.approx(y, abs=0.01)
        assert np.average(xs, weights=weights) == pytest.approx(x, abs=0.01)
    np.testing.assert_array_equal(table["radius"][:], traces.rois.circles[:, 2])
    np.testing.assert_array_equal(table["motion_explained"][:], traces.motion_explained[0])


@pytest.mark.thorough
@pytest.mark.slow
def test_what_the_user_said(read, make_traces):
    file = read(make_traces(n_channels=2), params=PARAMS)
    assert (file.session_description, file.identifier) == ("Looming discs", "larva-1")
    assert file.session_start_time == datetime(2026, 1, 31, 13, 30, tzinfo=UTC)
    subject = file.subject
    assert (subject.subject_id, subject.species, subject.sex, subject.age) == (
        "larva 1", "Danio rerio", "U", "P7D"
    )  # fmt: skip
    plane = file.imaging_planes["ImagingPlane"]
    assert (plane.indicator, plane.location, plane.excitation_lambda) == ("GCaMP6s", "tectum", 920)
    assert [(c.description, c.emission_lambda) for c in plane.optical_channel] == [
        ("green", 510), ("red", 600)
    ]  # fmt: skip
    np.testing.assert_allclose(plane.grid_spacing[:], [0.5e-6, 0.8e-6])
    assert set(file.processing["ophys"]["DfOverF"].roi_response_series) == {
        "dff_channel_0", "dff_channel_1"
    }  # fmt: skip


@pytest.mark.slow
def test_what_nobody_said_is_stated(read, traces):
    file = read(traces, FieldOfView((40, 48)))
    assert file.session_start_time == datetime(1900, 1, 1, tzinfo=UTC)
    assert "unknown: 1900-01-01 stands for it" in file.notes
    assert len(file.identifier) == 36
    assert file.subject is None
    plane = file.imaging_planes["ImagingPlane"]
    assert (plane.indicator, plane.location) == ("unknown", "unknown")
    assert np.isnan(plane.excitation_lambda)
    assert "SummaryImages" not in file.processing["ophys"].data_interfaces


@pytest.mark.slow
def test_the_session_starts_when_the_microscope_did(read, traces):
    traces.frames["raw_frame"] = 3 * np.arange(len(traces.frames))
    started = datetime(2026, 3, 4, 5, 6, 7, 250_000)
    file = read(replace(traces, started_at=started), FieldOfView((40, 48)))
    assert file.session_start_time == started.astimezone()
    assert "in the time zone of the computer" in file.notes
    assert "1900" not in file.notes
    numbers = file.processing["ophys"]["RawFrame"].data[:]
    np.testing.assert_array_equal(numbers, traces.frames["raw_frame"])


@pytest.mark.slow
def test_stimuli_are_time_intervals(read, traces, tmp_path):
    path = tmp_path / "stimuli.csv"
    path.write_text("onset,offset,name\n0.2,0.4,dot\n0.5,0.65,bar\n")
    file = read(with_stimuli(traces, read_stimuli(path)))
    table = file.intervals["stimuli"]
    np.testing.assert_allclose(table["start_time"][:], [0.2, 0.5])
    np.testing.assert_allclose(table["stop_time"][:], [0.4, 0.65])
    assert list(table["stimulus"][:]) == ["dot", "bar"]


@pytest.mark.slow
def test_uneven_frames_keep_their_times(read, traces):
    traces.frames["time_s"][5:] += 60
    series = read(traces).processing["ophys"]["DfOverF"]["dff"]
    np.testing.assert_array_equal(series.timestamps[:], traces.frame_times_s)
    assert series.rate is None


@pytest.mark.thorough
@pytest.mark.slow
def test_a_frame_rate_given_by_hand(tmp_path, read, make_traces):
    traces = make_traces(times=False)
    with pytest.raises(InputError, match="larva_1 are unknown: give `frame_rate_hz`"):
        write_nwb(tmp_path / "a.nwb", [traces], CellOptions(FIELD))
    series = read(traces, params=NwbParams(frame_rate_hz=4)).processing["ophys"]["DfOverF"]["dff"]
    assert series.rate == 4


@pytest.mark.thorough
@pytest.mark.slow
def test_slices_of_a_zstack_are_told(read, make_traces):
    rois = Rois.of([(9, 9, 3), (20, 20, 3)], slices=[(0, 2), (1, 1)])
    file = read(make_traces(rois=rois))
    table = file.processing["ophys"]["ImageSegmentation"]["PlaneSegmentation"]
    assert table["last_slice"][:].tolist() == [2, 1]


def test_wavelengths_are_one_a_channel(tmp_path, traces):
    with pytest.raises(InputError, match="one value a channel, 1 for larva_1, not 2"):
        write_nwb(tmp_path / "a.nwb", [traces], CellOptions(FIELD, nwb=PARAMS))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param({"session_start": "yesterday"}, "date and time such as", id="start"),
        pytest.param({"emission_nm": (510, -1)}, "should be greater than 0", id="wavelength"),
        pytest.param({"age": "7 days"}, "age must be a duration such as P7D", id="age"),
        pytest.param({"indicator": ""}, "indicator", id="nothing"),
    ],
)
def test_metadata_that_can_not_be(values, said):
    with pytest.raises(InputError, match=said):
        NwbParams(**values)


def test_a_cancel_while_values_are_filled_in_leaves_nothing(
    tmp_path, traces, monkeypatch, no_leftovers
):
    monkeypatch.setattr(nwb, "FRAMES_AT_ONCE", 2)
    job = write_nwb(tmp_path / "a.nwb", [traces], CellOptions(FIELD))
    while next(job).done == 0:
        pass
    job.close()
    assert no_leftovers() == []


def test_without_pynwb(tmp_path, traces, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynwb", None)
    with pytest.raises(InputError, match=r"pip install 'napari-zstack-align\[nwb\]'"):
        export_traces(tmp_path / "a.nwb", traces, field=FIELD)
