"""``zstack-align export`` of ROIs and traces."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pynwb
import pytest
import roifile
import tifffile

from napari_zstack_align.cli.main import main
from napari_zstack_align.remark import as_warnings
from napari_zstack_align.saved import room
from napari_zstack_align.write import replacing


@pytest.fixture
def traces_folder(tmp_path, make_traces):
    return make_traces().save(tmp_path / "larva_1.traces")


@pytest.fixture
def session_of_traces(tmp_path, make_traces):
    folder = tmp_path / "session"
    folder.mkdir()
    for name in ("rec10", "rec2"):
        make_traces(name).save(folder / f"{name}.traces")
    return folder


@pytest.fixture
def roi_table(tmp_path, three_rois):
    return three_rois.save(tmp_path / "rois.csv")


def test_a_table_of_traces(traces_folder, tmp_path, capsys):
    out = tmp_path / "a.csv"
    assert main(["export", str(traces_folder), f"--out={out}"]) == 0
    said = "larva_1: 3 ROIs, 9 frames: 1 flagged (1 fast motion), 0 left out of baselines"
    assert capsys.readouterr().out.startswith(f"Wrote {out}\n{said}")
    assert out.read_text().startswith("recording,roi,channel,frame,time_s,raw_frame,recorded_at")


@pytest.mark.parametrize("names", [["a"], ["a", "b"], ["a", "b", "fine"]], ids=str)
def test_warnings_of_traces_are_counted_once_after_an_export(make_traces, tmp_path, names, capsys):
    folder = tmp_path / "session"
    folder.mkdir()
    for name in names:
        sentences = () if name == "fine" else (f"Of {name}: read them with `dark_level`.", "Odd.")
        replace(make_traces(name), remarks=as_warnings(*sentences)).save(folder / f"{name}.traces")
    assert main(["export", str(folder), f"--out={tmp_path / 'a.csv'}"]) == 0
    out = capsys.readouterr().out
    assert "dark-level" not in out
    warned = [name for name in names if name != "fine"]
    of = {("a",): "a", ("a", "b"): "all 2 recordings"}[tuple(warned)]
    of = "a, b" if "fine" in names else of
    assert out.splitlines()[-1] == (
        f"{2 * len(warned)} warnings about {of} hold for what was exported, too: see zstack-align "
        f"info {folder}"
    )
    assert len(out.splitlines()) == 2 + len(names)


def test_a_wide_table_of_a_session(session_of_traces, tmp_path):
    arguments = [f"--out={tmp_path / 'a.csv'}", "--format=wide", "--signal=F"]
    assert main(["export", str(session_of_traces), *arguments]) == 0
    rows = (tmp_path / "a.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == ["rec2"] * 9 + ["rec10"] * 9


def test_nwb_with_what_it_wants_to_know(traces_folder, tmp_path):
    out = tmp_path / "a.nwb"
    arguments = [f"--out={out}", "--indicator=GCaMP6s", "--emission-nm", "510"]
    assert main(["export", str(traces_folder), *arguments]) == 0
    with pynwb.NWBHDF5IO(str(out), "r") as io:
        plane = io.read().imaging_planes["ImagingPlane"]
        assert plane.indicator == "GCaMP6s"
        assert plane.optical_channel[0].emission_lambda == 510


def test_a_suite2p_folder_with_the_picture_of_the_session(
    make_traces, tmp_path, session_folder, capsys
):
    traces = replace(make_traces(), frame_shape=(128, 128)).save(tmp_path / "rec1.traces")
    out = tmp_path / "plane0"
    assert main(["export", str(traces), f"--out={out}", f"--alignment={session_folder}"]) == 0
    ops = np.load(out / "ops.npy", allow_pickle=True).item()
    assert (ops["Ly"], ops["Lx"]) == (128, 128)
    assert ops["meanImg"].any()
    assert "nothing was deconvolved" in capsys.readouterr().err


def test_an_alignment_of_other_frames(traces_folder, tmp_path, session_folder, capsys):
    arguments = [f"--out={tmp_path / 'plane0'}", f"--alignment={session_folder}"]
    assert main(["export", str(traces_folder), *arguments]) == 2
    assert "larva_1 has frames of 40 × 48 px" in capsys.readouterr().err
    assert not (tmp_path / "plane0").exists()


def test_several_traces_are_files_of_their_own(session_of_traces, traces_folder, tmp_path):
    paths = [str(traces_folder), str(session_of_traces)]
    assert main(["export", *paths, f"--out={tmp_path / 'a.npz'}"]) == 0
    written = sorted(path.name for path in tmp_path.glob("*.npz"))
    assert written == ["a_larva_1.npz", "a_rec10.npz", "a_rec2.npz"]


def test_rois_for_imagej(roi_table, tmp_path, capsys):
    out = tmp_path / "a.zip"
    assert main(["export", str(roi_table), f"--out={out}"]) == 0
    assert capsys.readouterr().out == f"Wrote {out} (3 ROIs)\n"
    assert len(roifile.roiread(out)) == 3


def test_labels_have_the_size_of_the_alignment(roi_table, tmp_path, aligned, capsys):
    arguments = ["export", str(roi_table), f"--out={tmp_path / 'a.ome.tif'}"]
    assert main(arguments) == 2
    assert "say in which alignment" in capsys.readouterr().err
    assert main([*arguments, f"--alignment={aligned}"]) == 0
    labels = tifffile.imread(tmp_path / "a.ome.tif")
    assert labels.shape == (96, 96)
    assert np.unique(labels).tolist() == [0, 3, 7, 12]


def test_unfinished_traces_are_incomplete(tmp_path, make_traces, capsys):
    traces = make_traces()
    traces.frames["flag"][7:] = "not run"
    folder = traces.save(tmp_path / "part.traces")
    assert main(["export", str(folder), f"--out={tmp_path / 'a.npz'}"]) == 1
    out = capsys.readouterr().out
    assert "1 flagged (1 fast motion), 0 left out of baselines, 2 not run" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["{rois}"], "give --out", id="no name"),
        pytest.param(["{rois}", "--out={tmp}/a.mat"], "must end in", id="ending"),
        pytest.param(["{rois}", "--out={tmp}/a.npz", "--crop"], "--crop is for align", id="flag"),
        pytest.param(["{rois}", "{rois}", "--out={tmp}/a.zip"], "one table at a time", id="two"),
        pytest.param(["{rois}", "{run}", "--out={tmp}/a.zip"], "all of them are traces", id="mix"),
        pytest.param(["{run}", "--out={tmp}/a.tif", "--signal=F"], "--signal is for", id="signal"),
        pytest.param(
            ["{tmp}/no.csv", "--out={tmp}/a.zip"], "There is no file or folder", id="missing"
        ),
        pytest.param(
            ["{traces}", "--out={tmp}/a.nwb", "--session-start=today"], "date and time", id="date"
        ),
    ],
)
def test_bad_requests(roi_table, aligned, traces_folder, tmp_path, arguments, said, capsys):
    known = {"rois": roi_table, "run": aligned, "tmp": tmp_path, "traces": traces_folder}
    assert main(["export", *(argument.format(**known) for argument in arguments)]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["export", "no", "--out=s2p", "--alignment=also_no"],
        ["export", "no", "--out=t.csv", "--format=tidy"],
        ["export", "no.csv", "--out=t.csv", "--what=volume"],
        ["export", ".", "no", "--out=t.csv"],
        ["traces", "no.tif", ".", "--rois=rois.csv", "--alignment=a.zalign"],
        ["traces", "no.zalign", "--rois=rois.csv", "--alignment=a.zalign"],
    ],
    ids=" ".join,
)
def test_what_does_not_exist_is_said_before_anything_else(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert re.search(r"There is no (file or folder|alignment) no\S*: check its name", said), said


@pytest.mark.parametrize("ending", ["", ".npz", ".nwb"])
def test_a_disk_that_fills_between_two_files(
    ending, session_of_traces, tmp_path, monkeypatch, capsys
):
    """What was written is named, and the command that is named does the rest."""
    first, second = (tmp_path / f"out_rec{n}{ending}" for n in (2, 10))
    real = replacing.take_place

    def full(source, target):
        if target == second:
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(replacing, "take_place", full)
    arguments = ["export", str(session_of_traces), f"--out={tmp_path / 'out'}{ending}"]
    assert main(arguments) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "No space left on device" in said
    assert f"{first} is written: " in said
    assert said.endswith("the same command again with --overwrite.")
    assert first.exists()
    assert not second.exists()
    monkeypatch.undo()
    assert main([*arguments, "--overwrite"]) == 0
    assert second.exists()


@pytest.mark.parametrize("ending", ["", ".npz", ".nwb"])
def test_the_room_for_traces_is_looked_at_before(
    ending, session_of_traces, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    out = tmp_path / f"out{ending}"
    assert main(["export", str(session_of_traces), f"--out={out}"]) == 2
    assert " are free in " in capsys.readouterr().err
    assert not list(tmp_path.glob("out*"))
