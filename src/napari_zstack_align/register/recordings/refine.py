"""Refinement of a map by all pixels: Gauss–Newton on blocks of the image, robust over the blocks.

The hessian comes from the reference's gradients and is made once (Baker & Matthews 2004, IJCV,
'Lucas–Kanade 20 years on'). Sums over blocks take the place of sums over pixels: the map is
smooth, so a block's displacement is that of its centre, and a block in which a cell lights up or
a fibre moves stands out from the rest and loses its weight (iteratively reweighted least squares).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.warp import shrink
from napari_zstack_align.register.prefilter import Prefilter
from napari_zstack_align.register.recordings.geometry import Matrix, Model
from napari_zstack_align.register.recordings.reference import MASK_LEVEL

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
FADES_BEYOND = 2.0
"""Residuals beyond so many times that limit lose weight with their size, down to none."""
TINY = 1e-30
BRIGHT_PERCENTILE = 98.0
RESIDUAL_STRIDE = 5
"""Every fifth pixel along each axis is looked at for the median size of the residuals."""
LEAST_INSIDE = 0.5
"""Blocks of which a smaller part lies inside the raw frame are left out."""
AT_ONCE = 8
"""Frames compared at once: several images of each are held."""


@dataclass(frozen=True)
class Level:
    """The reference at one size, with what a step needs of it."""

    factor: int
    image: Image
    gradients: tuple[Image, Image]
    hessian: Blocks
    means: BlockMeans
    centres: Blocks
    strided: npt.NDArray[np.intp]

    @classmethod
    def build(cls, image: Image, factor: int, weights: Image | None) -> Self:
        """Take gradients, and their products over blocks, of a prefiltered image."""
        gy = cv2.Sobel(image, cv2.CV_32F, 0, 1, ksize=3, scale=1 / (8 * factor))
        gx = cv2.Sobel(image, cv2.CV_32F, 1, 0, ksize=3, scale=1 / (8 * factor))
        wy, wx = (gy, gx) if weights is None else (gy * weights, gx * weights)
        means = BlockMeans.of(image.shape, factor)
        products = [means(p) for p in (wy * gy, wy * gx, wx * gx)]
        hessian = np.stack([products[i] for i in (0, 1, 1, 2)], -1, dtype=np.float64)
        hessian = hessian.reshape(-1, 2, 2)
        strided = strided_pixels(image.shape, weights)
        return cls(factor, image, (wy, wx), hessian, means, means.centres(factor), strided)

    def design(self, model: Model) -> Blocks:
        """(2, P, blocks): how far each parameter moves each block down and across."""
        return self._designs[model]

    @cached_property
    def _designs(self) -> dict[Model, Blocks]:
        y, x = (self.centres - self.centres.mean(axis=0)).T
        no, one = np.zeros_like(y), np.ones_like(y)
        shift = [(one, no), (no, one)]
        turn, growth = [(-x, y)], [(y, x)]
        columns: dict[Model, list[tuple[Blocks, Blocks]]] = {
            "translation": shift,
            "rigid": shift + turn,
            "similarity": shift + turn + growth,
            "affine": [*shift, (y, no), (x, no), (no, y), (no, x)],
        }
        return {model: np.stack([np.stack(c) for c in of], 1) for model, of in columns.items()}

    @cached_property
    def white(self) -> npt.NDArray[np.bool_]:
        """(blocks,) every other block, as the white fields of a chessboard."""
        rows, columns = np.indices(self.means.blocks)
        return ((rows + columns) % 2 == 0).ravel()

    @cached_property
    def radius(self) -> float:
        """Mean distance (root mean square) of the blocks from their middle, in px."""
        offset = self.centres - self.centres.mean(axis=0)
        return float(np.sqrt((offset**2).sum(axis=1).mean()))

    def differences(
        self, frames: Sequence[Image] | Image, matrices: Matrix
    ) -> tuple[Blocks, Blocks]:
        """Gradient-weighted differences of mapped frames over blocks, and the part inside.

        Parameters
        ----------
        frames : sequence of numpy.ndarray
            n filtered frames of the level's size.
        matrices : numpy.ndarray
            (n, 3, 3).

        Returns
        -------
        gradient : numpy.ndarray
            (n, blocks, 2).
        inside : numpy.ndarray
            (n, blocks) in [0, 1].
        """
        gradient = np.empty((len(frames), len(self.centres), 2))
        inside = np.empty(gradient.shape[:2])
        for start in range(0, len(frames), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            gradient[some], inside[some] = self._differences(frames[some], matrices[some])
        return gradient, inside

    def _differences(
        self, frames: Sequence[Image] | Image, matrices: Matrix
    ) -> tuple[Image, Image]:
        shape = self.image.shape
        residual = np.empty((len(frames), *shape), np.float32)
        shown = np.empty_like(residual)
        for i, (frame, matrix) in enumerate(zip(frames, matrices, strict=True)):
            residual[i] = sampled(frame, matrix, shape, self.factor)
            shown[i] = shown_by(matrix, frame.shape, shape, self.factor)
        residual -= self.image
        _cap(residual, self.strided)
        residual *= shown
        sums = [self.means(gradient * residual) for gradient in self.gradients]
        return np.stack(sums, -1), self.means(shown)


@dataclass(frozen=True)
class BlockMeans:
    """Means of images over blocks of equal size, as two products of matrices."""

    down: Image
    across: Image

    @classmethod
    def of(cls, shape: tuple[int, ...], factor: int, block_px: int = BLOCK_PX) -> Self:
        """Means over the blocks of a level's image."""
        rows, columns = (_overlaps(size, max(size * factor // block_px, 1)) for size in shape)
        return cls(rows, np.ascontiguousarray(columns.T))

    def __call__(self, images: Image) -> Image:
        """(..., blocks) of images (..., Y, X)."""
        means = self.down @ (images @ self.across)
        return means.reshape(*images.shape[:-2], -1)

    @property
    def blocks(self) -> tuple[int, int]:
        """Number of blocks along y and x."""
        return len(self.down), self.across.shape[1]

    def centres(self, factor: int) -> Blocks:
        """(blocks, 2) in full-size px."""
        sizes = self.down.shape[1], self.across.shape[0]
        y, x = (
            (np.arange(n) + 0.5) * size / n * factor - 0.5
            for n, size in zip(self.blocks, sizes, strict=True)
        )
        return np.stack(np.meshgrid(y, x, indexing="ij"), -1).reshape(-1, 2)


def _overlaps(size: int, blocks: int) -> Image:
    """(blocks, size) part of each block that each pixel fills."""
    edges = np.linspace(0, size, blocks + 1)[:, np.newaxis]
    filled = np.clip(edges - np.arange(size), 0, 1)
    result: Image = (np.diff(filled, axis=0) * blocks / size).astype(np.float32)
    return result


def strided_pixels(shape: tuple[int, ...], weights: Image | None) -> npt.NDArray[np.intp]:
    """Flat indices of every few pixels in the mask."""
    chosen = np.zeros(shape, bool)
    chosen[::RESIDUAL_STRIDE, ::RESIDUAL_STRIDE] = True
    if weights is not None and (chosen & (weights >= MASK_LEVEL)).any():
        chosen &= weights >= MASK_LEVEL
    return np.flatnonzero(chosen)


def _cap(residual: Image, pixels: npt.NDArray[np.intp]) -> None:
    """Limit residuals (n, Y, X) to what is usual: a bright cell must not pull all else."""
    size = np.abs(residual)
    some = size.reshape(len(size), -1)[:, pixels]
    middle = some.shape[1] // 2
    limit = CAP * np.partition(some, middle, axis=1)[:, middle, np.newaxis, np.newaxis]
    np.clip(residual, -limit, limit, out=residual)
    size /= np.maximum(FADES_BEYOND * limit, TINY)
    np.maximum(size, 1, out=size)
    residual /= size
    residual /= size


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


@dataclass(frozen=True)
class Refined:
    """A refined map, and whether more freedom would pay.

    Attributes
    ----------
    matrix : numpy.ndarray
        (3, 3) reference to raw frame.
    affine_helps : float
        How much better an affine map predicts held-out blocks than a similarity
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

    def refine(self, frame: Image, start: Matrix, model: Model, *, near: bool = False) -> Refined:
        """Refine the map of a frame (Y', X') float32, free of NaN, from a start.

        Where the start is known to be near, at full size only.
        """
        gain = self.gain(frame)
        matrix = start
        for level in self.levels[-1:] if near else self.levels:
            filtered = self.prefilter(frame, level.factor, gain)
            for _ in range(ITERATIONS):
                (gradient,), (inside,) = level.differences([filtered], matrix[np.newaxis])
                step = solve(level, gradient, inside, model)
                matrix = matrix @ step
                if largest_move(step, level.centres) < STOP_PX:
                    break
        return Refined(matrix, affine_gain(level, gradient, inside))


def solve(level: Level, gradient: Blocks, inside: Blocks, model: Model) -> Matrix:
    """Find the map that undoes the differences of the blocks."""
    equations = _Equations.of(level, gradient, inside, model)
    weights = (inside > LEAST_INSIDE).astype(float)
    for _ in range(REWEIGHTINGS):
        parameters = equations.solve(weights)
        weights = _huber(equations.misfits(parameters), inside > LEAST_INSIDE)
    return _as_matrix(parameters, level.centres.mean(axis=0), model)


def affine_gain(level: Level, gradient: Blocks, inside: Blocks) -> float:
    """How much better an affine map predicts held-out blocks than a similarity does.

    Both are fitted to either half of the blocks in turn; what counts is the other half.
    """
    white = level.white
    known = (inside > LEAST_INSIDE).astype(float)
    costs = []
    for model in ("similarity", "affine"):
        equations = _Equations.of(level, gradient, inside, model)
        parts = ((known * white, known * ~white), (known * ~white, known * white))
        costs.append(sum(equations.cost(equations.solve(fit), held) for fit, held in parts))
    return float(costs[0] - costs[1])


@dataclass(frozen=True)
class _Equations:
    """Least squares for the parameters of a map: every block asks that A p + c be 0.

    Attributes
    ----------
    design : numpy.ndarray
        A, (2 * blocks, P): a block's hessian is split into L L^T; A is L^T times what the
        parameters do to its place.
    offset : numpy.ndarray
        c, (2 * blocks,): L^-1 times the block's gradient.
    ridge : float
        Keeps the equations solvable where the image shows nothing.
    """

    design: Blocks
    offset: Blocks
    ridge: float

    @classmethod
    def of(cls, level: Level, gradient: Blocks, inside: Blocks, model: Model) -> Self:
        hessian = level.hessian * inside[:, np.newaxis, np.newaxis]
        ridge = RIDGE * float(np.trace(hessian.mean(axis=0))) + 1e-30
        first = np.sqrt(hessian[:, 0, 0] + ridge)
        lower = hessian[:, 1, 0] / first
        second = np.sqrt(np.maximum(hessian[:, 1, 1] + ridge - lower**2, ridge))
        down, across = level.design(model)
        design = np.stack([first * down + lower * across, second * across], axis=-1)
        top = gradient[:, 0] / first
        offset = np.stack([top, (gradient[:, 1] - lower * top) / second], axis=-1)
        return cls(design.reshape(len(down), -1).T, offset.ravel(), ridge)

    def solve(self, weights: Blocks) -> Blocks:
        """Parameters that the weighted blocks ask for."""
        pulled = self.design.T * np.repeat(weights, 2)
        left = pulled @ self.design
        left.flat[:: len(left) + 1] += self.ridge
        return np.asarray(-np.linalg.solve(left, pulled @ self.offset), np.float64)

    def misfits(self, parameters: Blocks) -> Blocks:
        """(blocks,) how far each block is from what the parameters give it."""
        y, x = (self.design @ parameters + self.offset).reshape(-1, 2).T
        length: Blocks = np.hypot(y, x)
        return length

    def cost(self, parameters: Blocks, weights: Blocks) -> float:
        """Half the squared misfits of weighted blocks."""
        return float(weights @ self.misfits(parameters) ** 2) / 2


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


def _huber(length: Blocks, known: npt.NDArray[np.bool_]) -> Blocks:
    """Weight 1 for blocks that agree, less for those that stand out."""
    agreeing = length[known]
    middle = len(agreeing) // 2
    typical = float(np.partition(agreeing, middle)[middle]) if len(agreeing) else 0.0
    return known / np.maximum(length / max(HUBER * typical, 1e-30), 1)
