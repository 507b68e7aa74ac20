"""Which masks lie in a file just as they are, and which were painted on since."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np
from napari.layers import Labels, Layer

from napari_zstack_align.gui.compat import was_painted_on
from napari_zstack_align.gui.copies import Copy, describing
from napari_zstack_align.gui.in_files import InFiles
from napari_zstack_align.gui.listening import Listening
from napari_zstack_align.gui.worker import JobWorker


class MasksInFiles:
    """Remembers what each mask looked like when it came from a file; main thread only.

    Parameters
    ----------
    layers : napari.components.LayerList
        The layers of a viewer. Those that napari opens from a file are noted by themselves.
    in_files : InFiles
        Knows which files are still there.
    """

    def __init__(self, layers: Any, in_files: InFiles) -> None:
        self._digests: WeakKeyDictionary[Layer, bytes] = WeakKeyDictionary()
        self._in_files = in_files
        self._listening = Listening()
        self._listening.to(layers.events.inserted, self._on_inserted)
        for layer in layers:
            self._note_opened(layer)

    def note(self, masks: Iterable[Layer]) -> None:
        """Remember that some masks are in a file, or a project, as they are now."""
        masks = list(masks)
        for layer in masks:
            self._digests[layer] = _digest(layer)
        self._in_files.update(masks)

    def hold(self, layer: Layer) -> bool:
        """Whether a mask is still as it is in its file, which wasn't found missing."""
        return layer in self._in_files and self._digests.get(layer) == _digest(layer)

    def stop(self) -> None:
        """Disconnect from the viewer."""
        self._listening.stop()

    def _on_inserted(self, event: Any) -> None:
        self._note_opened(event.value)

    def _note_opened(self, layer: Layer) -> None:
        is_mask = isinstance(layer, Labels) and layer.ndim == 2
        if is_mask and layer.source.path is not None and not was_painted_on(layer):
            self.note([layer])
            self._describe(layer, Path(layer.source.path))

    def _describe(self, layer: Layer, path: Path) -> None:
        """Find out in a worker what is in the file, so that its loss is noticed."""
        worker = JobWorker(partial(describing, path), processors=1)
        worker.returned.connect(partial(self._on_described, ref(layer)))
        worker.launch()

    def _on_described(self, layer: ref[Layer], copy: Copy | None) -> None:
        if (there := layer()) is not None and there in self._in_files:
            self._in_files.update([there], copy)


def _digest(layer: Layer) -> bytes:
    labels = np.ascontiguousarray(layer.data)
    return blake2b(labels.data, person=str(labels.shape).encode()[:16]).digest()
