"""The mask for cells: painted like that of the registration, but another layer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Labels, Layer

from napari_zstack_align.gui.cells.place import Pixels, place
from napari_zstack_align.gui.masks import CELLS, ORIGIN, ROLE, is_moved, mask_layers, ready_to_paint


def cell_mask_layers(layers: Iterable[Layer]) -> list[Layer]:
    """Labels layers (Y, X) that were made for cells, and those of someone else."""
    layers = list(layers)
    registration = mask_layers(layers)
    ours = [layer for layer in layers if layer.metadata.get(ROLE) == CELLS]
    return ours + [layer for layer in registration if not layer.metadata]


def new_cell_mask(viewer: Any, shape: tuple[int, int], pixels: Pixels) -> Labels:
    """Add an empty mask over an image, selected and ready to paint."""
    where = place(pixels)
    layer = Labels(
        np.zeros(shape, np.uint8),
        name="cell mask",
        opacity=0.3,
        metadata={ROLE: CELLS, ORIGIN: tuple(float(each) for each in where["translate"])},
        **where,
    )
    viewer.add_layer(layer)
    ready_to_paint(viewer, layer)
    return layer


def painted(layer: Labels | None, shape: tuple[int, ...]) -> npt.NDArray[np.bool_] | None:
    """Where a mask is painted, (Y, X) bool; None where there is none of this size, in its place."""
    if layer is None or is_moved(layer) or tuple(layer.data.shape) != tuple(shape):
        return None
    return np.asarray(layer.data) > 0
