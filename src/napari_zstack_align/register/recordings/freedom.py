"""How much freedom the frames of a recording carry: none, a shift, a turn, a shear, or a bend.

Some frames are fitted on half of their blocks, as a chessboard has white fields, and judged on the
other half, and the other way round. What the halves share is motion, in what they differ is noise:
this gives the size of each mode of motion, and so how far it is believed in a single frame
(empirical Bayes; a Wiener filter for each mode). A kind of motion with more freedom is taken where
it predicts the held-out halves better by `LEAST_SIGMAS` standard errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.register.recordings.mode_target import Array, Blocks, ModeLevel
from napari_zstack_align.register.recordings.smooth_modes import LINEAR, SmoothModes
from napari_zstack_align.spread import spread_of

KINDS = ("translation", "rigid", "affine", "spline")
"""Motion of single frames, from the least to the most freedom."""
LEAST_SIGMAS = 3.0
"""More freedom has to predict held-out blocks better by so many standard errors."""
LEAST_PERCENT = {"translation": 0.5, "rigid": 0.5, "affine": 0.5, "spline": 4.0}
"""And by so much of what there is to predict: no matrix can stand for a field."""
FIRST_SIZE_PX = 1.5
"""What the size of every mode is thought to be before anything is known."""
SMALLEST_SIZE_PX = 1e-3
NEGLIGIBLE_PX = 0.015
"""Modes of this size are no motion: neighbouring halves share a little of their noise."""
ROUNDS = 4
CHI_SQUARE_MEDIAN = 1.386
"""Of two degrees of freedom."""
FADES_BEYOND = 3.0
"""Blocks whose misfit is so many times what noise explains lose weight: a cell lights up."""
EXTREME = 4.0
TINY = 1e-12
SIZES, GAINS, FINEST = "sizes_px", "gains_percent", "finest_size"
"""Keys of what was learned, in the provenance."""


@dataclass(frozen=True)
class Freedom:
    """A kind of motion, and how large it is.

    Attributes
    ----------
    kind : {'translation', 'rigid', 'affine', 'spline'}
    design : numpy.ndarray
        (2 K, P) amplitudes (dy, dx) of the modes that each parameter makes.
    size : numpy.ndarray
        (P,) standard deviation of each parameter, in px, beside the interpolated motion.
    degrees : numpy.ndarray
        (P,) degree of the modes that each parameter makes.
    """

    kind: str
    design: Array
    size: Array
    degrees: npt.NDArray[np.intp]

    @classmethod
    def of(cls, kind: str, modes: SmoothModes, size: Array | None = None) -> Freedom:
        """Return a kind of motion; ``size`` is that of each degree of the modes, in px."""
        n = len(modes)
        if kind in ("affine", "spline"):
            kept = np.tile(modes.degree <= (LINEAR if kind == "affine" else np.inf), 2)
            design, degrees = np.eye(2 * n)[:, kept], np.tile(modes.degree, 2)[kept]
        else:
            design, degrees = np.zeros((2 * n, 2)), np.zeros(2, int)
            design[0, 0] = design[n, 1] = 1.0
            if kind == "rigid":
                design, degrees = np.column_stack([design, _turn(modes)]), np.array([0, 0, 1])
        sizes = np.full(len(degrees), FIRST_SIZE_PX) if size is None else size[degrees]
        return cls(kind, design, np.asarray(sizes, float), degrees)

    def precision(self, noise: float | Array) -> Array:
        """(..., P) what the prior adds to the diagonal of the normal equations."""
        return np.asarray(noise / np.maximum(self.size, SMALLEST_SIZE_PX) ** 2 + TINY)


def _turn(modes: SmoothModes) -> Array:
    """(2 K,) amplitudes of a turn that moves the tissue by 1 px (root mean square)."""
    n, (rows, columns) = len(modes), modes.shape
    turn, radius = np.zeros(2 * n), np.hypot(rows, columns)
    turn[2], turn[n + 1] = -columns / radius, rows / radius
    return turn


@dataclass(frozen=True)
class Equations:
    """Normal equations of a frame: amplitudes x ask for the least of ½ x A x − x p."""

    matrix: Array
    pull: Array

    @classmethod
    def of(cls, level: ModeLevel, blocks: Blocks, weights: Array) -> Equations:
        """Sum the weighted blocks up, (B,)."""
        modes, n = level.modes, level.modes.shape[1]
        heavy = blocks.hessian.reshape(-1, 4).T[[0, 1, 3]] * weights
        parts = (modes.T * heavy[:, np.newaxis]) @ modes
        matrix = parts[[0, 1, 1, 2]].reshape(2, 2, n, n).swapaxes(1, 2).reshape(2 * n, 2 * n)
        pull = (blocks.pull.T * weights) @ modes
        return cls(matrix, pull.ravel())

    def within(self, freedom: Freedom, prior: Array) -> Equations:
        """Equations of a freedom's parameters, beside the amplitudes (2, K) that are likely."""
        left = self.pull - self.matrix @ prior.ravel()
        if freedom.kind == "spline":
            return Equations(self.matrix, left)
        design = freedom.design
        return Equations(design.T @ self.matrix @ design, design.T @ left)

    def solve(self, freedom: Freedom, noise: float, prior: Array) -> Array:
        """(2, K) the likeliest amplitudes, given those (2, K) that are likely beforehand."""
        within = self.within(freedom, prior)
        regular = within.matrix + np.diag(freedom.precision(noise))
        found = np.linalg.solve(regular, within.pull)
        if freedom.kind != "spline":
            found = freedom.design @ found
        return np.asarray(prior + found.reshape(prior.shape))


def noise_of(blocks: Blocks, displacement: Array) -> tuple[float, Array]:
    """Noise of a frame's blocks, and the weight (B,) of each by how well it agrees.

    ``displacement`` is that of the blocks, (B, 2) px.
    """
    my, mx = blocks.misfit(displacement).T
    yy, yx, xx = blocks.hessian[:, 0, 0], blocks.hessian[:, 0, 1], blocks.hessian[:, 1, 1]
    ridge = TINY + 1e-3 * float((yy + xx).mean())
    known = yy + xx > ridge
    if not known.any():
        return 1.0, np.zeros(len(known))
    yy, xx = yy + ridge, xx + ridge
    square = (xx * my**2 - 2 * yx * my * mx + yy * mx**2) / (yy * xx - yx * yx)
    some = square[known]
    noise = max(
        float(np.partition(some, len(some) // 2)[len(some) // 2]) / CHI_SQUARE_MEDIAN, 1e-30
    )
    return noise, known / np.maximum(square / (noise * FADES_BEYOND**2), 1.0)


@dataclass(frozen=True)
class Sample:
    """A frame that was fitted: its blocks, what was likely, its noise, its correlation."""

    blocks: Blocks
    prior: Array
    noise: float
    weights: Array
    likeness: float = 1.0


@dataclass(frozen=True)
class Learned:
    """What some frames show of the motion of all.

    Attributes
    ----------
    kind : str
        'trace' (interpolated), 'translation', 'rigid', 'affine' or 'spline'.
    size : numpy.ndarray
        Size of the motion by degree of the modes, in px; empty for 'trace'.
    gains : dict of str to (float, float)
        How much better than the interpolated motion each kind predicts the held-out halves, in % of
        what there was to predict, and its standard error; empty where there was no choice.
    n_frames : int
        Frames that were used.
    finest : int
        How many times smaller the finest size is at which frames are compared.
    """

    kind: str
    size: Array
    gains: Mapping[str, tuple[float, float]]
    n_frames: int
    finest: int = 1

    @classmethod
    def of(
        cls, freedom: Freedom, n_frames: int, gains: Mapping[str, tuple[float, float]] | None = None
    ) -> Learned:
        """Return what is to be remembered of a freedom."""
        first = np.unique(freedom.degrees, return_index=True)[1]
        return cls(freedom.kind, freedom.size[first], gains or {}, n_frames)

    @classmethod
    def nothing(
        cls, n_frames: int, gains: Mapping[str, tuple[float, float]] | None = None
    ) -> Learned:
        """No motion of their own."""
        return cls("trace", np.zeros(0), gains or {}, n_frames)

    def is_clear(self, kind: str) -> bool:
        """Whether a kind predicts clearly better than the interpolated motion."""
        gain, error = self.gains.get(kind, (0.0, np.inf))
        return gain > least_gain(kind, error)

    def described(self) -> dict[str, Any]:
        """Return what is kept in the provenance: sizes in px, gains with their errors in %."""
        if self.kind == "trace" and not self.gains:
            return {}
        gains = {k: [round(gain, 2), round(error, 2)] for k, (gain, error) in self.gains.items()}
        return {SIZES: self.size.tolist(), GAINS: gains, FINEST: self.finest}

    @classmethod
    def remembered(cls, kind: str, described: Mapping[str, Any]) -> Learned | None:
        """Return what `described` kept of a kind; None where that isn't known."""
        sizes = described.get(SIZES, ())
        return cls(kind, np.array(sizes), {}, 0, described.get(FINEST, 1)) if len(sizes) else None


@dataclass(frozen=True)
class Halves:
    """Equations of the white and of the black blocks of S samples, in one kind's parameters.

    Attributes
    ----------
    matrix : numpy.ndarray
        (S, 2, P, P).
    pull : numpy.ndarray
        (S, 2, P), beside what was likely beforehand.
    noise : numpy.ndarray
        (S,).
    """

    matrix: Array
    pull: Array
    noise: Array

    @classmethod
    def of(cls, level: ModeLevel, samples: Sequence[Sample]) -> Halves:
        """Sum either half of the blocks up, with all modes."""
        sides = (level.white, ~level.white)
        pairs = [
            [Equations.of(level, s.blocks, s.weights * side) for side in sides] for s in samples
        ]
        matrix = np.array([[half.matrix for half in pair] for pair in pairs])
        pull = np.array(
            [
                [half.pull - half.matrix @ s.prior.ravel() for half in pair]
                for s, pair in zip(samples, pairs, strict=True)
            ]
        )
        return cls(matrix, pull, np.array([s.noise for s in samples]))

    def within(self, freedom: Freedom) -> Halves:
        """Return the same in the parameters of a freedom."""
        if freedom.kind == "spline":
            return self
        design = freedom.design
        return Halves(design.T @ self.matrix @ design, self.pull @ design, self.noise)

    def solve(self, freedom: Freedom) -> tuple[Array, Array]:
        """(S, 2, P) parameters of either half, and the part of each that comes from the data."""
        precision = freedom.precision(self.noise[:, np.newaxis])[:, np.newaxis]
        inverse = np.linalg.inv(
            self.matrix + precision[..., np.newaxis] * np.eye(precision.shape[-1])
        )
        found = (inverse @ self.pull[..., np.newaxis])[..., 0]
        return found, 1 - precision * np.diagonal(inverse, axis1=2, axis2=3)

    def held_out(self, freedom: Freedom) -> Array:
        """(S,) cost of what either half predicts for the other, over that of no motion."""
        found, _ = self.solve(freedom)
        other = found[:, ::-1]
        bent = (self.matrix @ other[..., np.newaxis])[..., 0]
        return np.asarray((other * (bent / 2 - self.pull)).sum(axis=(1, 2)) / self.noise)


def learned(kind: str, modes: SmoothModes, halves: Halves) -> Freedom:
    """Freedom of a kind, with the size of its motion by degree of the modes.

    What two halves share, the mean of their product, is the size squared times the part that the
    data determine in either half.
    """
    freedom = Freedom.of(kind, modes)
    degrees = freedom.degrees
    within = halves.within(freedom)
    for _ in range(ROUNDS):
        found, parts = within.solve(freedom)
        shared, known = (
            np.bincount(degrees, each.prod(axis=1).sum(axis=0)) for each in (found, parts)
        )
        size = np.sqrt(np.maximum(shared, 0) / np.maximum(known, TINY))
        size[size < NEGLIGIBLE_PX] = SMALLEST_SIZE_PX
        freedom = replace(freedom, size=size[degrees])
    return freedom


def least_gain(kind: str, error: float) -> float:
    """By how much a kind has to predict better, in %, given the standard error of its gain."""
    return max(LEAST_SIGMAS * error, LEAST_PERCENT[kind])


def decide(
    level: ModeLevel, modes: SmoothModes, samples: Sequence[Sample], kinds: Sequence[str] = KINDS
) -> Learned:
    """Choose the kind of motion by how well each predicts held-out halves of some frames."""
    if not samples:
        return Learned.nothing(0)
    halves = Halves.of(level, samples)
    found = {kind: learned(kind, modes, halves) for kind in kinds}
    costs = {kind: halves.within(found[kind]).held_out(found[kind]) for kind in kinds}
    percent = 100 / max(float(np.median([_explicable(level, s) for s in samples])), TINY)
    best, least = "trace", np.zeros(len(samples))
    for kind in kinds:
        gain = percent * _without_extremes(least - costs[kind])
        if gain.mean() > least_gain(kind, _standard_error(gain)):
            best, least = kind, costs[kind]
    each = {kind: percent * _without_extremes(-cost) for kind, cost in costs.items()}
    gains = {kind: (float(gain.mean()), _standard_error(gain)) for kind, gain in each.items()}
    if best == "trace":
        return Learned.nothing(len(samples), gains)
    return Learned.of(found[best], len(samples), gains)


def _explicable(level: ModeLevel, sample: Sample) -> float:
    """Half the squared misfits of the prior: what any motion could explain of them at best."""
    blocks, w = sample.blocks, sample.weights
    misfit = blocks.misfit(level.modes @ sample.prior.T)
    ridge = 1e-3 * np.trace(blocks.hessian.mean(axis=0)) * np.eye(2) + TINY * np.eye(2)
    solved = np.linalg.solve(blocks.hessian + ridge, misfit[..., np.newaxis])[..., 0]
    return float((w * (misfit * solved).sum(axis=1)).sum() / 2 / sample.noise)


def _without_extremes(gains: Array) -> Array:
    """Gains of frames, none far from the others: one frame out of the plane decides nothing."""
    middle = float(np.median(gains))
    reach = EXTREME * max(spread_of(gains), TINY)
    return np.clip(gains, middle - reach, middle + reach)


def _standard_error(values: Array) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.inf
