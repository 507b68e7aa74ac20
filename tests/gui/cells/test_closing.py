"""The panel is closed and opened again: nothing is left in the viewer, and no ROI is lost."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication

from napari_zstack_align.cells import Rois
from napari_zstack_align.gui.compat import text_overlay
from napari_zstack_align.gui.open import open_panel

from .conftest import CELLS


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


def close(viewer, panel):
    viewer.window.remove_dock_widget(panel)
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def open_and_close(viewer):
    panels = []

    def opened():
        panels.append(open_panel(viewer, "Cells"))
        return panels[-1]

    yield opened
    close(viewer, panels[-1])
    viewer.layers.clear()


def test_a_closed_panel_lets_go_of_the_viewer(viewer, open_and_close):
    close(viewer, open_and_close())
    before = listeners(viewer)
    panel = open_and_close()
    assert listeners(viewer) > before
    close(viewer, panel)  # still referred to, as in the lists of the viewer's mouse callbacks
    assert listeners(viewer) == before
    assert not viewer.keymap
    open_and_close()


def test_rois_survive_a_closed_panel(viewer, open_and_close):
    panel = open_and_close()
    viewer.add_image(np.random.default_rng(0).random((64, 64)))
    panel.rois.set(Rois.of(CELLS))
    close(viewer, panel)
    again = open_and_close()
    np.testing.assert_allclose(again.rois.rois.circles, CELLS)
    assert [layer.name for layer in viewer.layers].count("ROIs") == 1
    assert "ROIs [1]" not in viewer.layers


def test_a_canvas_that_is_gone_does_not_keep_the_panel(viewer, open_and_close):
    """As when napari's window is closed while words stand over the image."""
    panel = open_and_close()

    def gone(_):
        raise RuntimeError("wrapped C/C++ object has been deleted")

    overlay = text_overlay(viewer)
    overlay.visible = True
    overlay.events.visible.connect(gone)
    try:
        panel._disconnect()
    finally:
        overlay.events.visible.disconnect(gone)
    assert panel.traces.pointer._hover not in viewer.mouse_move_callbacks
