"""Errors that nobody foresaw: a sentence, a log, and an exit code of their own."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_zstack_align.cli import info
from napari_zstack_align.cli.main import FAULT, main

RUN = [sys.executable, "-m", "napari_zstack_align.cli.main"]


@pytest.fixture
def failing(monkeypatch, tmp_path):
    """Let ``info`` raise, and logs be written to tmp_path."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def let_it_raise(error):
        def fail(args):
            raise error

        monkeypatch.setattr(info, "run_info", fail)

    return let_it_raise


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ZeroDivisionError("division\nby zero"), "ZeroDivisionError: division by zero"),
        (RecursionError(), "RecursionError"),
        (UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates"), "surrogates"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_fault_is_one_sentence_with_a_log(failing, error, said, capsys, tmp_path):
    failing(error)
    assert main(["info", "some\udcff.tif"]) == FAULT == 3
    err = capsys.readouterr().err
    (log,) = tmp_path.iterdir()
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert said in err
    assert "'info'" in err
    assert f"a fault of napari-zstack-align, please report it with the log {log}." in err
    text = log.read_text(encoding="utf-8")
    assert "Traceback" in text
    assert r"some\udcff.tif" in text


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "The memory wasn't enough for 'info' (MemoryError): close other programs"),
        (OSError(5, "Input/output error"), "The system stopped 'info' (OSError: [Errno 5] Input"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_the_system_lacks_is_no_fault_at_first(failing, error, said, capsys):
    failing(error)
    assert main(["info", "some.tif"]) == FAULT
    err = capsys.readouterr().err
    assert said in err
    assert "; if that is no help, please report it with the log " in err
    assert err.count("\n") == 1


def test_without_a_place_for_the_log_the_sentence_says_where(failing, capsys, monkeypatch):
    failing(ZeroDivisionError("division by zero"))
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    assert main(["info", "some.tif"]) == FAULT
    err = capsys.readouterr().err
    assert "report this sentence (test_last_resort.py, line " in err
    assert err.count("\n") == 1


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "movie.npy"
    np.save(path, np.ones((2, 16, 16), np.uint16))
    return path


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise there")
def test_a_reader_that_goes_away_is_no_error(image):
    shell = f'"{sys.executable}" -m napari_zstack_align.cli.main info "{image}" | true'
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True)
    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.thorough
def test_words_that_cannot_be_written_are_one_sentence(image):
    with open("/dev/full", "w") as full:
        done = subprocess.run([*RUN, "info", str(image)], stdout=full, stderr=-1, text=True)
    assert done.returncode == FAULT
    assert done.stderr.count("\n") == 1
    assert "The system stopped 'info' (OSError: [Errno 28] No space left on" in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="names are text there")
@pytest.mark.thorough
def test_names_that_are_no_text_are_printed_as_codes(image, tmp_path):
    odd = tmp_path / "m\udcff.npy"
    odd.write_bytes(image.read_bytes())
    done = subprocess.run([*RUN, "info", "--json", str(odd)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert r"m\udcff.npy" in done.stdout
