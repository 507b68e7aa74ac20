"""Hovering over and clicking ROIs with a real pointer, in a window that is shown."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication

from napari_zstack_align.cells import Rois
from napari_zstack_align.gui.cells.trace_set import with_liveliest
from napari_zstack_align.gui.compat import camera, canvas_size
from napari_zstack_align.gui.open import open_panel

from .conftest import CELLS, recording, shifts, traces_of


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


@pytest.fixture
def panel(viewer):
    panel = open_panel(viewer, "Traces")
    recordings = [recording(0), recording(1)]
    panel.recordings.show(recordings)
    panel.rois.set(Rois.of(CELLS))
    panel.traces.show(with_liveliest([traces_of(r) for r in recordings]))
    panel.recordings.toggle()
    panel.recordings.layers.go_to_frame(0, 12)
    viewer.window.resize(1300, 800)  # room for a canvas beside the docks
    for _ in range(10):
        QApplication.processEvents()
    viewer.reset_view()
    for _ in range(10):
        QApplication.processEvents()
    return panel


def on_canvas(viewer, y, x):
    """Place of a pixel in the canvas widget."""
    middle = np.array(canvas_size(viewer)) / 2
    layer = viewer.layers[0]
    world = np.array((y, x)) * layer.scale[-2:]
    down, right = middle + (world - camera(viewer).center[-2:]) * camera(viewer).zoom
    return QPoint(round(right), round(down))


def raw_place(row):
    return CELLS[row, :2] + shifts(40, 0)[12]


def canvas(viewer):
    return viewer.window._qt_viewer.canvas.native


def test_click_hover_and_shift_click(qtbot, viewer, panel):
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    viewer.layers.selection.active = panel.recordings.layers.raw[0]
    qtbot.mouseClick(canvas(viewer), left, none, on_canvas(viewer, *raw_place(1)))
    assert panel.rois.selected == (2,)
    assert panel.traces.dock.plot.rois == [2]

    shift = Qt.KeyboardModifier.ShiftModifier
    qtbot.mouseClick(canvas(viewer), left, shift, on_canvas(viewer, *raw_place(0)))
    assert panel.rois.selected == (1, 2)

    qtbot.mouseClick(canvas(viewer), left, none, on_canvas(viewer, 2, 60))
    assert panel.rois.selected == (1, 2)  # beside all of them: nothing changes

    qtbot.mouseMove(canvas(viewer), on_canvas(viewer, *raw_place(0)))
    qtbot.waitUntil(lambda: panel.traces.pointer.tip != "")
    assert panel.traces.pointer.tip == "ROI 1, ΔF/F 1"
    qtbot.mouseMove(canvas(viewer), on_canvas(viewer, 2, 60))
    qtbot.waitUntil(lambda: panel.traces.pointer.tip == "")


@pytest.mark.thorough
def test_circles_are_true_to_size(viewer, panel):
    layer = panel.traces.on_frames.layer
    panel.rois.select([])
    panel.traces.on_frames.paint({})
    for other in panel.recordings.layers.raw:
        other.opacity = 0.0
    for _ in range(10):
        QApplication.processEvents()
    picture = viewer.screenshot(canvas_only=True, flash=False)[..., :2].min(-1)
    factor = picture.shape[0] / canvas_size(viewer)[0]
    zoom = camera(viewer).zoom * layer.scale[-1] * factor
    for row, radius in enumerate(CELLS[:, 2]):
        place = on_canvas(viewer, *raw_place(row))
        line = picture[round(place.y() * factor), :]
        lit = np.flatnonzero(line > 120)
        distances = np.abs(lit - place.x() * factor) / zoom
        ring = distances[distances < radius + 2]
        assert abs(ring.mean() - radius) < 0.3
