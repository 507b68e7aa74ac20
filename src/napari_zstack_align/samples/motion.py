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
INVERSION_STEPS = 12
KEEP = 0.8
"""How much of its displacement the tissue keeps from one slice to the next."""
JUMP_SPREAD = 1.25
"""The largest jump over the smallest."""

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

    def inverse(self, n: int) -> Field:
        """Return the field u with u(q) = -w(q + u(q)), to 5e-3 px.

        Fixed-point iteration at the nodes of a grid; between them u is as smooth as w.

        Returns
        -------
        numpy.ndarray
            (2, Y, X) float32 (dy, dx), px.
        """
        forward = np.ascontiguousarray(np.moveaxis(self._padded(n), 0, -1))
        nodes = [_nodes(size, GRID_PX).astype(np.float32) + MARGIN_PX for size in self.shape]
        y, x = np.meshgrid(*nodes, indexing="ij")
        u = np.zeros((2, *y.shape), np.float32)
        for _ in range(INVERSION_STEPS):
            moved = cv2.remap(forward, x + u[1], y + u[0], cv2.INTER_CUBIC)
            u = -np.moveaxis(moved, -1, 0)
        rows, columns = self._inverse_interpolators
        return np.asarray(rows @ u @ columns.T, np.float32)

    def _padded(self, n: int) -> Field:
        rows, columns = self._interpolators
        return np.asarray(rows @ self.grid[n].astype(np.float32) @ columns.T, np.float32)

    @cached_property
    def _interpolators(self) -> tuple[Field, Field]:
        rows, columns = self.shape
        return _interpolator(rows, MARGIN_PX, MARGIN_PX), _interpolator(
            columns, MARGIN_PX, MARGIN_PX
        )

    @cached_property
    def _inverse_interpolators(self) -> tuple[Field, Field]:
        rows, columns = self.shape
        return _interpolator(rows, GRID_PX, 0), _interpolator(columns, GRID_PX, 0)


def random_motion(
    rng: np.random.Generator,
    shape: tuple[int, int],
    slice_of_frame: npt.NDArray[np.intp],
    *,
    max_displacement_px: float,
    rotation_deg: float = 0.0,
    drift_px: float = 0.0,
    jump_px: float = 0.0,
    turn_deg: float = 0.0,
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
        Translation added evenly from the first frame to the last.
    jump_px : float
        Smallest translation added from one slice to the next, back and forth; the largest is a
        quarter more.
    turn_deg : float
        Largest rotation added from one slice to the next, back and forth.
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
    time = np.linspace(0, 1, len(slice_of_frame))
    time -= time[slice_of_frame == 0].mean()
    grid += time[:, None, None, None] * drift[:, None, None]
    if jump_px or turn_deg:
        grid += _jumps(rng, shape, n_slices, jump_px, turn_deg)[slice_of_frame]
    return Fields(grid, shape)


def _jumps(
    rng: np.random.Generator, shape: tuple[int, int], n_slices: int, jump_px: float, turn_deg: float
) -> npt.NDArray[np.float64]:
    """(Z, 2, gy, gx): each slice shifted and turned against the one before, the first still."""
    there = np.arange(n_slices) % 2
    length = jump_px * rng.uniform(1, JUMP_SPREAD, n_slices)
    angle = rng.uniform(0, 2 * np.pi) + rng.normal(0, 0.05, n_slices)
    shift = there * length * [np.sin(angle), np.cos(angle)]
    turn = np.deg2rad(turn_deg) * rng.uniform(0.5, 1, n_slices) * (there - 0.5)
    turn -= turn[0]
    y, x = (_nodes(n) - n / 2 for n in shape)
    turned = np.stack(np.broadcast_arrays(x[None, :], -y[:, None]))
    return shift.T[:, :, None, None] + turn[:, None, None, None] * turned


def _random_fields(
    rng: np.random.Generator, shape: tuple[int, int], count: int, rotation_deg: float
) -> npt.NDArray[np.float64]:
    """(count, 2, gy, gx): translation + Gaussian-process field (1 px each) + rotation."""
    size = tuple(len(_nodes(n)) for n in shape)
    fields = np.empty((count, 2, *size))
    y, x = (_nodes(n) - n / 2 for n in shape)
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


def _nodes(size: int, margin: int = MARGIN_PX) -> npt.NDArray[np.float64]:
    """Places of the grid's nodes, px, over `size` pixels with a margin on either side."""
    count = max(4, int(np.ceil((size - 1 + 2 * margin) / GRID_PX)) + 1)
    return np.asarray(np.arange(count) * GRID_PX - margin, np.float64)


def _interpolator(size: int, margin: int, border: int) -> Field:
    """(size + 2 border, nodes) matrix from nodes to pixels and some around, a cubic spline."""
    nodes = _nodes(size, margin)
    matrix = make_interp_spline(nodes, np.eye(len(nodes)), k=3)(np.arange(-border, size + border))
    return np.asarray(matrix, np.float32)
