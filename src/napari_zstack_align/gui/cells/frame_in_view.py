"""Which frame is in view, and whether raw or in reference coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari.layers import Image

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.gui.cells.blob_layers import BlobLayers
from napari_zstack_align.gui.recordings.layers import ALIGNED, OVERLAY, RAW, SessionLayers
from napari_zstack_align.gui.shown import KEY, Shown

if TYPE_CHECKING:
    from napari_zstack_align.gui.panel import Panel


@dataclass(frozen=True, eq=False)
class FrameInView:
    """What the viewer shows.

    Attributes
    ----------
    layer : napari.layers.Image
        The image that is looked at; ROIs lie in its pixels.
    raw : bool
        Whether it is a raw frame; else it is in reference coordinates.
    alignment : Alignment, optional
        Of the frames; None where they aren't aligned.
    recording : int
        Which recording of the session; 0 for a stack.
    frame : int, optional
        Frame of that recording, counted from 0; None where none is in view.
    slice : int, optional
        Slice of a z-stack; None for a recording.
    lost : bool
        Whether nothing is known of where ROIs lie on this frame: other recordings of its session
        are aligned, but not this one.
    """

    layer: Any
    raw: bool
    alignment: Alignment | None = None
    recording: int = 0
    frame: int | None = None
    slice: int | None = None
    lost: bool = False

    @property
    def through(self) -> Alignment | None:
        """The alignment whose transforms take ROIs to what is in view; None: they stay."""
        return self.alignment if self.raw and self.frame is not None else None

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X) of the frame."""
        if self.raw and self.alignment is not None:
            return self.alignment.raw_shape
        rows, columns = self.layer.data.shape[-2:]
        return int(rows), int(columns)


def frame_in_view(panel: Panel) -> FrameInView | None:
    """Frame, or image of cells, that the uppermost visible layer of the panel shows."""
    for layer in reversed(panel.viewer.layers):
        owner = layer.metadata.get(KEY)
        if not layer.visible or layer.ndim > panel.viewer.dims.ndim:
            continue
        found = None
        if isinstance(owner, Shown):
            found = _of_stack(owner, layer)
        elif isinstance(owner, SessionLayers):
            found = _of_session(owner, layer)
        elif isinstance(owner, BlobLayers) and layer in owner.images.values():
            found = FrameInView(layer, raw=False, slice=owner.slice)
        elif owner is not None and isinstance(layer, Image):
            found = FrameInView(layer, raw=False)  # an image made of aligned frames
        if found is not None:
            return found
    return None


def _of_stack(shown: Shown, layer: Any) -> FrameInView | None:
    position = shown.position()
    if layer not in (*shown.raw, *shown.aligned, *shown.volume) or position is None:
        return None
    return FrameInView(
        layer,
        raw=layer in shown.raw,
        alignment=shown.alignment,
        frame=shown.grid.frame_at(position),
        slice=position[-1] if shown.grid.is_zstack else None,
    )


def _of_session(layers: SessionLayers, layer: Any) -> FrameInView | None:
    position = layers.position()
    if layers.looked_at not in (RAW, ALIGNED, OVERLAY) or position is None:
        return None
    if layer not in (*layers.raw, *layers.aligned, *layers.overlay):
        return None
    index, frame = layers.sequence.locate(position)
    alignment = layers.recordings[index].alignment
    raw = layer in layers.raw
    others = any(recording.alignment is not None for recording in layers.recordings)
    return FrameInView(
        layer,
        raw=raw,
        alignment=alignment,
        recording=index,
        frame=frame,
        lost=raw and alignment is None and others,
    )
