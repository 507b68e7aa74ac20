"""What is loaded is in view: the camera is fitted to it where nothing of its size was shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.gui.compat import fit_view

Bounds = npt.NDArray[np.float64]

SAME_PART = 0.01
"""Images whose edges differ by less, as a part of their size, fill the same view."""


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
    if not layers or not others:
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
