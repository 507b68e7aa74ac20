"""The layers of a z-shift: the recording, and beside it what matches in the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image, Layer

from napari_zstack_align.gui.compat import camera, fit_view
from napari_zstack_align.gui.jobs import Limits
from napari_zstack_align.gui.layer_group import LayerGroup, flatten
from napari_zstack_align.gui.layer_look import FRAME_AXES, geometry, put
from napari_zstack_align.gui.zshift.frames import (
    ComparedFrames,
    CorrectedFrames,
    MatchingSlices,
    SimulatedFrames,
    ZShiftFrames,
)
from napari_zstack_align.gui.zshift.view import ZShiftView
from napari_zstack_align.zshift.zshift import CORRECTED_LABEL, SIMULATED_LABEL

FRAMES, CORRECTED, SLICE, SIMULATED = "frames", "corrected", "slice", "simulated"
LEFT, RIGHT = (FRAMES, CORRECTED), (SLICE, SIMULATED)
NAMES = {
    FRAMES: "frames",
    CORRECTED: CORRECTED_LABEL,
    SLICE: "matching slice",
    SIMULATED: SIMULATED_LABEL,
}
KINDS: dict[str, type[ZShiftFrames]] = {
    FRAMES: ComparedFrames,
    CORRECTED: CorrectedFrames,
    SLICE: MatchingSlices,
    SIMULATED: SimulatedFrames,
}
GAP_PART = 0.03
"""Distance of the two images, as part of their width."""


class ZShiftLayers(LayerGroup):
    """A layer a kind, made when it is first looked at; one on the left and one on the right.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers go.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.view: ZShiftView | None = None
        self.left, self.right = FRAMES, SLICE
        self.in_front = False
        self._active: Layer | None = None
        self._camera: tuple[Any, float] | None = None
        self._fitted: tuple[float, ...] = ()

    # -- what is shown -------------------------------------------------------------------------

    @property
    def images(self) -> dict[str, Image]:
        """The layers that are there."""
        return {kind: layer for kind in KINDS for layer in self.of_kind(kind)}

    def show_view(self, view: ZShiftView) -> None:
        """Show another z-shift."""
        self.view = view
        for kind, layer in self.images.items():
            layer.data = KINDS[kind](view)
            layer.contrast_limits = _limits(kind, view)
            _put(layer, kind, view)
        if self.in_front:
            self.enter()

    def look_at(self, mode: str) -> None:
        """Choose what is on its side: one of ``LEFT`` or of ``RIGHT``."""
        if mode in LEFT:
            self.left = mode
        else:
            self.right = mode
        if self.in_front:
            self.arrange()

    def enter(self) -> None:
        """Take the viewer: hide what is not of the z-shift, and fit the view to both images."""
        self.in_front = True
        if self.view is None:
            return
        flatten(self.viewer)
        active = self.viewer.layers.selection.active
        self._active = self._active if active in self.layers() else active
        self.hide_others()
        self.arrange()
        self._fit()

    def leave(self) -> None:
        """Give the viewer back to the others."""
        self.in_front = False
        self.hide()
        self.show_others()
        if self._active in self.viewer.layers:
            self.viewer.layers.selection.active = self._active
        self._active, self._fitted = None, ()
        if self._camera is not None:
            camera(self.viewer).center, camera(self.viewer).zoom = self._camera
            self._camera = None

    def arrange(self) -> None:
        """Show what is chosen on either side."""
        if self.view is None:
            return
        chosen = (self.left, self.right)
        for kind in chosen:
            if not self.of_kind(kind):
                self._make(kind, self.view)
        for kind, layer in self.images.items():
            self.show(layer, kind in chosen)
        self.viewer.layers.selection.active = self.first(self.left)
        self.label_sliders(FRAME_AXES)

    # -- sliders -------------------------------------------------------------------------------

    def position(self) -> int | None:
        """Frame that the slider stands at; None while nothing of the z-shift is in view."""
        layer = next(filter(self.is_in_view, self.layers()), None)
        found = None if self.view is None else self.at_sliders(layer, (self.view.n_frames,))
        return None if found is None else found[0]

    def go_to(self, frame: int) -> None:
        """Move the slider to a frame."""
        self.move_sliders(self.first(*KINDS), (frame,))

    # -- coming and going ----------------------------------------------------------------------

    def remove(self) -> None:
        """Take all layers out of the viewer."""
        self.leave()
        super().remove()
        self.view = None

    # -- inside --------------------------------------------------------------------------------

    def _make(self, kind: str, view: ZShiftView) -> None:
        layer = Image(
            KINDS[kind](view),
            contrast_limits=_limits(kind, view),
            colormap="gray",
            axis_labels=FRAME_AXES,
        )
        _put(layer, kind, view)
        self.add(kind, layer)

    def _fit(self) -> None:
        """Fit the view to both images, unless that was done and the person has moved it since."""
        sides = [self.first(self.left), self.first(self.right)]
        extent = tuple(np.concatenate([layer.extent.world[1] for layer in sides]).tolist())
        if extent == self._fitted:
            return
        if self._camera is None:
            self._camera = camera(self.viewer).center, camera(self.viewer).zoom
        self._fitted = extent
        fit_view(self.viewer, sides)


def _limits(kind: str, view: ZShiftView) -> Limits:
    return view.frame_limits if kind in LEFT else view.slice_limits


def _put(layer: Image, kind: str, view: ZShiftView) -> None:
    """Name a layer, and put it on its side."""
    place = geometry(view.zshift.stack, FRAME_AXES)
    width = view.zshift.frame_shape[1] * place["scale"][-1]
    layer.name = f"{view.zshift.stack.name} {NAMES[kind]}"
    put(layer, place)
    layer.translate = (0.0, 0.0, 0.0 if kind in LEFT else width * (1 + GAP_PART))
