"""Refinement of a map by all pixels: Gauss–Newton on blocks of the image, robust over the blocks.

The hessian comes from the reference's gradients and is made once (Baker & Matthews 2004, IJCV,
'Lucas–Kanade 20 years on'). Sums over blocks take the place of sums over pixels: the map is
smooth, so a block's displacement is that of its centre, and a block in which a cell lights up or
a fibre moves stands out from the rest and loses its weight (iteratively reweighted least squares).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.warp import shrink
from napari_zstack_align.register.prefilter import Prefilter
from napari_zstack_align.register.recordings.geometry import Matrix, Model

Image = npt.NDArray[np.float32]
Blocks = npt.NDArray[np.float64]

FACTORS = (2, 1)
BLOCK_PX = 32
ITERATIONS = 4
STOP_PX = 0.01
REWEIGHTINGS = 3
HUBER = 1.5
"""Blocks that disagree by more than so many times the median count by the inverse only."""
SMALLEST_LEVEL_PX = 48
RIDGE = 1e-6
OUTLINE_BITS = 8
TINY = 1e-9
HALF = 0.5
"""Blocks of which less lies inside the raw frame don't count."""


@dataclass(frozen=True)
class Level:
    """The reference at one size, with what a step needs of it."""

    factor: int
    image: Image
    gradients: tuple[Image, Image]
    hessian: Blocks
    centres: Blocks
    weights: Image | None

    @classmethod
    def build(cls, image: Image, factor: int, weights: Image | None) -> Self:
        """Take gradients, and their products over blocks, of a prefiltered image."""
        gy = cv2.Sobel(image, cv2.CV_32F, 0, 1, ksize=3, scale=1 / (8 * factor))
        gx = cv2.Sobel(image, cv2.CV_32F, 1, 0, ksize=3, scale=1 / (8 * factor))
        wy, wx = (gy, gx) if weights is None else (gy * weights, gx * weights)
        rows, columns = (max(size * factor // BLOCK_PX, 1) for size in image.shape)
        blocks = (rows, columns)
        products = [_block_means(p, blocks) for p in (wy * gy, wy * gx, wx * gx)]
        hessian = np.stack([products[i] for i in (0, 1, 1, 2)], -1, dtype=np.float64)
        y = (np.arange(rows) + 0.5) * image.shape[0] / rows * factor - 0.5
        x = (np.arange(columns) + 0.5) * image.shape[1] / columns * factor - 0.5
        centres = np.stack(np.meshgrid(y, x, indexing="ij"), -1).reshape(-1, 2)
        return cls(factor, image, (wy, wx), hessian.reshape(-1, 2, 2), centres, weights)

    @property
    def blocks(self) -> tuple[int, int]:
        """Number of blocks along y and x."""
        rows, columns = (max(size * self.factor // BLOCK_PX, 1) for size in self.image.shape)
        return rows, columns

    def differences(self, frame: Image, matrix: Matrix) -> tuple[Blocks, Blocks]:
        """Gradient-weighted differences of a mapped frame over blocks, and the part inside.

        Returns
        -------
        gradient : numpy.ndarray
            (blocks, 2).
        inside : numpy.ndarray
            (blocks,) in [0, 1].
        """
        residual = sampled(frame, matrix, self.image.shape, self.factor)
        residual -= self.image
        weight = shown_by(matrix, frame.shape, self.image.shape, self.factor)
        residual *= weight
        sums = [_block_means(g * residual, self.blocks).ravel() for g in self.gradients]
        inside = _block_means(weight, self.blocks).ravel()
        return np.stack(sums, -1, dtype=np.float64), inside.astype(np.float64)


def sampled(image: Image, matrix: Matrix, shape: tuple[int, ...], factor: int = 1) -> Image:
    """Sample a raw image of a level where the reference's pixels of that level lie, bilinearly."""
    offset = (factor - 1) / 2  # of the first pixel's centre, in full-size px
    linear = matrix[:2, :2]
    shift = (linear @ (offset, offset) + matrix[:2, 2] - offset) / factor
    xy = np.array([[*linear[1, ::-1], shift[1]], [*linear[0, ::-1], shift[0]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(
        image, xy, (shape[1], shape[0]), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )


def shown_by(
    matrix: Matrix, raw_shape: tuple[int, ...], shape: tuple[int, ...], factor: int = 1
) -> Image:
    """(Y, X) float32, 1 where a raw frame shows the reference's pixels of a level, else 0.

    The raw frame's outline, mapped to the reference, is filled.
    """
    bottom, right = (size * factor - 1 for size in raw_shape[:2])
    corners = np.array([(0, 0, 1), (0, right, 1), (bottom, right, 1), (bottom, 0, 1)], np.float64)
    y, x, _ = np.linalg.solve(matrix, corners.T)
    offset = (factor - 1) / 2
    outline = np.stack([(x - offset) / factor, (y - offset) / factor], -1)
    fixed_point = np.round(outline * 2**OUTLINE_BITS).astype(np.int32)
    shown = np.zeros(shape, np.float32)
    cv2.fillConvexPoly(shown, fixed_point, 1.0, lineType=cv2.LINE_8, shift=OUTLINE_BITS)
    return shown


def _block_means(image: Image, blocks: tuple[int, int]) -> Image:
    return cv2.resize(image, (blocks[1], blocks[0]), interpolation=cv2.INTER_AREA)


@dataclass(frozen=True)
class Refined:
    """A refined map, and how well the blocks agree on it.

    Attributes
    ----------
    matrix : numpy.ndarray
        (3, 3) reference to raw frame.
    spread_px : float
        Standard error of the shift, from how the blocks scatter.
    """

    matrix: Matrix
    spread_px: float


@dataclass(frozen=True)
class Target:
    """A reference image prepared for the refinement of many maps onto it."""

    mean: float
    prefilter: Prefilter
    levels: tuple[Level, ...]

    @classmethod
    def build(cls, image: Image, prefilter: Prefilter, mask: Image | None = None) -> Self:
        """Prepare a reference (Y, X) float32, free of NaN; the mask weights its pixels."""
        levels = []
        for factor in FACTORS:
            if factor > 1 and min(image.shape) // factor < SMALLEST_LEVEL_PX:
                continue
            weights = None if mask is None else shrink(mask, factor)
            levels.append(Level.build(prefilter(image, factor), factor, weights))
        return cls(cv2.mean(image)[0], prefilter, tuple(levels))

    def refine(self, frame: Image, start: Matrix, model: Model) -> Refined:
        """Refine the map of a frame (Y', X') float32, free of NaN, from a start."""
        gain = self.prefilter.gain(cv2.mean(frame)[0], self.mean)
        matrix, spread = start, float("nan")
        for level in self.levels:
            filtered = self.prefilter(frame, level.factor, gain)
            for _ in range(ITERATIONS):
                gradient, inside = level.differences(filtered, matrix)
                step, spread = solve(level, gradient, inside, model)
                matrix = matrix @ step
                if largest_move(step, level.centres) < STOP_PX:
                    break
        return Refined(matrix, spread)


def solve(level: Level, gradient: Blocks, inside: Blocks, model: Model) -> tuple[Matrix, float]:
    """Find the map that undoes the differences of the blocks, and its standard error in px."""
    middle = level.centres.mean(axis=0)
    design = _design(level.centres - middle, model)
    hessian = level.hessian * inside[:, np.newaxis, np.newaxis]
    ridge = RIDGE * np.trace(hessian.mean(axis=0)) + 1e-30
    own = np.linalg.inv(hessian + ridge * np.eye(2))
    weights = (inside > HALF).astype(float)
    normal = np.einsum("bip,bij,bjq->bpq", design, hessian, design)
    right = np.einsum("bip,bi->bp", design, gradient)
    for _ in range(REWEIGHTINGS):
        left = np.einsum("b,bpq->pq", weights, normal)
        left += ridge * np.eye(len(left))
        parameters = -np.linalg.solve(left, weights @ right)
        misfit = np.einsum("bij,bjp,p->bi", hessian, design, parameters) + gradient
        length = np.sqrt(np.einsum("bi,bij,bj->b", misfit, own, misfit).clip(0))
        weights = _huber(length, inside > HALF)
    scores = weights[:, np.newaxis] * np.einsum("bip,bi->bp", design, misfit)
    covariance = np.linalg.inv(left) @ (scores.T @ scores) @ np.linalg.inv(left)
    spread = float(np.sqrt(np.trace(covariance[:2, :2]).clip(0)))
    return _as_matrix(parameters, middle, model), spread


def _design(offset: Blocks, model: Model) -> Blocks:
    """(blocks, 2, P): how each parameter moves a block at an offset from the middle."""
    y, x = offset.T
    zero, one = np.zeros_like(y), np.ones_like(y)
    columns = [(one, zero), (zero, one)]
    if model in ("rigid", "similarity"):
        columns.append((-x, y))
    if model == "similarity":
        columns.append((y, x))
    if model == "affine":
        columns += [(y, zero), (x, zero), (zero, y), (zero, x)]
    return np.stack([np.stack(column, -1) for column in columns], -1)


def _as_matrix(parameters: Blocks, middle: Blocks, model: Model) -> Matrix:
    dy, dx, *rest = parameters
    linear = np.eye(2)
    if model == "rigid":
        c, s = np.cos(rest[0]), np.sin(rest[0])
        linear = np.array([[c, -s], [s, c]])
    elif model == "similarity":
        linear += [[rest[1], -rest[0]], [rest[0], rest[1]]]
    elif model == "affine":
        linear += np.reshape(rest, (2, 2))
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = np.array([dy, dx]) + middle - linear @ middle
    return matrix


def largest_move(step: Matrix, points: Blocks) -> float:
    """How far a map moves any of the points, in px."""
    moved = points @ step[:2, :2].T + step[:2, 2] - points
    return float(np.hypot(*moved.T).max())


def shift_of(level: Level, gradient: Blocks, inside: Blocks) -> npt.NDArray[np.float64]:
    """Shift (dy, dx) in px that undoes the differences: `solve` for a translation, but faster."""
    hessian = level.hessian * inside[:, np.newaxis, np.newaxis]
    power = hessian[:, 0, 0] + hessian[:, 1, 1]
    power += TINY * float(power.max(initial=0)) + 1e-30
    known = inside > HALF
    shift = _weighted_shift(hessian, gradient, known)
    for _ in range(REWEIGHTINGS - 1):
        misfit = hessian @ shift + gradient
        length = np.sqrt((misfit * misfit).sum(axis=1) / power)
        shift = _weighted_shift(hessian, gradient, _huber(length, known))
    return shift


def halves_of(
    level: Level, gradient: Blocks, inside: Blocks
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Shift from each half of the blocks alone: what the two share is motion, the rest is noise."""
    rows, columns = np.indices(level.blocks)
    white = ((rows + columns) % 2 == 0).ravel()
    hessian = level.hessian * inside[:, np.newaxis, np.newaxis]
    return (
        _weighted_shift(hessian, gradient, (inside > HALF) * white),
        _weighted_shift(hessian, gradient, (inside > HALF) * ~white),
    )


def _weighted_shift(
    hessian: Blocks, gradient: Blocks, weights: npt.NDArray[Any]
) -> npt.NDArray[np.float64]:
    (yy, yx, _, xx), (gy, gx) = weights @ hessian.reshape(-1, 4), weights @ gradient
    determinant = yy * xx - yx * yx
    if not determinant > TINY * (yy + xx) ** 2:
        return np.zeros(2)
    return np.array([yx * gx - xx * gy, yx * gy - yy * gx]) / determinant


def _huber(length: Blocks, known: npt.NDArray[np.bool_]) -> Blocks:
    """Weight 1 for blocks that agree, less for those that stand out."""
    agreeing = length[known]
    middle = len(agreeing) // 2
    typical = float(np.partition(agreeing, middle)[middle]) if len(agreeing) else 0.0
    return known / np.maximum(length / max(HUBER * typical, 1e-30), 1)
