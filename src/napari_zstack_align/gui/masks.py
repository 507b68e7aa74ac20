"""Masks are Labels layers of one image."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Labels, Layer

from napari_zstack_align.errors import InputError
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
ORIGIN = "painted_at"
"""Where a mask's metadata keep the origin of the image that it was painted over, where that isn't
(0, 0)."""
ROLE, CELLS = "napari_zstack_align_mask", "cells"
"""Where a mask's metadata say that it is for cells, not for the registration."""
MOVED = (
    "The mask '{}' was moved, turned or scaled in napari, but counts where it was painted: put it "
    "back (Alt and a click on 'transform' in its layer controls), or paint a new one."
)
RESOLUTIONS = (
    "The mask '{}' has several resolutions, and needs one: choose another mask, or paint a new one."
)


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


def pixels_of(layer: Labels) -> npt.NDArray[Any]:
    """Return a copy of a mask's pixels (Y, X).

    Raises
    ------
    InputError
        Where it is seen elsewhere than over the image, or has several resolutions.
    """
    if layer.multiscale:
        raise InputError(RESOLUTIONS.format(layer.name))
    if is_moved(layer):
        raise InputError(MOVED.format(layer.name))
    return np.array(layer.data)


def is_moved(layer: Labels) -> bool:
    """Whether a mask was moved, turned, scaled or sheared: it would count where it isn't seen.

    Its ``scale`` alone is that of its pixels: a mask from a file may know none. What napari's tool
    does by hand is in its ``affine``.
    """
    if not np.allclose(layer.affine.affine_matrix, np.eye(layer.ndim + 1)):
        return True
    origin, down, right = (np.array(layer.data_to_world(at)) for at in ((0, 0), (1, 0), (0, 1)))
    steps = np.stack([down - origin, right - origin])
    painted_at = layer.metadata.get(ORIGIN, (0.0, 0.0))
    is_elsewhere = not np.allclose(origin, painted_at)
    return bool(is_elsewhere or np.any(steps[[0, 1], [1, 0]]) or np.any(np.diag(steps) <= 0))


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
