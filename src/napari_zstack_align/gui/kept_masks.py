"""Painted masks that were removed in napari together with the frames below them."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer
from qtpy.QtCore import QObject, QTimer, Signal

from napari_zstack_align.gui.layer_group import KEY
from napari_zstack_align.gui.listening import Listening


class KeptMasks(QObject):
    """Keeps masks that go with their frames, as runs are kept; main thread only.

    Who selects all layers and deletes them wants another view; one who deletes a mask alone wants
    it gone.

    Parameters
    ----------
    layers : napari.components.LayerList
        The layers of a viewer.
    parent : QObject
        Its owner.
    """

    changed = Signal()
    """Others are kept than before."""

    def __init__(self, layers: Any, parent: QObject) -> None:
        super().__init__(parent)
        self._layers = layers
        self.masks: list[Labels] = []
        self._going: list[Layer] = []
        """Layers that were removed in this turn of the event loop."""
        self._rests = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self.look)
        self._listening = Listening()
        self._listening.to(layers.events.removed, self._on_removed)

    def look(self) -> None:
        """Keep what was removed together."""
        self._timer.stop()
        going, self._going = self._going, []
        if not any(isinstance(each, Image) for each in going):
            return
        new = [each for each in going if _is_painted(each) and each not in self._layers]
        if new:
            self.masks += new
            self.changed.emit()

    def show_again(self, owner: Any = None) -> None:
        """Add all of them, or those of one owner, to the viewer again."""
        masks = [each for each in self.masks if owner in (None, each.metadata.get(KEY))]
        self.masks = [each for each in self.masks if each not in masks]
        for layer in masks:
            self._layers.append(layer)

    def rest(self) -> None:
        """Another project is about to be shown: until `forget`, what goes is in its own project."""
        self._rests = True

    def forget(self) -> None:
        """Keep none of them any more."""
        self._rests = False
        self._timer.stop()
        self._going.clear()
        self.masks = []
        self.changed.emit()

    def let_go(self) -> None:
        """Disconnect from the viewer."""
        self._timer.stop()
        self._listening.stop()

    def _on_removed(self, event: Any) -> None:
        if not self._rests:
            self._going.append(event.value)
            self._timer.start()


def _is_painted(layer: Layer) -> bool:
    return isinstance(layer, Labels) and layer.ndim == 2 and bool(np.any(layer.data))
