"""How a file is read: what can be said of its frames, and the file opened again so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QWidget,
)

from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.buttons import button
from napari_zstack_align.said import Said
from napari_zstack_align.stack import Stack

MOST_CHANNELS = 16


class ReadingDetails(QWidget):
    """What a person says of a file's frames where the file doesn't, or says it wrongly.

    Pixels are others then, so that the file is opened again.
    """

    wanted = Signal()
    """The file is to be opened again, as it is said."""
    changed = Signal()
    """Something else is typed."""

    def __init__(self) -> None:
        super().__init__()
        self.axes = QLineEdit()
        self.axes.setPlaceholderText("as the file says, such as ZRCYX")
        self.axes.setToolTip(
            "The file's axes, a letter each, slowest first: T time, V volumes, Z slices, "
            "R repeats, C channels, Y, X; empty: as the file says"
        )
        self.channels = QSpinBox()
        self.channels.setRange(0, MOST_CHANNELS)
        self.channels.setSpecialValueText("as the file says")
        self.channels.setToolTip("Channels, whose images follow one another in the file")
        self.plane = QSpinBox()
        self.plane.setRange(-1, 9999)
        self.plane.setSpecialValueText("all")
        self.plane.setToolTip(
            "One slice of volumes that repeat, counted from 0, opened as a recording; the repeats "
            "and the order above say what the volumes are"
        )
        self.drop = QLineEdit()
        self.drop.setPlaceholderText("none, such as 3, 40-44 or last 2 of 12")
        self.drop.setToolTip(
            "Frames without use, counted from 0: they keep their place and time, and are flagged. "
            "'last 2 of 12' leaves flyback out of every volume"
        )
        self.image = QLineEdit()
        self.image.setPlaceholderText("the first")
        self.image.setToolTip(
            "Which image of a file that holds several: its number from 0, or name"
        )
        self.open_button = button(
            "Open again", "Open the file anew, as it is said here and above; what is shown stays"
        )
        self.open_button.clicked.connect(self.wanted)
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        layout.addRow("Axes", self.axes)
        layout.addRow("Number of channels", self.channels)
        layout.addRow("Plane", self.plane)
        layout.addRow("Drop frames", self.drop)
        layout.addRow("Image", self.image)
        layout.addRow(self.open_button)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        on_any_change(self, self.changed.emit)

    def show_stack(self, stack: Stack) -> None:
        """Show what was said of a stack; one that is no file can't be opened again."""
        said = stack.said
        self.blockSignals(True)
        self.axes.setText(said.axes or "")
        self.channels.setValue(said.channels or 0)
        self.plane.setValue(-1 if said.plane is None else said.plane)
        self.drop.setText(said.drop_frames or "")
        self.image.setText("" if said.image == 0 else str(said.image))
        self.setEnabled(bool(stack.paths))
        self.blockSignals(False)

    def arguments(self, before: Said, details: dict[str, Any]) -> dict[str, Any]:
        """Arguments of `open_stack`.

        Parameters
        ----------
        before : Said
            What was said of the stack that is shown.
        details : dict
            The layout and the sizes that are typed in, `StackDetails.said`.

        Raises
        ------
        InputError
            Where a plane is wanted of a recording.
        """
        plane = None if self.plane.value() < 0 else self.plane.value()
        if plane is not None and details["frames_per_slice"] is None:
            layout = {"frames_per_slice": before.frames_per_slice, "order": before.order}
            details = {**details, **layout}
            if before.frames_per_slice is None:
                raise InputError(
                    "For one plane of volumes, give the number of volumes as 'Repeats per slice', "
                    "and the order 'whole volumes repeat'."
                )
        image = self.image.text().strip()
        given = {
            **details,
            "axes": self.axes.text().strip() or None,
            "channels": self.channels.value() or None,
            "plane": plane,
            "drop_frames": self.drop.text().strip() or None,
            "image": int(image) if image.isdecimal() else image or None,
            "whole_frames": before.whole_frames or None,
        }
        return {name: value for name, value in given.items() if value is not None}


def on_any_change(widget: QWidget, tell: Callable[[], object]) -> None:
    """Call a function whenever something is typed or chosen in a field of a widget."""
    for line in widget.findChildren(QLineEdit):
        if not isinstance(line.parent(), QSpinBox):
            line.textChanged.connect(lambda _: tell())
    for box in widget.findChildren(QSpinBox):
        box.valueChanged.connect(lambda _: tell())
    for combo in widget.findChildren(QComboBox):
        combo.currentIndexChanged.connect(lambda _: tell())
