"""Add, edit or look: napari's mode of the layer of ROIs, and the radius of what is added."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_zstack_align.gui.cells.raw_rois import RoisOnFrames
from napari_zstack_align.gui.cells.roi_model import RoiModel


class RoiTools(QObject):
    """Mode and radius of the layer of ROIs.

    Parameters
    ----------
    on_frames : RoisOnFrames
        Shows the ROIs.
    model : RoiModel
        The ROIs.
    """

    mode_changed = Signal(str)
    """napari's mode of the layer: 'add', 'select' or 'pan_zoom'."""

    def __init__(self, on_frames: RoisOnFrames, model: RoiModel) -> None:
        super().__init__(on_frames)
        self._on_frames = on_frames
        self._model = model
        self._radius = 4.0
        on_frames.made.connect(self._equip)
        model.changed.connect(self._show_radius)

    def set_mode(self, mode: str) -> None:
        """Let napari add, select or look, with the ROIs in front."""
        layer = self._on_frames.make_layer()
        viewer = self._on_frames.viewer
        if viewer.dims.ndisplay != 2:
            viewer.dims.ndisplay = 2
        if not layer.visible:
            layer.visible = True
        viewer.layers.selection.active = layer
        layer.mode = mode

    def set_radius(self, radius: float) -> None:
        """Resize the selected ROIs; the next one that is added has this radius (px)."""
        self._radius = radius
        self._show_radius()
        circles = {i: self._model.rois.circle(i) for i in self._model.selected}
        if any(circle[2] != radius for circle in circles.values()):
            self._model.move_many({i: (y, x, radius) for i, (y, x, _) in circles.items()})

    def _show_radius(self) -> None:
        """Points that are clicked get napari's current size."""
        layer = self._on_frames.layer
        if layer is not None and layer.current_size != 2 * self._radius:
            with layer.block_update_properties():
                layer.current_size = 2 * self._radius

    def _equip(self, layer: Any) -> None:
        self._show_radius()
        layer.events.mode.connect(lambda _: self.mode_changed.emit(str(layer.mode)))
