"""Refinement of a map by all pixels: Gauss–Newton on blocks of the image, robust over the blocks.

The hessian comes from the reference's gradients and is made once (Baker & Matthews 2004, IJCV,
'Lucas–Kanade 20 years on'). Sums over blocks take the place of sums over pixels: the map is
smooth, so a block's displacement is that of its centre, and a block in which a cell lights up or
a fibre moves stands out from the rest and loses its weight (iteratively reweighted least squares).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
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
ITERATIONS = 6
STOP_PX = 0.03
REWEIGHTINGS = 3
HUBER = 1.5
"""Blocks that disagree by more than so many times the median count by the inverse only."""
SMALLEST_LEVEL_PX = 48
RIDGE = 1e-6
OUTLINE_BITS = 8
CAP = 3.0
"""Residuals count up to so many times their median size."""
BRIGHT_PERCENTILE = 98.0
SOME = 5
"""Every fifth pixel along each axis tells that."""
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
        return cls(factor, image, (wy, wx), hessian.reshape(-1, 2, 2), centres)

    @property
    def blocks(self) -> tuple[int, int]:
        """Number of blocks along y and x."""
        rows, columns = (max(size * self.factor // BLOCK_PX, 1) for size in self.image.shape)
        return rows, columns

    @cached_property
    def white(self) -> npt.NDArray[np.bool_]:
        """(blocks,) every other block, as the white fields of a chessboard."""
        rows, columns = np.indices(self.blocks)
        return ((rows + columns) % 2 == 0).ravel()

    @cached_property
    def radius(self) -> float:
        """Mean distance (root mean square) of the blocks from their middle, in px."""
        offset = self.centres - self.centres.mean(axis=0)
        return float(np.sqrt((offset**2).sum(axis=1).mean()))

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
        _cap(residual)
        weight = shown_by(matrix, frame.shape, self.image.shape, self.factor)
        residual *= weight
        sums = [_block_means(g * residual, self.blocks).ravel() for g in self.gradients]
        inside = _block_means(weight, self.blocks).ravel()
        return np.stack(sums, -1, dtype=np.float64), inside.astype(np.float64)


def _cap(residual: Image) -> None:
    """Limit residuals to what is usual (Huber): one bright cell must not pull the whole image."""
    some = np.abs(residual[::SOME, ::SOME]).ravel()
    limit = CAP * float(np.partition(some, len(some) // 2)[len(some) // 2])
    np.clip(residual, -limit, limit, out=residual)


def sampled(
    image: Image,
    matrix: Matrix,
    shape: tuple[int, ...],
    factor: int = 1,
    interpolation: int = cv2.INTER_LINEAR,
) -> Image:
    """Sample a raw image of a level where the reference's pixels of that level lie."""
    offset = (factor - 1) / 2  # of the first pixel's centre, in full-size px
    linear = matrix[:2, :2]
    shift = (linear @ (offset, offset) + matrix[:2, 2] - offset) / factor
    xy = np.array([[*linear[1, ::-1], shift[1]], [*linear[0, ::-1], shift[0]]])
    flags = interpolation | cv2.WARP_INVERSE_MAP
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
    (a, b, e), (c, d, f), _ = matrix.tolist()
    determinant = a * d - b * c
    offset = (factor - 1) / 2
    unit = 2**OUTLINE_BITS / factor
    outline = []
    for y, x in ((0, 0), (0, right), (bottom, right), (bottom, 0)):
        across = (a * (x - f) - c * (y - e)) / determinant
        down = (d * (y - e) - b * (x - f)) / determinant
        outline.append((round((across - offset) * unit), round((down - offset) * unit)))
    fixed_point = np.array(outline, np.int32)
    shown = np.zeros(shape, np.float32)
    cv2.fillConvexPoly(shown, fixed_point, 1.0, lineType=cv2.LINE_8, shift=OUTLINE_BITS)
    return shown


def _block_means(image: Image, blocks: tuple[int, int]) -> Image:
    return cv2.resize(image, (blocks[1], blocks[0]), interpolation=cv2.INTER_AREA)


@dataclass(frozen=True)
class Refined:
    """A refined map, and whether more freedom would pay.

    Attributes
    ----------
    matrix : numpy.ndarray
        (3, 3) reference to raw frame.
    affine_helps : float
        How much better an affine map foretells the blocks it wasn't fitted to than a similarity
        does; negative where worse.
    """

    matrix: Matrix
    affine_helps: float


@dataclass(frozen=True)
class Target:
    """A reference image prepared for the refinement of many maps onto it."""

    mean: float
    bright: float
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
        bright = float(np.percentile(image, BRIGHT_PERCENTILE))
        return cls(cv2.mean(cv2.min(image, bright))[0], bright, prefilter, tuple(levels))

    def gain(self, frame: Image) -> float:
        """Factor that brings a frame to the reference's brightness; the brightest cells apart."""
        return self.prefilter.gain(cv2.mean(cv2.min(frame, self.bright))[0], self.mean)

    def refine(self, frame: Image, start: Matrix, model: Model) -> Refined:
        """Refine the map of a frame (Y', X') float32, free of NaN, from a start."""
        gain = self.gain(frame)
        matrix = start
        for level in self.levels:
            filtered = self.prefilter(frame, level.factor, gain)
            for _ in range(ITERATIONS):
                gradient, inside = level.differences(filtered, matrix)
                step = solve(level, gradient, inside, model)
                matrix = matrix @ step
                if largest_move(step, level.centres) < STOP_PX:
                    break
        return Refined(matrix, affine_gain(level, gradient, inside))


def solve(level: Level, gradient: Blocks, inside: Blocks, model: Model) -> Matrix:
    """Find the map that undoes the differences of the blocks."""
    equations = _Equations.of(level, gradient, inside, model)
    weights = (inside > HALF).astype(float)
    for _ in range(REWEIGHTINGS):
        parameters = equations.solve(weights)
        weights = _huber(equations.misfits(parameters), inside > HALF)
    return _as_matrix(parameters, level.centres.mean(axis=0), model)


def affine_gain(level: Level, gradient: Blocks, inside: Blocks) -> float:
    """How much better an affine map foretells held-out blocks than a similarity does.

    Both are fitted to either half of the blocks in turn; what counts is the other half.
    """
    white = level.white
    known = (inside > HALF).astype(float)
    costs = []
    for model in ("similarity", "affine"):
        equations = _Equations.of(level, gradient, inside, model)
        parts = ((known * white, known * ~white), (known * ~white, known * white))
        costs.append(sum(equations.cost(equations.solve(fit), held) for fit, held in parts))
    return float(costs[0] - costs[1])


@dataclass(frozen=True)
class _Equations:
    """Normal equations of every block for the parameters of a map."""

    hessian: Blocks
    gradient: Blocks
    design: Blocks
    normal: Blocks
    right: Blocks
    ridge: float

    @classmethod
    def of(cls, level: Level, gradient: Blocks, inside: Blocks, model: Model) -> Self:
        design = _design(level.centres - level.centres.mean(axis=0), model)
        hessian = level.hessian * inside[:, np.newaxis, np.newaxis]
        ridge = RIDGE * float(np.trace(hessian.mean(axis=0))) + 1e-30
        pulled = np.swapaxes(design, 1, 2) @ hessian
        normal = pulled @ design
        right = np.einsum("bip,bi->bp", design, gradient)
        return cls(hessian, gradient, design, normal, right, ridge)

    def solve(self, weights: Blocks) -> Blocks:
        """Parameters that the weighted blocks ask for."""
        left = np.tensordot(weights, self.normal, axes=1)
        left += self.ridge * np.eye(len(left))
        return np.asarray(-np.linalg.solve(left, weights @ self.right), np.float64)

    def misfits(self, parameters: Blocks) -> Blocks:
        """(blocks,) how far each block is from what the parameters give it."""
        misfit = np.einsum("bij,bj->bi", self.hessian, self.design @ parameters) + self.gradient
        own = np.linalg.inv(self.hessian + self.ridge * np.eye(2))
        length: Blocks = np.sqrt(np.einsum("bi,bij,bj->b", misfit, own, misfit).clip(0))
        return length

    def cost(self, parameters: Blocks, weights: Blocks) -> float:
        """Change of the squared differences of weighted blocks by the parameters."""
        curved = 0.5 * np.einsum("p,bpq,q->b", parameters, self.normal, parameters)
        return float(weights @ (curved + self.right @ parameters))


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
    known = inside > HALF
    shift = _weighted_shift(hessian, gradient, known)
    weights = _agreement(hessian, gradient, shift, known)
    return _weighted_shift(hessian, gradient, weights)


def turn_of(
    level: Level, gradient: Blocks, inside: Blocks, shift: npt.NDArray[np.float64]
) -> float:
    """Rotation that is left after a shift, as the px that it moves the blocks on average."""
    known = inside > HALF
    hessian = level.hessian * inside[:, np.newaxis, np.newaxis]
    weights = _agreement(hessian, gradient, shift, known)
    misfit = hessian @ shift + gradient
    offset = level.centres - level.centres.mean(axis=0)
    across = np.stack([-offset[:, 1], offset[:, 0]], -1)
    pulled = float((weights * (across * misfit).sum(axis=1)).sum())
    stiffness = float((weights * np.einsum("bi,bij,bj->b", across, hessian, across)).sum())
    return -pulled / stiffness * level.radius if stiffness > 0 else 0.0


def moved_by(level: Level, shift: npt.NDArray[np.float64], turn: float) -> Matrix:
    """(3, 3) map that shifts, and turns the blocks about their middle by so many px on average."""
    return _as_matrix(np.array([*shift, turn / level.radius]), level.centres.mean(axis=0), "rigid")


def halves_of(
    level: Level, gradient: Blocks, inside: Blocks
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Shift from each half of the blocks alone: what the two share is motion, the rest is noise."""
    hessian = level.hessian * inside[:, np.newaxis, np.newaxis]
    known = inside > HALF
    return (
        _weighted_shift(hessian, gradient, known & level.white),
        _weighted_shift(hessian, gradient, known & ~level.white),
    )


def _weighted_shift(
    hessian: Blocks, gradient: Blocks, weights: npt.NDArray[Any]
) -> npt.NDArray[np.float64]:
    (yy, yx, _, xx), (gy, gx) = weights @ hessian.reshape(-1, 4), weights @ gradient
    determinant = yy * xx - yx * yx
    if not determinant > TINY * (yy + xx) ** 2:
        return np.zeros(2)
    return np.array([yx * gx - xx * gy, yx * gy - yy * gx]) / determinant


def _agreement(
    hessian: Blocks,
    gradient: Blocks,
    shift: npt.NDArray[np.float64],
    known: npt.NDArray[np.bool_],
) -> Blocks:
    """Weights of the blocks by how well each agrees with a shift."""
    misfit = hessian @ shift + gradient
    power = hessian[:, 0, 0] + hessian[:, 1, 1]
    power += TINY * float(power.max(initial=0)) + 1e-30
    return _huber(np.sqrt((misfit * misfit).sum(axis=1) / power), known)


def _huber(length: Blocks, known: npt.NDArray[np.bool_]) -> Blocks:
    """Weight 1 for blocks that agree, less for those that stand out."""
    agreeing = length[known]
    middle = len(agreeing) // 2
    typical = float(np.partition(agreeing, middle)[middle]) if len(agreeing) else 0.0
    return known / np.maximum(length / max(HUBER * typical, 1e-30), 1)
