"""A closed dock loses nothing; napari's window isn't closed in mid-run without a question."""

from __future__ import annotations

import time

import numpy as np
import pytest
from driving import end
from napari._app_model import get_app_model
from napari._qt.qt_viewer import QtViewer
from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import QApplication

from napari_zstack_align.cells import Rois
from napari_zstack_align.gui.compat import text_overlay
from napari_zstack_align.gui.open import open_panel, panel_of
from napari_zstack_align.gui.question import DESTRUCTIVE, STAY, choice
from napari_zstack_align.params import AdaptiveParams
from napari_zstack_align.progress import Progress

CELLS = [[20.0, 20.0, 4.0], [30.0, 40.0, 5.0]]


def listeners(viewer):
    """How many functions the viewer calls."""
    events = (
        viewer.dims.events.current_step,
        viewer.dims.events.ndisplay,
        viewer.layers.events.inserted,
        viewer.layers.events.removed,
        viewer.events.theme,
    )
    mouse = (viewer.mouse_move_callbacks, viewer.mouse_drag_callbacks)
    return [len(event.callbacks) for event in events] + [len(each) for each in mouse]


def close_dock(viewer, panel):
    viewer.window.remove_dock_widget(panel.parent())
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def counting(stop):
    """A job that goes on until it is told to stop."""
    n = 0
    while not stop:
        time.sleep(0.01)
        n += 1
        yield Progress("Counting", 0, 1, partial=n)
    return n


def test_a_closed_dock_keeps_the_panel_as_it_was(viewer, panel):
    viewer.add_image(np.random.default_rng(0).random((64, 64)), name="mine")
    panel.open_tab("Cells")
    panel.rois.set(Rois.of(CELLS))
    panel.zstack.align_tab.form.set_values(AdaptiveParams(alpha=3.5))
    layers = [layer.name for layer in viewer.layers]
    close_dock(viewer, panel)
    assert panel_of(viewer) is panel
    assert not panel.isVisible()
    again = open_panel(viewer)
    assert again is panel
    assert panel.tabs.tabText(panel.tabs.currentIndex()) == "Cells"
    np.testing.assert_allclose(panel.rois.rois.circles, CELLS)
    assert panel.zstack.align_tab.form.values().alpha == 3.5
    assert [layer.name for layer in viewer.layers] == layers
    names = list(viewer.window.dock_widgets)
    assert sum("Z-stack align" in name for name in names) == 1


def test_a_job_goes_on_while_the_dock_is_closed(viewer, panel, qtbot):
    stop, results = [], []
    bar = panel.zstack.align_tab.run_bar
    bar.start(lambda: counting(stop), returned=results.append)
    close_dock(viewer, panel)
    before = bar.worker.partial or 0
    qtbot.waitUntil(lambda: (bar.worker.partial or 0) > before + 5)
    open_panel(viewer)
    assert not bar.cancel_button.isHidden()
    stop.append(True)
    qtbot.waitUntil(lambda: bool(results))


def test_many_times_closed_and_opened_nothing_piles_up(viewer, panel):
    before = listeners(viewer)
    for _ in range(5):
        close_dock(viewer, panel)
        open_panel(viewer)
    assert listeners(viewer) == before
    assert panel_of(viewer) is panel


def test_an_ended_panel_lets_go_of_the_viewer(viewer):
    end(viewer, open_panel(viewer, "Cells"))
    before = listeners(viewer)
    panel = open_panel(viewer, "Cells")
    assert listeners(viewer) > before
    end(viewer, panel)  # still referred to, as in the lists of the viewer's mouse callbacks
    assert listeners(viewer) == before
    assert not viewer.keymap
    assert panel_of(viewer) is None


def test_a_canvas_that_is_gone_does_not_keep_the_panel(viewer, panel):
    """As when napari's window is closed while words stand over the image."""

    def gone(_):
        raise RuntimeError("wrapped C/C++ object has been deleted")

    pointer = panel.traces.pointer
    assert pointer._hover in viewer.mouse_move_callbacks
    overlay = text_overlay(viewer)
    overlay.visible = True
    overlay.events.visible.connect(gone)
    try:
        panel._disconnect()
    finally:
        overlay.events.visible.disconnect(gone)
    assert pointer._hover not in viewer.mouse_move_callbacks


@pytest.fixture
def open_napari(make_napari_viewer):
    """A viewer whose window is closed as a person does it; napari keeps what was behind it."""
    viewer = make_napari_viewer(show=True)
    behind = viewer.window._qt_viewer
    yield viewer
    # Menus that are gone would raise a long error for each action that the fixture takes back.
    get_app_model().menus.menus_changed.disconnect()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    del viewer.window._qt_window
    QtViewer._instances.discard(behind)


def test_closing_napari_in_mid_run_asks_first(open_napari, qtbot, answer):
    panel = open_panel(open_napari, "Align")
    window = panel.window()
    ended = []
    bar = panel.zstack.align_tab.run_bar
    bar.start(lambda: counting([]), returned=ended.append, cancelled=ended.append)
    worker = bar.worker
    answer("Keep it running")
    window.close()
    assert "A job is still running (Align)" in answer.asked[0]
    assert window.isVisible()
    assert bar.busy
    answer("Stop it and close")
    window.close()
    assert not window.isVisible()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert worker.isFinished()
    assert len(answer.asked) == 2
    assert not ended


WITH_JOBS = ("Load", "Mask", "Align", "Recordings", "Session", "Cells", "Traces", "Z-shift")


def test_closing_names_the_tab_whose_job_runs(open_napari, qtbot, answer):
    """Whether its run bar stands in the tab or, always in view, below it."""
    panel = open_panel(open_napari, "Align")
    window = panel.window()
    bars = [bar for part in panel.parts.each() for bar in part.run_bars]
    for name, bar in zip(WITH_JOBS, bars, strict=True):
        bar.start(lambda: counting([]), returned=print)
        answer("Keep it running")
        window.close()
        assert window.isVisible(), name
        assert f"A job is still running ({name})" in answer.asked[-1]
        bar.cancel()
        qtbot.waitUntil(lambda bar=bar: not bar.busy)


def test_closing_asks_also_where_the_dock_is_closed(open_napari, answer, qtbot):
    panel = open_panel(open_napari, "Align")
    window, stop, ended = panel.window(), [], []
    bar = panel.zstack.align_tab.run_bar
    bar.start(lambda: counting(stop), returned=ended.append)
    close_dock(open_napari, panel)
    answer("Keep it running")
    window.close()
    assert len(answer.asked) == 1
    stop.append(True)
    qtbot.waitUntil(lambda: bool(ended))
    window.close()  # nothing runs: nothing is asked
    assert not window.isVisible()
    assert len(answer.asked) == 1


def test_an_error_keeps_napari_open_until_it_is_closed_on_purpose(open_napari, monkeypatch, answer):
    panel = open_panel(open_napari, "Align")
    window = panel.window()

    def collect(_):
        raise RuntimeError("no such layer")

    monkeypatch.setattr(panel.zshift, "collect", collect)
    answer("Keep open")
    window.close()
    assert window.isVisible()
    assert "no such layer" in answer.asked[0]
    answer("Close")
    window.close()
    assert not window.isVisible()


def test_a_question_that_is_taken_away_loses_nothing(qtbot):
    QTimer.singleShot(100, lambda: QApplication.activeModalWidget().reject())
    answers = {"Discard": DESTRUCTIVE, "Keep open": STAY}
    assert choice(None, "Close?", "ROIs are in no file.", answers) == "Keep open"


def test_a_script_that_closes_napari_is_not_asked(make_napari_viewer, qtbot, answer):
    viewer = make_napari_viewer(show=True)
    bar = open_panel(viewer, "Align").zstack.align_tab.run_bar
    bar.start(lambda: counting([]), returned=print)
    worker = bar.worker
    viewer.close()
    qtbot.waitUntil(worker.isFinished)
    assert answer.asked == []
