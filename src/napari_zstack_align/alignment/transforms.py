"""Transforms of all frames: chains of affine maps and spline fields, stored as small tables.

A transform is a backward map: it takes a reference position (y, x) to where it lies in the raw
frame, in px. A frame's chain is kept unmerged: ``raw = link_0(link_1(... link_n(x)))``, rightmost
first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment import spline
from napari_zstack_align.alignment.warp import affine_displacement, positions_of, sampled
from napari_zstack_align.errors import InputError
from napari_zstack_align.scratch import scratch

Points: TypeAlias = npt.NDArray[np.float64]
Frames: TypeAlias = slice | npt.NDArray[np.intp]

INVERSE_TOLERANCE_PX = 1e-4
INVERSE_ITERATIONS = 60


@dataclass(frozen=True, eq=False)
class SplineLink:
    """Cubic B-spline displacement fields, x ↦ x + d(x), one a frame.

    Attributes
    ----------
    coefficients : numpy.ndarray
        (T, 2, gy, gx) float32, order (dy, dx), in px.
    spacing_px : float
        Distance of the control points.
    shape : tuple of int
        (Y, X) of the reference; the field is held constant outside it.
    """

    kind: ClassVar[str] = "spline"
    coefficients: npt.NDArray[np.float32]
    spacing_px: float
    shape: tuple[int, int]

    def __len__(self) -> int:
        return len(self.coefficients)

    def parts(self, frames: Frames) -> dict[str, Any]:
        """All that the maps of some frames are made of, for the keys of units."""
        field = (self.spacing_px, self.shape)
        return {"coefficients": np.asarray(self.coefficients[frames]), "field": field}

    def displacement(self, t: int) -> npt.NDArray[np.float32]:
        """(2, Y, X) float32 displacement (dy, dx) of frame t on the reference's pixels."""
        return spline.field_on_pixels(self.coefficients[t], self.shape, self.spacing_px)

    def positions(self, t: int) -> npt.NDArray[np.float32]:
        """(2, Y, X) float32 positions (y, x) of the reference's pixels in frame t, in scratch."""
        positions = scratch("positions", 2, *self.shape)
        spline.write_positions(self.coefficients[t], self.shape, self.spacing_px, positions)
        return positions

    def there(self, positions: npt.NDArray[np.float32], t: int) -> npt.NDArray[np.float32]:
        """Displacement (2, Y, X) of frame t at positions (2, Y, X); valid until the next call.

        The field is taken by bilinear interpolation between pixels: it is smooth enough for that,
        and right to some 1e-3 px.
        """
        field = scratch("field", 2, *self.shape)
        spline.write_field(self.coefficients[t], self.shape, self.spacing_px, field)
        y, x = positions
        there = scratch("field there", 2, *y.shape)
        for component, out in zip(field, there, strict=True):
            cv2.remap(component, x, y, cv2.INTER_LINEAR, dst=out, borderMode=cv2.BORDER_REPLICATE)
        return there

    def farthest(self, t: int) -> float:
        """No pixel is displaced by more along an axis in frame t, in px."""
        return float(np.abs(self.coefficients[t]).max())  # a spline lies between its coefficients

    def forward(self, points: Points, t: int) -> Points:
        """Apply the map of frame t to (N, 2) points."""
        return points + spline.field_at_points(
            self.coefficients[t], points, self.shape, self.spacing_px
        )

    def backward(self, points: Points, t: int) -> Points:
        """Invert the map of frame t by fixed-point iteration; NaN where it doesn't converge."""
        guess = points.copy()
        for _ in range(INVERSE_ITERATIONS):
            residual = points - self.forward(guess, t)
            guess += residual
            error = np.abs(residual).max(axis=1, initial=0.0)
            if not np.any(error > INVERSE_TOLERANCE_PX):
                return guess
        guess[~(error <= INVERSE_TOLERANCE_PX)] = np.nan
        return guess


@dataclass(frozen=True, eq=False)
class AffineLink:
    """Affine maps on the column (y, x, 1), one a frame.

    Attributes
    ----------
    matrices : numpy.ndarray
        (T, 3, 3) float64.
    """

    kind: ClassVar[str] = "affine"
    matrices: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.matrices)

    def parts(self, frames: Frames) -> dict[str, Any]:
        """All that the maps of some frames are made of, for the keys of units."""
        return {"matrices": self.matrices[frames]}

    def there(self, positions: npt.NDArray[np.float32], t: int) -> npt.NDArray[np.float32]:
        """Displacement (2, Y, X) of frame t at positions (2, Y, X)."""
        (yy, yx, y0), (xy, xx, x0) = (self.matrices[t] - np.eye(3))[:2]
        y, x = positions
        return np.stack([cv2.addWeighted(y, yy, x, yx, y0), cv2.addWeighted(y, xy, x, xx, x0)])

    def forward(self, points: Points, t: int) -> Points:
        """Apply the map of frame t to (N, 2) points."""
        matrix = self.matrices[t]
        return points @ matrix[:2, :2].T + matrix[:2, 2]

    def backward(self, points: Points, t: int) -> Points:
        """Invert the map of frame t."""
        matrix = self.matrices[t]
        solved: Points = np.linalg.solve(matrix[:2, :2], (points - matrix[:2, 2]).T).T
        return solved


Link: TypeAlias = SplineLink | AffineLink


@dataclass(frozen=True, eq=False)
class Transforms:
    """The transform of every frame.

    Attributes
    ----------
    shape : tuple of int
        (Y, X) of the reference.
    links : tuple of SplineLink or AffineLink
        The chain, ``raw = links[0](links[1](...))``; every link has one map a frame.
    """

    shape: tuple[int, int]
    links: tuple[Link, ...]

    def __post_init__(self) -> None:
        if len({len(link) for link in self.links}) != 1:
            raise InputError("A chain of transforms needs links of one and the same length.")

    def __len__(self) -> int:
        return len(self.links[0])

    def parts(self, frames: Frames) -> dict[str, Any]:
        """All that the transforms of some frames are made of, for the keys of units."""
        return {"shape": self.shape, "links": [link.parts(frames) for link in self.links]}

    def displacement(self, t: int) -> npt.NDArray[np.float32]:
        """Displacement of frame t, such that aligned(y, x) = raw_t(y + dy, x + dx).

        Parameters
        ----------
        t : int
            Frame, counted from 0.

        Returns
        -------
        numpy.ndarray
            (2, Y, X) float32, order (dy, dx), in px.

        Raises
        ------
        InputError
            Where there is no such frame.
        """
        t = self._checked(t)
        last = self.links[-1]
        if (matrix := self.matrix(t)) is not None:
            return affine_displacement(matrix, self.shape)
        if isinstance(last, SplineLink):
            displacement = last.displacement(t)
        else:
            displacement = affine_displacement(last.matrices[t], self.shape)
        for link in reversed(self.links[:-1]):
            displacement += link.there(positions_of(displacement), t)
        return displacement

    def resample(
        self, raw: npt.NDArray[Any], t: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
        """Bring raw frame t into the reference: the one way from both to an aligned image.

        Parameters
        ----------
        raw : numpy.ndarray
            (Y', X') raw frame of any real dtype; NaN marks missing pixels.
        t : int
            Frame, counted from 0.

        Returns
        -------
        aligned : numpy.ndarray
            (Y, X) float32, or float64 for 32-bit and longer pixels; bicubic.
        valid : numpy.ndarray
            (Y, X) bool: inside the raw frame and untouched by its missing pixels. `warp.to_dtype`
            fills the others.
        """
        t = self._checked(t)
        last = self.links[-1]
        if not isinstance(last, SplineLink):
            return sampled(raw, positions_of(self.displacement(t)))
        positions = last.positions(t)
        for link in reversed(self.links[:-1]):
            positions += link.there(positions, t)
        return sampled(raw, positions, farthest=self._farthest(t))

    def _farthest(self, t: int) -> float:
        """No pixel is displaced by more along an axis, as far as that is known without looking."""
        of_links = [
            link.farthest(t) if isinstance(link, SplineLink) else np.inf for link in self.links
        ]
        return float(sum(of_links))

    @property
    def affine(self) -> bool:
        """Whether every frame's transform is a matrix."""
        return all(isinstance(link, AffineLink) for link in self.links)

    def matrix(self, t: int) -> npt.NDArray[np.float64] | None:
        """(3, 3) map of frame t, reference to raw; None where a spline is in the chain."""
        product = np.eye(3)
        for link in self.links:
            if isinstance(link, SplineLink):
                return None
            product = product @ link.matrices[t]
        return product

    def matrices(self) -> npt.NDArray[np.float64]:
        """(T, 3, 3) maps of all frames, reference to raw, on the column (y, x, 1).

        Raises
        ------
        InputError
            Where a spline is in the chain: such a transform is no matrix.
        """
        product = np.tile(np.eye(3), (len(self), 1, 1))
        for link in self.links:
            if isinstance(link, SplineLink):
                raise InputError(
                    "These transforms hold smooth displacement fields, which no matrix can stand "
                    "for: take displacement(t) or to_raw(points, t) instead, or register a "
                    "recording with residual='affine'."
                )
            product = product @ link.matrices
        return product

    def to_raw(self, points_yx: npt.ArrayLike, t: int) -> Points:
        """Map reference positions to raw frame t.

        Parameters
        ----------
        points_yx : array-like
            (N, 2) positions (y, x) in px.
        t : int
            Frame, counted from 0.

        Returns
        -------
        numpy.ndarray
            (N, 2) float64.
        """
        points, t = _as_points(points_yx), self._checked(t)
        for link in reversed(self.links):
            points = link.forward(points, t)
        return points

    def to_reference(self, points_yx: npt.ArrayLike, t: int) -> Points:
        """Map positions in raw frame t to the reference: the inverse of :meth:`to_raw`.

        Parameters
        ----------
        points_yx : array-like
            (N, 2) positions (y, x) in px.
        t : int
            Frame, counted from 0.

        Returns
        -------
        numpy.ndarray
            (N, 2) float64, to better than 1e-3 px; NaN where the inverse doesn't converge.
        """
        points, t = _as_points(points_yx), self._checked(t)
        for link in self.links:
            points = link.backward(points, t)
        return points

    def _checked(self, t: int) -> int:
        if not 0 <= t < len(self):
            raise InputError(f"There is no frame {t}: the frames are 0 to {len(self) - 1}.")
        return int(t)


def identity(n_frames: int, shape: tuple[int, int]) -> Transforms:
    """Transforms that move nothing."""
    return Transforms(shape, (AffineLink(np.tile(np.eye(3), (n_frames, 1, 1))),))


def _as_points(points_yx: npt.ArrayLike | Sequence[Sequence[float]]) -> Points:
    points = np.asarray(points_yx, np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError(f"Points must be an array (N, 2) of (y, x), not of shape {points.shape}.")
    return points.copy()
