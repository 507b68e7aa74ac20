"""The dock below the image: traces of the selected ROIs, and what of them is shown."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from napari_zstack_align.errors import InputError
from napari_zstack_align.flags import shown
from napari_zstack_align.gui.buttons import button
from napari_zstack_align.gui.cells.trace_plot import COLORS, MAX_TRACES, TracePlot
from napari_zstack_align.gui.cells.trace_set import QUANTITIES, UNITS, TraceSet
from napari_zstack_align.gui.file_dialogs import ask_where_to_write
from napari_zstack_align.gui.outdated import may_be_written, name_of
from napari_zstack_align.settings import in_titles
from napari_zstack_align.write.writers import Writer

HINT = "Click ROIs in the viewer (Shift adds); click a trace to go to its frame."
_PICTURES = "napari_zstack_align.gui.cells.pictures"
PICTURES = (
    Writer("png", "Picture", (".png",), (), f"{_PICTURES}:write_png"),
    Writer("svg", "Drawing", (".svg",), (), f"{_PICTURES}:write_svg"),
)


class TracesDock(QWidget):
    """Shows a set of traces; ROIs and frames are chosen from outside."""

    place_clicked = Signal(int, int)
    """Recording and frame."""
    stimuli_wanted = Signal()
    """A table of stimulus times is to be opened."""
    stimuli_unwanted = Signal()
    """Those that are shown are to be taken away."""
    shown_changed = Signal()
    """Other ROIs, or another quantity or channel."""

    def __init__(self) -> None:
        super().__init__()
        self.traces = TraceSet(())
        self.rois: list[int] = []
        self.outdated = ""
        """Why the traces are outdated, a sentence; '' for not."""
        self.quantity = QComboBox()
        for name, words in QUANTITIES.items():
            self.quantity.addItem(words, name)
        self.quantity.setToolTip(
            "What is drawn: ΔF/F, or counts (F and neuropil with nothing subtracted)"
        )
        self.channel = QComboBox()
        self.channel.setToolTip("Channel that is drawn")
        self.stack_box = QCheckBox("Stacked")
        self.stack_box.setChecked(True)
        self.stack_box.setToolTip("Draw the traces below each other, all at the same scale")
        self.all_button = button("Whole length", "Let all recordings be in view again")
        self.stimuli_button = button(
            "Stimuli …",
            "Open a table of stimulus times (CSV or TSV) and show them as bars behind the traces. "
            "Its columns are onset, and offset or duration; name and recording where there are "
            "any. Times are seconds since the start of the recording, raw frames where the title "
            "is onset_frame, or date and time. They are saved and exported with the traces",
        )
        self.no_stimuli_button = button(
            "Remove stimuli",
            "Take the bars away, and the stimuli out of what is saved and exported; their table "
            "stays as it is",
        )
        self.picture_button = button("Picture …", "Save what is seen as PNG or SVG")
        self.plot = TracePlot()
        self.plot.setToolTip(
            "Traces of the selected ROIs. Turn the wheel to zoom in time, drag to move, click to "
            "go to a frame. Red: frames that the alignment is not sure of or left out; grey: "
            "between recordings; other bars: stimuli, a colour a name; white line: the frame in "
            "view."
        )
        self.words = QLabel(HINT)
        self._lay_out()
        self._connect()

    # -- what is shown -------------------------------------------------------------------------

    def show_traces(self, traces: TraceSet) -> None:
        """Show other traces of, as far as they are there, the same ROIs."""
        same_axis = traces.lengths == self.traces.lengths and traces.names == self.traces.names
        self.traces = traces
        self._offer_channels()
        if not same_axis or not traces.recordings:
            self.plot.set_recordings(traces.names, traces.lengths, traces.times, traces.bad())
        else:
            self.plot.shade(traces.bad())
        self.plot.show_stimuli(traces.stimuli())
        self.stimuli_button.setEnabled(bool(traces.recordings))
        self.no_stimuli_button.setVisible(traces.has_stimuli)
        self.show_rois(self.rois)

    def show_rois(self, rois: Sequence[int]) -> None:
        """Draw the traces of these ROIs."""
        known = set(self.traces.ids)
        self.rois = [roi for roi in rois if roi in known]
        self._draw()

    def call_outdated(self, why: str) -> None:
        """Say why the traces are outdated; '' for not."""
        if why != self.outdated:
            self.outdated = why
            self.words.setText(self._hint())

    def colors(self) -> dict[int, str]:
        """Colour of each ROI whose trace is drawn, by id."""
        return dict(zip(self.plot.rois, COLORS, strict=False))

    def value_words(self, roi: int, recording: int, frame: int) -> str:
        """What the trace of a ROI says in one frame, such as 'ΔF/F 0.42'; '' for nothing."""
        name = self.quantity.currentData()
        value = self.traces.value(roi, recording, frame, name, self.channel.currentIndex())
        if not np.isfinite(value):
            return f"no {QUANTITIES[name]} in this frame"
        return f"{QUANTITIES[name]} {value:.3g}{' counts' if UNITS[name] == 'counts' else ''}"

    def set_theme(self, name: str) -> None:
        """Use the colours of a napari theme."""
        self.plot.set_theme(name)

    # -- pictures ------------------------------------------------------------------------------

    def save_picture(self, path: Path) -> Path:
        """Write what is seen as PNG or SVG, as the name's ending says.

        Raises
        ------
        InputError
            Where the ending is another one, or the file can't be written.
        """
        picture = next((each for each in PICTURES if each.ending_of(path)), None)
        if picture is None:
            raise InputError(f"{path.name} must end in .png or .svg.")
        picture.load()(self.plot, path)
        if not path.exists():
            raise InputError(f"{path} can't be written: choose another folder.")
        return path

    # -- inside --------------------------------------------------------------------------------

    def _draw(self) -> None:
        name, channel = self.quantity.currentData(), max(self.channel.currentIndex(), 0)
        drawn = self.rois[:MAX_TRACES]
        curves = [self.traces.curve(roi, name, channel) for roi in drawn]
        self.plot.show_curves(curves, UNITS[name], stacked=self.stack_box.isChecked())
        self.words.setText(self._hint())
        self.shown_changed.emit()

    def _hint(self) -> str:
        if self.outdated:
            return f"⚠ {self.outdated}"
        more = len(self.rois) - MAX_TRACES
        if more > 0:
            return f"The first {MAX_TRACES} of {len(self.rois)} selected ROIs are drawn."
        doubts = {traces.dff_doubt for traces in self.traces.recordings} - {""}
        if doubts and self.quantity.currentData() == "dff" and self.rois:
            return f"⚠ ΔF/F is unreliable, for {' and '.join(sorted(doubts))}."
        return HINT

    def _offer_channels(self) -> None:
        names = list(self.traces.channel_names)
        words = [name or f"channel {index}" for index, name in enumerate(names)]
        if [self.channel.itemText(i) for i in range(self.channel.count())] != words:
            self.channel.blockSignals(True)
            self.channel.clear()
            self.channel.addItems(words)
            self.channel.blockSignals(False)
        self.channel.setVisible(len(words) > 1)

    def _on_pointed(self, place: tuple[int, int] | None) -> None:
        """Say what is under the pointer."""
        if place is None or not self.traces.recordings:
            self.words.setText(self._hint())
            return
        recording, frame = place
        traces = self.traces.recordings[recording]
        frames, times = traces.acquisition, traces.frame_times_s
        when = "" if times is None else f" ({times[frame]:.2f} s)"
        if when and (at := str(frames.take([frame]).recorded_at[0])):
            when = f"{when[:-1]}, {at.replace('T', ' ')[:23]})"
        row = traces.frames[frame]
        parts = [
            f"<span style='color:{color}'>ROI {roi}</span> {self.value_words(roi, *place)}"
            for roi, color in list(self.colors().items())[:4]
        ]
        more = [f"confidence {traces.confidence[frame]:.2f}"]
        if stimulus := self.traces.stimulus_at(recording, frame):
            more.insert(0, f"stimulus {escape(stimulus)}")
        if row["flag"]:
            more.append(escape(shown(row)))
        name = f"{traces.recording}, " if len(self.traces.recordings) > 1 else ""
        self.words.setText(f"{name}{frames.words(frame)}{when}: {', '.join([*parts, *more])}")

    def _ask_picture(self) -> None:
        if not may_be_written(self, "traces", self.outdated):
            return
        proposed = name_of("traces.png", self.outdated)
        path = ask_where_to_write(self, "Save the picture", proposed, PICTURES)
        if path is None:
            return
        try:
            self.words.setText(f"Saved {self.save_picture(path)}")
        except InputError as error:
            self.words.setText(in_titles(str(error)))

    def _connect(self) -> None:
        self.quantity.currentIndexChanged.connect(lambda _: self._draw())
        self.channel.currentIndexChanged.connect(lambda _: self._draw())
        self.stack_box.toggled.connect(lambda _: self._draw())
        self.all_button.clicked.connect(lambda _: self.plot.show_all())
        self.stimuli_button.clicked.connect(lambda _: self.stimuli_wanted.emit())
        self.no_stimuli_button.clicked.connect(lambda _: self.stimuli_unwanted.emit())
        self.picture_button.clicked.connect(lambda _: self._ask_picture())
        self.plot.place_clicked.connect(self.place_clicked)
        self.plot.pointed.connect(self._on_pointed)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        for widget in (self.quantity, self.channel, self.stack_box, self.all_button):
            row.addWidget(widget)
        row.addWidget(self.words, 1)
        row.addWidget(self.stimuli_button)
        row.addWidget(self.no_stimuli_button)
        row.addWidget(self.picture_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.addLayout(row)
        layout.addWidget(self.plot, 1)
        self.setMinimumHeight(180)
