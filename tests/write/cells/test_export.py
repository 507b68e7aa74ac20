"""The door to all formats of ROIs and traces."""

from dataclasses import replace

import numpy as np
import pytest

from napari_zstack_align.cells.roi_files import load_rois
from napari_zstack_align.cells.rois import Rois
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import NwbParams
from napari_zstack_align.progress import run
from napari_zstack_align.write.cells.export import export_rois, export_traces
from napari_zstack_align.write.cells.field import FieldOfView

FIELD = FieldOfView((40, 48))
ROI_NAMES = ["a.csv", "a.npz", "a.zip", "a.ome.tif", "a.tif"]
TRACES_NAMES = ["a.csv", "a.npz", "plane0", "a.nwb"]


@pytest.mark.parametrize("name", ROI_NAMES)
def test_rois_in_every_format(tmp_path, rois, name):
    assert run(export_rois(tmp_path / name, rois, field=FIELD)) == tmp_path / name
    with pytest.raises(InputError, match="exists already"):
        export_rois(tmp_path / name, rois, field=FIELD)
    run(export_rois(tmp_path / name, rois, field=FIELD, overwrite=True))
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_table_of_rois_reads_back(tmp_path, rois):
    back = load_rois(run(export_rois(tmp_path / "a.csv", rois)))
    np.testing.assert_array_equal(back.circles, rois.circles)
    np.testing.assert_array_equal(back.ids, rois.ids)
    np.testing.assert_array_equal(back.features["strength"], rois.features["strength"])


def test_numpy_reads_rois_without_pickles(tmp_path, rois):
    rois = rois.with_features(kind=np.array(["a", "bc", ""], object))
    with np.load(run(export_rois(tmp_path / "a.npz", rois)), allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["circles"], rois.circles)
        assert arrays["ids"].tolist() == [3, 7, 12]
        assert arrays["kind"].tolist() == ["a", "bc", ""]


def test_recordings_of_one_name_are_told_apart_in_a_table(tmp_path, traces):
    (path,) = run(export_traces(tmp_path / "a.csv", [traces, traces]))
    names = {line.split(",")[0] for line in path.read_text().splitlines()[1:]}
    assert names == {"larva_1", "larva_1_2"}


def test_numpy_reads_traces_without_pickles(tmp_path, make_traces, monkeypatch):
    monkeypatch.setattr("napari_zstack_align.write.cells.npy.PIECE_BYTES", 50)
    traces = make_traces(n_channels=2)
    (path,) = run(export_traces(tmp_path / "a.npz", traces))
    with np.load(path, allow_pickle=False) as arrays:
        for name in ("F", "Fneu", "corrected", "dff", "motion_explained", "ids"):
            np.testing.assert_array_equal(arrays[name], getattr(traces, name))
        np.testing.assert_array_equal(arrays["time_s"], traces.frame_times_s)
        assert arrays["flag"].tolist() == traces.flags.tolist()
        assert arrays["channel_names"].tolist() == ["green", "red"]
        assert str(arrays["recording"]) == "larva_1"


@pytest.mark.slow
@pytest.mark.parametrize("name", TRACES_NAMES)
def test_traces_in_every_format(tmp_path, traces, name):
    assert run(export_traces(tmp_path / name, traces)) == [tmp_path / name]
    with pytest.raises(InputError, match="exists already"):
        export_traces(tmp_path / name, traces)
    run(export_traces(tmp_path / name, traces, overwrite=True))
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_one_identifier_is_for_one_file(tmp_path, make_traces):
    session = [make_traces("a"), make_traces("b")]
    with pytest.raises(InputError, match="leave it empty for several"):
        export_traces(tmp_path / "a.nwb", session, nwb=NwbParams(identifier="me"))


@pytest.mark.parametrize("name", TRACES_NAMES)
def test_recordings_share_a_table_or_have_a_file_each(tmp_path, make_traces, name):
    session = [make_traces("larva: 1"), make_traces("larva: 1"), make_traces("b")]
    stages = set()
    paths = run(export_traces(tmp_path / name, session), lambda p: stages.add(p.stage))
    stem, dot, ending = name.partition(".")
    expected = [f"{stem}_{each}{dot}{ending}" for each in ("larva_ 1", "larva_ 1_2", "b")]
    assert [path.name for path in paths] == ([name] if name == "a.csv" else expected)
    assert name == "a.csv" or any(stage.endswith("(3 of 3)") for stage in stages)


def test_one_csv_can_be_two_tables(tmp_path, traces):
    tidy, wide = tmp_path / "tidy.csv", tmp_path / "wide.csv"
    run(export_traces(tidy, traces))
    run(export_traces(wide, traces, "wide", signal="F"))
    assert len(tidy.read_text().splitlines()) == 1 + 27
    assert len(wide.read_text().splitlines()) == 1 + 9


def test_suite2p_takes_any_name_where_it_is_asked_for(tmp_path, traces):
    (folder,) = run(export_traces(tmp_path / "larva.2026", traces, "suite2p"))
    assert (folder / "stat.npy").exists()


@pytest.mark.parametrize(
    ("name", "format", "count", "said"),
    [
        pytest.param("a.mat", None, 1, r"\.csv, \.npz or \.nwb, or be a folder", id="ending"),
        pytest.param(".csv", None, 1, "must end in", id="no name"),
        pytest.param("a.csv", "nwb", 1, r"must end in \.nwb,", id="other ending"),
        pytest.param("a.csv", "excel", 1, "must be one of tidy, wide, summary", id="format"),
        pytest.param("a.csv", None, 0, "There are no traces", id="no recording"),
        pytest.param("nowhere/a.csv", None, 1, "there is no folder", id="no folder"),
    ],
)
def test_bad_requests_for_traces(tmp_path, traces, name, format, count, said):
    with pytest.raises(InputError, match=said):
        export_traces(tmp_path / name, [traces][:count], format)


@pytest.mark.parametrize("name", ROI_NAMES)
def test_no_rois(tmp_path, name):
    with pytest.raises(InputError, match="There are no ROIs to write"):
        export_rois(tmp_path / name, Rois.of([]), field=FIELD)


@pytest.mark.parametrize("name", TRACES_NAMES)
def test_no_rois_in_traces(tmp_path, make_traces, rois, name):
    with pytest.raises(InputError, match="There are no ROIs to write"):
        export_traces(tmp_path / name, make_traces(rois=rois.where([])))


def test_labels_need_a_size_and_spare_raw_frames(tmp_path, rois):
    raw = tmp_path / "raw.tif"
    raw.touch()
    with pytest.raises(InputError, match="Labels need the size of the image"):
        export_rois(tmp_path / "a.tif", rois)
    with pytest.raises(InputError, match="holds the raw frames themselves"):
        export_rois(raw, rois, field=replace(FIELD, raw_paths=(raw,)), overwrite=True)


def test_the_field_of_an_alignment(alignment, recording):
    field = FieldOfView.of(alignment)
    assert (field.shape, field.n_slices) == (alignment.transforms.shape, 4)
    np.testing.assert_array_equal(field.image, alignment.reference)
    assert FieldOfView.of(recording).n_slices is None
