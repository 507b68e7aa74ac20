"""How the chosen recordings are read: each part editable, for one of them or for several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLabel, QLineEdit, QWidget

from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.buttons import button
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.gui.zstack.reading_details import line_phase_words, typed_line_phase
from napari_zstack_align.gui.zstack.stack_details import ORDERS
from napari_zstack_align.stack import Stack
from napari_zstack_align.typed_numbers import numbers

THEY_DIFFER = "they differ: left as they are"
AS_THE_FILE_SAYS = "as the file says"
ALL = "all"
"""As a plane: one recording for each."""
SIZES = ("pixel_size_um", "frame_rate_hz")
"""What can be said otherwise of frames that are open."""

FIELDS: dict[str, tuple[str, str, Callable[[Stack], str]]] = {
    "axes": (
        "Axes",
        "The files' axes, a letter each, slowest first, such as TZCYX",
        lambda stack: stack.said.axes or "",
    ),
    "frames_per_slice": (
        "Volumes",
        "Of recordings of several planes: how often each plane was recorded, for the 'Plane' below",
        lambda stack: _words(stack.said.frames_per_slice),
    ),
    "channels": (
        "Number of channels",
        "Channels, whose images follow one another in the file",
        lambda stack: _words(stack.said.channels),
    ),
    "plane": (
        "Plane",
        f"Which plane of several is the recording, counted from 0; '{ALL}': a recording for each",
        lambda stack: _words(stack.said.plane),
    ),
    "drop_frames": (
        "Drop frames",
        "Frames without use, such as 3, 40-44, or last 2 of 12 for flyback in every volume",
        lambda stack: stack.said.drop_frames or "",
    ),
    "line_phase": (
        "Line phase (px)",
        "By how much every second line lies to the right, in pixels, or auto: estimated",
        lambda stack: line_phase_words(stack.said.line_phase),
    ),
    "image": (
        "Image",
        "Which image of a file that holds several: its number from 0, or name",
        lambda stack: "" if stack.said.image == 0 else str(stack.said.image),
    ),
    "pixel_size_um": (
        "Pixel size (µm)",
        "One number, or height and width, such as 0.8, 0.5",
        lambda stack: _size_words(stack.pixel_size_um),
    ),
    "frame_rate_hz": (
        "Frame rate (Hz)",
        "Frames a second",
        lambda stack: f"{1 / stack.frame_interval_s:.6g}" if stack.frame_interval_s else "",
    ),
}
"""Title, tooltip, and what a stack shows, of each line."""


class RowsReading(QWidget):
    """Lines for what can be said of recordings; only what is edited is changed.

    A line that is emptied stands for what the files say.
    """

    wanted = Signal(dict)
    """What was edited, as arguments of `open_stack`; None: as the file says."""
    refused = Signal(str)
    """One sentence: what is typed can't be."""

    def __init__(self) -> None:
        super().__init__()
        self.whose = QLabel()
        self.whose.setWordWrap(True)
        self.lines = {name: _line(tip) for name, (_, tip, _) in FIELDS.items()}
        self.order = QComboBox()
        self.order.addItem(AS_THE_FILE_SAYS, None)
        for order, words in ORDERS.items():
            self.order.addItem(words, order)
        self.order.setToolTip("What runs fastest in a file of several planes")
        self.order.setMinimumContentsLength(12)
        self.whole_box = QCheckBox("Whole frames of files that break off")
        self.whole_box.setToolTip("Open what is whole of a file that ends within a frame")
        self.open_button = button(
            "Open so", "Open the chosen recordings anew as it is said here; they stay in their rows"
        )
        self._shown: tuple[Any, Qt.CheckState] = (None, Qt.CheckState.Unchecked)
        self.open_button.clicked.connect(self._on_click)
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        layout.addRow(self.whose)
        for name, line in self.lines.items():
            layout.addRow(FIELDS[name][0], line)
            if name == "frames_per_slice":
                layout.addRow("Order", self.order)
        layout.addRow(self.whole_box)
        layout.addRow(self.open_button)
        self.show_recordings(())

    def show_recordings(self, recordings: Sequence[Recording]) -> None:
        """Show what is said of some recordings; a line is empty where they differ."""
        names = [recording.name for recording in recordings]
        whose = names[0] if len(names) == 1 else f"{len(names)} recordings that are chosen"
        self.whose.setText(f"<b>{whose}</b>" if names else "Choose rows of the list above.")
        self.setEnabled(bool(names))
        stacks = [recording.stack for recording in recordings]
        for name, line in self.lines.items():
            values = {FIELDS[name][2](stack) for stack in stacks} or {""}
            line.setText(values.pop() if len(values) == 1 else "")
            line.setPlaceholderText(THEY_DIFFER if values else AS_THE_FILE_SAYS)
            line.setModified(False)
        orders = {stack.said.order for stack in stacks} or {None}
        self.order.setCurrentIndex(self.order.findData(orders.pop()) if len(orders) == 1 else -1)
        whole = {stack.said.whole_frames for stack in stacks} or {False}
        self.whole_box.setTristate(len(whole) > 1)
        states = {True: Qt.CheckState.Checked, False: Qt.CheckState.Unchecked}
        only = next(iter(whole))
        state = Qt.CheckState.PartiallyChecked if len(whole) > 1 else states[only]
        self.whole_box.setCheckState(state)
        self._shown = (self.order.currentIndex(), state)

    def changes(self) -> dict[str, Any]:
        """Return what was edited, as arguments of `open_stack`.

        Raises
        ------
        InputError
            For what is no such value.
        """
        edited = {
            name: _value(name, line.text().strip())
            for name, line in self.lines.items()
            if line.isModified()
        }
        if self.order.currentIndex() != self._shown[0]:
            edited["order"] = self.order.currentData()
        if self.whole_box.checkState() != self._shown[1]:
            edited["whole_frames"] = self.whole_box.checkState() == Qt.CheckState.Checked
        return edited

    def _on_click(self) -> None:
        try:
            changes = self.changes()
        except InputError as error:
            self.refused.emit(str(error))
            return
        self.wanted.emit(changes)


def _line(tip: str) -> QLineEdit:
    line = QLineEdit()
    line.setToolTip(tip)
    return line


def _value(name: str, text: str) -> Any:
    """Turn the text of a line into an argument; None where it is empty."""
    if not text:
        return None
    if name == "plane" and text.lower() == ALL:
        return ALL
    if name in ("channels", "plane", "frames_per_slice"):
        if not text.isdecimal():
            raise InputError(f"'{FIELDS[name][0]}' is '{text}': give a whole number.")
        return int(text)
    if name == "image":
        return int(text) if text.isdecimal() else text
    if name == "line_phase":
        return typed_line_phase(text)
    if name in SIZES:
        return _size(name, text)
    return text


def _size(name: str, text: str) -> Any:
    most = 2 if name == "pixel_size_um" else 1
    try:
        found = numbers(text, lambda values: 1 <= len(values) <= most and min(values) > 0)
    except ValueError as error:
        raise InputError(f"'{FIELDS[name][0]}': {error}.") from None
    if not 1 <= len(found) <= most or min(found) <= 0:
        what = "one number above 0, or two (height, width)" if most == 2 else "a number above 0"
        raise InputError(f"'{FIELDS[name][0]}' is '{text}': give {what}.")
    return (found[0], found[-1]) if most == 2 else found[0]


def _words(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _size_words(size: tuple[float, float] | None) -> str:
    if size is None:
        return ""
    return f"{size[0]:.6g}" if size[0] == size[1] else f"{size[0]:.6g}, {size[1]:.6g}"
