"""Made-up tissue motion: smooth random displacement fields, known at every pixel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt
from scipy.interpolate import make_interp_spline

from napari_zstack_align.samples.anatomy import MARGIN_PX

GRID_PX = 10
"""Spacing of the grid that a field is drawn on: fine against its correlation length."""
CORRELATION_PX = (60.0, 120.0)
KEEP = 0.8
"""How much of its displacement the tissue keeps from one slice to the next."""

Field = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Fields:
    """Displacement fields over a frame and its margin, interpolated from a grid.

    Attributes
    ----------
    grid : numpy.ndarray
        (N, 2, gy, gx) float64 displacement (dy, dx) in px every `GRID_PX` from `-MARGIN_PX`.
    shape : (int, int)
        Rows and columns of the frame.
    """

    grid: npt.NDArray[np.float64]
    shape: tuple[int, int]

    def at(self, n: int) -> Field:
        """Field n at the pixels of the frame, (2, Y, X) float32 (dy, dx), px."""
        rows, columns = self.shape
        margin = MARGIN_PX
        return self._padded(n)[:, margin : margin + rows, margin : margin + columns]

    def inverse(self, n: int, iterations: int = 12) -> Field:
        """The field u with u(q) = -w(q + u(q)), by fixed-point iteration to 1e-4 px.

        Returns
        -------
        numpy.ndarray
            (2, Y, X) float32 (dy, dx), px.
        """
        forward = np.ascontiguousarray(np.moveaxis(self._padded(n), 0, -1))
        y, x = np.mgrid[: self.shape[0], : self.shape[1]].astype(np.float32)
        u = -self.at(n)
        for _ in range(iterations):
            moved = cv2.remap(forward, x + u[1] + MARGIN_PX, y + u[0] + MARGIN_PX, cv2.INTER_LINEAR)
            change = float(np.abs(moved[..., 0] + u[0]).max() + np.abs(moved[..., 1] + u[1]).max())
            u = -np.moveaxis(moved, -1, 0)
            if change < 1e-4:
                break
        return u

    def _padded(self, n: int) -> Field:
        rows, columns = self._interpolators
        return (rows @ self.grid[n].astype(np.float32) @ columns.T).astype(np.float32)

    @cached_property
    def _interpolators(self) -> tuple[Field, Field]:
        rows, columns = (_interpolator(n + 2 * MARGIN_PX) for n in self.shape)
        return rows, columns


def random_motion(
    rng: np.random.Generator,
    shape: tuple[int, int],
    slice_of_frame: npt.NDArray[np.intp],
    *,
    max_displacement_px: float,
    rotation_deg: float = 0.0,
    drift_px: float = 0.0,
) -> Fields:
    """Draw the motion of every frame: of its slice, and its own.

    Each part is a translation plus a smooth non-rigid field. The mean over the first slice's
    frames is zero everywhere: that is what the reference's coordinates mean.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : (int, int)
        Rows and columns of the frame.
    slice_of_frame : numpy.ndarray
        (T,) slice of each frame.
    max_displacement_px : float
        Largest displacement of any pixel in any frame, without the drift.
    rotation_deg : float
        Standard deviation of each frame's rotation.
    drift_px : float
        Translation added evenly from the first slice to the last.
    """
    n_slices = int(slice_of_frame.max()) + 1
    steps = _random_fields(rng, shape, n_slices, rotation_deg)
    between = np.zeros_like(steps)
    for z in range(1, n_slices):
        between[z] = KEEP * between[z - 1] + np.sqrt(1 - KEEP**2) * steps[z]
    grid = between[slice_of_frame] + _random_fields(rng, shape, len(slice_of_frame), rotation_deg)
    grid -= grid[slice_of_frame == 0].mean(axis=0)
    largest = np.sqrt((grid**2).sum(axis=1)).max()
    grid *= max_displacement_px / max(largest, 1e-12)
    angle = rng.uniform(0, 2 * np.pi)
    drift = drift_px * np.array([np.sin(angle), np.cos(angle)])
    grid += (slice_of_frame / max(n_slices - 1, 1))[:, None, None, None] * drift[:, None, None]
    return Fields(grid, shape)


def _random_fields(
    rng: np.random.Generator, shape: tuple[int, int], count: int, rotation_deg: float
) -> npt.NDArray[np.float64]:
    """(count, 2, gy, gx): translation + Gaussian-process field (1 px each) + rotation."""
    size = tuple(len(_nodes(n + 2 * MARGIN_PX)) for n in shape)
    fields = np.empty((count, 2, *size))
    y, x = (_nodes(n + 2 * MARGIN_PX) - (n / 2 + MARGIN_PX) for n in shape)
    for field in fields:
        # A Gaussian blur of sigma makes a covariance exp(-r^2 / (4 sigma^2)).
        sigma = rng.uniform(*CORRELATION_PX) / np.sqrt(2) / GRID_PX
        pad = int(3 * sigma) + 1
        noise = rng.standard_normal((size[0] + 2 * pad, size[1] + 2 * pad, 2))
        smooth = cv2.GaussianBlur(noise, (0, 0), sigma) * (2 * np.sqrt(np.pi) * sigma)
        inside = smooth[pad : pad + size[0], pad : pad + size[1]]
        angle = np.deg2rad(rng.normal(0, rotation_deg)) if rotation_deg else 0.0
        turn = angle * np.stack(np.broadcast_arrays(x[None, :], -y[:, None]))
        field[:] = np.moveaxis(inside, -1, 0) + rng.normal(0, 1.0, (2, 1, 1)) + turn
    return fields


def _nodes(size: int) -> npt.NDArray[np.float64]:
    return np.arange(max(4, int(np.ceil((size - 1) / GRID_PX)) + 1)) * float(GRID_PX)


def _interpolator(size: int) -> Field:
    """(size, nodes) matrix from the grid's nodes to pixels, by a cubic spline."""
    nodes = _nodes(size)
    matrix = make_interp_spline(nodes, np.eye(len(nodes)), k=3)(np.arange(size))
    return np.asarray(matrix, np.float32)
