"""Mask: paint where the alignment has to be right."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

HELP = (
    "Paint the tissue that has to be right; leave out vessels, the edge of a lens and dark "
    "borders. Outside the mask the motion continues smoothly. No mask is fine too."
)


TELL_AFTER_MS = 150
"""Counting pixels at every move of the brush would make it lag."""


class MaskTab(QWidget):
    """Tab of the panel that makes a mask ready to paint."""

    new_mask_clicked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._layer: Labels | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TELL_AFTER_MS)
        self._timer.timeout.connect(self.tell)
        help_text = QLabel(HELP)
        help_text.setWordWrap(True)
        self.new_button = QPushButton("New mask")
        self.new_button.setToolTip(
            "Add an empty Labels layer over the stack, with the brush ready; [ and ] change the "
            "size of the brush (px), E erases"
        )
        self.words = QLabel("No mask yet.")
        self.words.setWordWrap(True)
        layout = QVBoxLayout(self)
        for widget in (help_text, self.new_button, self.words):
            layout.addWidget(widget)
        layout.addStretch(1)
        self.new_button.clicked.connect(self.new_mask_clicked)

    def follow(self, layer: Labels | None) -> None:
        """Tell how much of this mask is painted, from now on."""
        for event in self._events():
            event.disconnect(self._on_change)
        self._layer = layer
        for event in self._events():
            event.connect(self._on_change)
        self.tell()

    def tell(self) -> None:
        """Say how much is painted."""
        if self._layer is None:
            self.words.setText("No mask: every pixel counts alike.")
            return
        painted = float(np.mean(np.asarray(self._layer.data) > 0))
        if painted == 0:
            self.words.setText(
                f"'{self._layer.name}' is empty: paint over the tissue in the image, or choose no "
                f"mask before Run."
            )
        else:
            self.words.setText(f"'{self._layer.name}' covers {100 * painted:.0f} % of the image.")

    def _events(self) -> list[Any]:
        if self._layer is None:
            return []
        events = self._layer.events
        return [events.paint, events.labels_update, events.set_data]

    def _on_change(self, event: Any = None) -> None:
        if not self._timer.isActive():
            self._timer.start()
