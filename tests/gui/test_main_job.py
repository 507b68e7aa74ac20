"""The main job on the screen, on real data, as a person does it."""

from __future__ import annotations

import numpy as np
import pytest
from driving import click, run, run_to_end, settled, show, status
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtWidgets import QApplication
from stacks import slow_zstack, small_zstack

import napari_zstack_align as nza
from napari_zstack_align.gui.compat import text_overlay
from napari_zstack_align.gui.open import open_panel, panel_of


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


@pytest.fixture
def panel(viewer):
    return open_panel(viewer)


def test_load_propose_mask_run_save_on_the_real_zstack(qtbot, viewer, panel, zstack_file, tmp_path):
    panel.zstack.load_tab.open_paths([zstack_file])
    settled(qtbot, panel)
    assert "56 frames, 384 × 384 pixels" in panel.zstack.load_tab.words.text()
    assert viewer.dims.axis_labels == ("frame", "y", "x")

    click(qtbot, panel.zstack.load_tab.details.propose_button)
    settled(qtbot, panel)
    assert panel.zstack.load_tab.details.repeats.value() == 7
    assert "8 slices × 7 repeats" in panel.zstack.load_tab.words.text()
    assert panel.zstack.load_tab.plot.isVisible()
    assert panel.zstack.load_tab.plot.n_frames == 56
    assert viewer.dims.axis_labels == ("repeat", "slice", "y", "x")
    [raw] = viewer.layers
    assert (raw.name, raw.data.shape) == ("stack", (7, 8, 384, 384))

    panel.open_tab("Mask")
    click(qtbot, panel.zstack.mask_tab.new_button)
    mask = viewer.layers.selection.active
    assert mask.mode == "paint"
    assert "is empty" in panel.zstack.mask_tab.words.text()
    mask.brush_size = 300
    mask.paint((200, 200), 1)
    qtbot.waitUntil(lambda: "covers 48 %" in panel.zstack.mask_tab.words.text())
    assert panel.zstack.align_tab.mask_combo.layer is mask

    run_to_end(qtbot, panel)
    assert "8 of 8 slices aligned" in status(panel)
    shown = panel.zstack.shown
    assert shown.alignment.complete
    assert np.mean(shown.alignment.mask > 0) == pytest.approx(0.48, abs=0.01)
    assert [layer.name for layer in viewer.layers] == [
        "stack",
        "stack aligned",
        "stack volume",
        "stack mask",
        "stack displacement",
    ]
    np.testing.assert_allclose(
        np.asarray(shown.volume[0].data[3]),
        np.nan_to_num(shown.alignment.volume()[3].compute()),
        atol=5e-3,
    )

    panel.zstack.result.save(tmp_path / "run.zalign")
    settled(qtbot, panel)
    assert "Saved" in status(panel)
    again = nza.load_alignment(tmp_path / "run.zalign")
    np.testing.assert_array_equal(again.quality, shown.alignment.quality)
    panel.zstack.result.export(tmp_path / "volume.ome.tif")
    settled(qtbot, panel)
    assert (tmp_path / "volume.ome.tif").stat().st_size > 8 * 384 * 384
    panel.zstack.result.report(tmp_path / "run.html")
    settled(qtbot, panel)
    assert f"Wrote {tmp_path / 'run.html'}" in status(panel)
    assert "y–z section" in (tmp_path / "run.html").read_text(encoding="utf-8")


def test_look_at_the_result_with_a_key_and_a_click(qtbot, viewer, panel, tmp_path):
    shown = show(qtbot, panel, small_zstack())
    run_to_end(qtbot, panel)
    assert shown.mode == "volume"
    canvas = viewer.window._qt_viewer.canvas.native
    for expected in ("aligned", "raw", "aligned"):
        qtbot.keyClick(canvas, Qt.Key.Key_W)
        assert shown.mode == expected
    assert [layer.visible for layer in (*shown.raw, *shown.aligned, *shown.volume)] == [
        False,
        True,
        False,
    ]

    plot = panel.zstack.quality.dock.plot
    qtbot.waitUntil(plot.isVisible)
    qtbot.wait(100)
    box = plot.plots[0].vb
    scene = box.mapViewToScene(QPointF(7, box.viewRect().center().y()))
    qtbot.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=plot.mapFromScene(scene))
    assert panel.zstack.shown.grid.frame_at(panel.zstack.shown.position()) == 7
    panel.zstack.result.film(tmp_path / "run.gif")
    settled(qtbot, panel)
    assert f"Wrote {tmp_path / 'run.gif'}" in status(panel)


@pytest.mark.thorough
def test_another_stack_after_the_first_was_removed_in_3d(qtbot, viewer, panel):
    """An emptied text overlay once crashed the drawing here."""
    show(qtbot, panel, small_zstack(n_slices=1, n_repeats=6))
    run_to_end(qtbot, panel)
    click(qtbot, panel.zstack.align_tab.buttons["three_d"])
    qtbot.wait(300)
    panel.zstack.quality.dock.frame_clicked.emit(1)
    viewer.layers.clear()
    show(qtbot, panel, small_zstack())
    qtbot.wait(300)
    assert text_overlay(viewer).visible
    assert text_overlay(viewer).text == "slice 0, repeat 0"


def test_every_step_opens_the_one_panel_at_its_tab(qtbot, viewer):
    from napari_zstack_align.gui import opener as opening

    for name in ("Load", "Mask", "Align"):
        opener = getattr(opening, f"Open{name}")(viewer)
        viewer.window.add_dock_widget(opener, name=f"{name} (Z-stack align)")
        qtbot.waitUntil(lambda: not viewer.window._qt_window.findChildren(opening.Opener))
        panel = panel_of(viewer)
        assert panel.tabs.tabText(panel.tabs.currentIndex()) == name
    assert len(viewer.window._qt_window.findChildren(type(panel))) == 1


def test_closing_the_viewer_while_running_stops_the_worker(qtbot, viewer, panel):
    show(qtbot, panel, slow_zstack())
    run(qtbot, panel)
    worker = panel.zstack.align_tab.run_bar.worker
    viewer.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    qtbot.waitUntil(worker.isFinished)
