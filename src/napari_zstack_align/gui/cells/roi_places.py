"""Where ROIs lie on what is in view; no Qt."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells import Rois
from napari_zstack_align.cells.on_raw import transform_rois
from napari_zstack_align.gui.dataset import FrameInView

Circles = npt.NDArray[np.float64]


def place(rois: Rois, view: FrameInView | None) -> tuple[Circles, npt.NDArray[np.bool_]]:
    """Where ROIs lie on what is in view, and which of them are seen there.

    Parameters
    ----------
    rois : Rois
        In reference coordinates.
    view : FrameInView, optional
        None: all are seen where they are.

    Returns
    -------
    circles : numpy.ndarray
        (N, 3) y, x, radius in px.
    seen : numpy.ndarray
        (N,) bool: the centre lies on the image, and the slice is one of the ROI's.
    """
    if view is None:
        return rois.circles, np.ones(len(rois), bool)
    circles = rois.circles
    if view.through is not None and view.frame is not None:
        circles = transform_rois(rois, view.through.transforms, view.frame)
    rows, columns = view.shape
    y, x = circles[:, 0], circles[:, 1]
    seen = (y >= -0.5) & (y <= rows - 0.5) & (x >= -0.5) & (x <= columns - 0.5)
    seen &= np.isfinite(circles).all(axis=1)
    if view.slice is not None:
        seen &= rois.on_slice(view.slice)
    return circles, seen & (not view.lost)
