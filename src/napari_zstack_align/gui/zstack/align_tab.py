"""Align: parameters, Run and Cancel, a first look at the result, and saving it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QFormLayout,
    QGridLayout,
    QGroupBox,
    QVBoxLayout,
    QWidget,
)

from napari_zstack_align.gui import toggle_key
from napari_zstack_align.gui.align_by import AlignBy
from napari_zstack_align.gui.buttons import button
from napari_zstack_align.gui.films import FILM
from napari_zstack_align.gui.form import ParamsForm
from napari_zstack_align.gui.layer_combo import LayerCombo
from napari_zstack_align.gui.masks import mask_layers
from napari_zstack_align.gui.run_bar import RunBar
from napari_zstack_align.gui.runs_box import RunsBox
from napari_zstack_align.gui.settings_button import SettingsButton
from napari_zstack_align.gui.zstack.compare_box import CompareBox
from napari_zstack_align.gui.zstack.trial_box import TrialBox
from napari_zstack_align.params import AdaptiveParams

RESULT_BUTTONS = {
    "toggle": ("Raw ⇄ aligned", "Switch between the raw and the aligned frames"),
    "volume": ("Volume", "Show the mean of the aligned repeats of each slice"),
    "three_d": ("Volume in 3-D", "Show the volume in 3-D, or go back to what was seen before"),
    "arrows": ("Arrows", "Show how far each part of the frame was moved, drawn 3 times as long"),
    "quality": ("Quality", "Show the plots, sections and means below the image, or hide them"),
    "save": ("Save …", "Save the alignment as a small folder NAME.zalign"),
    "load": ("Load …", "Load an alignment from its folder NAME.zalign"),
    "export": ("Export volume …", "Write the volume for other programs, in µm"),
    "film": FILM,
    "report": ("Report …", "Write a one-page report on the alignment: images, figures, parameters"),
}
VIEW_BUTTONS = ("toggle", "volume", "three_d", "arrows", "quality")
"""They are pressed in while what they show is in view."""
N_COLUMNS = 3
"""Of the buttons under the result: four rows of them are in view at 1280 × 800."""
OF_THE_DATA = ("channel", "channel_weights", "start_slice")
"""Parameters that suit one stack alone."""
JOB_BUTTONS = ("save", "load", "export", "film", "report")


class AlignTab(QWidget):
    """Tab of the panel that runs the adaptive alignment; the panel does what its buttons say.

    Parameters
    ----------
    viewer : napari.Viewer
        Its Labels layers are offered as masks.
    """

    button_clicked = Signal(str)
    """Name of a button under the result, as in ``RESULT_BUTTONS``."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.mask_combo = LayerCombo(viewer, mask_layers, allow_none=True)
        self.mask_combo.setToolTip("Labels layer that says where the alignment has to be right")
        self.form = ParamsForm(AdaptiveParams, first=("alpha",), elsewhere=("channel",))
        self.align_by = AlignBy(self.form)
        self.settings_button = SettingsButton(self.form, AdaptiveParams, OF_THE_DATA)
        self.trial_box = TrialBox()
        self.run_bar = self.footer = RunBar("Run", "Align the stack in the background")
        self.buttons = {name: button(*words) for name, words in RESULT_BUTTONS.items()}
        for name in VIEW_BUTTONS:
            self.buttons[name].setCheckable(True)
        toggle_key.show_on(self.buttons["toggle"])
        self.compare_box = CompareBox()
        self.runs_box = RunsBox()
        self.result = QGroupBox("Result")
        self._there = False
        self._lay_out()
        for name, widget in self.buttons.items():
            widget.clicked.connect(lambda _=False, name=name: self.button_clicked.emit(name))
        self.settings_button.said.connect(self.run_bar.say)
        self.settings_button.refused.connect(self.run_bar.say_error)
        self.set_result(False)

    def set_result(self, there: bool) -> None:
        """Enable what needs an alignment, and what starts a job only while none runs.

        Where there is one, what is done before a run makes room for it.
        """
        if there != self._there:
            self.trial_box.fold_button.setChecked(not there)
        self._there = there
        busy = self.run_bar.busy
        self.trial_box.set_busy(busy)
        self.compare_box.setEnabled(there)
        for name, widget in self.buttons.items():
            widget.setEnabled((there or name == "load") and not (busy and name in JOB_BUTTONS))

    def show_state(self, in_view: Iterable[str]) -> None:
        """Press in the buttons of what is in view."""
        shown = set(in_view)
        for name in VIEW_BUTTONS:
            self.buttons[name].setChecked(name in shown)

    def _lay_out(self) -> None:
        mask = QFormLayout()
        mask.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        mask.addRow("Mask", self.mask_combo)
        rows: list[list[QWidget]] = [
            [self.buttons[name] for name in ("toggle", "volume", "three_d")],
            [self.compare_box, self.buttons["arrows"]],
            [self.buttons[name] for name in ("save", "load", "export")],
            [self.buttons[name] for name in ("film", "report", "quality")],
        ]
        grid = QGridLayout(self.result)
        grid.setHorizontalSpacing(4)
        for row, widgets in enumerate(rows):
            wide = N_COLUMNS - len(widgets) + 1  # of the first one
            for k, widget in enumerate(widgets):
                grid.addWidget(widget, row, k and k + wide - 1, 1, 1 if k else wide)
        layout = QVBoxLayout(self)
        layout.addLayout(mask)
        self.form.put_beside_more(self.settings_button)
        for widget in (self.align_by, self.form, self.trial_box, self.result, self.runs_box):
            layout.addWidget(widget)
        layout.addStretch(1)
