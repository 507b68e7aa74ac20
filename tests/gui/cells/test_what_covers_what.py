"""What lies over what: image, blobs, ROIs and what came later, and the words over them."""

from __future__ import annotations

import numpy as np
import pytest
from driving import click, settled
from qtpy.QtWidgets import QApplication

from napari_zstack_align.gui.compat import text_overlay
from napari_zstack_align.samples import recording_with_motion

from .test_cells_part import find, quiet


@pytest.fixture(scope="module")
def image():
    return (
        recording_with_motion(n_frames=12, size=160, photons=80.0, seed=5)
        .stack.read(0, 12)
        .mean((0, 1))
    )


@pytest.fixture
def cells(qtbot, viewer, panel, image):
    viewer.add_image(image, name="mine", scale=(0.8, 0.7), translate=(5, 6))
    panel.open_tab("Cells")
    QApplication.processEvents()
    find(qtbot, panel.cells)
    return panel.cells


def test_a_layer_of_someone_keeps_its_place(cells):
    for layer in (cells.layers.image_layer, cells.layers.points["log"]):
        np.testing.assert_allclose(layer.scale, (0.8, 0.7))
        np.testing.assert_allclose(layer.translate, (5, 6))


def test_blobs_stay_hidden_below_their_rois_until_they_are_wanted(qtbot, panel, cells):
    points = cells.layers.points["log"]
    click(qtbot, cells.tab.rois.buttons["use"])
    quiet(qtbot, cells)
    assert not points.visible
    panel.open_tab("Traces")
    panel.open_tab("Cells")
    assert not points.visible
    cells.tab.methods.controls["log"].rows["threshold"].spin.setValue(0.05)
    assert points.visible
    quiet(qtbot, cells)


def test_an_image_that_came_later_does_not_cover_the_blobs(qtbot, viewer, panel, cells, image):
    click(qtbot, cells.tab.rois.buttons["use"])
    quiet(qtbot, cells)
    viewer.add_image(image, name="later")
    settled(qtbot, panel)
    find(qtbot, cells)
    names = [layer.name for layer in viewer.layers]
    assert names.index("later") < names.index(cells.layers.image_layer.name)
    assert names[-2:] == ["LoG blobs", "ROIs"]


def test_words_go_with_the_image_that_was_removed(qtbot, viewer, cells):
    assert "blobs" in text_overlay(viewer).text
    viewer.layers.remove(cells.layers.image_layer)
    quiet(qtbot, cells)
    assert not text_overlay(viewer).visible
