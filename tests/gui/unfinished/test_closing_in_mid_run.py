"""Closing napari in mid-run, with the question; and a napari that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from driving import run, run_to_end, show
from napari._qt.qt_viewer import QtViewer
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication
from stacks import SlowSource

import napari_zstack_align as nza
from napari_zstack_align.gui.open import open_panel

from .conftest import N_SLICES, assert_same, go_on, offered, run_folders

STOPS_WITHIN_S = 1.0


@pytest.fixture
def window_of(make_napari_viewer):
    """Opens a napari whose window is closed as a person does it."""
    behind, viewers = [], []

    def open_it():
        viewer = make_napari_viewer(show=True)
        viewers.append(viewer)
        behind.append(viewer.window._qt_viewer)
        return open_panel(viewer, "Load")

    yield open_it
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    for viewer, each in zip(viewers, behind, strict=True):
        del viewer.window._qt_window
        QtViewer._instances.discard(each)


def close(panel):
    """Close napari's window; the seconds that it takes."""
    window = panel.window()
    window.close()
    assert not window.isVisible()
    start = time.monotonic()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return time.monotonic() - start


@pytest.mark.thorough
def test_closing_in_mid_run_says_that_it_can_go_on(
    window_of, qtbot, answer, larva, computed, state_folder
):
    panel = window_of()
    slow = larva.replace(source=SlowSource(larva.source, 0.05))
    shown = show(qtbot, panel, slow)
    run(qtbot, panel)
    qtbot.waitUntil(lambda: shown.runs.shown is not None)
    answer("Stop it and close")
    answer("Discard")  # the partial result, which is in no file
    took = close(panel)
    assert took < STOPS_WITHIN_S + 1.0  # on a busy machine
    assert "(Align)" in answer.asked[0]
    assert "the next start offers to go on" in answer.asked[0]
    assert "is lost" not in answer.asked[0]
    assert len(run_folders(state_folder)) == 1


@pytest.mark.thorough
def test_a_complete_result_that_is_discarded_is_not_offered(
    window_of, qtbot, answer, larva, state_folder
):
    panel = window_of()
    show(qtbot, panel, larva)
    run_to_end(qtbot, panel)
    assert len(run_folders(state_folder)) == 1
    answer("Discard")
    close(panel)
    assert run_folders(state_folder) == []


SCRIPT = """
import sys
import napari
from qtpy.QtCore import QTimer
import napari_zstack_align as nza
from napari_zstack_align.gui.open import open_panel

viewer = napari.Viewer(show=False)
panel = open_panel(viewer, "Align")
panel.zstack.load_stack(
    nza.open_stack(sys.argv[1], frames_per_slice=4, order="repeats").replace(z_step_um=3.0)
)

def look():
    if panel.zstack.shown is not None and not panel.zstack.align_tab.run_bar.busy:
        timer.stop()
        panel.zstack.align_tab.run_bar.run_button.click()

timer = QTimer()
timer.timeout.connect(look)
timer.start(20)
napari.run(force=True)
"""


def test_a_napari_that_is_killed_is_gone_on_with(qtbot, open_panels, larva, state_folder, computed):
    program = subprocess.Popen([sys.executable, "-c", SCRIPT, str(larva.paths[0])])
    deadline = time.monotonic() + 120
    while len(list(state_folder.glob("*/*/run.unfinished/within-*.unit"))) < 2:
        assert program.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(program.pid, signal.SIGKILL)
    program.wait(10)
    panel = open_panels()
    assert f"of {N_SLICES} slices finished)." in offered(qtbot, panel)
    go_on(qtbot, panel)
    shown = panel.zstack.shown
    assert_same(shown.alignment, nza.run(nza.align_adaptive(larva)))
    assert len([name for name in computed if name.startswith("within-")]) < N_SLICES
