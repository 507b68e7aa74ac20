"""Where napari 0.9 keeps what older ones keep in the viewer itself."""

from __future__ import annotations

from typing import Any


def text_overlay(viewer: Any) -> Any:
    """Return the text in the corner of the canvas."""
    canvas = getattr(viewer, "canvas", None)
    return viewer.text_overlay if canvas is None else canvas.overlays.text


def camera(viewer: Any) -> Any:
    """Return the camera."""
    return getattr(viewer, "scene", viewer).camera
