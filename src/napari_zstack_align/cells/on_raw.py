"""ROIs on raw frames: circles through a frame's transform, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.spline import TAPS, basis_taps
from napari_zstack_align.alignment.transforms import AffineLink, Points, SplineLink, Transforms
from napari_zstack_align.cells.rois import Circles, Rois, as_circles
from napari_zstack_align.errors import InputError
from napari_zstack_align.flags import Flag

INSIDE_PART = 0.9
"""A ROI is valid where this part of its area is inside the common field of view."""

DISC_POINTS = 400


def transform_rois(rois: Rois | npt.ArrayLike, transforms: Transforms, t: int) -> Circles:
    """Map ROIs from the reference to raw frame t.

    The radius is scaled by the transform's local scale at the centre: the mean of the row norms
    of an affine map, the square root of the change of area for a spline field, and their product
    for a chain of both.

    Parameters
    ----------
    rois : Rois or array-like
        (N, 3) y, x, radius in px, in reference coordinates.
    transforms : Transforms
        Those of the recording.
    t : int
        Frame, counted from 0.

    Returns
    -------
    numpy.ndarray
        (N, 3) float64 y, x, radius in px of raw frame t; it may lie outside the frame.

    Raises
    ------
    InputError
        Where there is no such frame, or the ROIs are no such circles.
    """
    circles = as_circles(rois)
    if not isinstance(transforms, Transforms):
        raise InputError("ROIs are carried by transforms: give those of an alignment, .transforms.")
    centres, scale = _through(transforms, circles[:, :2], t)
    return np.column_stack([centres, circles[:, 2] * scale])


def rois_to_reference(raw: npt.ArrayLike, transforms: Transforms, t: int) -> Circles:
    """Map circles on raw frame t to the reference: the inverse of `transform_rois`.

    Parameters
    ----------
    raw : array-like
        (N, 3) y, x, radius in px of raw frame t.
    transforms : Transforms
        Those of the recording.
    t : int
        Frame, counted from 0.

    Returns
    -------
    numpy.ndarray
        (N, 3) float64; rows of NaN where the inverse doesn't converge.
    """
    circles = as_circles(raw)
    centres = transforms.to_reference(circles[:, :2], t)
    result = np.column_stack([centres, circles[:, 2] / local_scale(transforms, centres, t)])
    known: npt.NDArray[np.bool_] = np.asarray(np.isfinite(result).all(axis=1))
    result[~known] = np.nan
    return result


def local_scale(transforms: Transforms, points: Points, t: int) -> npt.NDArray[np.float64]:
    """(N,) factor by which lengths grow from the reference to raw frame t, at (N, 2) points."""
    return _through(transforms, points, t)[1]


def valid_in(rois: Rois | npt.ArrayLike, alignments: Sequence[Alignment]) -> npt.NDArray[np.bool_]:
    """Tell in which recordings each ROI can be seen throughout.

    Parameters
    ----------
    rois : Rois or array-like
        (N, 3) y, x, radius in px, in the coordinates of the common reference.
    alignments : sequence of Alignment
        One a recording.

    Returns
    -------
    numpy.ndarray
        (N, R) bool: at least 90 % of the circle's area is inside the common field of view of the
        recording, and not all of its frames are flagged.
    """
    circles = as_circles(rois)
    valid = np.zeros((len(circles), len(alignments)), bool)
    for column, alignment in zip(valid.T, alignments, strict=True):
        if np.any(alignment.quality["flag"] == Flag.GOOD):
            column[:] = part_inside(circles, alignment.common_fov()) >= INSIDE_PART
    return valid


def valid_numbers(valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.str_]:
    """(N,) texts such as '1 3': the recordings, counted from 1, in which each ROI is valid."""
    return np.array([" ".join(str(r + 1) for r in np.flatnonzero(row)) for row in valid], str)


def part_inside(circles: Circles, region: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """(N,) part of each circle's area that lies inside a region (Y, X), to about 1 %."""
    if region.ndim != 2:
        raise InputError(f"A region must be an image (Y, X), not of shape {region.shape}.")
    # Points of even density over the disc: equal steps of area, turned by the golden angle.
    order = np.arange(DISC_POINTS)
    distance = np.sqrt((order + 0.5) / DISC_POINTS)
    angle = order * np.pi * (3 - np.sqrt(5))
    disc = np.stack([distance * np.sin(angle), distance * np.cos(angle)])
    places = circles[:, :2, np.newaxis] + circles[:, 2, np.newaxis, np.newaxis] * disc
    y, x = np.moveaxis(np.rint(places).astype(np.int64), 1, 0)
    height, width = region.shape
    within = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    within &= region[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
    return np.asarray(within.mean(axis=1), np.float64)


def _through(
    transforms: Transforms, points: Points, t: int
) -> tuple[Points, npt.NDArray[np.float64]]:
    """(N, 2) points on raw frame t, and the (N,) local scale there, in one walk down the chain."""
    if not 0 <= t < len(transforms):
        raise InputError(f"There is no frame {t}: the frames are 0 to {len(transforms) - 1}.")
    if (matrix := transforms.matrix(t)) is not None:
        return transforms.to_raw(points, t), np.full(len(points), _affine_scale(matrix))
    scale = np.ones(len(points))
    for link in reversed(transforms.links):
        if isinstance(link, AffineLink):
            scale *= _affine_scale(link.matrices[t])
            points = link.forward(points, t)
        else:
            points, growth = _through_spline(link, points, t)
            scale *= growth
    return points, scale


def _affine_scale(matrix: npt.NDArray[np.float64]) -> float:
    return float(np.linalg.norm(matrix[:2, :2], axis=1).mean())


def _through_spline(
    link: SplineLink, points: Points, t: int
) -> tuple[Points, npt.NDArray[np.float64]]:
    """Points (N, 2) moved by the field, and the square root of its change of area; NaN for NaN.

    Position and derivatives share one look-up of the control points: a frame step of a viewer
    waits for this.
    """
    known: npt.NDArray[np.bool_] = np.asarray(np.isfinite(points).all(axis=1))
    where = np.where(known[:, np.newaxis], points, 0.0)
    first_y, along_y = _taps(where, link, 0)
    first_x, along_x = _taps(where, link, 1)
    taps = np.arange(TAPS)
    rows, columns = first_y[:, None, None] + taps[:, None], first_x[:, None, None] + taps
    around = link.coefficients[t][:, rows, columns].astype(np.float64)
    field = along_y @ around @ along_x.transpose(0, 2, 1)
    (d_y, d_x), (y_y, x_y), (y_x, x_x) = field[..., 0, 0], field[..., 1, 0], field[..., 0, 1]
    moved = where + np.column_stack([d_y, d_x])
    growth = np.sqrt(np.abs((1 + y_y) * (1 + x_x) - y_x * x_y))
    moved[~known] = growth[~known] = np.nan
    return moved, growth


def _taps(
    points: Points, link: SplineLink, axis: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """First control points (N,), and (N, 2, TAPS) weights of the field and of its derivative."""
    size, positions = link.shape[axis], points[:, axis]
    first, values = basis_taps(positions, size, link.spacing_px)
    _, slopes = basis_taps(positions, size, link.spacing_px, derivative=1)
    # The field is held constant beyond the frame.
    slopes[(positions < 0) | (positions > size - 1)] = 0.0
    return first, np.stack([values, slopes], axis=1)
