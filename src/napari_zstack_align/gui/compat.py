"""Where napari 0.9 keeps what older ones keep in the viewer itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def text_overlay(viewer: Any) -> Any:
    """Return the text in the corner of the canvas."""
    canvas = getattr(viewer, "canvas", None)
    return viewer.text_overlay if canvas is None else canvas.overlays.text


def camera(viewer: Any) -> Any:
    """Return the camera."""
    return getattr(viewer, "scene", viewer).camera


def grid(viewer: Any) -> Any:
    """Return the grid of views."""
    canvas = getattr(viewer, "canvas", None)
    return viewer.grid if canvas is None else canvas.grid


def was_painted_on(layer: Any) -> bool:
    """Whether there is something to undo in a Labels layer."""
    return bool(layer._undo_history)  # which napari offers nowhere else


def fit_view(viewer: Any, layers: Sequence[Any], part: float = 1.0) -> None:
    """Fit the camera to some images; napari's own way counts hidden ones too.

    ``part`` is the part of the canvas' width that there is for them.
    """
    corners = np.array([layer.extent.world[:, -2:] for layer in layers])
    low, high = corners[:, 0].min(0), corners[:, 1].max(0)
    camera(viewer).center = (0.0, *((low + high) / 2))
    room = np.array(canvas_size(viewer)) * (1.0, part)
    camera(viewer).zoom = FILLED * min(room / np.maximum(high - low, 1e-9))


def canvas_size(viewer: Any) -> tuple[int, int]:
    """(height, width) of the canvas in screen pixels."""
    canvas = getattr(viewer, "canvas", None)
    height, width = viewer._canvas_size if canvas is None else canvas.size
    return max(int(height), 1), max(int(width), 1)


FILLED = 0.95
"""Part of the canvas that an image fills."""
