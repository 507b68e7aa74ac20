"""Recordings of one name in several folders: a command replaces no unfinished result of another."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import pytest
import tifffile
from unfinished import files_in, make_unfinished

import napari_zstack_align as nza
from napari_zstack_align.cli import batch, done_rows
from napari_zstack_align.cli.main import main
from napari_zstack_align.samples import recording_with_motion


def other_frames(raw: Path, folder: Path) -> Path:
    """Write another recording of the same name."""
    folder.mkdir(exist_ok=True)
    tifffile.imwrite(folder / raw.name, tifffile.imread(raw)[::-1], photometric="minisblack")
    return folder / raw.name


def copied(raw: Path, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return Path(shutil.copy(raw, folder / raw.name))


def refused(said: str, path: Path, raw: Path) -> bool:
    line = said.splitlines()[-1]
    whose = f"from {raw}) already: choose another name, or give --overwrite."
    return line.startswith(f"zstack-align: {path} holds") and whose in line


@pytest.mark.slow
def test_adaptive(aligned, zstack_file, tmp_path, capsys):
    path = shutil.copytree(aligned, tmp_path / "run.zalign")
    before = make_unfinished(path)
    given = ["--frames-per-slice=4", f"--out={path}"]
    assert main(["adaptive", str(other_frames(zstack_file, tmp_path / "m2")), *given]) == 2
    assert refused(capsys.readouterr().err, path, zstack_file)
    assert files_in(path) == before
    assert main(["adaptive", str(copied(zstack_file, tmp_path / "m1")), *given]) == 0
    assert nza.load_alignment(path).complete


@pytest.mark.thorough
@pytest.mark.slow
def test_keypoints(session_folder, recording_files, tmp_path, capsys):
    path = shutil.copytree(session_folder, tmp_path / "larva")
    before = make_unfinished(path)
    others = [str(other_frames(raw, tmp_path / "m2")) for raw in recording_files]
    given = [f"--out={path}", "--chunk-frames=20"]
    assert main(["keypoints", *others, *given]) == 2
    assert refused(capsys.readouterr().err, path, recording_files[0])
    one_is_another = [str(recording_files[0]), others[1]]
    assert main(["keypoints", *one_is_another, *given]) == 2
    assert files_in(path) == before
    same = [str(copied(raw, tmp_path / "m1")) for raw in recording_files]
    assert main(["keypoints", *same, *given]) == 0
    assert [each.complete for each in nza.load(path)] == [True, True]


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("several", [False, True], ids=["one recording", "a session"])
def test_traces(several, session_folder, recording_files, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    nza.Rois.of([[40.0, 50.0, 4.0]]).save("rois.csv")
    monkeypatch.chdir(recording_files[0].parent)  # paths are relative to where a run is started
    given = [f"--rois={tmp_path / 'rois.csv'}", f"--out={tmp_path / 'out'}"]
    raws = recording_files if several else recording_files[:1]
    assert main(["traces", *[raw.name for raw in raws], *given]) == 0
    before = make_unfinished(tmp_path / "out")
    for raw in raws:
        other_frames(raw, tmp_path / "m2")
    monkeypatch.chdir(tmp_path / "m2")
    assert main(["traces", *[raw.name for raw in raws], *given]) == 2
    assert refused(capsys.readouterr().err, tmp_path / "out", recording_files[0])
    assert files_in(tmp_path / "out") == before
    same = [str(copied(raw, tmp_path / "m1")) for raw in raws]
    assert main(["traces", *same, *given]) == 0


def states(folder: Path) -> list[str]:
    with (folder / "results.csv").open(newline="") as file:
        return [row["state"] for row in csv.DictReader(file)]


def table_of(path: Path, rows: list[str]) -> list[str]:
    path.write_text("\n".join(["name,recordings,out", *rows]))
    return ["batch", str(path)]


def test_rows_of_batch(session_folder, recording_files, tmp_path, capsys):
    """A session of another mouse isn't that of the row, be it finished or not."""
    others = ";".join(str(other_frames(raw, tmp_path / "m2")) for raw in recording_files)
    own = ";".join(map(str, recording_files))
    path = shutil.copytree(session_folder, tmp_path / "day1")
    (tmp_path / "linked").symlink_to(tmp_path, target_is_directory=True)
    before = files_in(path)
    rows = [f"mouse1,{own},day1", f"mouse2,{others},linked/day1"]
    for row, code, state in zip(rows, (0, 1), ("skipped", "failed"), strict=True):
        assert main(table_of(tmp_path / "table.csv", [row])) == code
        assert states(tmp_path) == [state]
    said = capsys.readouterr().out
    assert f"(the first from {recording_files[0]}) already: choose another name" in said
    assert files_in(path) == before
    before = make_unfinished(path)
    assert main(table_of(tmp_path / "table.csv", rows[1:])) == 1
    assert states(tmp_path) == ["failed"]
    assert files_in(path) == before


def test_a_row_is_done_wherever_its_recordings_are(session_folder, recording_files, tmp_path):
    path = shutil.copytree(session_folder, tmp_path / "day1")
    moved = ";".join(str(copied(raw, tmp_path / "archive")) for raw in recording_files)
    never_there = ";".join(f"nowhere/{raw.name}" for raw in recording_files)
    for recordings, code in ((moved, 0), (never_there, 1)):
        assert main(table_of(tmp_path / "table.csv", [f"a,{recordings},day1"])) == code
        assert states(tmp_path) == ["failed" if code else "skipped"]
    fewer = str(recording_files[0])
    assert main(table_of(tmp_path / "table.csv", [f"a,{fewer},day1"])) == 1
    assert states(tmp_path) == ["failed"]
    assert len(nza.load(path)) == 2


# -- a row is done only where its session is of the frames that are there now --------------------


def _put(raw: Path, seed: int, n_frames: int = 40) -> None:
    """Write a recording; its time of modification differs for every seed."""
    raw.parent.mkdir(exist_ok=True)
    sample = recording_with_motion(n_frames=n_frames, size=96, photons=60, seed=seed)
    tifffile.imwrite(raw, sample.stack.read(0, n_frames)[:, 0], photometric="minisblack")
    os.utime(raw, ns=(10**18 + seed, 10**18 + seed))


@pytest.fixture(scope="module")
def registered(tmp_path_factory) -> Path:
    """An animal: a folder with one recording, and its session beside it, from a table."""
    animal = tmp_path_factory.mktemp("animals") / "A"
    (animal / "raw").mkdir(parents=True)
    _put(animal / "raw" / "rec.tif", 1)
    assert main(table_of(animal / "t.csv", ["s,raw/rec.tif,s", "f,raw,f"])) == 0
    return animal


def _lies_in(animal: Path) -> None:
    """Let the results of a copied animal know the raw file in it as their own."""
    for manifest in animal.rglob("run.json"):
        facts = json.loads(manifest.read_text())
        facts["inputs"][0]["path"] = str(animal / "raw" / "rec.tif")
        manifest.write_text(json.dumps(facts))


@pytest.fixture(params=["where it was", "a copied template"])
def animal(registered, tmp_path, request) -> Path:
    copy = shutil.copytree(registered, tmp_path / "A")
    (copy / "results.csv").unlink()  # it is of the sessions of the other folder
    if request.param == "where it was":
        _lies_in(copy)
    return copy


def test_a_row_is_done_while_its_frames_are_there(animal):
    assert main(["batch", str(animal / "t.csv")]) == 0
    assert states(animal) == ["skipped", "skipped"]
    _put(animal / "raw" / "rec.tif", 1)  # the same frames
    os.utime(animal / "raw" / "rec.tif")
    assert main(["batch", str(animal / "t.csv")]) == 0
    assert states(animal) == ["skipped", "skipped"]
    with (animal / "results.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    assert (row["recordings"], row["frames"], row["flagged"]) == ("1", "40", "0")


@pytest.mark.parametrize("n_frames", [40, 30])
def test_a_row_with_other_frames_is_not_done(n_frames, animal):
    _put(animal / "raw" / "rec.tif", 2, n_frames)
    before = files_in(animal / "s"), files_in(animal / "f")
    assert main(["batch", str(animal / "t.csv")]) == 1
    assert states(animal) == ["failed", "failed"]
    assert (files_in(animal / "s"), files_in(animal / "f")) == before


def test_a_row_whose_folder_got_another_file_is_not_done(animal):
    _put(animal / "raw" / "rec_2.tif", 2)
    assert main(["batch", str(animal / "t.csv")]) == 1
    assert states(animal) == ["skipped", "failed"]


def test_files_that_have_not_changed_are_not_opened(animal, monkeypatch):
    _lies_in(animal)
    for module in (batch, done_rows):
        monkeypatch.setattr(module, "open_recording", lambda *_: pytest.fail("a file was opened"))
    assert main(["batch", str(animal / "t.csv")]) == 0
