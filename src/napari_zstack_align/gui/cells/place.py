"""Where layers of cells stand: the pixels of what the image was made of."""

from __future__ import annotations

from typing import Any

from napari_zstack_align.stack import Stack


def place(stack: Stack | None) -> dict[str, Any]:
    """Scale and units of a layer (y, x) with the pixels of a stack; None: plain pixels."""
    if stack is None or stack.pixel_size_um is None:
        return {"scale": (1.0, 1.0), "units": ("pixel", "pixel")}
    return {"scale": stack.pixel_size_um, "units": ("um", "um")}


def put(layer: Any, stack: Stack | None) -> None:
    """Move a layer to the pixels of a stack; napari draws anew even for no change."""
    wanted = place(stack)
    if tuple(layer.scale) != tuple(wanted["scale"]):
        layer.scale, layer.units = wanted["scale"], wanted["units"]


def show(layer: Any, on: bool) -> None:
    """Show or hide a layer; napari draws anew even for no change."""
    if layer.visible != on:
        layer.visible = on
