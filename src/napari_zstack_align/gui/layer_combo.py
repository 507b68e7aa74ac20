"""Combo boxes whose choices follow the viewer's layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from qtpy.QtWidgets import QComboBox

from napari_zstack_align.gui.listening import Listening

NONE = "none"


class LayerCombo(QComboBox):
    """Choice of one of the viewer's layers; it keeps its choice while that layer is there.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers to offer.
    chosen : callable
        From the layers, those to offer, in order.
    allow_none : bool
        Whether 'none' can be chosen.
    """

    def __init__(
        self,
        viewer: Any,
        chosen: Callable[[Iterable[Any]], list[Any]],
        *,
        allow_none: bool = False,
    ) -> None:
        super().__init__()
        self._viewer = viewer
        self._chosen = chosen
        self._allow_none = allow_none
        self._layers: list[Any] = []
        self._listening = Listening()
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)
        events = viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered):
            self._listening.to(event, self.refresh)
        self._listening.to(events.inserted, self._watch_name)
        for layer in viewer.layers:
            self._listening.to(layer.events.name, self.refresh)
        self.refresh()

    @property
    def layer(self) -> Any:
        """The layer chosen, or None."""
        index = self.currentIndex() - self._allow_none
        return self._layers[index] if 0 <= index < len(self._layers) else None

    def choose(self, layer: Any) -> None:
        """Choose a layer that is offered, or None."""
        index = self._layers.index(layer) + self._allow_none if layer in self._layers else 0
        self.setCurrentIndex(index)

    def choose_offered(self, layer: Any) -> None:
        """Choose a layer; where it isn't offered, the choice stays."""
        if layer in self._layers:
            self.choose(layer)

    def refresh(self, event: Any = None) -> None:
        """Offer the layers that are there now."""
        before = self.layer
        self._layers = self._chosen(self._viewer.layers)
        self.blockSignals(True)
        self.clear()
        if self._allow_none:
            self.addItem(NONE)
        self.addItems([layer.name for layer in self._layers])
        self.choose(before)
        self.blockSignals(False)
        if self.layer is not before:
            self.currentIndexChanged.emit(self.currentIndex())

    def stop(self) -> None:
        """Let go of the viewer."""
        self._listening.stop()

    def _watch_name(self, event: Any) -> None:
        self._listening.to(event.value.events.name, self.refresh)
