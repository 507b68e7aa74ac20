"""Keys and wheel that change the selected ROIs, on any layer that shows them."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Points

from napari_zstack_align.gui.cells.roi_model import RoiModel

WHEEL_FACTOR = 1.1
WHEEL_KEY = "Shift"
"""With Ctrl the wheel moves napari's slider, with Alt it walks through the layers."""


def bind(layer: Points, model: RoiModel) -> None:
    """Let Ctrl+Z undo, Ctrl+Shift+Z or Ctrl+Y redo, and Shift with the wheel resize."""
    for keys, action in (
        ("Control-Z", model.undo),
        ("Control-Shift-Z", model.redo),
        ("Control-Y", model.redo),
    ):
        layer.bind_key(keys, lambda _, action=action: action(), overwrite=True)

    def on_wheel(_: Points, event: Any) -> None:
        if WHEEL_KEY in event.modifiers and model.selected:
            model.resize(model.selected, WHEEL_FACTOR ** np.sign(np.sum(event.delta)))
            event.handled = True

    layer.mouse_wheel_callbacks.append(on_wheel)
