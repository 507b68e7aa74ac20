"""Z-shift: recording and reference, parameters, Run and Cancel, what to look at, and files."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QDoubleSpinBox,
    QFormLayout,
    QGridLayout,
    QGroupBox,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_zstack_align.gui.buttons import button
from napari_zstack_align.gui.form import ParamsForm
from napari_zstack_align.gui.run_bar import RunBar, StatusLine
from napari_zstack_align.gui.zshift.layers import CORRECTED, FRAMES, LEFT, RIGHT, SIMULATED, SLICE
from napari_zstack_align.gui.zshift.source_row import SourceRow
from napari_zstack_align.params import ZShiftParams

FIRST = ("patch_px", "window_slices", "channel", "reference_channel")
VIEWS = {
    FRAMES: ("Frames", "Left: the recording's frames, raw or aligned"),
    CORRECTED: (
        "Corrected (baseline only)",
        "Left: frames with the baseline's change by z taken out. A transient that was lost out of "
        "focus can't be brought back",
    ),
    SLICE: (
        "Matching slice",
        "Right: the slice of the reference nearest to the frame; hatched where the frame lies "
        "outside the stack",
    ),
    SIMULATED: (
        "Simulated (z only)",
        "Right: what the recording would look like if only z had changed, made of the reference",
    ),
}
FILES = {
    "save": ("Save …", "Save the z-shift as a folder NAME.zalign"),
    "open": ("Open …", "Open a z-shift from its folder NAME.zalign"),
    "corrected": (
        "Export corrected …",
        "Write the corrected movie (baseline only), frame by frame",
    ),
    "simulated": (
        "Export simulated …",
        "Write the simulated movie (z only), frame by frame",
    ),
}
STEP_TIP = (
    "Distance of the reference's slices, in µm, where it doesn't say it or says it wrongly. "
    "Where none is known, z is told in slices."
)


class ZShiftTab(QWidget):
    """Tab of the panel that finds depths; its part does what its buttons say."""

    button_clicked = Signal(str)
    """Name of a button, as in ``FILES``."""
    view_chosen = Signal(str)
    """What to look at, as in ``VIEWS``."""

    def __init__(self) -> None:
        super().__init__()
        self.recording = SourceRow(
            "recording", "Whose frames are looked for; aligned frames where it has an alignment"
        )
        self.reference = SourceRow(
            "reference", "Z-stack in which they are looked for, best an aligned volume"
        )
        self.z_step = QDoubleSpinBox()
        self.z_step.setRange(0, 1000)
        self.z_step.setDecimals(3)
        self.z_step.setSingleStep(0.5)
        self.z_step.setSpecialValueText("as the reference says")
        self.z_step.setToolTip(STEP_TIP)
        self.what, self.remarks = StatusLine(), StatusLine()
        self.form = ParamsForm(ZShiftParams, first=FIRST)
        self.run_bar = RunBar("Find z of every frame", "Look for each frame in the reference")
        self.footer = self.run_bar
        self.views = {name: button(*words) for name, words in VIEWS.items()}
        self.buttons = {name: button(*words) for name, words in FILES.items()}
        self.view_box, self.files_box = QGroupBox("Look at"), QGroupBox("Save and export")
        self._groups = [self._group(names) for names in (LEFT, RIGHT)]
        self._there = False
        self._lay_out()
        self.set_result(there=False)
        for name, widget in self.buttons.items():
            widget.clicked.connect(lambda _=False, name=name: self.button_clicked.emit(name))
        for name, widget in self.views.items():
            widget.clicked.connect(lambda _=False, name=name: self.view_chosen.emit(name))

    @property
    def z_step_um(self) -> float | None:
        """The z-step that was typed in, in µm; None: as the reference says."""
        return self.z_step.value() or None

    def set_result(self, *, there: bool) -> None:
        """Enable what can be done with what is there."""
        self._there = there
        idle = not self.run_bar.busy
        self.view_box.setEnabled(there)
        for name, widget in self.buttons.items():
            widget.setEnabled(idle and (there or name == "open"))

    def update_busy(self) -> None:
        """A job has begun or ended."""
        self.set_result(there=self._there)

    def show_looked_at(self, *names: str) -> None:
        """Press the buttons of what is in view."""
        for name in names:
            self.views[name].setChecked(True)

    def _group(self, names: tuple[str, ...]) -> QButtonGroup:
        """Buttons of which one is pressed."""
        group = QButtonGroup(self)
        for name in names:
            widget: QPushButton = self.views[name]
            widget.setCheckable(True)
            group.addButton(widget)
        self.views[names[0]].setChecked(True)
        return group

    def _lay_out(self) -> None:
        sources = QGroupBox("Recording and reference")
        form = QFormLayout(sources)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow("Recording", self.recording)
        form.addRow("Reference", self.reference)
        form.addRow("z-step (µm)", self.z_step)
        form.addRow(self.what)
        views = QGridLayout(self.view_box)
        for row, (side, names) in enumerate((("Left", LEFT), ("Right", RIGHT))):
            views.addWidget(QLabel(side), row, 0)
            for column, name in enumerate(names, start=1):
                views.addWidget(self.views[name], row, column)
        files = QGridLayout(self.files_box)
        for index, name in enumerate(FILES):
            files.addWidget(self.buttons[name], index // 2, index % 2)
        layout = QVBoxLayout(self)
        for widget in (sources, self.form, self.view_box, self.files_box, self.remarks):
            layout.addWidget(widget)
        layout.addStretch(1)
