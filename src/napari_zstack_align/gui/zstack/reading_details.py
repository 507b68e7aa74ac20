"""How a file is read: what can be said of its frames, and the file opened again so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QWidget,
)

from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.buttons import button
from napari_zstack_align.microscope import LineShift
from napari_zstack_align.microscope.line_shift import Px
from napari_zstack_align.said import Said
from napari_zstack_align.stack import Stack
from napari_zstack_align.typed_numbers import numbers

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
        self.line_phase = QLineEdit()
        self.line_phase.setPlaceholderText("none, such as 3 or auto")
        self.line_phase.setToolTip(
            "How far every second line lies to the right, in px, as bidirectional scanning may "
            "leave it: these lines are moved back as frames are read. Three numbers where it "
            "varies (left edge, centre, right edge); 'auto' looks for it; 'Check pixels' above "
            "says what the frames show"
        )
        self.subpixel = QCheckBox("by parts of a pixel")
        self.subpixel.setToolTip(
            "With a tick, all lines are moved by half of the line phase, which blurs them alike; "
            "without, every second one by whole pixels, which changes no value"
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
        layout.addRow("Line phase (px)", self.line_phase)
        layout.addRow("", self.subpixel)
        layout.addRow(self.open_button)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        on_any_change(self, self.changed.emit)

    def show_stack(self, stack: Stack | None) -> None:
        """Show what was said of a stack; one that is no file can't be opened again."""
        said = Said() if stack is None else stack.said
        self.blockSignals(True)
        self.axes.setText(said.axes or "")
        self.channels.setValue(said.channels or 0)
        self.plane.setValue(-1 if said.plane is None else said.plane)
        self.drop.setText(said.drop_frames or "")
        self.image.setText("" if said.image == 0 else str(said.image))
        self.line_phase.setText(line_phase_words(said.line_phase))
        self.subpixel.setChecked(said.line_phase_subpixel)
        self.setEnabled(stack is not None and bool(stack.paths))
        self.blockSignals(False)

    def show_line_phase(self, line_phase: Px) -> None:
        """Say a line phase that was found; one below half a pixel, by parts of a pixel."""
        self.line_phase.setText(line_phase_words(line_phase))
        if LineShift(line_phase).does_nothing:
            self.subpixel.setChecked(True)

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
            Where a plane is wanted of a recording, or what is typed is no number.
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
        line_phase = typed_line_phase(self.line_phase.text().strip())
        given = {
            **details,
            "axes": self.axes.text().strip() or None,
            "channels": self.channels.value() or None,
            "plane": plane,
            "drop_frames": self.drop.text().strip() or None,
            "image": int(image) if image.isdecimal() else image or None,
            "whole_frames": before.whole_frames or None,
            "line_phase": line_phase,
            "line_phase_subpixel": (line_phase is not None and self.subpixel.isChecked()) or None,
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
    for tick in widget.findChildren(QCheckBox):
        tick.toggled.connect(lambda _: tell())


def line_phase_words(line_phase: float | tuple[float, ...] | None) -> str:
    """'3', or '2; 3; 2' from the left to the right; '' for none."""
    if line_phase is None:
        return ""
    values = (line_phase,) if isinstance(line_phase, float | int) else line_phase
    return "; ".join(f"{value:.12g}" for value in values)


def typed_line_phase(text: str) -> float | tuple[float, ...] | str | None:
    """Line phase that is typed, as `open_stack` takes it."""
    if not text or text.lower() == "auto":
        return text.lower() or None
    try:
        px = numbers(text, lambda values: len(values) in (1, 3))
    except ValueError as error:
        raise InputError(f"Line phase: {error}.") from None
    return px[0] if len(px) == 1 else px
