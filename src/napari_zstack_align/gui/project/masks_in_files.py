"""Which masks lie in a file just as they are, and which were painted on since."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Labels, Layer

from napari_zstack_align.gui.compat import was_painted_on
from napari_zstack_align.gui.listening import Listening


class MasksInFiles:
    """Remembers what each mask looked like when it came from a file; main thread only.

    Parameters
    ----------
    layers : napari.components.LayerList
        The layers of a viewer. Those that napari opens from a file are noted by themselves.
    """

    def __init__(self, layers: Any) -> None:
        self._digests: WeakKeyDictionary[Layer, bytes] = WeakKeyDictionary()
        self._listening = Listening()
        self._listening.to(layers.events.inserted, self._on_inserted)
        for layer in layers:
            self._note_opened(layer)

    def note(self, masks: Iterable[Layer]) -> None:
        """Remember that some masks are in a file as they are now."""
        for layer in masks:
            self._digests[layer] = _digest(layer)

    def hold(self, layer: Layer) -> bool:
        """Whether a mask is still as it is in its file."""
        return layer in self._digests and self._digests[layer] == _digest(layer)

    def stop(self) -> None:
        """Disconnect from the viewer."""
        self._listening.stop()

    def _on_inserted(self, event: Any) -> None:
        self._note_opened(event.value)

    def _note_opened(self, layer: Layer) -> None:
        is_mask = isinstance(layer, Labels) and layer.ndim == 2
        if is_mask and layer.source.path is not None and not was_painted_on(layer):
            self.note([layer])


def _digest(layer: Layer) -> bytes:
    labels = np.ascontiguousarray(layer.data)
    return blake2b(labels.data, person=str(labels.shape).encode()[:16]).digest()
