"""ROIs by hand: buttons, the radius, and the list."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QDoubleSpinBox,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from napari_zstack_align.counting import counted
from napari_zstack_align.gui.buttons import button
from napari_zstack_align.gui.cells.roi_list import RoiList
from napari_zstack_align.gui.cells.roi_model import MIN_RADIUS_PX, RoiModel

BUTTONS = {
    "use": (
        "Use blobs as ROIs",
        "Make the blobs of the method in front the ROIs. Those added or changed by hand stay, and "
        "a cell that was there before keeps its id",
    ),
    "volume": (
        "Find in all slices",
        "Find blobs in every slice by the method in front, and merge those of neighbouring slices "
        "into one cell. Strengths are those of an image between the smallest and largest value of "
        "all slices",
    ),
    "delete": ("Delete", "Delete the selected ROIs; key Delete in the viewer"),
    "undo": ("Undo", "Undo the last change of the ROIs; Ctrl+Z in the viewer"),
    "redo": ("Redo", "Do again what was undone; Ctrl+Y in the viewer"),
    "save": ("Save …", "Save the ROIs as a table (.csv): id, y, x, radius in px, slices, features"),
    "load": (
        "Load …",
        "Load ROIs, instead of those there are: such a table, results of Fiji, or a zip of "
        "ImageJ's ROI manager; can be undone",
    ),
}
MODES = {
    "add": ("Add", "Click in the viewer to add ROIs with the radius below"),
    "select": (
        "Edit",
        "Click in the viewer to select ROIs, drag to move them, Shift + wheel to resize them, "
        "Delete to delete them",
    ),
    "pan_zoom": ("Look", "Drag in the viewer to move the view"),
}
MAX_RADIUS_PX = 500.0


class RoiBox(QGroupBox):
    """What can be done with ROIs; the part does what the buttons say.

    Parameters
    ----------
    model : RoiModel
        The ROIs.
    """

    button_clicked = Signal(str)
    """Name of a button, as in ``BUTTONS``."""
    mode_clicked = Signal(str)
    """napari's mode, as in ``MODES``."""
    radius_changed = Signal(float)
    """Somebody has set the radius (px)."""

    def __init__(self, model: RoiModel) -> None:
        super().__init__("ROIs")
        self._model = model
        self.buttons = {name: button(*words) for name, words in BUTTONS.items()}
        self.modes = {name: button(*words) for name, words in MODES.items()}
        self._group = QButtonGroup(self)
        for widget in self.modes.values():
            widget.setCheckable(True)
            self._group.addButton(widget)
        self.modes["pan_zoom"].setChecked(True)
        self.radius = QDoubleSpinBox()
        self.radius.setRange(MIN_RADIUS_PX, MAX_RADIUS_PX)
        self.radius.setDecimals(1)
        self.radius.setSingleStep(0.5)
        self.radius.setSuffix(" px")
        self.radius.setValue(4.0)
        self.radius.setKeyboardTracking(False)
        self.radius.setToolTip(
            "Radius (px) of the selected ROIs; where none is selected, of those that are added"
        )
        self.count = QLabel()
        self.count.setWordWrap(True)
        self.list = RoiList(model)
        self._lay_out()
        self.buttons["volume"].setVisible(False)
        for name, widget in self.buttons.items():
            widget.clicked.connect(lambda _=False, name=name: self.button_clicked.emit(name))
        for name, widget in self.modes.items():
            widget.clicked.connect(lambda _=False, name=name: self.mode_clicked.emit(name))
        self.radius.valueChanged.connect(self.radius_changed)
        model.changed.connect(self.refresh)
        model.selection_changed.connect(self._show_radius)
        self.refresh()

    def refresh(self) -> None:
        """Show what there is, and enable what can be done with it."""
        rois, selected = self._model.rois, self._model.selected
        n = len(rois)
        hand = int(sum(rois.features.get("by_hand", ())))
        words = "No ROIs yet." if not n else counted(n, "ROI")
        if n:
            words += f", {hand} by hand" if hand else ""
            words += f", {len(selected)} selected." if selected else "."
        self.count.setText(words)
        self.buttons["undo"].setEnabled(self._model.can_undo)
        self.buttons["redo"].setEnabled(self._model.can_redo)
        self.buttons["save"].setEnabled(n > 0)
        self.buttons["delete"].setEnabled(bool(selected))

    def show_mode(self, mode: str) -> None:
        """Mark the button of napari's mode."""
        self.modes.get(mode, self.modes["pan_zoom"]).setChecked(True)

    def _show_radius(self) -> None:
        self.refresh()
        if self._model.selected:
            self.radius.blockSignals(True)
            self.radius.setValue(float(self._model.rois.circle(self._model.selected[0])[2]))
            self.radius.blockSignals(False)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.addLayout(_row(self.buttons["use"], self.buttons["volume"]))
        layout.addLayout(_row(*self.modes.values()))
        grid = QGridLayout()
        grid.addWidget(QLabel("Radius"), 0, 0)
        grid.addWidget(self.radius, 0, 1)
        for column, name in enumerate(("delete", "undo", "redo"), 2):
            grid.addWidget(self.buttons[name], 0, column)
        layout.addLayout(grid)
        layout.addWidget(self.count)
        layout.addWidget(self.list)
        layout.addLayout(_row(self.buttons["save"], self.buttons["load"]))


def _row(*widgets: QWidget) -> QHBoxLayout:
    row: Any = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget, 1)
    return row
