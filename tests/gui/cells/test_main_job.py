"""From files to ΔF/F on the screen, on real data, as a person does it."""

from __future__ import annotations

import numpy as np
import pytest
from driving import click, settled
from qtpy.QtCore import QPointF, Qt
from qtpy.QtWidgets import QApplication

from napari_zstack_align.cells import transform_rois
from napari_zstack_align.gui.open import open_panel
from napari_zstack_align.params import BlobParams


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


def test_register_find_cells_read_look_and_export(qtbot, viewer, shared_data, tmp_path):
    panel = open_panel(viewer, "Recordings")
    session, cells, traces = panel.recordings, panel.cells, panel.traces
    session.add_paths([shared_data / "recordings_drift"])
    settled(qtbot, panel)
    click(qtbot, session.tab.run_bar.run_button)
    settled(qtbot, panel)

    panel.open_tab("Cells")
    click(qtbot, cells.tab.run_bar.run_button)
    settled(qtbot, panel)
    controls = cells.tab.methods.controls["log"]
    controls.use(BlobParams(min_sigma=2.5, max_sigma=5.0, threshold=0.05))
    qtbot.waitUntil(lambda: not cells.busy)
    click(qtbot, cells.tab.rois.buttons["use"])
    settled(qtbot, panel)
    n_rois = len(panel.rois.rois)
    assert n_rois > 5

    panel.open_tab("Traces")
    qtbot.keyClick(viewer.window._qt_viewer.canvas.native, Qt.Key.Key_W)
    assert session.layers.mode == "raw"
    on_frames = traces.on_frames
    for number, frame in ((0, 10), (2, 90)):
        session.layers.go_to_frame(number, frame)
        QApplication.processEvents()
        transforms = session.alignments[number].transforms
        expected = transform_rois(panel.rois.rois, transforms, frame)
        np.testing.assert_allclose(
            on_frames.layer.data[on_frames.seen], expected[on_frames.seen, :2]
        )

    traces.tab.accept_box.setChecked(True)
    click(qtbot, traces.tab.run_bar.run_button)
    settled(qtbot, panel)
    found = traces.traces.recordings
    assert [t.recording for t in found] == [r.name for r in session.recordings]
    assert all(t.dff.shape == (1, n_rois, 100) for t in found)
    assert np.isfinite(found[0].F).mean() > 0.9

    plot = traces.dock.plot
    scene = plot.plot.vb.mapViewToScene(QPointF(plot.timeline.x_of(1, 42), 0.0))
    qtbot.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=plot.mapFromScene(scene))
    assert session.layers.position() == 142

    tab = traces.tab
    tab.format.setCurrentIndex(tab.format.findData("Suite2p folder"))
    traces.files.export(tmp_path / "larva")
    settled(qtbot, panel)
    assert len(list(tmp_path.glob("larva_*/F.npy"))) == 3, tab.run_bar.status.text()
