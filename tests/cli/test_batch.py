"""``zstack-align batch``: a failed row stops no other."""

import csv
import shutil

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.cli import batch, batch_results
from napari_zstack_align.cli.main import main
from napari_zstack_align.register.recordings import session as session_module
from napari_zstack_align.samples import recording_with_motion
from napari_zstack_align.saved import Journal


@pytest.fixture
def table(recording_files, tmp_path):
    """Two animals, between them one whose recordings aren't there, and one without a mask."""
    first, second = recording_files
    path = tmp_path / "table.csv"
    path.write_text(
        "name,recordings,mask,chunk_frames\n"
        f"a,{first};{second},,\n"
        "b,nowhere_*.tif,,\n"
        f"c,{first},no_mask.tif,\n"
        f"d,{second},,10\n"
    )
    return path


def results(folder):
    with (folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.thorough
@pytest.mark.slow
def test_the_others_are_done_and_all_of_it_is_told(table, tmp_path, capsys):
    nza.KeypointParams(chunk_frames=20).to_file(tmp_path / "p.json")
    out = tmp_path / "out"
    arguments = ["batch", str(table), f"--params={tmp_path / 'p.json'}", f"--out={out}"]
    assert main(arguments) == 1
    told = results(out)
    assert [row["state"] for row in told] == ["done", "failed", "failed", "done"]
    assert [row["frames"] for row in told] == ["80", "0", "0", "40"]
    assert told[1]["message"] == f"There is no recording {tmp_path / 'nowhere_*.tif'}."
    assert "no_mask.tif" in told[2]["message"]
    printed = capsys.readouterr().out.splitlines()
    assert f"b: {told[1]['message']}" in printed
    assert printed[-1] == "4 rows: 2 done, 2 failed."
    assert [each.params.chunk_frames for each in nza.load_alignment(out / "a")] == [20, 20]
    assert nza.load_alignment(out / "d")[0].params.chunk_frames == 10

    assert main(arguments) == 1
    assert [row["state"] for row in results(out)] == ["skipped", "failed", "failed", "skipped"]
    assert main([*arguments, "--overwrite"]) == 1
    assert [row["state"] for row in results(out)] == ["done", "failed", "failed", "done"]


@pytest.mark.thorough
def test_ctrl_c_ends_the_batch_and_unfinished_rows_are_done_next_time(
    table, tmp_path, monkeypatch, capsys
):
    register = batch.register_recordings

    def stopped(stacks, *args, **kwargs):
        yield next(register(stacks, *args, **kwargs))
        raise KeyboardInterrupt

    table.write_text("\n".join(line for line in table.read_text().splitlines() if line[0] in "nad"))
    monkeypatch.setattr(batch, "register_recordings", stopped)
    assert main(["batch", str(table)]) == 1
    assert [row["state"] for row in results(tmp_path)] == ["cancelled"]
    assert capsys.readouterr().out.splitlines()[-1] == "2 rows: 1 cancelled, 1 not begun."
    monkeypatch.undo()
    assert main(["batch", str(table)]) == 0
    assert [row["state"] for row in results(tmp_path)] == ["done", "done"]


def _lose_a_member(session):
    shutil.rmtree(session / "rec2.zalign")


def _cut_a_file(session):
    path = next((session / "rec1.zalign").glob("quality*.csv"))
    path.write_bytes(path.read_bytes()[:-20])


def _damage_the_list(session):
    (session / "session.json").write_text('{"x')


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("harm", [_lose_a_member, _cut_a_file, _damage_the_list])
def test_a_row_whose_session_was_harmed_is_not_done_already(table, tmp_path, harm):
    table.write_text("\n".join(table.read_text().splitlines()[:2]))
    assert main(["batch", str(table)]) == 0
    assert main(["batch", str(table)]) == 0
    assert [row["state"] for row in results(tmp_path)] == ["skipped"]
    harm(tmp_path / "a")
    assert main(["batch", str(table)]) == 1
    assert [row["state"] for row in results(tmp_path)] == ["failed"]
    assert "damaged" in results(tmp_path)[0]["message"]
    assert main(["batch", str(table), "--overwrite"]) == 0
    assert all(alignment.complete for alignment in nza.load(tmp_path / "a"))


@pytest.mark.thorough
@pytest.mark.slow
def test_a_row_that_was_stopped_says_where_its_partial_result_is(table, tmp_path, monkeypatch):
    table.write_text("\n".join(table.read_text().splitlines()[:2]))
    assert main(["batch", str(table)]) == 0
    monkeypatch.setattr(session_module, "SNAPSHOT_S", 0.0)
    register = batch.register_recordings

    def stopped(*args, **kwargs):
        for progress in register(*args, **kwargs):
            yield progress
            if progress.stage.startswith("Averaging"):
                raise KeyboardInterrupt

    monkeypatch.setattr(batch, "register_recordings", stopped)
    assert main(["batch", str(table), "--overwrite"]) == 1
    told = results(tmp_path)[0]
    assert (told["state"], told["out"]) == ("cancelled", "a-partial")
    assert all(alignment.complete for alignment in nza.load(tmp_path / "a"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no.csv"], "There is no table no.csv"),
        (["table.csv", "--params=no.json"], "There is no parameter file"),
        (["results.csv"], "written over the table"),
    ],
    ids=" ".join,
)
def test_what_can_not_work_at_all(table, tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results.csv").write_text(table.read_text())
    assert main(["batch", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_one_row_is_one_row(tmp_path, capsys):
    (tmp_path / "t.csv").write_text("name,recordings\na,nowhere_*.tif\n")
    assert main(["batch", str(tmp_path / "t.csv"), f"--out={tmp_path / 'out'}"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 row: 1 failed."


@pytest.mark.parametrize("text", ["name,state\na,my own note\n", "whatever"])
def test_a_table_of_somebody_else_is_never_replaced(table, tmp_path, capsys, text):
    mine = tmp_path / "results.csv"
    mine.write_text(text)
    for more in ([], ["--overwrite"]):
        assert main(["batch", str(table), *more]) == 2
        assert "results.csv is no table of results of this command" in capsys.readouterr().err
    assert mine.read_text() == text
    assert not (tmp_path / "a").exists()  # before any work


@pytest.mark.parametrize("cell", ["a" * 300 + ".tif", "no\0name.tif"])
def test_a_row_whose_files_no_system_can_have_stops_no_other(cell, table, tmp_path, capsys):
    table.write_text(f"name,recordings\na,{cell}\nb,nowhere.tif\n")
    assert main(["batch", str(table)]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "2 rows: 2 failed."
    assert "can't be read" in results(tmp_path)[0]["message"]


def test_what_the_system_refuses_to_a_row_stops_no_other(table, tmp_path, monkeypatch, capsys):
    def refused(path, args):
        raise PermissionError(13, "Permission denied", "rec1.tif")

    monkeypatch.setattr(batch, "open_recording", refused)
    assert main(["batch", str(table)]) == 1
    told = results(tmp_path)
    assert [row["state"] for row in told] == ["failed"] * 4
    assert told[0]["message"] == "rec1.tif: Permission denied."


def test_a_row_that_is_refused_names_the_flag(table, session_folder, tmp_path, capsys):
    shutil.copytree(session_folder, tmp_path / "b")
    np.save(tmp_path / "other.npy", np.random.default_rng(0).integers(0, 99, (40, 64, 64), "u2"))
    table.write_text("name,recordings\nb,other.npy\n")
    assert main(["batch", str(table)]) == 1
    said = capsys.readouterr().out
    assert "--overwrite" in said
    assert "--overwrite" in results(tmp_path)[0]["message"]
    assert "overwrite=True" not in said


@pytest.mark.thorough
@pytest.mark.parametrize("n_recordings", [1, 2])
def test_a_row_of_which_nothing_was_judged_is_never_done(
    n_recordings, recording_files, tmp_path, capsys
):
    """A recording of one chunk is compared with nothing: whether it is aligned is not known."""
    table, out = tmp_path / "table.csv", tmp_path / "out"
    files = ";".join(map(str, recording_files[:n_recordings]))
    table.write_text(f"name,recordings,chunk_frames\na,{files},40\n")
    arguments = ["batch", str(table), f"--out={out}"]
    judged = n_recordings == 2  # against each other
    for again in ("", "done already"):
        assert main(arguments) == (0 if judged else 1)
        (row,) = results(out)
        assert row["state"] == (("skipped" if again else "done") if judged else "incomplete")
        assert again in row["message"]
        assert judged or row["message"].startswith("1 recording was not judged, for there was")
    assert capsys.readouterr().out.count("a: 1 recording was not judged") == (0 if judged else 2)


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("already", ["", "done", "failed"])
def test_a_row_that_another_run_works_on_keeps_its_line(already, recording_files, tmp_path, capsys):
    """What became of it, the other run says: before, between or after the rows of this one."""
    table, out = tmp_path / "table.csv", tmp_path / "out"
    first, second = recording_files
    table.write_text(
        f"name,recordings,chunk_frames\na,{first},20\nb,{second},20\nc,nowhere.tif,20\n"
    )
    out.mkdir()
    line = f"a,{already},a,1,40,0,\n" if already else ""
    (out / "results.csv").write_text(f"{','.join(batch_results.Result._fields)}\n{line}")
    with Journal(out / "a.unfinished", {}):
        assert main(["batch", str(table), f"--out={out}"]) == 1
    states = {row["name"]: row["state"] for row in results(out)}
    assert states == {"a": already or "in use", "b": "done", "c": "failed"}
    assert "3 rows: 1 in use, 1 done, 1 failed." in capsys.readouterr().out
    assert main(["batch", str(table), f"--out={out}"]) == 1
    assert [row["state"] for row in results(out)] == ["done", "skipped", "failed"]


@pytest.mark.thorough
def test_a_row_says_how_its_files_are_read(recording_files, tmp_path, capsys):
    first, second = recording_files
    path = tmp_path / "table.csv"
    rows = "name,recordings,chunk_frames,channels,drop_frames,frame_rate_hz\n"
    path.write_text(f"{rows}a,{first},10,2,3,15\nb,{second},20,,,\n")
    assert main(["batch", str(path)]) == 0
    [a], [b] = (nza.load_alignment(tmp_path / name) for name in "ab")
    assert (a.stack.shape[:2], a.stack.dropped) == ((20, 2), (3,))
    assert a.stack.frame_interval_s == pytest.approx(1 / 15)
    assert (b.stack.shape[:2], b.stack.dropped) == ((40, 1), ())

    path.write_text(f"{rows}a,{first},10,1,3,15\nb,{second},20,many,,\n")
    assert main(["batch", str(path)]) == 1
    told = results(tmp_path)
    assert told[0]["state"] == "skipped"
    assert "channels=2 (now 1): --overwrite does it again" in told[0]["message"]
    assert told[1]["state"] == "failed"
    assert "channels is 'many'" in told[1]["message"]


@pytest.mark.thorough
def test_all_planes_are_a_row_each(tmp_path, capsys):
    """They are done, skipped and refused by themselves, with the times of their own frames."""
    frames = recording_with_motion(n_frames=40, size=64, photons=60, seed=4).stack.read(0, 40)[:, 0]
    tifffile.imwrite(tmp_path / "p.tif", np.repeat(frames, 2, axis=0))
    path = tmp_path / "table.csv"
    rows = "name,recordings,chunk_frames,frames_per_slice,order,plane,frame_rate_hz\n"
    path.write_text(f"{rows}a,p.tif,20,40,slices,ALL,5\nb,p.tif,20,,,all,5\n")
    assert main(["batch", str(path)]) == 1
    names = ["a_plane0", "a_plane1", "b"]
    assert [row["state"] for row in results(tmp_path)] == ["done", "done", "failed"]
    assert [row["name"] for row in results(tmp_path)] == names
    assert "doesn't say that it holds several planes" in results(tmp_path)[2]["message"]
    [plane] = nza.load_alignment(tmp_path / "a_plane1")
    assert plane.stack.frame_times_s[:2] == pytest.approx([0.2, 0.6])
    path.write_text(f"{rows}a,p.tif,20,40,slices,all,5\na_plane0,p.tif,20,40,slices,0,10\n")
    assert main(["batch", str(path)]) == 2
    assert "Two rows of" in capsys.readouterr().err
    path.write_text(f"{rows}b,p.tif,20,40,slices,all,5\n")
    assert main(["batch", str(path)]) == 0
    assert [row["name"] for row in results(tmp_path)] == [
        "a_plane0",
        "a_plane1",
        "b_plane0",
        "b_plane1",
    ]
    path.write_text(f"{rows}a_plane0,p.tif,20,40,slices,0,10\na_plane1,p.tif,20,40,slices,1,5\n")
    assert main(["batch", str(path)]) == 0
    assert [row["message"] for row in results(tmp_path)][-2:] == [
        "done already, with other frame times (now 10 frames/s): --overwrite does it again",
        "done already",
    ]
