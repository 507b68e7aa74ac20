"""Points by hand: the same places clicked in the reference and in a chunk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Points
from qtpy.QtCore import QTimer

from napari_zstack_align.gui.layer_group import LayerGroup
from napari_zstack_align.gui.layer_look import put

MIN_POINTS = 3
KINDS = ("points left", "points right")
"""Of layers: the points in the reference, and those in the chunk."""
COLORS = ("#4cc3ff", "#ffb000")
NAMES = ("points in the reference", "points in the chunk")

Array = npt.NDArray[np.float64]


class PointPairs:
    """Two Points layers over the images side by side, numbered in the order of the clicks.

    A point that lands on the other image is moved to the layer of that image, so that a person
    clicks left and right without choosing layers.

    Parameters
    ----------
    group : LayerGroup
        Which the layers belong to.
    """

    def __init__(self, group: LayerGroup) -> None:
        self._group = group
        self._offset = 0.0
        self._sorting = False
        self.changed: Callable[[int, int], object] = lambda left, right: None

    @property
    def _left(self) -> Any:
        return self._group.first(KINDS[0])

    @property
    def _right(self) -> Any:
        return self._group.first(KINDS[1])

    def begin(self, offset: float, place: dict[str, Any]) -> None:
        """Empty the layers, ready to click; the right image begins at column ``offset``."""
        self._offset = offset
        for index, kind in enumerate(KINDS):
            if self._group.first(kind) is None:
                self._make(index, place)
            layer = self._group.first(kind)
            put(layer, place)
            layer.visible = True  # what isn't seen has the numbers of points that were there before
        self._set(np.empty((0, 2)), np.empty((0, 2)))

    def ready(self) -> None:
        """Let clicks add points: napari goes back to 'pan' whenever a layer was hidden."""
        if self._left is not None:
            self._group.viewer.layers.selection.active = self._left
            self._left.mode = "add"

    def pairs(self) -> tuple[Array, Array]:
        """(n, 2) positions (y, x) in the reference and in the chunk; the numbers may differ."""
        if self._left is None or self._right is None:
            return np.empty((0, 2)), np.empty((0, 2))
        return np.array(self._left.data), np.array(self._right.data) - (0, self._offset)

    # -- inside --------------------------------------------------------------------------------

    def _make(self, index: int, place: dict[str, Any]) -> None:
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
            **place,
        )
        self._group.add(KINDS[index], layer)
        layer.events.data.connect(lambda _: self._sort_later())

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
        for layer in (self._left, self._right):
            layer.features = {"number": np.arange(1, len(layer.data) + 1)}
