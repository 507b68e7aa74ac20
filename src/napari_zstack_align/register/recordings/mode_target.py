"""A reference that frames are bent onto, mode by mode.

A frame is sampled where the reference's pixels lie in it. The difference, times the reference's
gradients, is summed over small blocks: with the gradients' products these sums are all that
Gauss–Newton needs, whatever the freedom (Lucas & Kanade 1981), and either half of the blocks shows
the motion by itself.

Between pixels a frame is sampled linearly on a grid of half the pitch. Linear interpolation between
the pixels themselves would shift fine detail by up to 0.04 px, with a period of one pixel, and
OpenCV's bicubic kernel the other way; midway between two pixels, where the finer grid is filled in,
the kernel is symmetric and shifts nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.spline import field_on_pixels
from napari_zstack_align.alignment.warp import shrink
from napari_zstack_align.register.prefilter import Prefilter
from napari_zstack_align.register.recordings.geometry import Matrix
from napari_zstack_align.register.recordings.mode_loops import compare
from napari_zstack_align.register.recordings.refine import (
    BRIGHT_PERCENTILE,
    SMALLEST_LEVEL_PX,
    BlockMeans,
    strided_pixels,
)
from napari_zstack_align.register.recordings.smooth_modes import SPACING_PX, SmoothModes, straight
from napari_zstack_align.scratch import scratch

Image = npt.NDArray[np.float32]
Array = npt.NDArray[np.float64]

BLOCK_PX = 16
HALVES_PX = 32
"""Size of the fields of the chessboard that the halves are."""
APART_PX = 3
"""Pixels left out on either side of the borders of the halves."""
FACTORS = (2, 1)
DERIVATIVE = np.array([1, -8, 0, 8, -1], np.float32) / 12
"""Right for finer detail than two neighbours are."""
MIDWAY: Image = (np.array([[-3, 19, 19, -3]]) / 32).astype(np.float32)
"""Bicubic interpolation in the middle between two pixels."""
LEAST_INSIDE = 0.25
USUAL_TIMES = 3.0
"""Residuals of so many times the median are usual."""
REACH_PX = 0.5
"""Where the reference is steep, they may be larger by what a motion of this size makes."""
OUTSIDE, SHOWN_BELOW = 1e9, np.float32(1e3)
"""What pixels outside a frame are sampled as: no filtered frame is so bright."""
CONTRASTS = 0.1, 1.5
"""Bounds of the contrast that a frame has beside the reference."""
TINY = 1e-9


@dataclass(frozen=True)
class Blocks:
    """What the blocks of one frame say: block b asks for the least of ½ d H d − d p.

    Attributes
    ----------
    hessian : numpy.ndarray
        H, (B, 2, 2).
    pull : numpy.ndarray
        p, (B, 2): H times the displacement that the block asks for.
    """

    hessian: Array
    pull: Array

    def misfit(self, displacement: Array) -> Array:
        """(B, 2) what displacements (B, 2) leave of the pulls."""
        return (self.hessian @ displacement[..., np.newaxis])[..., 0] - self.pull


@dataclass(frozen=True)
class ModeLevel:
    """The reference at one size."""

    factor: int
    image: Image
    gradients: tuple[Image, Image]
    hessian: Array
    slope: Array
    means: BlockMeans
    modes: Array
    slack: Image
    strided: npt.NDArray[np.intp]
    still: Image
    shape: tuple[int, int]
    power: float

    @classmethod
    def build(cls, image: Image, factor: int, modes: SmoothModes, weights: Image | None) -> Self:
        """Take gradients, and their products over blocks, of a prefiltered image."""
        smooth = np.ones((1, 1), np.float32)
        slope = (DERIVATIVE / factor).reshape(-1, 1)
        gy = cv2.sepFilter2D(image, cv2.CV_32F, smooth, slope, borderType=cv2.BORDER_REPLICATE)
        gx = cv2.sepFilter2D(image, cv2.CV_32F, slope, smooth, borderType=cv2.BORDER_REPLICATE)
        wy, wx = (gy, gx) if weights is None else (gy * weights, gx * weights)
        means = BlockMeans.of(image.shape, factor, BLOCK_PX)
        products = [means(p).astype(float) for p in (wy * gy, wy * gx, wx * gx)]
        hessian = np.stack([products[i] for i in (0, 1, 1, 2)], -1).reshape(-1, 2, 2)
        return cls(
            factor=factor,
            image=image,
            gradients=(wy, wx),
            hessian=hessian,
            slope=np.stack([means(w * image) for w in (wy, wx)], -1).astype(float),
            means=means,
            modes=modes.at(means.centres(factor)),
            slack=np.hypot(gy, gx) * np.float32(REACH_PX) + np.float32(TINY),
            strided=strided_pixels(image.shape, weights),
            still=straight(modes.shape),
            shape=modes.shape,
            power=float(np.mean(image * image)) + TINY,
        )

    @cached_property
    def strided_image(self) -> Image:
        """Reference at the pixels that the usual size of differences is taken from."""
        some: Image = self.image.ravel()[self.strided]
        return some

    @cached_property
    def white(self) -> npt.NDArray[np.bool_]:
        """(B,) every other field of a chessboard."""
        rows, columns = np.indices(self.means.blocks) // (HALVES_PX // BLOCK_PX)
        return np.asarray((rows + columns) % 2 == 0).ravel()

    def blocks(self, frame: Image, matrix: Matrix, bent: Image, amplitudes: Array) -> Blocks:
        """Compare a frame with the reference, at a displacement.

        Parameters
        ----------
        frame : numpy.ndarray
            Filtered frame, at the level's size if that is reduced, else on half the pitch.
        matrix : numpy.ndarray
            (3, 3) map of the frame without its own motion, applied after it.
        bent : numpy.ndarray
            (2, gy, gx) spline coefficients of its own motion.
        amplitudes : numpy.ndarray
            (2, K) the same as amplitudes of the modes.
        """
        seen = self._sampled(frame, matrix, bent)
        pulled, product = scratch("pulled", 3, *seen.shape), scratch("product", *seen.shape)
        usual = self._usual(seen)
        compare(seen, self.image, self.slack, usual, SHOWN_BELOW, *self.gradients, product, pulled)
        contrast = self._contrast(product)
        *means, shown = self.means(pulled).astype(float)
        gradient, inside = np.stack(means, -1), shown
        inside[inside <= LEAST_INSIDE] = 0
        gradient += (1 - contrast) * self.slope * inside[:, np.newaxis]
        hessian = contrast * self.hessian * inside[:, np.newaxis, np.newaxis]
        displacement = self.modes @ amplitudes.T
        pull = (hessian @ displacement[..., np.newaxis])[..., 0]
        pull -= gradient * (inside > 0)[:, np.newaxis]
        return Blocks(hessian, pull)

    def likeness(self, frame: Image, matrix: Matrix, bent: Image) -> float:
        """Correlation of a frame with the reference, at a displacement; see `blocks`."""
        seen = self._sampled(frame, matrix, bent)
        shown = seen < SHOWN_BELOW
        seen *= shown
        wanted = self.image * shown
        lengths = cv2.norm(seen) * cv2.norm(wanted)
        return float(np.vdot(seen, wanted)) / max(lengths, TINY)

    def _sampled(self, frame: Image, matrix: Matrix, bent: Image) -> Image:
        """(Y, X) a frame where the level's pixels lie in it, very bright where it shows none."""
        y, x = self._places(matrix, bent)
        return cv2.remap(
            frame,
            x,
            y,
            cv2.INTER_LINEAR,
            dst=scratch("seen", *self.image.shape),
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=OUTSIDE,
        )

    def _contrast(self, product: Image) -> float:
        """How much of the reference's contrast a frame has, by differences times the reference.

        The square root takes contrast off where few photons come, and so does a frame that leaves
        the plane: its gradients are smaller than those of the reference.
        """
        return float(np.clip(1 + cv2.mean(product)[0] / self.power, *CONTRASTS))

    def _usual(self, seen: Image) -> np.float32:
        """Size of differences that noise explains; what is beyond loses weight: a cell lights up.

        Where the reference is steep, motion makes large differences, and on sparse tissue nothing
        else shows it: there more is let through (`slack`).
        """
        some = seen.ravel()[self.strided]
        size = np.abs(some - self.strided_image) * (some < SHOWN_BELOW)
        size.partition(len(size) // 2)
        return np.float32(USUAL_TIMES * size[len(size) // 2])

    def _places(self, matrix: Matrix, bent: Image) -> Image:
        """(2, Y, X) where the level's pixels lie in a filtered frame.

        Splines reproduce straight lines: the map is a spline too.
        """
        nodes = (self.still + bent).reshape(2, -1)
        places = (matrix[:2, :2] @ nodes + matrix[:2, 2:]).reshape(bent.shape)
        places = 2 * places if self.factor == 1 else (places + 0.5) / self.factor - 0.5
        return field_on_pixels(places.astype(np.float32), self.shape, SPACING_PX, self.factor)


@dataclass(frozen=True)
class ModeTarget:
    """A reference image prepared for the motion of single frames."""

    image: Image
    prefilter: Prefilter
    modes: SmoothModes
    levels: tuple[ModeLevel, ...]
    brightness: float
    bright: float
    weights: Image | None

    @classmethod
    def build(
        cls,
        image: Image,
        prefilter: Prefilter,
        modes: SmoothModes,
        weights: Image | None = None,
        finest: int = 1,
    ) -> Self:
        """Prepare a reference (Y, X) float32, free of NaN; weights (Y, X) of its pixels.

        ``finest`` is how many times smaller the finest size is that is compared.
        """
        levels = []
        for factor in FACTORS:
            if factor < finest or (factor > 1 and min(image.shape) // factor < SMALLEST_LEVEL_PX):
                continue
            shrunk = None if weights is None else shrink(weights, factor)
            filtered = prefilter(image, factor)
            levels.append(ModeLevel.build(filtered, factor, modes, shrunk))
        bright = float(np.percentile(image, BRIGHT_PERCENTILE))
        mean = cv2.mean(cv2.min(image, bright))[0]
        return cls(image, prefilter, modes, tuple(levels), mean, bright, weights)

    def of_halves(self) -> ModeLevel:
        """Return the finest level without the pixels beside the borders of the halves.

        The prefilter spreads a pixel's noise over its neighbours: the halves would share it.
        """
        level = self.levels[-1]
        side = HALVES_PX // level.factor
        y, x = (np.arange(size) % side for size in level.image.shape)
        rows, columns = (np.minimum(at, side - 1 - at) >= APART_PX for at in (y, x))
        apart = (rows[:, np.newaxis] & columns).astype(np.float32)
        if self.weights is not None:
            apart *= shrink(self.weights, level.factor)
        return ModeLevel.build(level.image, level.factor, self.modes, apart)

    def filtered(self, frame: Image, *, finest_only: bool = False) -> tuple[Image, ...]:
        """Frame (Y, X) float32, free of NaN, as it is compared at each level, or the last one."""
        gain = self.prefilter.gain(cv2.mean(cv2.min(frame, self.bright))[0], self.brightness)
        levels = self.levels[-1:] if finest_only else self.levels
        each = [self.prefilter(frame, level.factor, gain) for level in levels]
        return (*each[:-1], doubled(each[-1]) if levels[-1].factor == 1 else each[-1])


def doubled(image: Image) -> Image:
    """Return an image on half the pitch: its own pixels, and those midway between them."""
    rows, columns = image.shape
    across = cv2.merge([image, _midway(image, MIDWAY)]).reshape(rows, 2 * columns)
    result = np.empty((2 * rows, 2 * columns), np.float32)
    result[::2], result[1::2] = across, _midway(across, MIDWAY.T)
    return result[:-1, :-1]


def _midway(image: Image, kernel: Image) -> Image:
    """Value midway between each pixel and the next one along an axis."""
    anchor = (0, 1) if kernel.shape[1] == 1 else (1, 0)
    return cv2.filter2D(image, cv2.CV_32F, kernel, anchor=anchor, borderType=cv2.BORDER_REPLICATE)
