"""`FlatView`: where a person looked in 2-D, found again when 3-D is left."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_zstack_align.gui.compat import camera, fit_view
from napari_zstack_align.gui.into_view import Bounds, bounds, fill_the_same
from napari_zstack_align.gui.listening import Listening


class FlatView:
    """Keeps sliders, centre and zoom of the 2-D view, whichever way leads to 3-D and back.

    napari goes back to the middle slice, with the camera of 3-D, which crops the image.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose view is kept.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._is_flat = viewer.dims.ndisplay == 2
        self._seen: tuple[Any, ...] | None = None
        self._filled: Bounds | None = None
        self._listening = Listening()
        self._listening.to(viewer.dims.events.ndisplay, self._on_ndisplay, after_napari=True)
        for event in (viewer.dims.events.point, *_moves(camera(viewer))):
            self._listening.to(event, self._keep)
        self._keep()

    def let_go(self) -> None:
        """Disconnect from the viewer."""
        self._listening.stop()

    def _keep(self, _: Any = None) -> None:
        """Remember what is seen, in 2-D alone: on the way back napari has set its own by now."""
        if self._is_flat and self._viewer.dims.ndisplay == 2:
            view = camera(self._viewer)
            self._seen = (self._viewer.dims.point, view.center, view.zoom)

    def _on_ndisplay(self, _: Any) -> None:
        if self._viewer.dims.ndisplay == 3:
            self._is_flat, self._filled = False, self._filled_now()
        elif not self._is_flat:
            self._put_back()
            self._is_flat = True
            self._keep()

    def _put_back(self) -> None:
        """Look at the same place; at all there is, where other images were opened meanwhile."""
        now, view = self._filled_now(), camera(self._viewer)
        if now is None or self._seen is None:
            return
        point, center, zoom = self._seen
        if len(point) == self._viewer.dims.ndim:
            self._viewer.dims.set_point(list(range(len(point))), point)
        if self._filled is not None and fill_the_same(self._filled, now):
            view.center, view.zoom = center, zoom
        else:
            fit_view(self._viewer, [each for each in self._viewer.layers if each.visible])

    def _filled_now(self) -> Bounds | None:
        """(2, 2) the smallest box around all that is visible; None for nothing."""
        found = [bounds(each) for each in self._viewer.layers if each.visible]
        if not found:
            return None
        return np.array([np.min([low for low, _ in found], 0), np.max([h for _, h in found], 0)])


def _moves(view: Any) -> tuple[Any, Any]:
    return view.events.center, view.events.zoom
