"""What is loaded is in view: the camera is fitted to it where nothing of its size was shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Image
from qtpy.QtCore import QTimer

from napari_zstack_align.gui.compat import camera, canvas_size, fit_view

Bounds = npt.NDArray[np.float64]

SAME_PART = 0.01
"""Images whose edges differ by less, as a part of their size, fill the same view."""
DOCKS_GROW_MS = 150
"""Until a dock that was opened has taken its room from the canvas."""


def bounds(layer: Any) -> Bounds:
    """(2, 2) lower and upper (y, x) of an image, in world coordinates."""
    return np.asarray(layer.extent.world[:, -2:], np.float64)


def fill_the_same(first: Bounds, second: Bounds) -> bool:
    """Whether two images lie in the same place."""
    size = float(np.max(first[1] - first[0]))
    return bool(np.all(np.abs(first - second) <= SAME_PART * size))


def bring_into_view(viewer: Any, layers: Sequence[Any]) -> None:
    """Fit the camera to images that were just added, or have another size now.

    Where others in the same place are shown, the person may have chosen what to look at, and the
    view stays. The first layers of a viewer are fitted by napari.
    """
    others = [each for each in viewer.layers if each not in layers]
    if not layers:
        return
    if not others:
        _fit_soon(viewer)  # napari has fitted it before its docks grew with the first layer
        return
    own = bounds(layers[0])
    if any(each.visible and fill_the_same(own, bounds(each)) for each in others):
        return
    fit(viewer, layers[:1])


def fit(viewer: Any, layers: Sequence[Any]) -> None:
    """Fit the camera to some images; in 3-D, to all that is shown."""
    if viewer.dims.ndisplay == 2:
        fit_view(viewer, layers)
    else:
        viewer.reset_view(reset_camera_angle=False)


def keep_whole(viewer: Any) -> None:
    """Fit the camera once a dock has taken its room, where the whole image is in view now."""
    if _is_whole(viewer):
        _fit_soon(viewer)


def _fit_soon(viewer: Any) -> None:
    seen = _seen(viewer)

    def look() -> None:
        if _seen(viewer) == seen and not _is_whole(viewer):  # nobody has moved or zoomed it
            fit(viewer, _visible(viewer)[-1:])

    QTimer.singleShot(DOCKS_GROW_MS, look)


def _seen(viewer: Any) -> tuple[Any, float]:
    view = camera(viewer)
    return tuple(view.center), view.zoom


def _visible(viewer: Any) -> list[Any]:
    return [each for each in viewer.layers if each.visible and isinstance(each, Image)]


def _is_whole(viewer: Any) -> bool:
    """Whether the uppermost image is in view up to its edges; no image, or 3-D, is whole."""
    images = _visible(viewer)
    if not images or viewer.dims.ndisplay == 3:
        return True
    view = camera(viewer)
    from_center = np.abs(bounds(images[-1]) - np.asarray(view.center)[-2:]) * view.zoom
    return bool(np.all(from_center <= np.asarray(canvas_size(viewer)) / 2 + 1))
