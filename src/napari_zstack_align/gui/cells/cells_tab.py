"""Cells: the image, the three detectors, the mask, and the ROIs."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGroupBox, QHBoxLayout, QVBoxLayout, QWidget

from napari_zstack_align.gui.buttons import button
from napari_zstack_align.gui.cells.cell_mask import cell_mask_layers
from napari_zstack_align.gui.cells.methods_grid import MethodsGrid
from napari_zstack_align.gui.cells.roi_box import RoiBox
from napari_zstack_align.gui.cells.roi_model import RoiModel
from napari_zstack_align.gui.cells.source_box import SourceBox
from napari_zstack_align.gui.layer_combo import LayerCombo
from napari_zstack_align.gui.mask_words import MaskWords
from napari_zstack_align.gui.run_bar import RunBar

NO_MASK = "No mask: cells are looked for everywhere."
EMPTY_MASK = "paint where cells are to be looked for."


class CellsTab(QWidget):
    """Tab of the panel that finds cells; its part does what its buttons say.

    Parameters
    ----------
    viewer : napari.Viewer
        Its Labels layers are offered as masks.
    model : RoiModel
        The ROIs.
    """

    new_mask_clicked = Signal()

    def __init__(self, viewer: Any, model: RoiModel) -> None:
        super().__init__()
        self.source = SourceBox()
        self.methods = MethodsGrid()
        self.mask_combo = LayerCombo(viewer, cell_mask_layers, allow_none=True)
        self.mask_combo.setToolTip(
            "Labels layer that says where cells are looked for; another one than that of the "
            "registration"
        )
        self.mask_button = button(
            "New mask", "Add an empty mask for cells over the image, with the brush ready"
        )
        self.mask_words = MaskWords(NO_MASK, EMPTY_MASK)
        self.rois = RoiBox(model)
        self.run_bar = self.footer = RunBar(
            "Find blobs", "Make the image in the background, and look for blobs in it"
        )
        self._lay_out()
        self.mask_button.clicked.connect(self.new_mask_clicked)

    def _lay_out(self) -> None:
        mask = QGroupBox("Mask for cells")
        rows = QVBoxLayout(mask)
        row = QHBoxLayout()
        row.addWidget(self.mask_combo, 1)
        row.addWidget(self.mask_button)
        rows.addLayout(row)
        rows.addWidget(self.mask_words)
        layout = QVBoxLayout(self)
        for widget in (self.source, self.methods, mask, self.rois):
            layout.addWidget(widget)
        layout.addStretch(1)
