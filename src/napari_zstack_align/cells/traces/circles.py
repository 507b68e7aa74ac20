"""Circles of ROIs on many raw frames at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.spline import TAPS, basis_taps
from napari_zstack_align.alignment.transforms import AffineLink, SplineLink, Transforms

Numbers = npt.NDArray[np.float64]


def circles_on_frames(
    circles: Numbers, transforms: Transforms | None, start: int, stop: int
) -> Numbers:
    """Map circles from the reference to raw frames; as `transform_rois` does for one frame.

    Parameters
    ----------
    circles : numpy.ndarray
        (N, 3) y, x, radius in px, in reference coordinates.
    transforms : Transforms, optional
        Those of the recording; None: nothing moves.
    start, stop : int
        Frames, the last one exclusive.

    Returns
    -------
    numpy.ndarray
        (n, 3, N) float64 y, x, radius in px of the raw frames.
    """
    on_frames = np.repeat(circles.T[np.newaxis], stop - start, axis=0)
    if transforms is None:
        return on_frames
    centres, radii = on_frames[:, :2], on_frames[:, 2]
    frames = slice(start, stop)
    if transforms.affine:
        _move(centres, radii, _product(transforms, frames))
        return on_frames
    for link in reversed(transforms.links):
        if isinstance(link, AffineLink):
            _move(centres, radii, link.matrices[frames])
        else:
            _bend(centres, radii, link, frames)
    return on_frames


def _product(transforms: Transforms, frames: slice) -> Numbers:
    matrices = [link.matrices[frames] for link in transforms.links if isinstance(link, AffineLink)]
    product = matrices[0]
    for matrix in matrices[1:]:
        product = product @ matrix
    return product


def _move(centres: Numbers, radii: Numbers, matrices: Numbers) -> None:
    """Map centres (n, 2, N) and scale radii (n, N) by (n, 3, 3) maps, in place."""
    linear = matrices[:, :2, :2]
    centres[:] = linear @ centres + matrices[:, :2, 2:]
    radii *= np.linalg.norm(linear, axis=2).mean(axis=1)[:, np.newaxis]


def _bend(centres: Numbers, radii: Numbers, link: SplineLink, frames: slice) -> None:
    """Map centres (n, 2, N) and scale radii (n, N) by the fields of a spline, in place."""
    # The compiler is slow to import: not everybody reads traces.
    from napari_zstack_align.cells.traces.field_at import field_at

    along_y, along_x = (_taps(centres[:, axis], link, axis) for axis in (0, 1))
    field = field_at(np.asarray(link.coefficients[frames]), *along_y, *along_x)
    value, by_y, by_x = np.moveaxis(field, -1, 0)
    change = (1 + by_y[..., 0]) * (1 + by_x[..., 1]) - by_x[..., 0] * by_y[..., 1]
    radii *= np.sqrt(np.abs(change))
    centres += np.moveaxis(value, -1, 1)


def _taps(positions: Numbers, link: SplineLink, axis: int) -> tuple[npt.NDArray[np.intp], Numbers]:
    """First control point (n, N) of positions; weights of value and slope, (n, N, 2, TAPS)."""
    size = link.shape[axis]
    (first, weights), (_, slopes) = (
        basis_taps(positions.ravel(), size, link.spacing_px, derivative) for derivative in (0, 1)
    )
    # The field is held constant beyond the frame.
    slopes[((positions < 0) | (positions > size - 1)).ravel()] = 0.0
    both = np.stack([weights, slopes], axis=1).reshape(*positions.shape, 2, TAPS)
    return first.reshape(positions.shape), both
