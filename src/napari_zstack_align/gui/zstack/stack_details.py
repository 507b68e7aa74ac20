"""What a stack says about itself, each part editable."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QWidget,
)

from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.buttons import button
from napari_zstack_align.layout import Order
from napari_zstack_align.stack import Stack

ORDERS: dict[Order, str] = {
    "repeats": "repeats follow each other",
    "slices": "whole volumes repeat",
    "up-and-down": "sweeps up and down",
    "up-and-down-once": "sweeps up and down, ends once",
}


class StackDetails(QWidget):
    """What a stack says about itself, each part editable; 0 stands for unknown."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.repeats = QSpinBox()
        self.repeats.setSpecialValueText("none: a recording")
        self.repeats.setToolTip("Frames (repeats) of each slice; none for a recording")
        self.propose_button = button(
            "Propose", "Find the repeats per slice from how alike neighbouring frames are"
        )
        self.each = QLineEdit()
        self.each.setPlaceholderText("all alike, or such as 5, 5, 7")
        self.each.setToolTip("Repeats of every slice, where they vary: one number a slice")
        self.order = QComboBox()
        for order, words in ORDERS.items():
            self.order.addItem(words, order)
        self.order.setToolTip(
            "What runs fastest in the file: the repeats of a slice, the slices of a volume, or "
            "those of sweeps there and back, where the slice at a turning point comes twice, or "
            "once"
        )
        self.order.setMinimumContentsLength(12)
        self.pixel_y = _size("Height of a pixel, in µm")
        self.pixel_x = _size("Width of a pixel, in µm")
        self.z_step = _size("Distance between slices, in µm")
        self.interval = _size("Time from frame to frame, in seconds")
        self.channels = QLineEdit()
        self.channels.setToolTip("Names of the channels, with commas between")
        self._lay_out()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._shown_interval = 0.0
        for box in (self.repeats, self.pixel_y, self.pixel_x, self.z_step, self.interval):
            box.valueChanged.connect(lambda _: self.changed.emit())
        self.order.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.each.textEdited.connect(lambda _: self.changed.emit())
        self.channels.textEdited.connect(lambda _: self.changed.emit())

    def show_stack(self, stack: Stack | None) -> None:
        """Show what a stack says, or nothing where there is none, without telling of a change."""
        self.blockSignals(True)
        if stack is None:
            self._clear()
        else:
            self._fill(stack)
        self._shown_interval = self.interval.value()
        self.blockSignals(False)

    def _clear(self) -> None:
        for box in (self.repeats, self.pixel_y, self.pixel_x, self.z_step, self.interval):
            box.setValue(0)
        self.order.setCurrentIndex(0)
        self.each.clear()
        self.channels.clear()

    def _fill(self, stack: Stack) -> None:
        self.repeats.setMaximum(stack.n_frames)
        self.repeats.setValue(stack.most_repeats)
        self.order.setCurrentIndex(max(self.order.findData(stack.order), 0))
        each = stack.frames_per_slice
        self.each.setText(", ".join(map(str, each)) if isinstance(each, tuple) else "")
        pixel = stack.pixel_size_um or (0.0, 0.0)
        self.pixel_y.setValue(pixel[0])
        self.pixel_x.setValue(pixel[1])
        self.z_step.setValue(stack.z_step_um or 0.0)
        self.interval.setValue(stack.frame_interval_s or 0.0)  # 0 reads "unknown"
        self.channels.setText(", ".join(stack.channel_names))

    def edited(self, stack: Stack) -> Stack:
        """Return the stack as it is described now.

        Raises
        ------
        InputError
            Where the parts don't fit.
        """
        names = tuple(word.strip() for word in self.channels.text().split(",") if word.strip())
        changes: dict[str, Any] = {}
        if self.interval.value() != self._shown_interval:
            step = self.interval.value()
            changes["frame_times_s"] = np.arange(stack.n_frames) * step if step else None
        return stack.replace(**self.said(), channel_names=names, **changes)

    def said(self) -> dict[str, Any]:
        """Layout and sizes that are typed in, as attributes of a stack and for `open_stack`.

        Raises
        ------
        InputError
            Where the parts don't fit.
        """
        pixel = (self.pixel_y.value(), self.pixel_x.value())
        if (pixel[0] > 0) != (pixel[1] > 0):
            raise InputError("Give both sizes of a pixel (height and width), or neither.")
        repeats = self._repeats_of_each() or self.repeats.value() or None
        return {
            "frames_per_slice": repeats,
            "order": self.order.currentData() if repeats else None,
            "pixel_size_um": pixel if pixel[0] > 0 else None,
            "z_step_um": self.z_step.value() or None,
        }

    def typed_rate(self) -> dict[str, float]:
        """The frame rate for `open_stack`, where another interval is typed than that shown."""
        step = self.interval.value()
        return {"frame_rate_hz": 1 / step} if step and step != self._shown_interval else {}

    def _repeats_of_each(self) -> tuple[int, ...] | None:
        """Repeats of every slice by itself; None where they are all alike."""
        parts = self.each.text().replace(";", ",").replace(" ", "").strip(",")
        if not parts:
            return None
        try:
            return tuple(map(int, parts.split(",")))
        except ValueError:
            raise InputError(
                f"'{self.each.text()}' is no list of repeats: give one whole number a slice, such "
                f"as 5, 5, 7."
            ) from None

    def _lay_out(self) -> None:
        repeats = QHBoxLayout()
        repeats.addWidget(self.repeats, 1)
        repeats.addWidget(self.propose_button)
        pixel = QHBoxLayout()
        pixel.addWidget(self.pixel_y)
        pixel.addWidget(QLabel("×"))
        pixel.addWidget(self.pixel_x)
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        layout.addRow("Repeats per slice", repeats)
        layout.addRow("Repeats of each", self.each)
        layout.addRow("Order", self.order)
        layout.addRow("Pixel size y × x (µm)", pixel)
        layout.addRow("Z-step (µm)", self.z_step)
        layout.addRow("Frame interval (s)", self.interval)
        layout.addRow("Channels", self.channels)


def _size(tooltip: str) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(0, 1e6)
    box.setDecimals(4)
    box.setSingleStep(0.1)
    box.setSpecialValueText("unknown")
    box.setToolTip(tooltip)
    box.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
    box.setMinimumWidth(70)
    return box
