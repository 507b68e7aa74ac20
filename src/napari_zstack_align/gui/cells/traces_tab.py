"""Traces: dark level, parameters, Run and Cancel, saving and exporting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGroupBox,
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from napari_zstack_align.cells.traces import DarkLevel, Traces
from napari_zstack_align.gui.buttons import button
from napari_zstack_align.gui.films import FILM
from napari_zstack_align.gui.form import ParamsForm
from napari_zstack_align.gui.remarks import remark_lines
from napari_zstack_align.gui.run_bar import RunBar, StatusLine
from napari_zstack_align.params import NwbParams, TraceParams
from napari_zstack_align.write.writers import Takes, Writer, writers_of

FIRST = (
    "neuropil_width_um",
    "neuropil_factor",
    "baseline_percentile",
    "baseline_window_s",
    "dark_level",
)
NWB_FIRST = ("indicator", "location", "session_start", "frame_rate_hz")
BUTTONS = {
    "dark": (
        "Look up",
        "Look for the dark level in the files; where they don't tell it, estimate it from the "
        "darkest pixels of some frames",
    ),
    "dark_file": (
        "From a file …",
        "Take the mean (in counts) of a recording without light, as with a closed shutter, of the "
        "same detector at the same offset and gain",
    ),
    "save": ("Save traces …", "Save the traces as a folder of plain .npy, .csv and .json files"),
    "load": ("Load traces …", "Load traces from the folder that they were saved to"),
    "export": ("Export …", "Write ROIs or traces for other programs"),
    "film": (FILM[0], f"{FILM[1]}, with the ROIs and traces of the recording in view"),
}
NOT_LOOKED_UP = (
    "Counts without light. They are looked up before the first run: without them, ΔF/F is too "
    "small."
)


class TracesTab(QWidget):
    """Tab of the panel that reads traces; its part does what its buttons say."""

    button_clicked = Signal(str)
    """Name of a button, as in ``BUTTONS``."""

    def __init__(self) -> None:
        super().__init__()
        self.what = StatusLine()
        self.remarks = StatusLine()
        self.dark_words = StatusLine()
        self.accept_box = QCheckBox("Subtract this estimate")
        self.form = ParamsForm(TraceParams, first=FIRST)
        self.nwb = ParamsForm(NwbParams, first=NWB_FIRST)
        self.run_bar = RunBar("Read traces", "Read the ROIs' traces from the raw frames")
        self.footer = self.run_bar
        self.buttons = {name: button(*words) for name, words in BUTTONS.items()}
        self.format = QComboBox()
        self._writers = (*writers_of(Takes.TRACES), *writers_of(Takes.ROIS))
        for writer in self._writers:
            ending = f" ({writer.suffix})" if writer.suffix else ""
            self.format.addItem(f"{writer.title}{ending}", writer.title)
        self.format.setToolTip("What to write, and for which program")
        self._there = self._rois = False
        self._lay_out()
        self.show_dark([])
        self._on_format()
        self.set_result(traces=False, rois=False)
        self.accept_box.toggled.connect(self._accept)
        self.form.fields["accept_estimate"].on_change(self._show_accepted)
        self.format.currentIndexChanged.connect(self._on_format)
        for name, widget in self.buttons.items():
            widget.clicked.connect(lambda _=False, name=name: self.button_clicked.emit(name))

    @property
    def writer(self) -> Writer:
        """The format that is chosen."""
        return self._writers[self.format.currentIndex()]

    @property
    def what_is_written(self) -> Takes:
        """What is to be written: ROIs or traces."""
        return Takes.ROIS if Takes.ROIS in self.writer.takes else Takes.TRACES

    def show_dark(self, levels: Sequence[DarkLevel]) -> None:
        """Say what the dark level is and where from; an estimate waits to be accepted."""
        self.dark_words.setText(dark_words(levels) or NOT_LOOKED_UP)
        self.accept_box.setVisible(any(level.source == "estimated" for level in levels))

    def show_remarks(self, traces: Sequence[Traces]) -> None:
        """Say what is to be known of the traces, a line each."""
        self.remarks.setText(remark_lines((each.recording, each.remarks) for each in traces))

    def set_result(self, *, traces: bool, rois: bool) -> None:
        """Enable what can be done with what is there."""
        self._there, self._rois = traces, rois
        idle = not self.run_bar.busy
        needed = self._there if self.what_is_written is Takes.TRACES else self._rois
        for name in ("save", "film"):
            self.buttons[name].setEnabled(traces and idle)
        self.buttons["export"].setEnabled(needed and idle)
        for name in ("dark", "dark_file", "load"):
            self.buttons[name].setEnabled(idle)

    def _on_format(self, _: Any = None) -> None:
        self.nwb.setVisible(self.writer.name == "nwb")
        self.set_result(traces=self._there, rois=self._rois)

    def _accept(self, on: bool) -> None:
        self.form.fields["accept_estimate"].set(on)

    def _show_accepted(self) -> None:
        self.accept_box.setChecked(self.form.fields["accept_estimate"].get())

    def _lay_out(self) -> None:
        self.accept_box.setToolTip(
            "Subtract the estimated dark level before ΔF/F. Where no pixel of the image is really "
            "dark it is too high, and so is ΔF/F."
        )
        self.dark_box = QGroupBox("Dark level")
        rows = QVBoxLayout(self.dark_box)
        rows.addWidget(self.dark_words)
        row = QHBoxLayout()
        row.addWidget(self.accept_box, 1)
        row.addWidget(self.buttons["dark_file"])
        row.addWidget(self.buttons["dark"])
        rows.addLayout(row)
        self.files_box = QGroupBox("Save and export")
        rows = QVBoxLayout(self.files_box)
        rows.addLayout(_row(self.buttons["save"], self.buttons["load"]))
        rows.addLayout(_row(self.format, self.buttons["export"]))
        rows.addWidget(self.nwb)
        rows.addWidget(self.buttons["film"])
        layout = QVBoxLayout(self)
        for widget in (self.what, self.dark_box, self.form, self.files_box, self.remarks):
            layout.addWidget(widget)
        layout.addStretch(1)


def in_counts(value: float) -> str:
    """Such as '54,600' and '19.7'."""
    return f"{value:,.1f}".removesuffix(".0")


def dark_words(levels: Sequence[DarkLevel]) -> str:
    """One sentence for the dark levels of all recordings; '' for none."""
    if not levels:
        return ""
    sources = {level.source for level in levels}
    values = np.concatenate([level.values for level in levels])
    if "none" in sources or not np.isfinite(values).any():
        return "⚠ Nothing tells the dark level: type it in, or ΔF/F is unreliable."
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    counts = in_counts(low) if high - low < 0.5 else f"{in_counts(low)} to {in_counts(high)}"
    between = sorted({each.words_of_interval for each in levels} - {""})
    left_open = f" It may lie anywhere from {between[0]}." if len(between) == 1 else ""
    if "estimated" in sources and all(level.accepted for level in levels):
        return f"{counts} counts are subtracted: an estimate from the darkest pixels.{left_open}"
    if "estimated" in sources:
        return (
            f"⚠ {counts} counts, estimated from the darkest pixels: where none of them is dark, "
            f"that is too high.{left_open} Accept it below, or type in what you know."
        )
    where = {"file": "as the file says", "given": "as given", "dark frames": "from dark frames"}
    return f"{counts} counts, {', '.join(sorted(where[s] for s in sources))}."


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget, 1)
    return row
