"""Points by hand: the same places clicked in the reference and in a chunk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Points
from qtpy.QtCore import QTimer

from napari_zstack_align.gui.recordings.match_view import set_place
from napari_zstack_align.gui.shown import KEY

MIN_POINTS = 3
COLORS = ("#4cc3ff", "#ffb000")
NAMES = ("points in the reference", "points in the chunk")

Array = npt.NDArray[np.float64]


class PointPairs:
    """Two Points layers over the images side by side, numbered in the order of the clicks.

    A point that lands on the other image is moved to the layer of that image, so that a person
    clicks left and right without choosing layers.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers go.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._offset = 0.0
        self._left: Any = None
        self._right: Any = None
        self._sorting = False
        self.changed: Callable[[int, int], object] = lambda left, right: None

    def layers(self) -> list[Any]:
        """The layers that are there."""
        return [layer for layer in (self._left, self._right) if layer is not None]

    def begin(self, offset: float, place: dict[str, Any]) -> None:
        """Empty the layers, ready to click; the right image begins at column ``offset``."""
        self._offset = offset
        if self._left is None:
            self._left = self._make(0, place)
        if self._right is None:
            self._right = self._make(1, place)
        for layer in self.layers():
            set_place(layer, place)
            layer.visible = True
        self._set(np.empty((0, 2)), np.empty((0, 2)))

    def ready(self) -> None:
        """Let clicks add points: napari goes back to 'pan' whenever a layer was hidden."""
        if self._left is not None:
            self._viewer.layers.selection.active = self._left
            self._left.mode = "add"

    def pairs(self) -> tuple[Array, Array]:
        """(n, 2) positions (y, x) in the reference and in the chunk; the numbers may differ."""
        if self._left is None or self._right is None:
            return np.empty((0, 2)), np.empty((0, 2))
        return np.array(self._left.data), np.array(self._right.data) - (0, self._offset)

    def end(self) -> None:
        """Hide the layers."""
        for layer in self.layers():
            layer.visible = False

    def forget(self, layer: Any) -> None:
        """Drop a layer that was removed from the viewer."""
        if layer is self._left:
            self._left = None
        if layer is self._right:
            self._right = None

    # -- inside --------------------------------------------------------------------------------

    def _make(self, index: int, place: dict[str, Any]) -> Points:
        layer = Points(
            np.empty((0, 2)),
            ndim=2,
            name=NAMES[index],
            size=7,
            symbol="cross",
            face_color=COLORS[index],
            border_width=0,
            features={"number": np.empty(0, int)},
            text={"string": "{number}", "color": COLORS[index], "size": 12, "anchor": "upper_left"},
            metadata={KEY: self},
            **place,
        )
        self._viewer.add_layer(layer)
        layer.events.data.connect(lambda _: self._sort_later())
        return layer

    def _sort_later(self) -> None:
        """Once napari is done with its own change of the data."""
        if not self._sorting:
            self._sorting = True
            QTimer.singleShot(0, self._sort)

    def _sort(self) -> None:
        """Give each point to the layer of the image that it lies on."""
        self._sorting = False
        if self._left is None or self._right is None:
            return
        left, right = np.array(self._left.data), np.array(self._right.data)
        border = self._offset - 0.5
        strayed, back = left[:, 1] >= border, right[:, 1] < border
        if strayed.any() or back.any():
            self._set(
                np.concatenate([left[~strayed], right[back]]),
                np.concatenate([right[~back], left[strayed]]),
            )
        else:
            self._number()
        self.changed(len(self._left.data), len(self._right.data))

    def _set(self, left: Array, right: Array) -> None:
        for layer, points in ((self._left, left), (self._right, right)):
            layer.data = points
            layer.selected_data = set()
        self._number()

    def _number(self) -> None:
        for layer in self.layers():
            layer.features = {"number": np.arange(1, len(layer.data) + 1)}
