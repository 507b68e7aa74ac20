"""How long a person waits for cells and traces."""

from __future__ import annotations

import pytest
from driving import Heartbeat, click, settled
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QApplication
from test_newest import job

from napari_zstack_align.gui.newest import PATIENCE_S, Newest
from napari_zstack_align.samples import recording_with_motion

from .conftest import DARK

pytestmark = pytest.mark.timing


def test_a_long_question_gives_way_to_a_newer_one(qtbot, median_of, seconds):
    parent = QObject()
    newest = Newest(parent)

    def answer():
        newest.ask(lambda: job("long", 30))
        newest.ask(lambda: job("short"))
        qtbot.waitUntil(lambda: not newest.busy)

    assert median_of(lambda: seconds(answer)) < PATIENCE_S + 1


def test_the_event_loop_never_waits_for_blobs_of_other_scales(qtbot, panel, median_of):
    panel.zstack.load_stack(
        recording_with_motion(n_frames=12, size=160, photons=80.0, seed=5).stack
    )
    settled(qtbot, panel)
    panel.open_tab("Cells")
    cells = panel.cells

    def quiet():
        qtbot.waitUntil(lambda: not cells.busy)
        settled(qtbot, panel)

    click(qtbot, cells.tab.run_bar.run_button)
    quiet()
    slider = cells.tab.methods.controls["log"].rows["max_sigma"].slider

    def longest_wait():
        heartbeat = Heartbeat()
        for value in (3.0, 4.0, 5.0, 6.0):
            slider.setValue(value)
            QApplication.processEvents()
        quiet()
        return heartbeat.stop()

    assert median_of(longest_wait) < 0.1


def test_the_event_loop_never_waits_for_traces(qtbot, panel, session, median_of):
    traces = panel.traces
    traces.open_dock()  # a dock takes napari a moment, once
    traces.tab.form.fields["dark_level"].set((float(DARK),))
    qtbot.wait(300)

    def longest_wait():
        heartbeat = Heartbeat()
        click(qtbot, traces.tab.run_bar.run_button)
        settled(qtbot, panel)
        return heartbeat.stop()

    assert median_of(longest_wait) < 0.1
