"""The pixels that all of many affinely moved frames show, without looking at every frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.warp import EDGE_TOLERANCE_PX

Distances = npt.NDArray[np.float64]


def affine_common_field(
    matrices: npt.NDArray[np.float64], raw_shape: tuple[int, int], shape: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    """Find the pixels whose positions lie inside the raw frame for every one of many maps.

    How far a pixel lies from an edge of the raw frame is linear in the pixel's position. A frame
    that is farther from that edge than another at all four corners of the image is so everywhere,
    and needn't be looked at: of thousands a few are left.

    Parameters
    ----------
    matrices : numpy.ndarray
        (T, 3, 3) on the column (y, x, 1), reference to raw.
    raw_shape : tuple of int
        (Y', X') of the raw frames.
    shape : tuple of int
        (Y, X) of the reference.

    Returns
    -------
    numpy.ndarray
        (Y, X) bool.
    """
    common = np.ones(shape, bool)
    bottom, right = shape[0] - 1, shape[1] - 1
    corners = np.array([(0, 0, 1), (0, right, 1), (bottom, 0, 1), (bottom, right, 1)], np.float64)
    y, x = (np.arange(size, dtype=np.float64) for size in shape)
    for axis in range(2):
        at_corners = matrices[:, axis] @ corners.T
        for sign, offset in ((1, 0), (-1, raw_shape[axis] - 1)):
            for t in _nearest(sign * at_corners + offset):
                a, b, c = sign * matrices[t, axis]
                inside = (a * y + c + offset)[:, np.newaxis] + b * x >= -EDGE_TOLERANCE_PX
                common &= inside
    return common


def _nearest(distances: Distances) -> list[int]:
    """Rows of (T, corners) that no other row undercuts at every corner."""
    left = np.arange(len(distances))
    found = []
    while len(left):
        best = left[distances[left].sum(axis=1).argmin()]
        found.append(int(best))
        left = left[(distances[left] < distances[best]).any(axis=1)]
    return found
