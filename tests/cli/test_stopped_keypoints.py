"""``zstack-align keypoints`` and ``batch`` that are stopped, in whichever way: they go on."""

import csv
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import tifffile
from killing import code_of, killed_at, stride
from unfinished import cannot_be_saved, refuse_saves

import napari_zstack_align as nza
from napari_zstack_align.alignment.summary import correlation_words
from napari_zstack_align.cli import batch
from napari_zstack_align.cli.main import main
from napari_zstack_align.register.recordings import kept_chunks, kept_frames, session
from napari_zstack_align.register.recordings.reading import FirstReading
from napari_zstack_align.saved import Journal
from napari_zstack_align.saved.lock import InUseError
from napari_zstack_align.sources import ArraySource

JOURNAL = "larva.unfinished"
STOPPED = (
    f"zstack-align: Cancelled: the partial result is in larva, and what was finished is kept in "
    f"{JOURNAL}; the same command again goes on from there."
)


@pytest.fixture
def files(recording_files, tmp_path):
    """Raw files of its own: some tests harm them."""
    folder = tmp_path / "raw"
    folder.mkdir()
    return [shutil.copy(path, folder / path.name) for path in recording_files]


@pytest.fixture
def command(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(session, "SNAPSHOT_S", 0.0)
    monkeypatch.setattr(session, "SNAPSHOT_SHARE", 0.0)
    return ["keypoints", *map(str, files), "--chunk-frames=20", "--threads=1", "--out=larva"]


def numbers(folder):
    """All numbers of a session."""
    return [
        part
        for each in nza.load_alignment(folder)
        for part in (
            each.transforms.matrices().tobytes(),
            each.quality.tobytes(),
            each.reference.tobytes(),
            each.chunks.tobytes(),
        )
    ]


def at_call(monkeypatch, module, name, number, action):
    """Do something when a function is called for the so-manieth time."""
    calls = []
    function = getattr(module, name)

    def counted(*arguments, **options):
        calls.append(1)
        if len(calls) == number:
            action()
        return function(*arguments, **options)

    monkeypatch.setattr(module, name, counted)


@pytest.mark.thorough
def test_all_that_a_stopped_run_prints(command, monkeypatch, capsys):
    stop = lambda: os.kill(os.getpid(), signal.SIGINT)  # noqa: E731
    # when a window is taken in: while it is still read, a slow machine stops before it
    at_call(monkeypatch, FirstReading, "take", 3, stop)
    assert main(command) == 1
    said = capsys.readouterr()
    size = "40 frames, 128 × 128 pixels, pixel size unknown, frame rate unknown"
    first, _ = nza.load_alignment("larva")
    assert said.out.splitlines() == [
        f"rec1: {size}",
        f"rec2: {size}",
        "The run was stopped: what follows is of the partial result.",
        "Wrote larva (2 recordings)",
        "rec1: 40 frames in 2 chunks: 0 flagged, 0 left out of the means. "
        f"{correlation_words(first.quality)}.",
        "  Note: The reference is taken from this recording, chosen as still and sharp among 2 "
        "recordings.",
        "rec2: 20 frames in 1 of 2 chunks: 0 flagged, 20 not judged (the run was stopped before "
        "that), 0 left out of the means, 20 not run.",
        "All recordings: Warning: The run was stopped before the recordings were compared with one "
        "another: transforms may still be off by a pixel or more. Run it again to finish.",
        "1 warning above; 0 frames are flagged.",
    ]
    assert said.err.splitlines()[-1] == STOPPED
    assert said.err.count("Cancelled") == 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
@pytest.mark.parametrize(
    ("module", "function", "call"),
    [(kept_frames, "measure_window", 3), (kept_chunks, "refine_chunk", 6)],
    ids=["while it reads", "in the second pass"],
)
def test_a_signal_keeps_what_is_done_and_the_same_command_goes_on(
    command, session_folder, tmp_path, monkeypatch, capsys, number, module, function, call
):
    with monkeypatch.context() as patch:
        at_call(patch, module, function, call, lambda: os.kill(os.getpid(), number))
        assert main(command) == 1
    said = capsys.readouterr()
    assert said.err.splitlines()[-1] == STOPPED
    assert "Traceback" not in said.err
    assert not any(each.complete for each in nza.load_alignment(tmp_path / "larva"))
    assert main(command) == 0
    assert f"Going on with {JOURNAL}: " in capsys.readouterr().err
    assert numbers(tmp_path / "larva") == numbers(session_folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["larva", "raw"]


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["gone", "changed"])
def test_a_raw_file_that_goes_or_changes_in_mid_run(
    command, files, session_folder, tmp_path, monkeypatch, capsys, harm
):
    pixels = files[1].read_bytes()

    def do_harm():
        if harm == "gone":
            files[1].unlink()
        else:
            files[1].write_bytes(pixels[:-100])

    with monkeypatch.context() as patch:
        at_call(patch, kept_frames, "measure_window", 3, do_harm)
        assert main(command) == 1
    said = capsys.readouterr()
    how = "is gone" if harm == "gone" else "changed while it was read"
    assert said.err.splitlines()[-1].startswith(f"zstack-align: {files[1]} {how}")
    assert not (tmp_path / "larva").exists()
    files[1].write_bytes(pixels)
    assert main(command) == 0
    assert f"Going on with {JOURNAL}: 40 of 80 frames" in capsys.readouterr().err
    assert numbers(tmp_path / "larva") == numbers(session_folder)


@pytest.mark.slow
def test_frames_that_cannot_be_read_make_it_incomplete(command, tmp_path, monkeypatch, capsys):
    stack = nza.Stack.from_array(tifffile.imread(command[1]), name="rec1")
    read = ArraySource.read

    def broken(source, start, stop):
        if start <= 25 < stop:
            raise OSError(5, "Input/output error")
        return read(source, start, stop)

    monkeypatch.setattr("napari_zstack_align.cli.keypoints.open_recording", lambda *_: stack)
    with monkeypatch.context() as patch:
        patch.setattr(ArraySource, "read", broken)
        assert main(command) == 1
    out = capsys.readouterr().out
    assert "1 flagged (1 unreadable)" in out
    assert "not all is done" in out
    assert not nza.load_alignment(tmp_path / "larva" / "rec1.zalign", stack).complete
    assert main(command) == 0  # what couldn't be read was not kept
    assert nza.load_alignment(tmp_path / "larva" / "rec1.zalign", stack).complete


@pytest.mark.thorough
def test_the_end_of_a_killed_command_is_not_taken_for_another_one(
    command, files, session_folder, tmp_path, monkeypatch
):
    """Saved, then killed: with another mask or file it doesn't replace the result."""
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "discard", lambda _: None)
        assert main(command) == 0
    whole = numbers(session_folder)
    mask = np.zeros(tifffile.imread(files[0]).shape[1:], np.uint8)
    mask[20:-20, 20:-20] = 1
    tifffile.imwrite(tmp_path / "mask.tif", mask)
    assert main([*command, "--mask=mask.tif"]) == 2
    pixels = files[1].read_bytes()
    shutil.copy(files[0], files[1])
    assert main(command) == 2
    assert numbers(tmp_path / "larva") == whole
    files[1].write_bytes(pixels)
    assert (tmp_path / JOURNAL).is_dir()


def test_a_second_run_is_refused_before_any_work(command, tmp_path, capsys):
    with Journal(tmp_path / JOURNAL, {}):
        assert main(command) == 2
    assert "is being worked on by another run" in capsys.readouterr().err


@pytest.mark.thorough
def test_a_batch_that_is_stopped_goes_on_with_its_row(
    files, session_folder, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    table = tmp_path / "table.csv"
    table.write_text(f"name,recordings,chunk_frames\nlarva,{files[0]};{files[1]},20\n")
    with monkeypatch.context() as patch:
        stop = lambda: os.kill(os.getpid(), signal.SIGTERM)  # noqa: E731
        at_call(patch, kept_frames, "measure_window", 4, stop)
        assert main(["batch", "table.csv", "--threads=1"]) == 1
    said = capsys.readouterr()
    assert said.out.splitlines()[-3:] == [
        "larva: cancelled",
        "Wrote results.csv",
        "1 row: 1 cancelled.",
    ]
    last = said.err.splitlines()[-1]
    assert last.startswith("zstack-align: Cancelled: ")  # with a partial result, where it is slow
    assert last.endswith(
        f"what was finished is kept in {JOURNAL}; the same command again goes on from there."
    )
    assert (said.out + said.err).count("Cancelled") == 1
    assert _results() == [("cancelled", str(tmp_path / "larva"))]
    assert (tmp_path / JOURNAL).is_dir()
    assert main(["batch", "table.csv"]) == 0
    assert f"Going on with {JOURNAL}: " in capsys.readouterr().err
    assert numbers(tmp_path / "larva") == numbers(session_folder)
    assert not (tmp_path / JOURNAL).exists()


@pytest.mark.thorough
def test_a_row_that_was_killed_when_it_was_saved_leaves_no_journal(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "table.csv").write_text(f"name,recordings,chunk_frames\nlarva,{files[0]},20\n")
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "discard", lambda _: None)
        assert main(["batch", "table.csv"]) == 0
    assert (tmp_path / JOURNAL).is_dir()
    assert main(["batch", "table.csv"]) == 0
    assert _results()[0][0] == "skipped"
    assert not (tmp_path / JOURNAL).exists()


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2], ids=["once", "twice"])
def test_a_signal_waits_until_a_row_is_listed(number, files, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{name},{files[0]},20\n" for name in ("larva", "other"))
    (tmp_path / "table.csv").write_text(f"name,recordings,chunk_frames\n{rows}")
    replace = os.replace

    def then_stop(source, target, **more):
        replace(source, target, **more)
        if str(target).endswith("session.json"):
            for _ in range(number):
                os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", then_stop)
        assert main(["batch", "table.csv"]) == 1
    if number == 1:
        assert capsys.readouterr().out.splitlines()[-1] == "2 rows: 1 done, 1 not begun."
        assert _results() == [("done", str(tmp_path / "larva"))]
        assert not (tmp_path / JOURNAL).exists()
    assert main(["batch", "table.csv"]) == 0
    assert [state for state, _ in _results()] == ["skipped", "done"]
    assert not list(tmp_path.glob("*/*/run-*"))
    assert len(list(tmp_path.glob("*/*/run.json"))) == 2
    assert not (tmp_path / JOURNAL).exists()


def _results():
    with open("results.csv", newline="") as file:
        return [(row["state"], os.path.abspath(row["out"])) for row in csv.DictReader(file)]


@pytest.mark.slow
@pytest.mark.thorough
def test_killed_after_every_operation_on_a_file_the_command_goes_on(
    command, files, session_folder, tmp_path
):
    """From going on with all work done to the journal's removal: no dead end, no litter."""
    stacks = [nza.open_stack(path) for path in files]
    finished = tmp_path.with_name(f"{tmp_path.name}-finished.unfinished")
    params = nza.KeypointParams(chunk_frames=20)
    nza.run(nza.register_recordings(stacks, params, journal=finished))
    whole, moment = numbers(session_folder), 1

    def begin() -> None:
        shutil.copytree(finished, tmp_path / JOURNAL)

    begin()
    while killed_at(moment, tmp_path, lambda: main(command)):
        was_done = not (tmp_path / JOURNAL / "journal.json").exists()
        code = code_of(lambda: main(command))
        assert code == 0 or (code == 2 and was_done)
        if was_done:  # all but the removal of the empty folder
            shutil.rmtree(tmp_path / JOURNAL, ignore_errors=True)
        assert numbers(tmp_path / "larva") == whole
        left = {path.name for path in tmp_path.iterdir()}
        assert left == {"larva", "raw"}
        shutil.rmtree(tmp_path / "larva")
        begin()
        moment += stride(139)
    assert moment > 40


@pytest.mark.thorough
def test_a_result_that_cannot_be_saved_is_kept(command, monkeypatch, capsys):
    with monkeypatch.context() as lost:
        refuse_saves(lost)
        assert main(command) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == cannot_be_saved(Path("larva"), JOURNAL)
    assert main(command) == 0


def test_a_row_whose_session_another_program_works_on_at_the_end_is_in_use(
    files, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "table.csv").write_text(f"name,recordings,out\nlarva,{files[0]},larva\n")

    def taken(*_, **__):
        raise InUseError("larva is being worked on by another program.")

    monkeypatch.setattr(batch, "save_session", taken)
    assert main(["batch", "table.csv", "--threads=1"]) == 1
    (row,) = csv.DictReader(next(tmp_path.rglob("results.csv")).open(encoding="utf-8-sig"))
    assert row["state"] == "in use"
