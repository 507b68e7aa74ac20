"""What belongs to what, on the command line: recordings, files, folders and names."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.cli.main import main


@pytest.fixture
def raw(recording_files, tmp_path, monkeypatch):
    """A folder of the two recordings, in the folder that the command runs in."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "day1"
    folder.mkdir()
    for file in recording_files:
        shutil.copy(file, folder)
    return folder


def keypoints(*arguments):
    return main(["keypoints", *map(str, arguments), "--chunk-frames=20"])


# -- folders of others -----------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["day1", ".", "notes"])
def test_no_session_is_saved_among_files_of_others(raw, tmp_path, place, capsys):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "monday.txt").write_text("fed")
    before = sorted(tmp_path.rglob("*"))
    assert keypoints(raw / "rec1.tif", f"--out={place}") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "is a folder with " in line
    assert "other file" in line
    assert sorted(tmp_path.rglob("*")) == before
    assert nza.open_stack(raw).n_frames == 80, "it still opens as images"


def test_traces_are_not_saved_among_files_of_others(session_folder, raw, tmp_path, capsys):
    nza.Rois.of([[40.0, 50.0, 4.0]]).save(tmp_path / "rois.csv")
    for what in (session_folder, session_folder / "rec1.zalign"):
        assert main(["traces", str(what), "--rois=rois.csv", f"--out={raw}"]) == 2
        assert "is a folder with 2 other files" in capsys.readouterr().err


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("ending", [".zarr", ".bin"])
def test_no_export_takes_the_place_of_files_of_others(
    session_folder, raw, tmp_path, ending, capsys
):
    one, out = session_folder / "rec1.zalign", tmp_path / f"out{ending}"
    folder = out if ending == ".zarr" else out.with_suffix("")
    shutil.copytree(raw, folder)
    export = ["export", str(one), f"--out={out}", "--overwrite"]
    assert main(export) == 2
    assert "choose another name" in capsys.readouterr().err
    assert sorted(p.name for p in folder.iterdir()) == ["rec1.tif", "rec2.tif"]
    shutil.rmtree(folder)
    assert main(export) == 0
    assert main(export) == 0, "its own is replaced"
    if ending == ".bin":
        np.save(folder / "iscell.npy", np.ones((3, 2)))  # as Suite2p leaves it there
        assert main(export) == 2
        assert "which would be lost" in capsys.readouterr().err


# -- folders of recordings, and recordings given twice ---------------------------------------------


@pytest.mark.slow
@pytest.mark.thorough
def test_a_folder_of_movies_is_said_to_be_one_recording(raw, capsys):
    assert keypoints(raw, "--out=one") == 0
    out = capsys.readouterr().out
    assert f"Note: The 2 files in {raw}, rec1.tif to rec2.tif, are one recording here" in out
    assert f"the folder: {raw / 'rec1.tif'} {raw / 'rec2.tif'}" in out
    assert keypoints(raw / "rec1.tif", raw / "rec2.tif", "--out=two") == 0
    assert "one recording here" not in capsys.readouterr().out
    assert len(nza.load_alignment("two")) == 2


@pytest.mark.slow
def test_a_folder_of_single_frames_is_a_recording_like_others(raw, tmp_path, capsys):
    (tmp_path / "frames").mkdir()
    for t, frame in enumerate(tifffile.imread(raw / "rec1.tif")):
        tifffile.imwrite(tmp_path / "frames" / f"f{t}.tif", frame)
    assert keypoints(tmp_path / "frames", "--out=one") == 0
    assert "one recording here" not in capsys.readouterr().out


def again(raw, how):
    """The file once more, under another name or by another way."""
    file, other = raw / "rec1.tif", raw / "again.tif"
    if how == "link":
        other.symlink_to(file)
    elif how == "hard link":
        os.link(file, other)
    elif how == "folder link":
        (raw.parent / "week").symlink_to(raw)
        return raw.parent / "week" / "rec1.tif"
    elif how == "its folder":
        return raw
    else:
        return raw / ".." / "day1" / "rec1.tif"
    return other


@pytest.mark.parametrize("how", ["spelling", "link", "hard link", "folder link", "its folder"])
def test_a_recording_given_twice_is_refused(raw, how, tmp_path, capsys):
    assert keypoints(raw / "rec1.tif", again(raw, how), "--out=out") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{raw / 'rec1.tif'} was given more than once" in line
    assert not (tmp_path / "out").exists()


def test_planes_of_one_file_are_recordings_of_their_own(raw):
    frames = tifffile.imread(raw / "rec1.tif")
    tifffile.imwrite(
        raw / "planes.tif",
        np.stack([frames, frames[::-1]], axis=1),
        imagej=True,
        metadata={"axes": "TZYX"},
    )
    opened = nza.open_stack(raw / "planes.tif")
    params = nza.KeypointParams(chunk_frames=20)
    nza.register_recordings([opened.plane(0), opened.plane(1)], params).close()
    with pytest.raises(nza.InputError, match=r"planes\.tif was given more than once"):
        nza.register_recordings([opened.plane(0), opened.plane(0)], params)


# -- names -----------------------------------------------------------------------------------------


@pytest.fixture
def alone(raw):
    """A session of one recording."""
    assert keypoints(raw / "rec1.tif", "--out=larva.7") == 0
    return raw.parent / "larva.7"


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("here", [False, True])
def test_traces_of_a_session_bear_its_name(session_folder, alone, tmp_path, monkeypatch, here):
    nza.Rois.of([[40.0, 50.0, 4.0]]).save(tmp_path / "rois.csv")
    rois = f"--rois={tmp_path / 'rois.csv'}"
    for session in (session_folder, alone):
        if here:
            monkeypatch.chdir(session)
        assert main(["traces", "." if here else str(session), rois]) == 0
        assert nza.load(f"{session.name}_traces")
    monkeypatch.chdir(tmp_path)
    if not here:
        assert main(["traces", str(session_folder / "rec1.zalign"), rois]) == 0
        assert nza.load("rec1_traces")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dm.ome.tif", "dm.zarr", "dm.h5"])
def test_a_session_of_one_recording_is_exported_to_the_name_that_is_given(alone, tmp_path, name):
    arguments = ["export", str(alone), f"--out={name}", "--transforms=t.csv"]
    assert main(arguments) == 0
    assert (tmp_path / name).exists()
    assert (tmp_path / "t.csv").exists()
    assert not list(tmp_path.glob("*_rec1*"))


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("command", ["export", "blobs"])
def test_raw_frames_of_a_session_of_one_recording_may_have_moved(alone, raw, tmp_path, command):
    moved = (raw / "rec1.tif").rename(tmp_path / "moved.tif")
    out = {"export": "a.tif", "blobs": "cells.csv"}[command]
    assert main([command, str(alone), f"--stack={moved}", f"--out={out}"]) == 0
    assert (tmp_path / out).exists()


# -- ROIs and what they were made on ---------------------------------------------------------------

BLOBS = ("--min-sigma=2", "--max-sigma=5")


@pytest.fixture
def sessions(raw):
    """Two sessions with references of their own, and a table of ROIs made on the first."""
    for name in ("rec1", "rec2"):
        assert keypoints(raw / f"{name}.tif", f"--out={name}") == 0
    assert main(["blobs", "rec1", "--out=one.csv", *BLOBS]) == 0
    assert main(["blobs", str(raw / "rec1.tif"), "--out=raw.csv", *BLOBS]) == 0


def said_of(capsys, *arguments):
    capsys.readouterr()
    assert main(["traces", *map(str, arguments), "--overwrite"]) == 0
    out = capsys.readouterr().out.splitlines()
    return [line.strip() for line in out if "fit the reference" in line or "circles" in line]


@pytest.mark.thorough
@pytest.mark.slow
def test_rois_of_another_reference_are_said_to_be(sessions, raw, tmp_path, capsys):
    assert said_of(capsys, "rec1", "--rois=one.csv") == []
    (line,) = said_of(capsys, "rec2", "--rois=one.csv")
    assert line.startswith(
        "Warning: The ROIs were made on the reference of another alignment, not on that of rec2"
    )
    (line,) = said_of(capsys, "rec1", "--rois=raw.csv")
    assert line.startswith("Warning: The ROIs were made on the raw frames of rec1")
    assert said_of(capsys, raw / "rec1.tif", "--rois=raw.csv") == []
    (line,) = said_of(capsys, raw / "rec1.tif", "--rois=one.csv")
    assert line.startswith("Warning: The ROIs lie on an aligned reference, but no alignment")
    assert nza.load("rec1_traces").remarks, "what is said is saved"
    (tmp_path / "plain.csv").write_text("id,y,x,radius\n1,40,50,4\n")
    (line,) = said_of(capsys, "rec1", "--rois=plain.csv")
    assert line.startswith("Note: The ROIs come from a table that names no reference")


@pytest.mark.slow
@pytest.mark.thorough
def test_a_repeated_moved_or_joined_session_has_the_same_rois(sessions, raw, capsys):
    assert keypoints(raw / "rec1.tif", "--out=again") == 0
    shutil.move("rec1", raw.parent / "moved")
    joined = ["keypoints", str(raw / "rec2.tif"), "--reference=moved", "--out=joined"]
    assert main([*joined, "--chunk-frames=20"]) == 0
    for session in ("again", "moved", "joined"):
        assert said_of(capsys, session, "--rois=one.csv") == []
