"""The layers of a z-shift: the recording, and beside it what matches in the reference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from napari.layers import Image, Layer

from napari_zstack_align.gui.cells.place import show
from napari_zstack_align.gui.compat import camera, fit_view
from napari_zstack_align.gui.jobs import Limits
from napari_zstack_align.gui.recordings.layers import AXIS_LABELS, place_of
from napari_zstack_align.gui.shown import KEY
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


class ZShiftLayers:
    """Layers are made when they are first looked at, and then given new data.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers go.
    """

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer
        self.view: ZShiftView | None = None
        self.images: dict[str, Image] = {}
        self.left, self.right = FRAMES, SLICE
        self.in_front = False
        self._hidden: list[Layer] = []
        self._active: Layer | None = None
        self._camera: tuple[Any, float] | None = None
        self._fitted: tuple[float, ...] = ()

    # -- what is shown -------------------------------------------------------------------------

    def show(self, view: ZShiftView) -> None:
        """Show another z-shift."""
        self.view = view
        for what, layer in self.images.items():
            layer.data = KINDS[what](view)
            layer.contrast_limits = self._limits(what)
            self._put(what)
        if self.in_front:
            self.enter()

    def look_at(self, what: str) -> None:
        """Choose what is on its side: one of ``LEFT`` or of ``RIGHT``."""
        if what in LEFT:
            self.left = what
        else:
            self.right = what
        if self.in_front:
            self.arrange()

    def enter(self) -> None:
        """Take the viewer: hide what is not of the z-shift, and fit the view to both images."""
        self.in_front = True
        if self.view is None:
            return
        if self.viewer.dims.ndisplay != 2:
            self.viewer.dims.ndisplay = 2
        own, active = list(self.layers()), self.viewer.layers.selection.active
        self._active = self._active if active in own else active
        self._hidden += [x for x in self.viewer.layers if x.visible and x not in own]
        for layer in self._hidden:
            show(layer, False)
        self.arrange()
        self._fit()

    def leave(self) -> None:
        """Give the viewer back to the others."""
        self.in_front = False
        for layer in self.layers():
            show(layer, False)
        for layer in self._hidden:
            if layer in self.viewer.layers:
                show(layer, True)
        if self._active in self.viewer.layers:
            self.viewer.layers.selection.active = self._active
        self._hidden, self._active, self._fitted = [], None, ()
        if self._camera is not None:
            camera(self.viewer).center, camera(self.viewer).zoom = self._camera
            self._camera = None

    def arrange(self) -> None:
        """Show what is chosen on either side."""
        if self.view is None:
            return
        for what in (self.left, self.right):
            self._make(what)
        for what, layer in self.images.items():
            show(layer, what in (self.left, self.right))
        self.viewer.layers.selection.active = self.images[self.left]
        self.name_sliders()

    # -- sliders -------------------------------------------------------------------------------

    def position(self) -> int | None:
        """Frame that the slider stands at; None while nothing of the z-shift is in view."""
        layer = next((x for x in self.layers() if x.visible), None)
        if layer is None or self.view is None or self.viewer.dims.ndim < layer.ndim:
            return None
        found = float(layer.world_to_data(self.viewer.dims.point)[-layer.ndim])
        return int(np.clip(round(found), 0, self.view.n_frames - 1))

    def go_to(self, frame: int) -> None:
        """Move the slider to a frame."""
        layer = next(self.layers(), None)
        if layer is not None:
            self.viewer.dims.set_point(self.viewer.dims.ndim - layer.ndim, float(frame))

    def name_sliders(self) -> None:
        """Let the slider read 'frame'."""
        labels = list(self.viewer.dims.axis_labels)
        labels[-3:] = AXIS_LABELS[-len(labels) :]
        self.viewer.dims.axis_labels = tuple(labels)

    # -- coming and going ----------------------------------------------------------------------

    def layers(self) -> Iterator[Layer]:
        """All layers of the z-shift."""
        yield from self.images.values()

    def forget(self, layer: Layer) -> None:
        """Drop a layer that was removed from the viewer; it is made anew when looked at."""
        self.images = {what: own for what, own in self.images.items() if own is not layer}
        self._hidden = [hidden for hidden in self._hidden if hidden is not layer]

    def remove(self) -> None:
        """Take all layers out of the viewer."""
        self.leave()
        for layer in list(self.layers()):
            if layer in self.viewer.layers:
                self.viewer.layers.remove(layer)
        self.images = {}
        self.view = None

    # -- inside --------------------------------------------------------------------------------

    def _make(self, what: str) -> None:
        if what in self.images or self.view is None:
            return
        stack = self.view.zshift.stack
        layer = Image(
            KINDS[what](self.view),
            name=f"{stack.name} {NAMES[what]}",
            contrast_limits=self._limits(what),
            colormap="gray",
            axis_labels=AXIS_LABELS,
            metadata={KEY: self},
            **place_of(stack, 3),
        )
        self.images[what] = layer
        self._put(what)
        self.viewer.add_layer(layer)

    def _limits(self, what: str) -> Limits:
        if self.view is None:
            return 0.0, 1.0
        return self.view.frame_limits if what in LEFT else self.view.slice_limits

    def _put(self, what: str) -> None:
        """Name a layer, and put it on its side."""
        if self.view is None:
            return
        layer, zshift = self.images[what], self.view.zshift
        place = place_of(zshift.stack, 3)
        width = zshift.frame_shape[1] * place["scale"][-1]
        layer.name = f"{zshift.stack.name} {NAMES[what]}"
        layer.scale, layer.units = place["scale"], place["units"]
        layer.translate = (0.0, 0.0, 0.0 if what in LEFT else width * (1 + GAP_PART))

    def _fit(self) -> None:
        """Fit the view to both images, unless that was done and the person has moved it since."""
        sides = [self.images[self.left], self.images[self.right]]
        extent = tuple(np.concatenate([layer.extent.world[1] for layer in sides]).tolist())
        if extent == self._fitted:
            return
        if self._camera is None:
            self._camera = camera(self.viewer).center, camera(self.viewer).zoom
        self._fitted = extent
        fit_view(self.viewer, sides)
