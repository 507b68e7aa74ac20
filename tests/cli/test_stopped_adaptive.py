"""``zstack-align adaptive`` that is stopped, in whichever way: the same command goes on."""

import os
import shutil
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import tifffile
from killing import code_of, killed_at, stride
from unfinished import cannot_be_saved, refuse_saves

import napari_zstack_align as nza
from napari_zstack_align.cli import main as entry
from napari_zstack_align.cli.main import main
from napari_zstack_align.register import first_look, two_stage
from napari_zstack_align.saved import Journal, disk, room
from napari_zstack_align.sources import ArraySource

JOURNAL = "run.zalign.unfinished"


@pytest.fixture
def command(zstack_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return ["adaptive", str(zstack_file), "--frames-per-slice=4", "--out=run"]


def numbers(path) -> list[bytes]:
    alignment = nza.load_alignment(path)
    links = [link.coefficients.tobytes() for link in alignment.transforms.links]
    return [*links, alignment.quality.tobytes(), alignment.reference.tobytes()]


def at_slice(monkeypatch, number, action):
    """Do something when stage A of a slice begins, once."""
    calls = []
    align_within = two_stage.align_within

    def within(*arguments):
        calls.append(1)
        if len(calls) == number + 1:
            action()
        return align_within(*arguments)

    monkeypatch.setattr(two_stage, "align_within", within)


def test_a_renamed_file_goes_on_under_the_name_of_the_result(
    command, zstack_file, aligned, tmp_path, monkeypatch, capsys
):
    with monkeypatch.context() as patch:
        at_slice(patch, 2, lambda: signal.raise_signal(signal.SIGINT))
        assert main(command) == 1
    renamed = shutil.copyfile(zstack_file, tmp_path / "renamed.tif")
    command[1] = str(renamed)
    capsys.readouterr()
    assert main(command) == 2
    assert "or give --overwrite" in capsys.readouterr().err
    assert main([*command, "--overwrite"]) == 0
    assert f"Going on with {JOURNAL}: 2 of 3 slices" in capsys.readouterr().err
    assert numbers("run.zalign") == numbers(aligned)
    assert not (tmp_path / JOURNAL).exists()


def test_a_folder_that_a_killed_command_left_at_its_very_end_is_no_hindrance(
    command, tmp_path, capsys
):
    """All was done but its removal: the result is complete, and not replaced unasked."""
    assert main(command) == 0
    (tmp_path / JOURNAL).mkdir()
    assert main(command) == 2
    assert "already: choose another name, or give --overwrite" in capsys.readouterr().err
    assert not (tmp_path / JOURNAL).exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_a_signal_keeps_what_is_done_and_the_same_command_goes_on(
    command, aligned, tmp_path, monkeypatch, capsys, number
):
    handlers = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    with monkeypatch.context() as patch:
        at_slice(patch, 2, lambda: signal.raise_signal(number))
        assert main(command) == 1
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "zstack: 3 slices × 4 repeats, 96 × 96 pixels, z-step unknown, pixel size unknown",
        "The run was stopped: what follows is of the partial result.",
        "Wrote run.zalign",
        nza.load_alignment("run.zalign").summary(),
    ]
    assert ", 8 not run. " in said.out
    assert "judged" not in said.out
    assert said.err.splitlines()[-1] == (
        f"zstack-align: Cancelled: the partial result is in run.zalign, and what was finished is "
        f"kept in {JOURNAL}; the same command again goes on from there."
    )
    assert said.err.count("Cancelled") == 1
    assert "Traceback" not in said.err
    assert not nza.load_alignment(tmp_path / "run.zalign").complete
    assert main(command) == 0
    assert "Going on with run.zalign.unfinished: 2 of 3 slices" in capsys.readouterr().err
    assert numbers(tmp_path / "run.zalign") == numbers(aligned)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.zalign"]
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] == handlers


@pytest.mark.thorough
def test_a_recording_of_the_same_name_in_another_folder_is_another_one(
    command, aligned, tmp_path, monkeypatch, capsys
):
    """Of the same size and time, too: the work on the first one stays."""
    with monkeypatch.context() as patch:
        at_slice(patch, 2, lambda: signal.raise_signal(signal.SIGTERM))
        assert main(command) == 1
    kept = {path.name: path.read_bytes() for path in (tmp_path / JOURNAL).glob("*.unit")}
    (tmp_path / "b").mkdir()
    raw = Path(command[1])
    other = tmp_path / "b" / raw.name
    tifffile.imwrite(other, tifffile.imread(raw)[::-1, ::-1])
    os.utime(other, ns=(raw.stat().st_atime_ns, raw.stat().st_mtime_ns))
    capsys.readouterr()
    assert main([command[0], str(other), *command[2:]]) == 2
    assert f"(from {raw}) already: choose another name" in capsys.readouterr().err
    assert main([command[0], str(other), *command[2:], "--overwrite"]) == 2
    assert f"finished parts of {raw}" in capsys.readouterr().err
    assert kept == {path.name: path.read_bytes() for path in (tmp_path / JOURNAL).glob("*.unit")}
    assert main(command) == 0
    assert "Going on with run.zalign.unfinished: 2 of 3 slices" in capsys.readouterr().err
    assert numbers(tmp_path / "run.zalign") == numbers(aligned)


def test_a_signal_while_the_volume_is_written_keeps_the_result(
    command, aligned, monkeypatch, capsys
):
    command = [*command, "--volume=v.tif"]
    with monkeypatch.context() as patch:
        patch.setattr("napari_zstack_align.cli.adaptive.export_alignment", _interrupted)
        assert main(command) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        "zstack-align: Cancelled: run.zalign is written; the same command again writes v.tif."
    )
    assert numbers("run.zalign") == numbers(aligned)
    assert main(command) == 0
    assert tifffile.imread("v.tif").shape == (3, 96, 96)
    assert not Path(JOURNAL).exists()


def _interrupted(*arguments, **options):
    signal.raise_signal(signal.SIGINT)
    yield nza.Progress("Writing", 0, 1)


def test_a_signal_before_the_first_slice_is_done(command, tmp_path, monkeypatch, capsys):
    at_slice(monkeypatch, 0, lambda: signal.raise_signal(signal.SIGTERM))
    assert main(command) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"zstack-align: Cancelled: what was finished is kept in {JOURNAL}; the same command again "
        f"goes on from there."
    )
    kept = {path.name for path in (tmp_path / JOURNAL).glob("*.unit")}
    assert kept == {"layout.unit", "artefacts.unit"}
    assert not (tmp_path / "run.zalign").exists()


def test_a_signal_before_anything_is_done(command, tmp_path, monkeypatch, capsys):
    check = first_look.checked_frames

    def stopped(*arguments):
        signal.raise_signal(signal.SIGTERM)
        return check(*arguments)

    monkeypatch.setattr(first_look, "checked_frames", stopped)
    assert main(command) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        "zstack-align: Cancelled: nothing was written; the same command again starts from the "
        "beginning."
    )
    assert list(tmp_path.iterdir()) == []


def test_a_signal_while_modules_are_imported(command, monkeypatch, capsys):
    def importing(name):
        signal.raise_signal(signal.SIGINT)
        return import_module(name)

    monkeypatch.setattr(entry, "import_module", importing)
    assert main(command) == 1
    assert capsys.readouterr().err == (
        "zstack-align: Cancelled: nothing was written; the same command again starts from the "
        "beginning.\n"
    )


def test_a_signal_while_it_is_saved(command, aligned, tmp_path, monkeypatch, capsys):
    write_new = disk.write_new

    def writing(path, content):
        signal.raise_signal(signal.SIGTERM)
        return write_new(path, content)

    with monkeypatch.context() as patch:
        patch.setattr("napari_zstack_align.saved.generation.write_new", writing)
        assert main(command) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        "zstack-align: Cancelled: what was finished, if anything, is kept; the same command again "
        "does the rest."
    )
    assert main(command) == 0
    assert numbers(tmp_path / "run.zalign") == numbers(aligned)


def test_signals_that_the_shell_ignores_stay_ignored(command, monkeypatch):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        at_slice(monkeypatch, 1, lambda: signal.raise_signal(signal.SIGINT))
        assert main(command) == 0
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_second_run_is_refused_before_any_work(command, tmp_path, capsys):
    with Journal(tmp_path / JOURNAL, {}):
        assert main(command) == 2
    assert "is being worked on by another run" in capsys.readouterr().err


def test_too_little_room_is_found_before_the_work(command, tmp_path, monkeypatch, capsys):
    full = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: full)
    at_slice(monkeypatch, 0, pytest.fail)
    assert main(command) == 2
    assert "but only 1 kB are free" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_result_that_cannot_be_saved_is_kept(command, aligned, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as lost:
        refuse_saves(lost)
        assert main(command) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == cannot_be_saved(Path("run.zalign"), JOURNAL)
    assert main(command) == 0
    assert numbers(tmp_path / "run.zalign") == numbers(aligned)


@pytest.mark.thorough
@pytest.mark.slow
def test_a_disk_that_fills_in_mid_run_loses_nothing(command, aligned, tmp_path):
    resource = pytest.importorskip("resource")

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (37_000, 37_000))

    stopped = subprocess.run(
        [sys.executable, "-m", "napari_zstack_align.cli.main", *command],
        preexec_fn=little_room,
        capture_output=True,
        text=True,
        check=False,
    )
    assert stopped.returncode == 1, stopped.stderr
    last = stopped.stderr.splitlines()[-1]
    assert last.startswith(f"zstack-align: {JOURNAL} can't be written any more: File too large.")
    assert "Traceback" not in stopped.stderr
    assert main(command) == 0
    assert numbers(tmp_path / "run.zalign") == numbers(aligned)


def test_frames_that_cannot_be_read_make_it_incomplete(command, tmp_path, monkeypatch, capsys):
    raw = tifffile.imread(command[1])
    stack = nza.Stack.from_array(raw, frames_per_slice=4, name="zstack")
    read = ArraySource.read

    def broken(source, start, stop):
        if start <= 5 < stop:
            raise OSError(5, "Input/output error")
        return read(source, start, stop)

    monkeypatch.setattr(ArraySource, "read", broken)
    monkeypatch.setattr("napari_zstack_align.cli.adaptive.open_from", lambda _: stack)
    assert main(command) == 1
    out = capsys.readouterr().out
    assert "1 flagged (1 unreadable)" in out
    assert "not all is done" in out
    assert not nza.load_alignment(tmp_path / "run.zalign", stack).complete


def test_the_end_of_a_killed_command_is_not_taken_for_another_one(
    command, tmp_path, zstack_file, mask_file
):
    """Saved, then killed: with another mask it is another run, which doesn't replace the result."""
    stack = nza.open_stack(zstack_file, frames_per_slice=4)
    nza.run(nza.align_adaptive(stack, journal="run")).save("elsewhere")
    os.rename("elsewhere.zalign", "run.zalign")
    assert main([*command, f"--mask={mask_file}"]) == 2
    assert main([*command, "--alpha=2"]) == 2
    assert (tmp_path / JOURNAL).is_dir()
    assert main(command) == 0
    assert not (tmp_path / JOURNAL).exists()


def test_a_volume_that_was_there_already_is_not_taken_for_written_without_a_word(
    command, tmp_path, zstack_file, capsys
):
    """Saved, then killed: a volume older than the run is somebody else's, another one may be."""
    stack = nza.open_stack(zstack_file, frames_per_slice=4)
    nza.run(nza.align_adaptive(stack, journal="run")).save("elsewhere")
    os.rename("elsewhere.zalign", "run.zalign")
    volume = tmp_path / "v.tif"
    volume.write_bytes(b"mine")
    os.utime(volume, (0, 0))
    assert main([*command, "--volume=v.tif"]) == 2
    assert "v.tif exists already" in capsys.readouterr().err
    os.utime(volume)
    assert main([*command, "--volume=v.tif"]) == 0
    assert "v.tif was there already" in capsys.readouterr().out
    assert volume.read_bytes() == b"mine"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_killed_after_every_operation_on_a_file_the_command_goes_on(command, aligned, tmp_path):
    """From going on with all slices to the journal's removal: no dead end, no litter."""
    stack = nza.open_stack(command[1], frames_per_slice=4)
    finished = tmp_path.with_name(f"{tmp_path.name}-finished.unfinished")
    nza.run(nza.align_adaptive(stack, journal=finished))
    command = [*command, "--volume=v.tif"]
    whole, moment = numbers(aligned), 1

    def begin() -> None:
        shutil.copytree(finished, tmp_path / JOURNAL)

    begin()
    while killed_at(moment, tmp_path, lambda: main(command)):
        was_done = not (tmp_path / JOURNAL / "journal.json").exists()
        code = code_of(lambda: main(command))
        assert code == 0 or (code == 2 and was_done)
        if was_done:  # all but the removal of the empty folder
            shutil.rmtree(tmp_path / JOURNAL, ignore_errors=True)
        assert numbers(tmp_path / "run.zalign") == whole
        assert tifffile.imread("v.tif").shape == (3, 96, 96)
        left = {path.name for path in tmp_path.iterdir() if not path.name.startswith(".v.tif.")}
        assert left == {"run.zalign", "v.tif"}
        shutil.rmtree(tmp_path / "run.zalign")
        os.unlink("v.tif")
        begin()
        moment += stride(97)
    assert moment > 40
