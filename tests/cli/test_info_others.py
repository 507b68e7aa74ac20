"""``zstack-align info`` of what is no image and no result: journals, Suite2p, tables, folders."""

import json
import os
import shutil
import threading
from pathlib import Path
from time import sleep

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.cells.made_on import made_on
from napari_zstack_align.cli.main import main
from napari_zstack_align.saved import Journal
from napari_zstack_align.saved.lock import is_held


def info(path, capsys, *flags) -> str:
    assert main(["info", str(path), *flags]) == 0
    return capsys.readouterr().out


@pytest.fixture(scope="module")
def finished(zstack_file, tmp_path_factory):
    """Journal of a run whose result was not saved."""
    target = tmp_path_factory.mktemp("journal") / "run.zalign"
    stack = nza.open_stack(zstack_file, frames_per_slice=4)
    nza.run(nza.align_adaptive(stack, journal=target))
    return target.with_name("run.zalign.unfinished")


@pytest.fixture
def journal(finished, tmp_path):
    folder = Path(shutil.copytree(finished, tmp_path / finished.name))
    (folder / "within-00002.unit").unlink()
    for path in folder.iterdir():
        os.utime(path, (1.7e9, 1.7e9))
    return folder


GOES_ON = (
    "No run is working on it now: the same command again goes on from there; to begin anew, "
    "delete this folder.\n"
)


def test_a_journal(journal, zstack_file, capsys):
    before = sorted(journal.iterdir())
    said = info(journal, capsys)
    begin = (
        f"{journal} keeps the finished parts of an alignment of a z-stack (adaptive) of "
        f"{zstack_file}, last written 2023-11-1"
    )
    assert said.startswith(begin)
    assert said.endswith(f". 2 of 3 slices are finished. {GOES_ON}")
    assert said.count("\n") == 1
    facts = json.loads(info(journal, capsys, "--json"))
    assert (facts["kind"], facts["run"]) == ("journal", "align_adaptive")
    assert (facts["files"], facts["is_being_worked_on"]) == ([str(zstack_file)], False)
    assert sorted(journal.iterdir()) == before


def test_a_journal_that_a_run_is_working_on(journal, zstack_file, capsys):
    facts = json.loads((journal / "journal.json").read_text())
    with Journal(journal, facts):
        assert info(journal, capsys).endswith(
            " A run is working on it now: wait until it is done.\n"
        )
    assert info(journal, capsys).endswith(GOES_ON)


def test_a_run_that_starts_while_info_looks_is_not_refused(journal, monkeypatch):
    """`info` takes the lock to find out whether it is held: a run waits that moment."""
    facts = json.loads((journal / "journal.json").read_text())
    (journal / ".zstack-align.lock").touch()
    looking = threading.Event()

    def slow_close(descriptor):
        looking.set()
        sleep(0.1)
        close(descriptor)

    close = os.close
    with monkeypatch.context() as patch:
        patch.setattr("napari_zstack_align.saved.lock.os.close", slow_close)
        look = threading.Thread(target=is_held, args=(journal / ".zstack-align.lock",))
        look.start()
        assert looking.wait(60)
        patch.undo()
        with Journal(journal, facts):
            pass
    look.join()


def test_a_lock_that_a_killed_run_left_is_no_run(journal, capsys):
    (journal / ".zstack-align.lock").touch()
    assert info(journal, capsys).endswith(GOES_ON)


@pytest.mark.parametrize("text", [None, "{", "[]", '{"job": 3, "stacks": [4]}'])
def test_a_journal_that_does_not_say_its_run(journal, capsys, text):
    if text is None:
        (journal / "journal.json").unlink()
    else:
        (journal / "journal.json").write_text(text)
    said = info(journal, capsys)
    assert f"{journal} keeps the finished parts of a run, last written " in said
    assert "Its journal.json is missing or damaged, so that the run isn't known." in said
    assert " parts are finished; how many there will be isn't known. " in said


@pytest.mark.parametrize("begin", [b"zalign unit 2\n", b""], ids=["newer", "torn"])
def test_parts_that_cannot_be_used(journal, capsys, begin):
    path = journal / "within-00000.unit"
    path.write_bytes(begin + path.read_bytes()[14:])
    said = info(journal, capsys)
    assert "1 of 3 slices is finished. 1 part is damaged, or of another version, and will" in said


def test_an_empty_journal(tmp_path, capsys):
    folder = tmp_path / "x.zalign.unfinished"
    folder.mkdir()
    assert info(folder, capsys).endswith(
        "No run is working on it, and nothing in it can be used: it may be deleted.\n"
    )


def plane(folder, n_rois=3, n_frames=7):
    folder.mkdir(parents=True)
    for name in ("F.npy", "Fneu.npy", "spks.npy"):
        np.save(folder / name, np.zeros((n_rois, n_frames), np.float32))
    np.save(folder / "iscell.npy", np.array([[1, 0.9], [0, 0.1], [1, 0.7]])[:n_rois])
    np.save(folder / "stat.npy", np.array([{"y": 1}] * n_rois), allow_pickle=True)
    np.save(folder / "ops.npy", {"a": 1}, allow_pickle=True)
    return folder


def test_a_plane_of_suite2p(tmp_path, capsys):
    folder = plane(tmp_path / "suite2p" / "plane0")
    said = info(folder, capsys)
    assert said.startswith(
        f"{folder} is a folder of Suite2p: 3 ROIs, 2 of them taken for cells, 7 frames (stat.npy, "
    )
    plane(tmp_path / "suite2p" / "plane1", n_rois=2)
    lines = info(folder.parent, capsys).splitlines()
    assert lines[0].startswith(f"{folder.parent} is a folder of Suite2p with 2 planes. ")
    assert lines[1].startswith("  plane0: 3 ROIs, 2 of them")
    assert lines[2].startswith("  plane1: 2 ROIs, 1 of them")
    facts = json.loads(info(folder.parent, capsys, "--json"))
    assert [each["rois"] for each in facts["planes"]] == [3, 2]


def test_frames_in_a_plane_of_suite2p(tmp_path, capsys):
    folder = plane(tmp_path / "plane0")
    (folder / "data.bin").write_bytes(bytes(2 * 3 * 8 * 9))
    ops = {"Ly": 8, "Lx": 9, "fs": 20.0}
    np.save(folder / "ops.npy", np.array(ops, object), allow_pickle=True)
    said = info(folder, capsys).splitlines()
    assert said[1].startswith("Its frames: 3 frames, 8 × 9 pixels, ")
    (folder / "data.bin").write_bytes(bytes(7))
    assert "Its frames can't be opened: " in info(folder, capsys)


def test_a_damaged_plane_of_suite2p(tmp_path, capsys):
    folder = plane(tmp_path / "plane0")
    (folder / "F.npy").write_bytes(b"")
    (folder / "iscell.npy").write_bytes((folder / "iscell.npy").read_bytes()[:20])
    np.save(folder / "Fneu.npy", np.zeros((9, 7), np.float32))
    said = info(folder, capsys)
    assert "Damaged or empty: F.npy, iscell.npy." in said
    assert "numbers of ROIs differ: stat.npy 3, Fneu.npy 9, spks.npy 3." in said


def test_images_beside_a_plane_are_images(tmp_path, zstack_file, capsys):
    plane(tmp_path / "plane0")
    shutil.copy(zstack_file, tmp_path)
    assert "12 frames" in info(tmp_path, capsys)


@pytest.fixture(scope="module")
def tables(session_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    nza.Rois.of([[40, 50, 4], [80, 70, 5]]).save(folder / "rois.csv")
    traces = folder / "t"
    main(["traces", str(session_folder), f"--rois={folder / 'rois.csv'}", f"--out={traces}"])
    for name in ("tidy", "wide", "summary"):
        assert main(["export", str(traces), f"--format={name}", f"--out={folder / name}.csv"]) == 0
    return folder


@pytest.mark.parametrize(
    ("name", "title", "held"),
    [
        ("tidy", "tidy table of traces", "160 rows, 2 recordings, 2 ROIs, frame numbers up to 39"),
        ("wide", "wide table of traces", "80 rows, 2 recordings, 2 ROIs, frame numbers up to 39"),
        ("summary", "table that sums up traces", "4 rows, 2 recordings, 2 ROIs"),
    ],
)
def test_tables_of_traces(tables, tmp_path, capsys, name, title, held):
    path = shutil.copy(tables / f"{name}.csv", tmp_path)
    assert info(path, capsys).startswith(f"{path} is a {title}: {held}. ")
    text = Path(path).read_text()
    Path(path).write_text(text.splitlines()[0] + "\n")
    assert ": it has no rows. " in info(path, capsys)
    Path(path).write_text(text.rstrip()[: -len(text.splitlines()[-1]) + 5])
    assert main(["info", str(path)]) == 2
    error = capsys.readouterr().err
    assert "is damaged: row " in error
    assert error.count("\n") == 1


def test_rois_say_what_they_were_made_on(tmp_path, aligned, capsys):
    alignment = nza.load_alignment(aligned)
    rois = nza.Rois.of([[40, 50, 4]], made_on=made_on(alignment))
    rois.save(tmp_path / "rois.csv")
    assert info(tmp_path / "rois.csv", capsys).splitlines()[-1] == (
        f"1 ROI, made on the reference of an alignment (made_on: {rois.made_on})."
    )


def test_a_folder_of_results(aligned, session_folder, finished, tmp_path, capsys):
    folder = tmp_path / "results"
    shutil.copytree(aligned, folder / "a.zalign")
    shutil.copytree(session_folder, folder / "larva")
    damaged = Path(shutil.copytree(aligned, folder / "b.zalign"))
    (damaged / "run.json").write_text("{")
    newer = Path(shutil.copytree(aligned, folder / "c.zalign"))
    facts = json.loads((newer / "run.json").read_text())
    (newer / "run.json").write_text(json.dumps({**facts, "schema_version": 99}))
    shutil.copytree(finished, folder / finished.name)
    (folder / "notes.txt").write_text("mine")
    assert info(folder, capsys).splitlines() == [
        f"{folder} is a folder with 4 results:",
        "  a.zalign holds the alignment of z-stack zstack.",
        "  b.zalign holds a damaged result (alignment).",
        "  c.zalign holds a result of a newer version (alignment).",
        "  larva holds a session of 2 recordings.",
        f"  {finished.name} keeps the finished parts of a run.",
        f"For more of one, give its place: zstack-align info {folder / 'a.zalign'}",
    ]
    facts = json.loads(info(folder, capsys, "--json"))
    assert [each["kind"] for each in facts["results"]] == [*["alignment"] * 3, "session"]


def test_results_beside_images_that_are_no_stack(aligned, tmp_path, capsys):
    folder = tmp_path / "results"
    shutil.copytree(aligned, folder / "a.zalign")
    np.save(folder / "odd.npy", np.zeros((2, 2, 2, 2, 2, 2)))
    lines = info(folder, capsys).splitlines()
    assert lines[:2] == [
        f"{folder} is a folder with 1 result:",
        "  a.zalign holds the alignment of z-stack zstack.",
    ]
    assert lines[2].startswith("Its images are no stack that can be opened as one: ")
    assert lines[3].endswith(f"info {folder / 'a.zalign'}")


@pytest.mark.parametrize("name", ["t.csv", "t.npy"])
def test_a_table_of_transforms(session_folder, tmp_path, name, capsys):
    path = tmp_path / name
    assert main(["export", str(session_folder / "rec1.zalign"), f"--transforms={path}"]) == 0
    capsys.readouterr()
    said = info(path, capsys)
    assert said.startswith(f"{path} is a table of transforms: the matrix of each of 40 frames. ")
    assert "It was made by 'zstack-align export'" in said
    assert json.loads(info(path, capsys, "--json"))["frames"] == 40


@pytest.mark.parametrize(
    ("saved", "name", "held"),
    [
        ("traces", "a.npz", "ROIs, and perhaps their traces (NumPy)"),
        ("rois", "a.npz", "ROIs, and perhaps their traces (NumPy)"),
        ("rois", "a.zip", "ROIs for ImageJ"),
    ],
)
def test_exports(tables, tmp_path, saved, name, held, capsys):
    source = {"traces": tables / "t", "rois": tables / "rois.csv"}[saved]
    path = tmp_path / name
    assert main(["export", str(source), f"--out={path}"]) == 0
    capsys.readouterr()
    path = next(tmp_path.iterdir())  # of several recordings, one file each
    assert info(path, capsys).startswith(f"{path} is an export: {held}. It was made by 'zstack-al")


def test_exported_frames_are_described_as_frames(session_folder, tmp_path, capsys):
    path = tmp_path / "a.h5"
    assert main(["export", str(session_folder / "rec1.zalign"), f"--out={path}"]) == 0
    capsys.readouterr()
    assert info(path, capsys).startswith("40 frames, ")


def test_files_of_others_are_no_exports(tmp_path, capsys):
    for name in ("a.h5", "a.zip", "a.npz", "a.nwb"):
        (tmp_path / name).write_bytes(b"mine")
        assert main(["info", str(tmp_path / name)]) == 2
        assert "is not an image that can be opened" in capsys.readouterr().err


def test_the_results_of_a_batch(tmp_path, capsys):
    (tmp_path / "table.csv").write_text("name,recordings\nlarva,no.tif\n")
    assert main(["batch", str(tmp_path / "table.csv")]) == 1
    path = tmp_path / "results.csv"
    capsys.readouterr()
    lines = info(path, capsys).splitlines()
    assert lines[0] == f"{path} is the table of results of 'zstack-align batch': 1 row (1 failed)."
    assert lines[1].startswith("  larva (larva) failed: There is no recording ")
    assert json.loads(info(path, capsys, "--json"))["rows"][0]["name"] == "larva"


def test_a_folder_of_nothing_is_refused(tmp_path, capsys):
    assert main(["info", str(tmp_path)]) == 2
    assert "holds no image files" in capsys.readouterr().err


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("harm", ["gone", "changed"])
def test_raw_files_that_are_gone_or_have_changed_are_counted_last(
    recording_files, tmp_path, capsys, harm
):
    first, second = (Path(shutil.copy(path, tmp_path)) for path in recording_files)
    command = ["keypoints", str(first), str(second), "--chunk-frames=20"]
    assert main([*command, f"--out={tmp_path / 'larva'}"]) == 0
    capsys.readouterr()
    assert "Raw files" not in info(tmp_path / "larva", capsys)
    if harm == "gone":
        second.unlink()
    else:
        shutil.copy(first, second)
    assert info(tmp_path / "larva", capsys).splitlines()[-1] == (
        f"Raw files of 2 results: 1 {harm}; until they are back as they were, no pixels can be "
        f"shown or exported."
    )
