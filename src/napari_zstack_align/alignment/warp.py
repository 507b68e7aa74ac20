"""Resampling of raw frames through displacement fields: one bicubic interpolation with OpenCV."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.filling import filled
from napari_zstack_align.levels import above_lowest, is_long
from napari_zstack_align.scratch import scratch

EDGE_TOLERANCE_PX = 1e-3
"""A position this little outside the outermost pixel centres still counts as inside."""


@lru_cache(maxsize=8)
def pixel_grid(shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """(2, Y, X) float32 positions (y, x) of the pixels of an image; not to be written to."""
    grid = np.indices(shape, dtype=np.float32)
    grid.setflags(write=False)
    return grid


def positions_of(displacement: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(2, Y, X) float32 positions that pixels are displaced to; valid until the next call."""
    positions = scratch("positions", *displacement.shape)
    return np.add(pixel_grid(displacement.shape[1:]), displacement, out=positions)


def warp(
    image: npt.NDArray[Any],
    displacement: npt.NDArray[np.float32],
    interpolation: int = cv2.INTER_CUBIC,
) -> npt.NDArray[Any]:
    """Sample a raw frame at the displaced positions of the reference's pixels.

    Parameters
    ----------
    image : numpy.ndarray
        (Y', X') float32 raw frame, free of NaN.
    displacement : numpy.ndarray
        (2, Y, X) float32, order (dy, dx), in px.
    interpolation : int
        An OpenCV interpolation flag; bicubic by default (bilinear blurs far more).

    Returns
    -------
    numpy.ndarray
        (Y, X) float32; beyond the raw frame its outermost pixels are repeated.
    """
    return _at(image, positions_of(displacement), interpolation)


def warp_affine(
    image: npt.NDArray[np.float32], matrix: npt.NDArray[np.float64], shape: tuple[int, int]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Sample a raw image at affinely mapped positions of the reference's pixels.

    Parameters
    ----------
    image : numpy.ndarray
        (Y', X') float32 raw image, free of NaN.
    matrix : numpy.ndarray
        (3, 3) on the column (y, x, 1), reference to raw.
    shape : tuple of int
        (Y, X) of the reference.

    Returns
    -------
    aligned : numpy.ndarray
        (Y, X) float32, bicubic; beyond the raw frame its outermost pixels are repeated.
    valid : numpy.ndarray
        (Y, X) bool: inside the raw frame.
    """
    positions = positions_of(affine_displacement(matrix, shape))
    valid = inside(positions, (image.shape[0], image.shape[1]))
    return _at(image, positions, cv2.INTER_CUBIC), valid


def affine_displacement(
    matrix: npt.NDArray[np.float64], shape: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """(2, Y, X) float32 displacement (dy, dx) in px of a (3, 3) map on the column (y, x, 1)."""
    change = matrix - np.eye(3)
    y, x = np.arange(shape[0], dtype=np.float64), np.arange(shape[1], dtype=np.float64)
    field = np.empty((2, *shape), np.float32)
    for out, row in zip(field, change, strict=False):
        along_y, along_x = (row[0] * y + row[2]), row[1] * x
        np.add(along_y[:, np.newaxis].astype(np.float32), along_x.astype(np.float32), out=out)
    return field


def inside(
    positions: npt.NDArray[np.float32], raw_shape: tuple[int, int], farthest: float = np.inf
) -> npt.NDArray[np.bool_]:
    """Tell which pixels of the reference lie inside a raw frame of shape (Y', X').

    Parameters
    ----------
    positions : numpy.ndarray
        (2, Y, X) float32 positions (y, x) in the raw frame; NaN lies nowhere.
    raw_shape : tuple of int
        (Y', X').
    farthest : float
        No pixel is displaced by more, in px: where that is known, only edges are looked at.

    Returns
    -------
    numpy.ndarray
        (Y, X) bool.
    """
    shape = positions.shape[1:]
    valid = np.ones(shape, bool)
    if shape == raw_shape and 2 * (farthest + 1) < min(shape):
        reach = int(farthest) + 1
        low, high = slice(None, reach), slice(-reach, None)
        parts = [(low, slice(None)), (high, slice(None)), (slice(None), low), (slice(None), high)]
    else:
        parts = [(slice(None), slice(None))]
    for part in parts:
        for axis in range(2):
            position = positions[axis][part]
            valid[part] &= position >= -EDGE_TOLERANCE_PX
            valid[part] &= position <= raw_shape[axis] - 1 + EDGE_TOLERANCE_PX
    return valid


def warp_with_valid(
    frame: npt.NDArray[Any],
    displacement: npt.NDArray[np.float32],
    interpolation: int = cv2.INTER_CUBIC,
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Resample a raw frame through a displacement (2, Y, X) in px; else as `sampled`."""
    return sampled(frame, positions_of(displacement), interpolation)


def sampled(
    frame: npt.NDArray[Any],
    positions: npt.NDArray[np.float32],
    interpolation: int = cv2.INTER_CUBIC,
    farthest: float = np.inf,
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Resample a raw frame of any dtype, with the pixels for which that makes sense.

    Parameters
    ----------
    frame : numpy.ndarray
        (Y', X') raw frame; NaN marks missing pixels.
    positions : numpy.ndarray
        (2, Y, X) float32: where the reference's pixels lie in it, order (y, x), in px.
    interpolation : int
        As in `warp`.
    farthest : float
        As in `inside`.

    Returns
    -------
    aligned : numpy.ndarray
        (Y, X) float32, or float64 for 32-bit and longer pixels, which float32 can't hold.
    valid : numpy.ndarray
        (Y, X) bool: inside the raw frame and untouched by its missing pixels.
    """
    if is_long(frame.dtype):
        # OpenCV reckons in float32, whatever it is given: keep the digits by a smaller range.
        small, lowest = above_lowest(frame)
        aligned, valid = sampled(small, positions, interpolation, farthest)
        return aligned + lowest, valid
    image = np.ascontiguousarray(frame, np.float32)
    valid = inside(positions, (frame.shape[0], frame.shape[1]), farthest)
    missing = ~np.isfinite(image) if frame.dtype.kind == "f" else None
    if missing is None or not missing.any():
        return _at(image, positions, interpolation), valid
    # One missing pixel would spread over the 4 x 4 footprint of the interpolation.
    footprint = cv2.dilate(missing.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    valid &= _at(footprint, positions, cv2.INTER_LINEAR) == 0
    return _at(filled(image), positions, interpolation), valid


def _at(
    image: npt.NDArray[np.float32], positions: npt.NDArray[np.float32], interpolation: int
) -> npt.NDArray[Any]:
    map_y, map_x = positions
    return cv2.remap(image, map_x, map_y, interpolation, borderMode=cv2.BORDER_REPLICATE)


def to_dtype(
    image: npt.NDArray[Any], valid: npt.NDArray[np.bool_], dtype: np.dtype[Any], fill: float
) -> npt.NDArray[Any]:
    """Bring a resampled image back to the source's dtype.

    Integers are rounded and clipped to the range of the dtype (bicubic interpolation overshoots),
    never wrapped. Invalid pixels become ``fill``: see `fill.Fill`.
    """
    filled = np.where(valid, image, fill)
    if dtype.kind == "f":
        return filled.astype(dtype)
    limits = np.iinfo(dtype)
    result = np.rint(filled)
    if limits.bits < 64:
        return np.clip(result, limits.min, limits.max).astype(dtype)
    # The largest 64-bit integers are no exact floats: clip just inside.
    top = np.nextafter(float(limits.max), 0)
    return np.clip(result, limits.min, top).astype(dtype)


def shrink(image: npt.NDArray[np.float32], factor: int) -> npt.NDArray[np.float32]:
    """Average blocks of ``factor`` x ``factor`` pixels; a rest at the far edges is left out."""
    if factor == 1:
        return image
    rows, columns = image.shape[0] // factor, image.shape[1] // factor
    whole = image[: rows * factor, : columns * factor]
    return cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)


def enlarged(
    image: npt.NDArray[np.float32], factor: int, shape: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Image that was shrunk, at its full size (Y, X)."""
    height, width = (factor * size for size in image.shape)
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    below, right = shape[0] - height, shape[1] - width
    whole = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REPLICATE)
    return np.asarray(whole, np.float32)
