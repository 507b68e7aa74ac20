"""``traces`` and ``zshift`` that are stopped, in whichever way: the same command goes on."""

import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from killing import killed_at, stride
from unfinished import cannot_be_saved, refuse_saves

import napari_zstack_align as nza
from napari_zstack_align.cells.traces import window
from napari_zstack_align.cli.main import main
from napari_zstack_align.saved import Journal
from napari_zstack_align.zshift import locate

N_FRAMES, SIDE = 16, 64
pytestmark = pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A recording, a volume and ROIs."""
    folder = tmp_path_factory.mktemp("inputs")
    rng = np.random.default_rng(5)
    scene = 200 + 100 * rng.random((6, SIDE, SIDE))
    slices = scene.astype(np.float32)
    frames = (slices[2] + rng.normal(0, 5, (N_FRAMES, SIDE, SIDE))).astype(np.float32)
    tifffile.imwrite(folder / "larva.tif", frames, photometric="minisblack")
    np.save(folder / "volume.npy", slices)
    nza.Rois.of([[20.5, 21.25, 4], [40, 33.3, 5]]).save(folder / "rois.csv")
    return folder


@pytest.fixture(params=["traces", "zshift"])
def command(request, files, tmp_path, monkeypatch):
    """Arguments of a command that works in windows of four frames."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(window, "MOST_FRAMES", 4)
    monkeypatch.setattr(locate, "MOST_PIXELS", 4 * SIDE**2)
    inputs = {
        "traces": [f"--rois={files / 'rois.csv'}", "--out=out"],
        "zshift": [f"--reference={files / 'volume.npy'}", "--out=out.zalign", "--patch-px=32"],
    }
    return [request.param, str(files / "larva.tif"), *inputs[request.param]]


def out(command: list[str]) -> Path:
    return Path("out" if command[0] == "traces" else "out.zalign")


def numbers(command: list[str], path: Path | None = None) -> list[bytes]:
    path = out(command) if path is None else path
    if command[0] == "traces":
        traces = nza.load_traces(path)
        arrays = (traces.F, traces.Fneu, traces.dff, traces.frames, traces.dark.values)
    else:
        zshift = nza.load_zshift(path)
        arrays = (zshift.z, zshift.patch_z, zshift.lateral, zshift.quality, zshift.slice_gain)
    return [array.tobytes() for array in arrays]


@pytest.fixture
def whole(command, tmp_path):
    """What an uninterrupted run finds."""
    assert main(command) == 0
    found = numbers(command)
    shutil.rmtree(out(command))
    assert list(tmp_path.iterdir()) == []
    return found


def at_window(monkeypatch, command, number, action):
    """Do something when a window begins, once."""
    owner, name = {
        "traces": (window.WindowReader, "read"),
        "zshift": (locate.Locator, "locate"),
    }[command[0]]
    calls, original = [], getattr(owner, name)

    def begun(*arguments):
        calls.append(1)
        if len(calls) == number + 1:
            action()
        return original(*arguments)

    monkeypatch.setattr(owner, name, begun)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_a_signal_keeps_what_is_done_and_the_same_command_goes_on(
    command, whole, tmp_path, monkeypatch, capsys, number
):
    with monkeypatch.context() as patch:
        at_window(patch, command, 2, lambda: os.kill(os.getpid(), number))
        assert main([*command, "--threads=1"]) == 1
    journal = f"{out(command)}.unfinished"
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"zstack-align: Cancelled: what was finished is kept in {journal}; the same command again "
        f"goes on from there."
    )
    assert [path.name for path in tmp_path.iterdir()] == [journal]
    assert main(command) == 0
    assert f"Going on with {journal}: " in capsys.readouterr().err
    assert numbers(command) == whole
    assert [path.name for path in tmp_path.iterdir()] == [out(command).name]


@pytest.mark.thorough
def test_the_end_of_a_killed_command_is_not_taken_for_another_one(
    command, files, tmp_path, monkeypatch, capsys
):
    """Saved, then killed: with other inputs it is another run, which doesn't replace the result."""
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "discard", lambda _: None)
        assert main(command) == 0
    first = numbers(command)
    if command[0] == "traces":
        nza.Rois.of([[20.5, 22.25, 4], [40, 33.3, 5]]).save(tmp_path / "rois.csv")
        other = "--rois=rois.csv"
    else:
        np.save(tmp_path / "other.npy", np.load(files / "volume.npy")[1:])
        other = "--reference=other.npy"
    option = other.split("=")[0]
    changed = [other if each.startswith(option) else each for each in command]
    assert main(changed) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert numbers(command) == first
    assert main(command) == 0
    assert not Path(f"{out(command)}.unfinished").exists()


def test_frames_that_cannot_be_read_make_it_incomplete(command, whole, monkeypatch, capsys):
    kind = type(nza.open_stack(command[1]).source)
    read = kind.read

    def broken(source, start, stop):
        if start <= 5 < stop:
            raise OSError(5, "Input/output error")
        return read(source, start, stop)

    with monkeypatch.context() as patch:
        patch.setattr(kind, "read", broken)
        assert main(command) == 1
    said = capsys.readouterr().out
    assert "not all is done; what was finished is kept" in said
    assert "1 unreadable" in said or "1 frame can't be read" in said
    assert main(command) == 0
    assert numbers(command) == whole


def test_a_second_run_is_refused_before_any_work(command, tmp_path, capsys):
    with Journal(tmp_path / f"{out(command)}.unfinished", {}):
        assert main(command) == 2
    assert "is being worked on by another run" in capsys.readouterr().err


@pytest.mark.thorough
def test_a_raw_file_that_vanishes_is_one_sentence(command, whole, files, monkeypatch, capsys):
    raw, aside = files / "larva.tif", files / "aside.tif"
    with monkeypatch.context() as patch:
        at_window(patch, command, 3, lambda: raw.rename(aside))
        assert main([*command, "--threads=1"]) == 1
    aside.rename(raw)
    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith(f"zstack-align: {raw} is gone")
    assert "Traceback" not in said
    assert main(command) == 0
    assert numbers(command) == whole


def test_a_result_that_cannot_be_saved_is_kept(command, whole, monkeypatch, capsys):
    with monkeypatch.context() as lost:
        refuse_saves(lost)
        assert main(command) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == cannot_be_saved(out(command), f"{out(command)}.unfinished")
    assert main(command) == 0
    assert numbers(command) == whole


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
@pytest.mark.thorough
def test_a_disk_that_fills_in_mid_run_loses_nothing(command, whole):
    size = {"traces": 400, "zshift": SIDE**2 * 4}[command[0]]

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    stopped = subprocess.run(
        [sys.executable, "-m", "napari_zstack_align.cli.main", *command],
        preexec_fn=little_room,
        capture_output=True,
        text=True,
        check=False,
    )
    assert stopped.returncode in (1, 2), stopped.stderr
    assert "File too large" in stopped.stderr.splitlines()[-1]
    assert "Traceback" not in stopped.stderr
    assert main(command) == 0
    assert numbers(command) == whole


@pytest.mark.thorough
@pytest.mark.slow
def test_killed_after_every_operation_on_a_file_the_command_goes_on(command, whole, tmp_path):
    """From the journal's lock to its removal, the saving between: no dead end, no litter."""
    moment, journal = 1, tmp_path / f"{out(command)}.unfinished"
    while killed_at(moment, tmp_path, lambda: main(command)):
        was_whole = not (journal / "journal.json").exists()
        code = main(command)
        if code == 2:  # all was done but the removal of an empty folder
            assert was_whole
            shutil.rmtree(journal, ignore_errors=True)
        else:
            assert code == 0
        assert numbers(command) == whole
        assert [path.name for path in tmp_path.iterdir()] == [out(command).name]
        shutil.rmtree(out(command))
        moment += stride(131)
    assert moment > 40
