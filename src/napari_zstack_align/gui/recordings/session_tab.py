"""Session: look at the result, repair a chunk, save and export."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from napari_zstack_align.gui import toggle_key
from napari_zstack_align.gui.buttons import button
from napari_zstack_align.gui.films import FILM
from napari_zstack_align.gui.layer_combo import LayerCombo
from napari_zstack_align.gui.preferences import preferences
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.gui.recordings.repair_box import RepairBox
from napari_zstack_align.gui.run_bar import RunBar
from napari_zstack_align.gui.runs_box import RunsBox
from napari_zstack_align.gui.taking import plain_images
from napari_zstack_align.write.writers import Takes, Writer, writers_of

LOOK = {
    "toggle": (
        "Raw ⇄ aligned",
        "Switch between the raw and the aligned frames of all recordings",
    ),
    "own_layers": (
        "One layer per recording",
        "Add a layer of the aligned frames of every recording by itself",
    ),
    "overlay": ("Overlay", "Show the means of two recordings over each other, in two colours"),
    "field": ("Common field of view", "Outline what is seen in every good frame of all recordings"),
}
FILES = {
    "save": ("Save session …", "Save all alignments as a small folder; no frame is copied"),
    "open": ("Open session …", "Open a saved session, or one saved alignment of a recording"),
    "export": ("Export frames …", "Write the aligned frames, one file a recording"),
    "write_transforms": (
        "Export transforms …",
        "Write the matrices of the recording in view: reference to raw, on (y, x, 1)",
    ),
    "read_transforms": (
        "Import transforms …",
        "Align the recording in view by matrices from a file, as they are exported",
    ),
    "report": (
        "Report …",
        "Write a one-page report on the alignments: images, figures, parameters; of all recordings "
        "or of the one in view, as above",
    ),
    "film": (FILM[0], f"{FILM[1]}, of the recording in view"),
    "apply": (
        "Apply to layer",
        "Align the chosen layer by the transforms of the recording in view: a filtered copy, or "
        "another channel",
    ),
}
NEEDS_NOTHING = ("open", "drop_points")


class SessionTab(QWidget):
    """Tab of the panel for what is done with registered recordings.

    Parameters
    ----------
    viewer : napari.Viewer
        Its image layers can be aligned by the transforms of a recording.
    """

    button_clicked = Signal(str)
    """Name of a button, as in ``LOOK``, ``REPAIR`` and ``FILES``."""
    open_chosen = Signal(object)
    """Path of a saved session."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.repair_box = RepairBox()
        self.buttons = {name: button(*words) for name, words in {**LOOK, **FILES}.items()}
        self.buttons |= self.repair_box.buttons
        for name in ("overlay", "field"):
            self.buttons[name].setCheckable(True)
        toggle_key.show_on(self.buttons["toggle"])
        self.remarks = QLabel()
        self.remarks.setWordWrap(True)
        self.runs_box = RunsBox()
        self.pair = (QComboBox(), QComboBox())
        for combo, color in zip(self.pair, ("magenta", "green"), strict=True):
            combo.setToolTip(f"Recording whose mean is shown in {color}")
            combo.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            combo.setMinimumContentsLength(8)
        self.before_box = QCheckBox("before alignment")
        self.before_box.setToolTip("Show the means as they were before the alignment")
        self.which = QComboBox()
        self.which.addItems(("All recordings", "Recording in view"))
        self.which.setToolTip("Which recordings to export")
        self._writers = writers_of(Takes.MOVIE)
        self.format = QComboBox()
        for writer in self._writers:
            self.format.addItem(f"{writer.title} ({writer.suffix})", writer.suffix)
        self.format.setToolTip("Format of the exported frames")
        self.format.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.format.setMinimumContentsLength(16)
        self.crop_box = QCheckBox("Crop to common field")
        self.crop_box.setToolTip(
            "Write only the rectangle around what every good frame of all recordings sees"
        )
        self.layer_combo = LayerCombo(viewer, plain_images)
        self.layer_combo.setToolTip("Image layer with as many frames of the same size")
        self.run_bar = self.footer = RunBar()
        self._chose_format = False
        self._there = False
        self._lay_out()
        for name, widget in self.buttons.items():
            widget.clicked.connect(lambda _=False, name=name: self.button_clicked.emit(name))

    def showEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Choose the preferred format, once: asking napari for it takes a moment."""
        super().showEvent(event)
        if not self._chose_format:
            self._chose_format = True
            preferred = self.format.findData(preferences().frames_format)
            self.format.setCurrentIndex(max(preferred, 0))

    @property
    def writer(self) -> Writer:
        """The format that is chosen for frames."""
        return self._writers[self.format.currentIndex()]

    def show_session(self, recordings: Sequence[Recording]) -> None:
        """Offer the recordings that are aligned; the first two where nothing was chosen yet."""
        names = [r.name for r in recordings if r.alignment is not None]
        self._there = bool(names)
        for index, combo in enumerate(self.pair):
            if [combo.itemText(i) for i in range(combo.count())] == names:
                continue
            combo.blockSignals(True)
            combo.clear()
            combo.addItems(names)
            combo.setCurrentIndex(min(index, len(names) - 1))
            combo.blockSignals(False)

    def set_busy(self, busy: bool) -> None:
        """Enable what can be done now."""
        for name, widget in self.buttons.items():
            widget.setEnabled((self._there or name in NEEDS_NOTHING) and not busy)
        self.buttons["toggle"].setEnabled(self._there)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.addWidget(self.remarks)
        for box in (self.runs_box, self._look_box(), self.repair_box, self._files_box()):
            layout.addWidget(box)
        layout.addStretch(1)

    def _look_box(self) -> QGroupBox:
        box = QGroupBox("Look")
        grid = QGridLayout(box)
        grid.addWidget(self.buttons["toggle"], 0, 0)
        grid.addWidget(self.buttons["own_layers"], 0, 1)
        grid.addWidget(self.pair[0], 1, 0)
        grid.addWidget(self.pair[1], 1, 1)
        grid.addWidget(self.buttons["overlay"], 2, 0)
        grid.addWidget(self.before_box, 2, 1)
        grid.addWidget(self.buttons["field"], 3, 0, 1, 2)
        for column in range(2):
            grid.setColumnStretch(column, 1)
        return box

    def _files_box(self) -> QGroupBox:
        box = QGroupBox("Save and export")
        layout = QVBoxLayout(box)
        layout.addLayout(_row(self.buttons["save"], self.buttons["open"]))
        layout.addLayout(_row(self.format, self.which))
        layout.addLayout(_row(self.crop_box, self.buttons["export"]))
        layout.addLayout(_row(self.buttons["write_transforms"], self.buttons["read_transforms"]))
        layout.addLayout(_row(self.layer_combo, self.buttons["apply"]))
        layout.addLayout(_row(self.buttons["film"], self.buttons["report"]))
        return box


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget, 1)
    return row
