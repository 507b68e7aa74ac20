"""Recordings: the list, mask and parameters, a check of one chunk, and Run."""

from __future__ import annotations

from typing import Any

from napari.layers import Image
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.align_by import AlignBy
from napari_zstack_align.gui.buttons import button, more_button
from napari_zstack_align.gui.form import ParamsForm
from napari_zstack_align.gui.layer_combo import LayerCombo
from napari_zstack_align.gui.layer_group import KEY
from napari_zstack_align.gui.mask_words import MaskWords
from napari_zstack_align.gui.masks import mask_layers
from napari_zstack_align.gui.param_widgets import OptionalField
from napari_zstack_align.gui.recordings.chunk_words import chunk_words
from napari_zstack_align.gui.recordings.recording_list import RecordingList
from napari_zstack_align.gui.recordings.rows_reading import RowsReading
from napari_zstack_align.gui.run_bar import RunBar, StatusLine
from napari_zstack_align.gui.settings_button import SettingsButton
from napari_zstack_align.gui.way_out import WaysOut
from napari_zstack_align.gui.word_colours import Meaning, give_meaning
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.register import recordings as engine
from napari_zstack_align.settings import in_titles
from napari_zstack_align.stack import Stack

FIRST = ("chunk_frames", "transform", "residual")

BUTTONS = {
    "files": ("Files …", "Add image files, each one recording"),
    "folder": ("Folder …", "Add every image file of a folder as a recording"),
    "layers": ("Layers", "Add the image layers that are selected in napari; nothing is copied"),
    "remove": ("Remove", "Take the chosen rows out of the list; no file is touched"),
    "mask": (
        "New mask",
        "Show the mean of the reference frames, and add an empty mask over it, ready to paint",
    ),
    "saved": (
        "Saved …",
        "Use the reference of a saved alignment or session, so that these recordings join it",
    ),
    "check": (
        "Will this work?",
        "Match one chunk to the reference, by default the one that is least like it, and show its "
        "keypoints and matches (a second or two)",
    ),
    "compare": (
        "Compare recordings",
        "Match the chunk of every recording that is least like the reference to it (a few seconds)",
    ),
}

OF_THE_DATA = ("channel", "channel_weights", "reference_recording", "reference_frames")
"""Parameters that suit one session alone."""


class RecordingsTab(QWidget):
    """Tab of the panel that registers recordings; the session does what its buttons say.

    Parameters
    ----------
    viewer : napari.Viewer
        Its layers are offered as masks and references.
    """

    button_clicked = Signal(str)
    """Name of a button, as in ``BUTTONS``."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.list = RecordingList()
        self.buttons = {name: button(*words) for name, words in BUTTONS.items()}
        self.ways_out = WaysOut()
        self.unlike_words = StatusLine()
        give_meaning(self.unlike_words, "odd")
        self.plane_words = StatusLine()
        self.reading = RowsReading()
        self.reading_button = more_button(
            "How they are read",
            "Say what the files don't, for the chosen rows: axes, channels, plane, sizes …",
            self.reading,
        )
        self.mask_combo = LayerCombo(viewer, mask_layers, allow_none=True)
        self.mask_combo.setToolTip(
            "Labels layer over the reference; only keypoints in what is painted count"
        )
        self.mask_words = MaskWords()
        self.reference_combo = LayerCombo(viewer, reference_layers, allow_none=True)
        self.reference_combo.setToolTip(
            "Image (y, x) whose coordinates all recordings get; none: that which the session has, "
            "at first the middle of the recording marked ★, or of a still and sharp one"
        )
        self.form = ParamsForm(KeypointParams, first=FIRST, elsewhere=("channel",))
        self.align_by = AlignBy(self.form)
        self.settings_button = SettingsButton(self.form, KeypointParams, OF_THE_DATA)
        self.consequences = _words()
        self.chunk_box = QSpinBox()
        self.chunk_box.setPrefix("chunk ")
        self.chunk_box.setMinimum(-1)
        self.chunk_box.setSpecialValueText("least alike")
        self.chunk_box.setValue(-1)
        self.chunk_box.setToolTip(
            "Chunk of the chosen recording to look at, counted from 0; 'least alike': of some "
            "spread over it, the one that resembles the reference least"
        )
        self.verdict = _words()
        self.join_box = QCheckBox("Only recordings that aren't aligned yet")
        self.join_box.setToolTip(
            "Register the new recordings to the reference of the aligned ones, which stay as they "
            "are"
        )
        self.join_box.setVisible(False)
        self.anew_box = QCheckBox("Choose the reference anew")
        self.anew_box.setToolTip(
            "Without a tick, the session keeps the reference that it has, and ROIs and masks their "
            "places; with one, Run chooses another, and the ROIs are carried to it"
        )
        self.anew_box.setVisible(False)
        self.edits_box = QCheckBox("Do the repairs of this run again")
        self.edits_box.setToolTip(
            "With a tick, chunks that were marked as bad or good, or fitted to points, are so in "
            "the new run, too"
        )
        self.edits_box.setChecked(True)
        self.edits_box.setVisible(False)
        self.boxes = {"join": self.join_box, "anew": self.anew_box, "edits": self.edits_box}
        self.run_bar = self.footer = RunBar("Run", "Register all recordings in the background")
        self._lay_out()
        for name, widget in self.buttons.items():
            widget.clicked.connect(lambda _=False, name=name: self.button_clicked.emit(name))
        self.form.changed.connect(self.tell_consequences)
        self.list.changed.connect(self.tell_consequences)
        self.list.changed.connect(self._show_channels)
        self.list.changed.connect(self._show_reading)
        self.list.itemSelectionChanged.connect(self._show_reading)
        self.reading.refused.connect(self.run_bar.say_error)
        self.settings_button.said.connect(self.run_bar.say)
        self.settings_button.refused.connect(self.run_bar.say_error)
        self.mask_combo.currentIndexChanged.connect(
            lambda _: self.mask_words.follow(self.mask_combo.layer)
        )
        self.tell_consequences()

    def tell_consequences(self) -> None:
        """Say what the chunk size means for these recordings."""
        stacks = [recording.stack for recording in self.list.recordings]
        try:
            words, is_error = chunk_words(stacks, self.form.values()), False
            self._suggest_length(stacks)
        except InputError as error:
            words, is_error = in_titles(str(error)), True
        give_meaning(self.consequences, "error" if is_error else "")
        self.consequences.setText(words)

    def _show_channels(self) -> None:
        stacks = [recording.stack for recording in self.list.recordings]
        self.align_by.show_channels(stacks[0].channel_names if stacks else ())

    def _show_reading(self) -> None:
        """Show how the chosen recordings are read, and what all don't have in common."""
        self.reading.show_recordings(self.list.chosen)
        self.unlike_words.setText(self.list.unlike.sentence)

    def _suggest_length(self, stacks: list[Stack]) -> None:
        """A chunk size that is ticked begins at the default one."""
        if stacks and self.form.values().n_chunks is None:
            start, stop = engine.chunk_ranges(stacks[0], self.form.values())[0]
            field = self.form.fields["chunk_frames"]
            if isinstance(field, OptionalField):
                field.suggest(stop - start)

    def say_verdict(self, go: bool | None, words: str) -> None:
        """Show whether it will work; None while that isn't known."""
        meanings: dict[bool | None, Meaning] = {None: "", True: "go", False: "no go"}
        give_meaning(self.verdict, meanings[go])
        self.verdict.setText(words)
        self.verdict.setVisible(bool(words))

    def set_busy(self, busy: bool) -> None:
        """Nothing that a running job depends on can be changed meanwhile."""
        for widget in (
            self.list,
            self.reading_button,
            self.reading,
            *self.buttons.values(),
            self.join_box,
            self.anew_box,
            self.edits_box,
        ):
            widget.setEnabled(not busy)

    def _below_list(self) -> tuple[QWidget, ...]:
        return (
            self.ways_out,
            self.unlike_words,
            self.plane_words,
            self.reading_button,
            self.reading,
        )

    def _lay_out(self) -> None:
        rows = QHBoxLayout()
        for name in ("files", "folder", "layers", "remove"):
            rows.addWidget(self.buttons[name])
        choices = QGridLayout()
        for row, (label, combo, name) in enumerate(
            (("Mask", self.mask_combo, "mask"), ("Reference", self.reference_combo, "saved"))
        ):
            choices.addWidget(QLabel(label), row, 0)
            choices.addWidget(combo, row, 1)
            choices.addWidget(self.buttons[name], row, 2)
        choices.setColumnStretch(1, 1)
        check = QHBoxLayout()
        check.addWidget(self.buttons["check"], 1)
        check.addWidget(self.chunk_box, 1)
        layout = QVBoxLayout(self)
        layout.addWidget(self.list)
        layout.addLayout(rows)
        for below in self._below_list():
            layout.addWidget(below)
        layout.addLayout(choices)
        layout.addWidget(self.mask_words)
        layout.addWidget(self.align_by)
        layout.addWidget(self.form)
        self.form.put_beside_more(self.settings_button)
        layout.addWidget(self.consequences)
        layout.addLayout(check)
        layout.addWidget(self.buttons["compare"])
        for widget in (self.verdict, self.join_box, self.anew_box, self.edits_box):
            layout.addWidget(widget)
        layout.addStretch(1)


def reference_layers(layers: Any) -> list[Any]:
    """Images (y, x) that may be a reference; those of the session itself only where they say so."""
    return [
        layer
        for layer in layers
        if isinstance(layer, Image)
        and layer.ndim == 2
        and not layer.rgb
        and (KEY not in layer.metadata or REFERENCE in layer.metadata)
    ]


REFERENCE = "reference alignment"
"""Where a layer's metadata keep the alignment that a reference was loaded from."""


def _words() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    return label
