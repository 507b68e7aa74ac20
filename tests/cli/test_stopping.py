"""When a signal stops a command: at safe moments, and at once the second time."""

import signal
import subprocess
import sys

import numpy as np
import pytest

from napari_zstack_align.cli.stopping import (
    at_safe_moments,
    stop_if_asked,
    stoppable,
    stopped_by_the_system,
)

BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@BOTH
def test_a_signal_waits_for_a_safe_moment(number):
    with stoppable():
        with at_safe_moments():
            try:
                signal.raise_signal(number)
            except KeyboardInterrupt:
                pytest.fail("it was raised at once")
            with pytest.raises(KeyboardInterrupt):
                stop_if_asked()
        stop_if_asked()  # it was acted on


@BOTH
def test_elsewhere_it_stops_at_once(number):
    with stoppable(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)


def test_the_second_one_stops_at_once():
    with stoppable(), at_safe_moments():
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)


def test_a_window_is_closed_by_the_system():
    with stoppable(), stopped_by_the_system():
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


LEAVES_SLOWLY = """
import atexit, sys, time
from napari_zstack_align.cli.main import main
atexit.register(lambda: (print("leaving", flush=True), time.sleep(60)))
sys.exit(main())
"""
IS_ALMOST_GONE = """
import os, sys, time
from napari_zstack_align.cli.main import main

class Last:
    def __del__(self, write=os.write, sleep=time.sleep):
        write(1, b"leaving\\n")
        sleep(1)

last = Last()
sys.exit(main())
"""


def code_and_words(script, signal_number, path):
    """Send a signal to a command that is leaving."""
    command = [sys.executable, "-c", script, "info", str(path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert any("leaving" in line for line in process.stdout)
        process.send_signal(signal_number)
        _, said = process.communicate(timeout=30)
    return process.returncode, said


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "code"), [("here.npy", 0), ("nowhere.npy", 2)])
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM")
def test_a_signal_after_the_end_changes_no_exit_code(name, code, tmp_path):
    """The interpreter takes a moment to leave after large modules."""
    np.save(tmp_path / "here.npy", np.zeros((4, 8, 8), np.uint16))
    ended, said = code_and_words(LEAVES_SLOWLY, signal.SIGTERM, tmp_path / name)
    assert ended == code
    assert said.endswith("the command had ended before it was asked to stop.\n")


@pytest.mark.thorough
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(("name", "code"), [("here.npy", 0), ("nowhere.npy", 2)])
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM")
@pytest.mark.slow
def test_a_signal_when_python_has_given_up_its_handlers_changes_no_exit_code(
    number, name, code, tmp_path
):
    np.save(tmp_path / "here.npy", np.zeros((4, 8, 8), np.uint16))
    ended, said = code_and_words(IS_ALMOST_GONE, number, tmp_path / name)
    assert ended == code
    assert "Traceback" not in said
