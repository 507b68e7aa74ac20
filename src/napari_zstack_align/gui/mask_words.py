"""A line that tells how much of a mask is painted."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QLabel

from napari_zstack_align.gui.masks import MOVED, RESOLUTIONS, is_moved

TELL_AFTER_MS = 150
"""Counting pixels at every move of the brush would make it lag."""


NONE = "No mask: every pixel counts alike."
EMPTY = "paint over the tissue in the image, or choose no mask before Run."


class MaskWords(QLabel):
    """Tells how much of a Labels layer is painted, and follows the brush.

    Parameters
    ----------
    none : str
        What it says where there is no mask.
    empty : str
        What it says, after the name and 'is empty:', where nothing is painted.
    """

    changed = Signal()
    """The brush has painted, a moment ago."""

    def __init__(self, none: str = NONE, empty: str = EMPTY) -> None:
        super().__init__()
        self.setWordWrap(True)
        self._none, self._empty = none, empty
        self._layer: Labels | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TELL_AFTER_MS)
        self._timer.timeout.connect(self.tell)
        self._timer.timeout.connect(self.changed)
        self.tell()

    def follow(self, layer: Labels | None) -> None:
        """Tell of this mask from now on."""
        for event in self._events():
            event.disconnect(self._on_change)
        self._layer = layer
        for event in self._events():
            event.connect(self._on_change)
        self.tell()

    def tell(self) -> None:
        """Say how much is painted."""
        if self._layer is None:
            self.setText(self._none)
            return
        if self._layer.multiscale:
            self.setText(RESOLUTIONS.format(self._layer.name))
            return
        if is_moved(self._layer):
            self.setText(MOVED.format(self._layer.name))
            return
        painted = float(np.mean(np.asarray(self._layer.data) > 0))
        if painted == 0:
            self.setText(f"'{self._layer.name}' is empty: {self._empty}")
        else:
            self.setText(f"'{self._layer.name}' covers {100 * painted:.0f} % of the image.")

    def _events(self) -> list[Any]:
        if self._layer is None:
            return []
        events = self._layer.events
        of_pixels = [events.paint, events.labels_update, events.set_data]
        return [*of_pixels, events.translate, events.rotate, events.shear, events.affine]

    def _on_change(self, event: Any = None) -> None:
        if not self._timer.isActive():
            self._timer.start()
