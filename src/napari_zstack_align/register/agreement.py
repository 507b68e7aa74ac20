"""Where two halves of an image agree on how a slice bends.

Where a slice shows few cells, one that appears beside another that fades looks like motion, and a
smooth field carries that motion far beyond the two. Such a bend rests on a single place. So the
image is split like a checkerboard, each half finds the field alone, and where their bends differ,
neither is believed (cross-validation by blocks: Roberts et al. 2017, Ecography 40, 913).
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.spline import field_on_pixels, pixel_basis
from napari_zstack_align.register.template import Coefficients

Image = npt.NDArray[np.float32]

BLOCK_PX = 32
"""Size of the fields of the checkerboard, larger than a cell; less in small images."""
BLOCKS = 4
"""So many of them at least along each axis."""
SMALLEST_PX = 64
"""Half of a smaller image shows too little."""
SAMPLED_PX = 8
"""Fields are compared at every so many pixels."""
SMOOTH_PX = 32.0
"""... and how far they differ is averaged over a neighbourhood."""
DOUBT_PX = 0.8
"""A bend whose expected error is so large is believed by half, one of half that error wholly."""


def checkerboard(shape: tuple[int, int]) -> tuple[Image, Image]:
    """Weights (Y, X) of the two halves of an image."""
    y, x = np.indices(shape) // min(BLOCK_PX, min(shape) // BLOCKS)
    first = ((y + x) % 2).astype(np.float32)
    return first, 1 - first


def agreed_part(
    first: Coefficients, second: Coefficients, shape: tuple[int, int], spacing_px: float
) -> Image:
    """How far the bends of two fields are to be believed.

    Parameters
    ----------
    first, second : numpy.ndarray
        (2, gy, gx) fields that two halves of the image found, as steps from where both began.
    shape : tuple of int
        (Y, X) of the image.
    spacing_px : float
        Distance of the control points.

    Returns
    -------
    numpy.ndarray
        (gy, gx) float32 at the control points: from 1, where the halves agree, to 0.
    """
    factor = min(SAMPLED_PX, *shape)
    fields = [field_on_pixels(each, shape, spacing_px, factor) for each in (first, second)]
    one, other = (field - np.median(field, axis=(1, 2), keepdims=True) for field in fields)
    error = _nearby((one - other) / 2, SMOOTH_PX / factor)
    believed = np.clip(1.5 - error / DOUBT_PX, 0, 1)
    rows, columns = (pixel_basis(size, spacing_px, factor) for size in shape)
    reach = np.outer(rows.sum(axis=0), columns.sum(axis=0))
    return np.asarray(rows.T @ believed @ columns / reach, np.float32)


def apart_px(
    first: Coefficients, second: Coefficients, shape: tuple[int, int], spacing_px: float
) -> float:
    """How far apart in px two fields (2, gy, gx) put a slice on the whole."""
    factor = min(SAMPLED_PX, *shape)
    apart = field_on_pixels(first - second, shape, spacing_px, factor).mean(axis=(1, 2))
    return float(np.hypot(*apart))


def _nearby(field: npt.NDArray[np.floating], sigma: float) -> Image:
    """(y, x) length of a field (2, y, x), root mean square over a neighbourhood."""
    squares = np.square(field).sum(axis=0).astype(np.float32)
    return np.sqrt(cv2.GaussianBlur(squares, (0, 0), sigma, borderType=cv2.BORDER_REFLECT))
