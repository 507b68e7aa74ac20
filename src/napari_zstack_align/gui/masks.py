"""Masks are Labels layers of one image."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from napari.layers import Labels, Layer

from napari_zstack_align.gui.layer_group import KEY
from napari_zstack_align.gui.layer_look import put
from napari_zstack_align.gui.stack_layers import StackLayers

MADE_ON = "made_on"
"""Where a mask's metadata keep the mark of the reference that it was painted on; '' for one that
the next run chooses."""
OVER = "painted_over"
"""Where the metadata of a mask for the next run keep which recording it was painted over."""
FAMILY = "carried_family"
"""Where the metadata of a mask, and of all that it was carried to, keep what tells them from
others."""
ROLE, CELLS = "napari_zstack_align_mask", "cells"
"""Where a mask's metadata say that it is for cells, not for the registration."""


def mask_layers(layers: Iterable[Layer]) -> list[Layer]:
    """Labels layers (Y, X), but masks for cells."""
    return [
        layer
        for layer in layers
        if isinstance(layer, Labels) and layer.ndim == 2 and layer.metadata.get(ROLE) != CELLS
    ]


def new_mask(shown: StackLayers) -> Labels:
    """Add an empty mask over a stack's pixels, selected and ready to paint."""
    rows, columns = shown.stack.shape[2:]
    layer = Labels(
        np.zeros((rows, columns), np.uint8),
        name=f"{shown.stack.name} mask",
        opacity=0.4,
        metadata={KEY: shown},
        **shown.geometry(2),
    )
    shown.viewer.add_layer(layer)
    ready_to_paint(shown.viewer, layer)
    return layer


def ready_to_paint(viewer: Any, layer: Labels) -> None:
    """Select a mask with a brush of a size that suits it."""
    layer.brush_size = max(4, min(layer.data.shape) // 12)
    layer.mode = "paint"
    viewer.layers.selection.active = layer


def is_of_another(layer: Labels | None, shown: StackLayers | None) -> bool:
    """Whether a mask was painted for another stack than the one that is shown."""
    owner = None if layer is None else layer.metadata.get(KEY)
    return isinstance(owner, StackLayers) and owner is not shown


def newest_of(shown: StackLayers | None, layers: Iterable[Layer]) -> Labels | None:
    """Return the mask that was made last for a stack."""
    own = [each for each in mask_layers(layers) if each.metadata.get(KEY) is shown]
    return own[-1] if own and shown is not None else None


def hand_over(old: StackLayers, new: StackLayers) -> None:
    """Tie the masks of a stack to what it has become."""
    for layer in mask_layers(old.viewer.layers):
        if layer.metadata.get(KEY) is old:
            layer.metadata[KEY] = new
            put(layer, new.geometry(2))
