"""What of a step is anatomy: the evidence for noise, slant and jumps, in the modes of one bin.

The step that the images ask for is

    y = true step + jump + noise + slant

The true step is known from the repeats up to its covariance. Jumps are white over z. Noise (shot
noise and changed anatomy) is partly of the pair and white, partly of a slice, whose place it puts
wrong: what it adds to one step it takes from the next. The slant of the anatomy persists. How far
two halves of an image disagree tells the scale of the noise; what the slices agree on beyond that
is slant, where it persists, and jumps, where it doesn't.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from napari_zstack_align.register.chain.modes import Matrix

Weights = npt.NDArray[np.float64]

NOISE = np.geomspace(0.2, 14.0, 10)
"""Variance of the noise that is tried, times that of which the halves of the image tell."""
SLANT = np.array([0.0, 0.3, 1.5, 7.0, 30.0, 150.0, 800.0])
"""Variance of the slant, times the same."""
JUMPS = np.array([0.0, 0.3, 0.7, 1.0])
"""Part of what motion and noise leave of the white variance that is taken for jumps."""
PERSISTENCE = 0.9
"""Correlation of the slant from one step to the next."""
OF_PLACES = 0.6
"""Part of the noise that is of a slice's place, not of the pair."""
RARE_JUMPS, LARGE_JUMPS, MOST_AGAINST = 2.0, 3.0, 10.0
"""Log odds against jumps: tissue that moves within slices also moves between them, so those not
longer than its motion are hardly doubted; those far beyond it need clear evidence."""
SMALLEST_PX = 3e-5
"""Noise of a mode that is counted at least."""


@dataclass(frozen=True)
class Prior:
    """What is known of the modes of a bin before their steps are looked at.

    Attributes
    ----------
    noise : float
        Variance of which the halves of the image tell.
    noise_spread : float
        By how much the noise of the bin differs from that of all (logarithm).
    slant : numpy.ndarray
        (slant,) log probability of each.
    slant_px : float
        A slant many times longer is unlikely.
    against_jumps : float
        Weight of the odds against jumps.
    """

    noise: float
    noise_spread: float
    slant: Matrix
    slant_px: float
    against_jumps: float

    def of_slants(self, noise: float) -> Matrix:
        """(slant,) log probability: they are less likely the longer they are."""
        return np.asarray(self.slant - np.sqrt(noise * SLANT) / self.slant_px)

    def of_jumps(self, jump: Matrix, motion: float) -> Matrix:
        """Log probability of jumps of some variance, where that of the motion is known."""
        against = RARE_JUMPS + LARGE_JUMPS * np.log1p(jump / motion)
        return -self.against_jumps * np.where(JUMPS > 0, np.minimum(against, MOST_AGAINST), 0.0)

    def of_noise(self) -> Matrix:
        """(noise, noise) log probability of the noise of the bin, given that of all."""
        apart = np.log(NOISE) - np.log(NOISE)[:, np.newaxis]
        near = -0.5 * (apart / self.noise_spread) ** 2
        return np.asarray(near - log_sum(near, 1)[:, np.newaxis])


@dataclass(frozen=True)
class Explanation:
    """How one way to move, with noise, jumps and slant, explains the steps in one bin.

    Attributes
    ----------
    predicted, surprise : numpy.ndarray
        (S, k) steps that the repeats predict, and those of the images minus them.
    open : numpy.ndarray
        (S, S) covariance of the true steps, given the repeats.
    noise : float
        Variance of which the halves of the image tell.
    jump : numpy.ndarray
        (noise, jumps) variance of the jumps.
    evidence : numpy.ndarray
        (noise of all bins, jumps) log likelihood of the steps, the rest averaged out.
    own_noise : numpy.ndarray
        (noise of all bins, noise, jumps) probability of the noise of this bin.
    slants : numpy.ndarray
        (noise, jumps, slant) probability of each slant.
    axes : numpy.ndarray
        (noise, slant, S, S) eigenvectors of the covariance of all that isn't white.
    variance : numpy.ndarray
        (noise, jumps, slant, S) of the steps along them.
    """

    predicted: Matrix
    surprise: Matrix
    open: Matrix
    noise: float
    jump: Matrix
    evidence: Matrix
    own_noise: Weights
    slants: Weights
    axes: Matrix
    variance: Weights

    @classmethod
    def of(cls, steps: Matrix, predicted: Matrix, left: Matrix, prior: Prior) -> Explanation:
        """Explain steps (S, k), of which the repeats predict some and leave ``left`` open.

        The covariance of motion, slant and places is diagonalised once a noise and slant; jumps
        and the rest of the noise are white and follow from its eigenvalues.
        """
        surprise, count = steps - predicted, len(steps)
        unit = max(prior.noise, SMALLEST_PX**2)
        open_variance = float(np.trace(left)) / count
        jump = np.maximum((surprise**2).mean() - open_variance - unit * NOISE, 0)
        jump = jump[:, np.newaxis] * JUMPS
        slant = unit * SLANT[:, np.newaxis, np.newaxis] * persistent(count)
        places = OF_PLACES * unit * NOISE[:, np.newaxis, np.newaxis] * back_and_forth(count)
        values, axes = np.linalg.eigh(left + places[:, np.newaxis] + slant)
        along = ((axes.transpose(0, 1, 3, 2) @ surprise) ** 2).sum(axis=3)[:, np.newaxis]
        white = ((1 - OF_PLACES) * unit * NOISE)[:, np.newaxis] + jump
        variance = white[:, :, np.newaxis, np.newaxis] + np.maximum(values, 0)[:, np.newaxis]
        likelihood = -0.5 * (steps.shape[1] * np.log(variance) + along / variance).sum(axis=3)
        likelihood = likelihood + prior.of_slants(unit)
        likelihood = likelihood + prior.of_jumps(jump, open_variance)[:, :, np.newaxis]
        of_own = log_sum(likelihood, axis=2)
        shared = prior.of_noise()[:, :, np.newaxis] + of_own
        evidence = log_sum(shared, axis=1)
        own_noise = np.exp(shared - evidence[:, np.newaxis])
        slants = np.exp(likelihood - of_own[:, :, np.newaxis])
        return cls(
            predicted, surprise, left, unit, jump, evidence, own_noise, slants, axes, variance
        )

    def parts(self, weights: Matrix) -> tuple[Matrix, Matrix, Matrix]:
        """Motion, jumps and slant in the steps, (S, k) each, averaged over noises and jumps.

        Parameters
        ----------
        weights : numpy.ndarray
            (noise of all bins, jumps) probabilities, which add up to 1.
        """
        own = (weights[:, np.newaxis] * self.own_noise).sum(axis=0)
        joint = (own[:, :, np.newaxis] * self.slants)[..., np.newaxis] / self.variance
        jump = joint * self.jump[:, :, np.newaxis, np.newaxis]
        motion = self.open @ _back(self.axes, joint.sum(axis=1)) @ self.surprise
        jumped = _back(self.axes, jump.sum(axis=1)) @ self.surprise
        sloped = _back(self.axes, joint.sum(axis=1) * SLANT[:, np.newaxis]) @ self.surprise
        slant = self.noise * persistent(len(self.open)) @ sloped
        return self.predicted + motion, jumped, slant


@cache
def persistent(count: int) -> Matrix:
    """(count, count) correlation of the slant in the steps."""
    z = np.arange(count)
    return np.asarray(PERSISTENCE ** np.abs(z[:, np.newaxis] - z))


@cache
def back_and_forth(count: int) -> Matrix:
    """(count, count) correlation of the steps between places that are wrong by white noise."""
    return np.asarray(np.eye(count) - 0.5 * (np.eye(count, k=1) + np.eye(count, k=-1)))


def log_sum(logs: Matrix, axis: int | tuple[int, ...]) -> Matrix:
    """Logarithm of the sum of the exponentials along some axes."""
    top = logs.max(axis=axis, keepdims=True)
    return np.asarray(np.squeeze(top, axis) + np.log(np.exp(logs - top).sum(axis=axis)))


def _back(axes: Matrix, along: Matrix) -> Matrix:
    """Sum over noises and slants of matrices with these eigenvectors and values."""
    whole = (axes * along[:, :, np.newaxis]) @ axes.transpose(0, 1, 3, 2)
    return np.asarray(whole.sum(axis=(0, 1)))
