"""What of a step is anatomy: the evidence for noise, slant and jumps, in the modes of one bin.

The step that the images ask for is

    y = true step + jump + noise + slant

The true step is known from the repeats up to its covariance. Noise (shot noise and changed
anatomy) and jumps are white over z; the slant of the anatomy persists. How far two halves of an
image disagree tells the scale of the noise; what the slices agree on beyond that is slant, where it
persists, and jumps, where it doesn't.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_zstack_align.register.chain.modes import Matrix

Weights = npt.NDArray[np.float64]

NOISE = np.array([0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 10.0])
"""Variance of the noise that is tried, times that of which the halves of the image tell."""
SLANT = np.array([0.0, 0.3, 1.5, 7.0, 30.0, 150.0, 800.0])
"""Variance of the slant, times the same."""
JUMPS = np.array([0.0, 0.3, 0.7, 1.0])
"""Part of what motion and noise leave of the white variance that is taken for jumps."""
PERSISTENCE = 0.9
"""Correlation of the slant from one step to the next."""
SMALLEST_PX = 3e-5
"""Noise of a mode that is counted at least."""


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
        (noise, jumps) log likelihood of the steps, the slant averaged out.
    slants : numpy.ndarray
        (noise, jumps, slant) probability of each slant.
    axes : numpy.ndarray
        (slant, S, S) eigenvectors of the covariance of motion and slant.
    variance : numpy.ndarray
        (noise, jumps, slant, S) of the steps along them.
    """

    predicted: Matrix
    surprise: Matrix
    open: Matrix
    noise: float
    jump: Matrix
    evidence: Matrix
    slants: Weights
    axes: Matrix
    variance: Weights

    @classmethod
    def of(
        cls,
        steps: Matrix,
        predicted: Matrix,
        left: Matrix,
        noise: float,
        slant_prior: Matrix,
        usual_slant_px: float,
    ) -> Explanation:
        """Explain steps (S, k), of which the repeats predict some and leave ``left`` open.

        A slant has its log probability beforehand, and grows unlikely with its length. The
        covariance of motion and slant is diagonalised once a slant; all noises and jumps, which
        are white, follow from its eigenvalues.
        """
        surprise, n_modes = steps - predicted, steps.shape[1]
        noise = max(noise, SMALLEST_PX**2)
        beyond = (surprise**2).mean() - np.trace(left) / len(left) - noise * NOISE
        jump = np.maximum(beyond, 0)[:, np.newaxis] * JUMPS
        slant = noise * SLANT[:, np.newaxis, np.newaxis] * persistent(len(steps))
        values, axes = np.linalg.eigh(left + slant)
        along = ((axes.transpose(0, 2, 1) @ surprise) ** 2).sum(axis=2)
        white = (noise * NOISE)[:, np.newaxis] + jump
        variance = white[:, :, np.newaxis, np.newaxis] + np.maximum(values, 0)
        likelihood = -0.5 * (n_modes * np.log(variance) + along / variance).sum(axis=3)
        likelihood = likelihood + slant_prior - np.sqrt(noise * SLANT) / usual_slant_px
        evidence = log_sum(likelihood, axis=2)
        slants = np.exp(likelihood - evidence[:, :, np.newaxis])
        return cls(predicted, surprise, left, noise, jump, evidence, slants, axes, variance)

    def parts(self, weights: Matrix) -> tuple[Matrix, Matrix, Matrix]:
        """Motion, jumps and slant in the steps, (S, k) each, averaged over noises and jumps.

        Parameters
        ----------
        weights : numpy.ndarray
            (noise, jumps) probabilities, which add up to 1.
        """
        joint = (weights[:, :, np.newaxis] * self.slants)[..., np.newaxis] / self.variance
        jump = joint * self.jump[:, :, np.newaxis, np.newaxis]
        motion = self.open @ _back(self.axes, joint.sum(axis=(0, 1))) @ self.surprise
        jumped = _back(self.axes, jump.sum(axis=(0, 1))) @ self.surprise
        sloped = _back(self.axes, joint.sum(axis=(0, 1)) * SLANT[:, np.newaxis]) @ self.surprise
        slant = self.noise * persistent(len(self.open)) @ sloped
        return self.predicted + motion, jumped, slant


def persistent(count: int) -> Matrix:
    """(count, count) correlation of the slant in the steps."""
    z = np.arange(count)
    return np.asarray(PERSISTENCE ** np.abs(z[:, np.newaxis] - z))


def log_sum(logs: Matrix, axis: int | tuple[int, ...]) -> Matrix:
    """Logarithm of the sum of the exponentials along some axes."""
    top = logs.max(axis=axis, keepdims=True)
    return np.asarray(np.squeeze(top, axis) + np.log(np.exp(logs - top).sum(axis=axis)))


def _back(axes: Matrix, along: Matrix) -> Matrix:
    """Sum over the slants of matrices with these eigenvectors and values (slant, S)."""
    return np.asarray((axes * along[:, np.newaxis]) @ axes.transpose(0, 2, 1)).sum(axis=0)
