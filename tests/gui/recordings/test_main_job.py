"""The main job on the screen, on real data, as a person does it."""

from __future__ import annotations

import numpy as np
import pytest
from driving import click, settled
from qtpy.QtCore import QPointF, Qt

import napari_zstack_align as nza
from napari_zstack_align.gui.compat import text_overlay
from napari_zstack_align.gui.open import open_panel


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


@pytest.fixture
def folder(shared_data):
    return shared_data / "recordings_drift"


def test_register_look_repair_and_save_the_drifting_recordings(qtbot, viewer, folder, tmp_path):
    panel = open_panel(viewer, "Recordings")
    session = panel.recordings
    session.add_paths([folder])
    settled(qtbot, panel)
    assert [r.name for r in session.recordings] == [f"recording_{k}" for k in (1, 2, 3)]
    assert "20 frames (frame rate unknown); 5 a recording, 15 in all" in (
        session.tab.consequences.text()
    )

    session.tab.list.go_to(2)
    click(qtbot, session.tab.buttons["check"])
    settled(qtbot, panel)
    assert session.tab.verdict.text().startswith("Go: recording_3, frames 0–19 (least like")

    click(qtbot, session.tab.run_bar.run_button)
    settled(qtbot, panel)
    assert "3 of 3 recordings registered" in session.tab.run_bar.status.text()
    assert largest_error_px(session.alignments, folder) < 1

    canvas = viewer.window._qt_viewer.canvas.native
    for expected in ("raw", "aligned"):
        qtbot.keyClick(canvas, Qt.Key.Key_W)
        assert session.layers.mode == expected

    assert panel.tabs.tabText(panel.tabs.currentIndex()) == "Session"
    qtbot.wait(100)
    session_map = session.plots.map
    scene = session_map.plot.vb.mapViewToScene(QPointF(3, 1))
    qtbot.mouseClick(
        session_map.view.viewport(),
        Qt.MouseButton.LeftButton,
        pos=session_map.view.mapFromScene(scene),
    )
    midpoint = int(session.alignments[1].chunks["midpoint"][3])
    assert viewer.dims.current_step[0] == 100 + midpoint
    assert text_overlay(viewer).text.startswith(f"ALIGNED\nrecording_2, frame {midpoint}")
    assert session.plots.quality.isVisible()

    click(qtbot, session.results_tab.buttons["reject"])
    settled(qtbot, panel)
    assert session.alignments[1].chunks["flag"][3] != ""
    assert largest_error_px(session.alignments, folder) < 2

    session.results.save(tmp_path / "larva")
    settled(qtbot, panel)
    again = nza.load_alignment(tmp_path / "larva")
    assert [a.stack.name for a in again] == [r.name for r in session.recordings]
    np.testing.assert_array_equal(again[1].chunks["flag"], session.alignments[1].chunks["flag"])


def largest_error_px(alignments, folder):
    """Largest error of any frame's mean over a grid, up to one affine map for all of them."""
    grid = np.stack(np.meshgrid(*[np.linspace(60, 200, 5)] * 2), -1).reshape(-1, 2)
    ours, true = [], []
    for number, alignment in enumerate(alignments, start=1):
        truth = np.load(folder / f"recording_{number}_raw_to_reference.npy")
        for t in range(0, alignment.stack.n_frames, 7):
            raw = alignment.transforms.to_raw(grid, t)
            ours.append(grid)
            true.append(raw @ truth[t, :2, :2].T + truth[t, :2, 2])
    columns = np.concatenate([np.concatenate(ours), np.ones((len(ours) * len(grid), 1))], axis=1)
    gauge, *_ = np.linalg.lstsq(columns, np.concatenate(true), rcond=None)
    error = np.linalg.norm(columns @ gauge - np.concatenate(true), axis=1)
    return error.reshape(len(ours), -1).mean(axis=1).max()
