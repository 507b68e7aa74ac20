"""What a panel that was closed has left in the viewer."""

from __future__ import annotations

from typing import Any

from napari_zstack_align.cells import Rois
from napari_zstack_align.gui.cells.blob_layers import BlobLayers
from napari_zstack_align.gui.cells.raw_rois import RoisOnFrames
from napari_zstack_align.gui.layer_group import KEY


def take_over(viewer: Any) -> Rois | None:
    """Remove the layers of a closed panel's blobs and ROIs, which nobody follows any more.

    Returns
    -------
    Rois or None
        The ROIs that were shown there; None for none.
    """
    found = None
    for layer in list(viewer.layers):
        owner = layer.metadata.get(KEY)
        if not isinstance(owner, RoisOnFrames | BlobLayers):
            continue
        if isinstance(owner, RoisOnFrames) and len(owner.model.rois):
            found = owner.model.rois
        viewer.layers.remove(layer)
    return found
