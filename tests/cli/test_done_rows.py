"""Rows of a batch that are done already: only what is theirs, whole, and as the table says now."""

from __future__ import annotations

import argparse
import csv
import os
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.cli import batch
from napari_zstack_align.cli.done_rows import _otherwise_read
from napari_zstack_align.cli.main import main

HEAD = "name,recordings,mask,chunk_frames"


def results(path: Path = Path("results.csv")) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def run(rows: str, *more: str, head: str = HEAD) -> tuple[int, dict[str, str]]:
    """Do a table; exit code, and what stands of its last row."""
    Path("t.csv").write_text(f"{head}\n{rows}\n")
    code = main(["batch", "t.csv", *more])
    return code, results()[-1]


def session_of(alignments, names: list[str], folder: str) -> None:
    """Save alignments as if they had been made of some files."""
    stacks = [nza.open_stack(name) for name in names]
    pairs = zip(alignments, stacks, strict=True)
    nza.save_session([replace(a, stack=s) for a, s in pairs], folder)


@pytest.fixture
def alignments(session_folder):
    return nza.load(session_folder)


@pytest.fixture
def done(alignments, recording_files, tmp_path, monkeypatch) -> Path:
    """A session of two recordings that a table with 'x,a.tif;b.tif,,20' has made."""
    monkeypatch.chdir(tmp_path)

    def no_work(*_, **__):
        raise AssertionError("a row was done again")

    monkeypatch.setattr(batch, "register_recordings", no_work)
    for path, name in zip(recording_files, ("a.tif", "b.tif"), strict=True):
        shutil.copy2(path, name)
    session_of(alignments, ["a.tif", "b.tif"], "x")
    return tmp_path


def test_a_row_that_is_done_keeps_its_counts(done, alignments):
    code, row = run("x,a.tif;b.tif,,20")
    flagged = sum(int((a.quality["flag"] != "").sum()) for a in alignments)
    assert (code, row["state"], row["message"]) == (0, "skipped", "done already")
    assert (row["recordings"], row["frames"], row["flagged"]) == ("2", "80", str(flagged))


@pytest.mark.parametrize("cell", ["a.tif;b.tif", "b.tif;a.tif", "?.tif", "../{here}/[ab].tif"])
def test_recordings_that_are_gone_since_are_named(cell, done):
    cell = cell.format(here=done.name)
    assert run(f"x,{cell},,20")[0] == 0
    Path("b.tif").unlink()
    code, row = run(f"x,{cell},,20")
    if "?" in cell or "[" in cell:  # what is left is fewer than were done
        assert (code, row["state"]) == (1, "failed")
    else:
        assert code == 0
        assert row["message"] == (
            "done already; b.tif is not there any more: where its frames are needed, give the file "
            "this name and place again"
        )
    Path("a.tif").unlink()
    code, row = run(f"x,{cell},,20")
    assert (code, row["state"]) == (0, "skipped")
    assert "not there any more" in row["message"]


@pytest.mark.parametrize("cell", ["a.tif;c.tif", "c.tif;a.tif", "?.tif", "a.tif;sub/b2.tif"])
def test_a_renamed_or_moved_file_is_named(cell, done):
    new = Path("sub/b2.tif" if "sub" in cell else "c.tif")
    new.parent.mkdir(exist_ok=True)
    Path("b.tif").rename(new)
    code, row = run(f"x,{cell},,20")
    assert (code, row["state"]) == (1, "failed")
    assert row["message"] == (
        f"x was made of {done / 'b.tif'}, which is not there any more ({new} holds its frames): "
        f"give the file its name and place again, choose another 'out', or give --overwrite to do "
        f"the row again."
    )
    new.rename("b.tif")
    assert run("x,a.tif;b.tif,,20")[1]["state"] == "skipped"


def test_a_file_that_went_and_is_in_the_table_no_more_is_named(done):
    Path("b.tif").unlink()
    row = run("x,a.tif,,20")[1]
    assert f"x was made of {done / 'b.tif'}, which is not there any more: give" in row["message"]


@pytest.mark.parametrize("cell", ["typo.tif", "a.tif;typo.tif", "no_*.tif", "a.tif;b.tif;c.tif"])
def test_a_session_is_not_of_recordings_that_never_were(cell, done):
    code, row = run(f"x,{cell},,20")
    assert (code, row["state"]) == (1, "failed")
    assert "There is no recording" in row["message"]


def test_gone_beside_changed_is_not_done(done):
    Path("b.tif").unlink()
    tifffile.imwrite("a.tif", tifffile.imread("a.tif")[::-1])
    code, row = run("x,a.tif;b.tif,,20")
    assert (code, row["state"]) == (1, "failed")


def test_the_member_of_another_animal_is_not_the_row_s(done, alignments):
    Path("other").mkdir()
    frames = tifffile.imread("a.tif")
    tifffile.imwrite("other/a.tif", np.roll(frames, 9, axis=2))
    session_of(alignments[:1], ["other/a.tif"], "y")
    made = nza.load_alignment("y/a.zalign")
    assert made.stack.name == "a"
    shutil.rmtree("x/a.zalign")
    shutil.copytree("y/a.zalign", "x/a.zalign")
    for rows in ("x,a.tif;b.tif,,20", "x,b.tif;a.tif,,20"):
        code, row = run(rows)
        assert (code, row["state"]) == (1, "failed")
        assert "a.zalign is damaged or missing" in row["message"]


@pytest.mark.parametrize("frames", [[5], range(3, 14), [38]])
def test_frames_that_changed_are_found_wherever_they_are(frames, done):
    movie = tifffile.imread("b.tif")
    movie[list(frames)] += 1
    tifffile.imwrite("b.tif", movie)
    os.utime("b.tif", (1e9, 1e9))
    code, row = run("x,a.tif;b.tif,,20")
    assert (code, row["state"]) == (1, "failed")
    assert f"{len(frames)} of 40 frames of b ha" in row["message"]
    assert f"(the first: {frames[0]})" in row["message"]


def test_files_that_were_only_copied_are_done(done):
    os.utime("b.tif", (1e9, 1e9))
    assert run("x,a.tif;b.tif,,20")[1]["message"] == "done already"


def test_a_row_that_failed_to_match_stays_incomplete(done, alignments):
    lost = alignments[1]
    lost.quality["used"] = False
    lost.quality["flag"] = "no match"
    session_of([alignments[0], lost], ["a.tif", "b.tif"], "x")
    for _ in range(2):
        code, row = run("x,a.tif;b.tif,,20")
        assert (code, row["state"]) == (1, "incomplete")
        assert row["message"] == "not every recording could be matched. It is done already"
        assert int(row["flagged"]) >= 40


@pytest.mark.parametrize(
    ("row", "more", "said"),
    [
        ("x,a.tif;b.tif,,10", [], "with chunk_frames=20 (the table says 10)"),
        ("x,a.tif;b.tif,,", [], "with chunk_frames=20 (the default is none)"),
        ("x,a.tif;b.tif,,", ["--params=p.json"], "with chunk_frames=20 (p.json says 30)"),
        ("x,a.tif;b.tif,m.tif,20", [], "with no mask (the table gives m.tif)"),
        ("x,a.tif;b.tif,,20", ["--pixel-size=0.5,0.25"], "with a pixel size of none µm (now 0.5 0"),
        ("x,a.tif;b.tif,,20", ["--frame-rate=7"], "with other frame times (now 7 frames/s)"),
    ],
)
def test_what_a_row_was_done_with_is_said_where_the_table_says_other(row, more, said, done):
    nza.KeypointParams(chunk_frames=30).to_file("p.json")
    tifffile.imwrite("m.tif", np.ones((128, 128), np.uint8))
    code, told = run(row, *more)
    assert (code, told["state"]) == (0, "skipped")
    assert told["message"].startswith(f"done already, {said}")
    assert told["message"].endswith(": --overwrite does it again")


def test_other_masks_and_scales_are_said(done, alignments):
    weights = np.zeros((128, 128), np.float32)
    weights[20:] = 1
    stacks = [
        nza.open_stack(name).replace(pixel_size_um=(0.5, 0.25)) for name in ("a.tif", "b.tif")
    ]
    masked = [
        replace(a.with_stack(s), mask=weights) for a, s in zip(alignments, stacks, strict=True)
    ]
    nza.save_session(masked, "x")
    assert "with a mask (the table gives none)" in run("x,a.tif;b.tif,,20")[1]["message"]
    tifffile.imwrite("m.tif", weights.astype(np.uint8) * 3)
    assert run("x,a.tif;b.tif,m.tif,20", "--pixel-size=0.5,0.25")[1]["message"] == "done already"
    tifffile.imwrite("m.tif", np.ones((128, 128), np.uint8))
    assert "with another mask than m.tif" in run("x,a.tif;b.tif,m.tif,20")[1]["message"]
    said = run("x,a.tif;b.tif,m.tif,20", "--pixel-size=1")[1]["message"]
    assert "a pixel size of 0.5 0.25 µm (now 1 1)" in said


@pytest.mark.parametrize("cells", [",many", ",-3", "no.tif,20"])
def test_unusable_values_of_a_row_that_is_done_are_noticed(cells, done):
    code, row = run(f"x,a.tif;b.tif,{cells}")
    assert (code, row["state"]) == (1, "failed")


def test_results_of_other_tables_stay(done):
    Path("u.csv").write_text("name,recordings\ny,nowhere.tif\n=z,nowhere.tif\n")
    assert main(["batch", "u.csv"]) == 1
    assert run("x,a.tif;b.tif,,20")[0] == 0
    assert [row["name"] for row in results()] == ["y", "'=z", "x"]
    assert main(["batch", "u.csv"]) == 1
    assert [row["name"] for row in results()] == ["x", "y", "'=z"]


def test_results_that_another_batch_wrote_meanwhile_stay(done, monkeypatch):
    found = batch.found_done
    Path("u.csv").write_text("name,recordings\ny,nowhere.tif\n")

    def another_first(row, *args):
        if row.name == "x":
            main(["batch", "u.csv"])
        return found(row, *args)

    monkeypatch.setattr(batch, "found_done", another_first)
    assert run("w,nowhere.tif,,\nx,a.tif;b.tif,,20")[0] == 1
    assert sorted(row["name"] for row in results()) == ["w", "x", "y"]


def test_a_damaged_table_of_results_is_refused_before_the_work(done, capsys):
    Path("results.csv").write_text(
        "name,state,out,recordings,frames,flagged,message\n" + "a" * 200000
    )
    Path("t.csv").write_text(f"{HEAD}\nx,a.tif;b.tif,,20\n")
    assert main(["batch", "t.csv"]) == 2
    assert "can't be read as a CSV table" in capsys.readouterr().err


def test_a_pattern_finds_no_session_of_the_command(done):
    Path("x.unfinished").mkdir()
    code, row = run("x,[abx]*,,20")
    assert (code, row["state"], row["recordings"]) == (0, "skipped", "2")


def test_a_row_has_one_line_wherever_the_command_is_called(done, monkeypatch):
    assert run("x,a.tif;b.tif,,20")[0] == 0
    monkeypatch.chdir(done.parent)
    assert main(["batch", f"{done.name}/t.csv"]) == 0
    (row,) = results(done / "results.csv")
    assert row["out"] == "x"


@pytest.mark.parametrize(
    ("said", "flags", "differs"),
    [
        ({"line_phase": 3.0}, {"line_phase": "auto"}, False),
        ({}, {"line_phase": "auto"}, False),
        ({"line_phase": 3.0}, {"line_phase": 3.0}, False),
        ({"line_phase": 3.0}, {}, True),
        ({"line_phase": 3.0}, {"line_phase": 2.0}, True),
        ({"line_phase": 3.0}, {"line_phase": 3.0, "line_phase_subpixel": True}, True),
    ],
)
def test_a_line_phase_that_was_found_is_the_one_that_would_be_found(said, flags, differs):
    args = argparse.Namespace(image_in_file=None, **flags)
    assert bool(list(_otherwise_read(SimpleNamespace(said=said), args))) is differs
