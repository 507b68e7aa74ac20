"""Sliders and spin boxes of the detectors: exact values, tooltips with units, limits."""

from __future__ import annotations

import pytest
from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QSlider

from napari_zstack_align.gui.cells.blob_controls import BlobControls
from napari_zstack_align.gui.cells.cells_tab import CellsTab
from napari_zstack_align.gui.cells.roi_model import RoiModel
from napari_zstack_align.params import BlobParams

MODELS = {
    "log": BlobParams(),
    "dog": BlobParams(method="dog"),
    "doh": BlobParams(method="doh"),
    "nuclei": BlobParams.nuclei(),
    "fine": BlobParams(threshold=0.03125, min_sigma=1.234, max_sigma=55.5, exclude_border=300),
}


@pytest.mark.parametrize("params", MODELS.values(), ids=MODELS)
def test_the_controls_give_back_what_they_show(qtbot, params):
    controls = BlobControls(params.method)
    qtbot.addWidget(controls)
    controls.show_params(params)
    shown = controls.params.model_dump()
    unseen = {"sigma_ratio"} if params.method != "dog" else {"num_sigma"}
    assert {k: v for k, v in shown.items() if k not in unseen} == {
        k: v for k, v in params.model_dump().items() if k not in unseen
    }


def test_a_slider_goes_no_farther_than_is_useful_but_the_box_does(qtbot):
    controls = BlobControls("log")
    qtbot.addWidget(controls)
    told = []
    controls.changed.connect(told.append)
    row = controls.rows["max_sigma"]
    row.spin.setValue(80.0)
    assert told[-1].max_sigma == 80
    assert row.slider.value() == pytest.approx(20)
    row.slider.setValue(7.5)
    assert told[-1].max_sigma == 7.5


def test_nuclei_and_defaults(qtbot):
    controls = BlobControls("log")
    qtbot.addWidget(controls)
    told = []
    controls.changed.connect(told.append)
    controls.nuclei_button.click()
    controls.reset_button.click()
    assert told == [BlobParams.nuclei(), BlobParams()]


def test_auto_without_an_image_is_told(qtbot):
    controls = BlobControls("log")
    qtbot.addWidget(controls)
    with qtbot.waitSignal(controls.refused) as told:
        controls.auto()
    assert "no image yet" in told.args[0]


def test_every_control_has_a_tooltip_and_sizes_have_their_unit(qtbot, viewer):
    tab = CellsTab(viewer, RoiModel())
    qtbot.addWidget(tab)
    kinds = (QAbstractButton, QAbstractSpinBox, QComboBox, QSlider)
    bare = [
        type(widget).__name__
        for kind in kinds
        for widget in tab.findChildren(kind)
        if not widget.toolTip() and not widget.objectName().startswith("qt_") and _is_own(widget)
    ]
    assert not bare
    for name in ("min_sigma", "max_sigma", "exclude_border"):
        row = tab.methods.controls["log"].rows[name]
        assert row.label.text().endswith("(px)")
        assert "px" in row.slider.toolTip()
    tab.mask_combo.stop()


def _is_own(widget):
    """Not a part that Qt makes of another widget."""
    parent = type(widget.parent()).__name__
    return parent not in ("QTabBar", "QTableView", "RoiList", "QComboBoxPrivateContainer")
