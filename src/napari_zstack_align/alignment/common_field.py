"""The pixels that all of many frames show, without looking at every pixel of each."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.spline import basis_matrix
from napari_zstack_align.alignment.transforms import SplineLink, Transforms
from napari_zstack_align.alignment.warp import EDGE_TOLERANCE_PX

Distances = npt.NDArray[np.float64]

NODES_PX = 8
"""How far a pixel lies from an edge of a bent frame is known at nodes so far apart."""
BETWEEN_NODES_PX = 0.1
"""Between them it is smaller by no more than this: fields bend over 48 px and more."""


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


def smooth_common_field(
    transforms: Transforms, frames: Iterable[int], raw_shape: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    """Find the pixels that lie inside the raw frame for every one of many smooth maps.

    The least distance from each edge is taken at nodes, and interpolated: at the rim a pixel may be
    left out that all frames show, none is taken that one of them doesn't.

    Parameters
    ----------
    transforms : Transforms
    frames : iterable of int
        Frames that are looked at.
    raw_shape : tuple of int
        (Y', X') of the raw frames.

    Returns
    -------
    numpy.ndarray
        (Y, X) bool.
    """
    shape = transforms.shape
    nodes = [np.linspace(0, n - 1, max((n - 1) // NODES_PX, 1) + 1) for n in shape]
    points = np.stack(np.meshgrid(*nodes, indexing="ij"), -1).reshape(-1, 2)
    last, least = np.array(raw_shape) - 1.0, np.full((len(points), 4), np.inf)
    *links, first = transforms.links
    if isinstance(first, SplineLink):
        down, across = (
            basis_matrix(at, size, first.spacing_px)
            for at, size in zip(nodes, first.shape, strict=True)
        )
    for t in frames:
        if isinstance(first, SplineLink):
            raw = points + (down @ first.coefficients[t] @ across.T).reshape(2, -1).T
        else:
            raw = first.forward(points, t)
        for link in reversed(links):
            raw = link.forward(raw, t)
        np.minimum(least, np.hstack([raw, last - raw]), out=least)
    rows, columns = (
        np.stack([np.interp(np.arange(n), at, unit) for unit in np.eye(len(at))], axis=1)
        for n, at in zip(shape, nodes, strict=True)
    )
    grids = least.T.reshape(4, len(nodes[0]), len(nodes[1]))
    return np.asarray((rows @ grids @ columns.T).min(axis=0) >= BETWEEN_NODES_PX)


def _nearest(distances: Distances) -> list[int]:
    """Rows of (T, corners) that no other row undercuts at every corner."""
    left = np.arange(len(distances))
    found = []
    while len(left):
        best = left[distances[left].sum(axis=1).argmin()]
        found.append(int(best))
        left = left[(distances[left] < distances[best]).any(axis=1)]
    return found
