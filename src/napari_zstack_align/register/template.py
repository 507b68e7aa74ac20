"""Registration of a frame to a reference by Gauss–Newton on a spline grid.

The hessian is taken from the reference's own gradients, so that it is built and factorised once a
reference and serves every frame and iteration (Baker & Matthews 2004, IJCV, 'Lucas–Kanade 20
years on'); the images are compared on a pyramid from coarse to fine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment import spline
from napari_zstack_align.alignment.warp import shrink
from napari_zstack_align.register import gauss_newton
from napari_zstack_align.register.normal_equations import NormalEquations, normal_equations
from napari_zstack_align.register.prefilter import Image, Prefilter
from napari_zstack_align.register.smoothness import Smoothness, smoothness
from napari_zstack_align.register.translation import find_translation
from napari_zstack_align.scratch import scratch

Coefficients = npt.NDArray[np.float32]
Filtered: TypeAlias = tuple[Image, ...]
"""A frame, prefiltered at each level of a template."""

FACTORS = (4, 2, 1)
ITERATIONS = 2
"""Gauss–Newton steps a level."""
STOP_PX = 0.02
"""Steps smaller than this end a level."""
SMALLEST_LEVEL_PX = 16
"""Levels with an axis shorter than this are left out (the full resolution never is)."""
POWER_BLOCK_PX = 32
"""Size of the blocks over which the power of the residual is taken, in full-size px."""
POWER_FLOOR = 0.1
"""Residual power below this fraction of its mean doesn't raise the weight any more."""
NOTHING = np.empty((0, 0), np.float32)
"""Where there is no such image."""
TINY = 1e-20
"""Power of an image without any detail."""


@dataclass(frozen=True)
class Level:
    """A reference at one size of the pyramid, ready for Gauss–Newton steps."""

    factor: int
    image: Image
    weighted_image: Image
    weights: Image
    gradients: tuple[Image, Image]
    weighted_gradients: tuple[Image, Image]
    bases: tuple[Image, Image]
    taps: tuple[spline.AxisTaps, spline.AxisTaps]
    limit: Image | None
    prior: Smoothness
    prior_scale: float
    shape: tuple[int, int]
    spacing_px: float

    @cached_property
    def equations(self) -> NormalEquations:
        """Factorised when first needed: a draft never needs it."""
        return normal_equations(
            self.weighted_gradients, self.gradients, self.bases, self.prior, self.prior_scale
        )

    @classmethod
    def build(
        cls,
        image: Image,
        weights: Image,
        factor: int,
        shape: tuple[int, int],
        spacing: float,
        prior: Smoothness,
        limit: Image | None = None,
    ) -> Self:
        """Take gradients of a prefiltered image."""
        gradients = _gradients(image, factor)
        weighted = (weights * gradients[0], weights * gradients[1])
        bases = (
            spline.pixel_basis(shape[0], spacing, factor),
            spline.pixel_basis(shape[1], spacing, factor),
        )
        # A level has factor² fewer pixels than the image over which the prior is integrated.
        scale = 1 / factor**2
        return cls(
            factor,
            image,
            weights * image,
            weights,
            gradients,
            weighted,
            bases,
            (
                spline.axis_taps(shape[0], spacing, factor),
                spline.axis_taps(shape[1], spacing, factor),
            ),
            limit,
            prior,
            scale,
            shape,
            spacing,
        )

    def weighed(self, weights: Image, prior: Smoothness) -> Self:
        """Return the same image with other weights (Y, X) and another prior."""
        along_y, along_x = self.gradients
        return replace(
            self,
            weights=weights,
            weighted_image=weights * self.image,
            weighted_gradients=(weights * along_y, weights * along_x),
            prior=prior,
        )

    def warped(self, frame: Image, coefficients: Coefficients, beyond: float) -> Image:
        """Frame (Y, X) of the level through a field; ``beyond`` is what lies outside it."""
        positions = scratch("positions", 2, *self.image.shape)
        spline.write_positions(coefficients, self.shape, self.spacing_px, positions, self.factor)
        map_y, map_x = positions
        return cv2.remap(frame, map_x, map_y, cv2.INTER_LINEAR, borderValue=beyond)

    def residual(self, frame: Image, coefficients: Coefficients) -> Image:
        """Warped frame minus reference; zero where the field leaves the raw frame."""
        residual = self.warped(frame, coefficients, np.nan)
        gauss_newton.take_residual(residual, self.image, NOTHING, np.float32(0))
        return residual

    def step(
        self, frame: Image, coefficients: Coefficients, bend: Coefficients, own: Image, share: float
    ) -> tuple[Coefficients, Image, float]:
        """One Gauss–Newton step from a frame that lies as ``coefficients`` say.

        Residuals beyond the limit count as much as the limit (Huber 1964, Ann. Math. Stat.): a
        cell that lights up doesn't pull.

        Parameters
        ----------
        frame : numpy.ndarray
            (Y, X) of the level, filtered.
        coefficients, bend : numpy.ndarray
            (2, gy, gx) of the field, and of what the prior holds small.
        own : numpy.ndarray
            (Y, X) what the frame is of the reference, to be taken out, or empty.
        share : float
            Other than 0 in a first step: times the residual, that is the frame's part.

        Returns
        -------
        step, residual, largest
            (2, gy, gx) to take off, (Y, X) residual before, largest component of the step.
        """
        residual = self.warped(frame, coefficients, np.nan)
        step = np.empty(coefficients.shape, np.float32)
        y, x = self.taps
        largest = gauss_newton.gauss_newton_step(
            residual,
            self.image,
            own,
            np.float32(share),
            NOTHING if self.limit is None else self.limit,
            *self.weighted_gradients,
            y.first,
            y.weights,
            x.borders,
            x.points,
            x.by_tap,
            *self.prior.stacked,
            np.float32(self.prior_scale),
            np.array(bend, np.float32, order="C"),
            self.equations.columns,
            self.equations.rows,
            step,
        )
        return step, residual, float(largest)

    def data_gradient(self, residual: Image) -> Coefficients:
        """Gradient (2, gy, gx) of half the weighted square of a residual (Y, X)."""
        gradient = np.empty((2, *(basis.shape[1] for basis in self.bases)), np.float32)
        y, x = self.taps
        gauss_newton.data_gradient(
            np.ascontiguousarray(residual, np.float32),
            NOTHING,
            *self.weighted_gradients,
            y.first,
            y.weights,
            x.borders,
            x.points,
            x.by_tap,
            gradient,
        )
        return gradient

    def pull(self, coefficients: Coefficients) -> Coefficients:
        """Hessian of the data times coefficients (2, gy, gx)."""
        rows, columns = self.bases
        field = rows @ coefficients @ columns.T
        return self.data_gradient(self.gradients[0] * field[0] + self.gradients[1] * field[1])


@dataclass(frozen=True)
class Registration:
    """What the registration of a frame found.

    Attributes
    ----------
    coefficients : numpy.ndarray
        (2, gy, gx) float32 spline coefficients in px, order (dy, dx).
    power : numpy.ndarray
        (levels, by, bx) float32 mean square of the residual over blocks of the image, before the
        last step.
    before : numpy.ndarray
        (2, gy, gx) coefficients before the last step.
    residual : numpy.ndarray, optional
        (Y, X) float32 residual at the last level, before the last step; None where it was dropped.
    """

    coefficients: Coefficients
    power: Image
    before: Coefficients
    residual: Image | None

    def without_residual(self) -> Registration:
        """Keep less in memory."""
        return replace(self, residual=None)


@dataclass(frozen=True)
class Template:
    """A reference image prepared for the registration of many frames.

    Attributes
    ----------
    image : numpy.ndarray
        (Y, X) float32 reference.
    levels : tuple of Level
        From coarse to fine.
    spacing_px : float
        Distance of the control points.
    prefilter : Prefilter
        What is done to every image before comparison.
    max_shift_px : float
        Largest translation searched for before the fine registration.
    iterations : int
        Gauss–Newton steps a level.
    brightness : float
        Mean that frames are brought to before they are filtered.
    """

    image: Image
    levels: tuple[Level, ...]
    spacing_px: float
    prefilter: Prefilter
    prior: Smoothness
    max_shift_px: float
    iterations: int
    brightness: float

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X) of the reference."""
        return self.image.shape[0], self.image.shape[1]

    @classmethod
    def build(
        cls,
        image: Image,
        prefilter: Prefilter,
        *,
        spacing_px: float,
        alpha: float,
        max_shift_px: float,
        mask: Image | None = None,
        power: Image | None = None,
        factors: tuple[int, ...] = FACTORS,
        iterations: int = ITERATIONS,
        cap: float | None = None,
        brightness: float | None = None,
    ) -> Self:
        """Prepare a reference.

        Parameters
        ----------
        image : numpy.ndarray
            (Y, X) float32, free of NaN.
        prefilter : Prefilter
            Applied to the reference and to every frame.
        spacing_px, alpha, max_shift_px : float
            As in ``AdaptiveParams``.
        mask : numpy.ndarray, optional
            (Y, X) float32 weights of the data in [0, 1]; where it is 0 the prior alone carries
            the field.
        power : numpy.ndarray, optional
            (levels, by, bx) float32 power of the residuals of registered frames: shot noise and
            changed anatomy. The data count by its inverse. Without it the power of the
            reference stands in.
        factors : tuple of int
            How many times smaller than the image the levels are, from coarse to fine.
        iterations : int
            Gauss–Newton steps a level.
        cap : float, optional
            Residuals count no more than so many of their standard deviations, as ``power`` tells
            them.
        brightness : float, optional
            Mean that frames are brought to; by default that of ``image``.
        """
        shape = (image.shape[0], image.shape[1])
        prior = smoothness(shape, spacing_px, alpha)
        levels: list[Level] = []
        for factor in factors:
            if factor > 1 and min(shape) // factor < SMALLEST_LEVEL_PX:
                continue
            filtered = prefilter(image, factor)
            weights = _weights(filtered, None if power is None else power[len(levels)])
            limit: Image | None = None
            if cap is not None and power is not None:
                limit = np.divide(cap, np.sqrt(weights), dtype=np.float32)
            if mask is not None:
                weights = weights * shrink(mask, factor)
            level = Level.build(filtered, weights, factor, shape, spacing_px, prior, limit)
            levels.append(level)
        bright = float(cv2.mean(image)[0]) if brightness is None else brightness
        pyramid = tuple(levels)
        return cls(image, pyramid, spacing_px, prefilter, prior, max_shift_px, iterations, bright)

    def weighed(
        self,
        *,
        alpha: float,
        max_shift_px: float,
        mask: Image | None,
        power: Image | None,
        n_levels: int,
    ) -> Self:
        """Return the first levels of the same reference, weighed otherwise.

        Parameters are those of `build`; filtered images and gradients are shared, a cap stays.
        """
        prior = smoothness(self.shape, self.spacing_px, alpha)
        levels = []
        for i, level in enumerate(self.levels[:n_levels]):
            weights = _weights(level.image, None if power is None else power[i])
            if mask is not None:
                weights = weights * shrink(mask, level.factor)
            levels.append(level.weighed(weights, prior))
        return replace(self, levels=tuple(levels), prior=prior, max_shift_px=max_shift_px)

    def factorised(self) -> Self:
        """Do now what the first frame would do otherwise, and other threads at the same time."""
        for level in self.levels:
            level.equations  # noqa: B018
        return self

    def filtered(self, frame: Image) -> Filtered:
        """Frame (Y, X) float32, free of NaN, as it is compared at each level."""
        gain = self.prefilter.gain(cv2.mean(frame)[0], self.brightness)
        return tuple(self.prefilter(frame, level.factor, gain) for level in self.levels)

    def register(
        self,
        frame: Filtered,
        start: Coefficients,
        *,
        around: Coefficients | None = None,
        among: int | None = None,
    ) -> Registration:
        """Find the displacement field of a frame.

        Parameters
        ----------
        frame : tuple of numpy.ndarray
            As of `filtered`.
        start : numpy.ndarray
            (2, gy, gx) float32 coefficients to start from.
        around : numpy.ndarray, optional
            (2, gy, gx) coefficients from which the field bends away as little as it can; no
            displacement at all by default.
        among : int, optional
            The reference is the mean of so many frames, and this one, as it lies at the start of a
            level, is one of them: it is taken out, or it would be drawn to its own noise.

        Returns
        -------
        Registration
        """
        coefficients, before, powers = start, start, []
        for level, filtered in zip(self.levels, frame, strict=True):
            if level is self.levels[0] and self.max_shift_px > 0:
                coefficients = coefficients + self._translation(level, filtered, start)
            is_own = among is not None and among > 1
            share = 1 / (among - 1) if is_own and among is not None else 0.0
            again = is_own and self.iterations > 1
            own = scratch("own part", *level.image.shape) if again else NOTHING
            for i in range(self.iterations):
                bend = coefficients if around is None else coefficients - around
                step, residual, largest = level.step(
                    filtered, coefficients, bend, own, share if i == 0 else 0.0
                )
                before, coefficients = coefficients, coefficients - step
                if largest < STOP_PX:
                    break
            powers.append(_power(residual, self.image.shape))
        return Registration(coefficients, np.stack(powers), before, residual)

    def residual_power(self, frame: Filtered, coefficients: Coefficients) -> Image:
        """Power of the residual of a filtered frame for a given field, (levels, by, bx) float32."""
        residuals = [
            level.residual(filtered, coefficients)
            for level, filtered in zip(self.levels, frame, strict=True)
        ]
        return np.stack([_power(residual, self.image.shape) for residual in residuals])

    def _translation(self, level: Level, frame: Image, start: Coefficients) -> Coefficients:
        moved = cv2.patchNaNs(level.warped(frame, start, 0.0), 0)
        shift = find_translation(
            moved, level.weighted_image, max_shift=self.max_shift_px / level.factor
        )
        return (level.factor * shift).astype(np.float32)[:, np.newaxis, np.newaxis]


def _gradients(image: Image, factor: int) -> tuple[Image, Image]:
    """Derivatives along y and x per full-size pixel."""
    scale = 1 / (8 * factor)
    along_y = cv2.Sobel(image, cv2.CV_32F, 0, 1, ksize=3, scale=scale)
    along_x = cv2.Sobel(image, cv2.CV_32F, 1, 0, ksize=3, scale=scale)
    return along_y, along_x


def _power(residual: Image, shape: tuple[int, int]) -> Image:
    """Mean square of a residual over blocks of the full-size image (Y, X)."""
    rows, columns = (max(size // POWER_BLOCK_PX, 1) for size in shape)
    return cv2.resize(residual * residual, (columns, rows), interpolation=cv2.INTER_AREA)


def _weights(image: Image, power: Image | None) -> Image:
    """Inverse residual power at the pixels of a level; that of its image stands in."""
    known = image * image if power is None else power
    smooth = cv2.GaussianBlur(known, (0, 0), 1.0, borderType=cv2.BORDER_REPLICATE)
    smooth = cv2.resize(smooth, image.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return 1 / np.maximum(smooth, max(POWER_FLOOR * float(smooth.mean()), TINY))
