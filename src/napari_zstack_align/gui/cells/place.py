"""Where layers of cells stand: the pixels of what the image was made of."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from napari.layers import Layer

from napari_zstack_align.stack import Stack

Pixels: TypeAlias = Stack | Layer | None
"""What has the pixels: a stack, somebody's layer, or nothing that is known."""
PLACE = ("scale", "translate", "units")


def place(pixels: Pixels) -> dict[str, Any]:
    """Scale, origin and units of a layer (y, x) with the pixels of something."""
    if isinstance(pixels, Layer):
        return {name: getattr(pixels, name)[-2:] for name in PLACE}
    if pixels is None or pixels.pixel_size_um is None:
        return {"scale": (1.0, 1.0), "translate": (0.0, 0.0), "units": ("pixel", "pixel")}
    return {"scale": pixels.pixel_size_um, "translate": (0.0, 0.0), "units": ("um", "um")}


def put(layer: Any, pixels: Pixels) -> None:
    """Move a layer (y, x) to other pixels; napari draws anew even for no change."""
    wanted = place(pixels)
    if not np.array_equal(layer.scale, wanted["scale"]):
        layer.scale, layer.units = wanted["scale"], wanted["units"]
    if not np.array_equal(layer.translate, wanted["translate"]):
        layer.translate = wanted["translate"]
