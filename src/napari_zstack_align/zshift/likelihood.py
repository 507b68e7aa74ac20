"""How likely each depth of a patch is, and what its peak says."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.zshift.templates import STEPS

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

CLOSE = 0.95
"""Squared correlation from which the log-likelihood rises in a straight line: noise that frame and
reference have in common can lift it above 1."""
BEND_STEPS = STEPS // 4
"""Depths on either side of the peak that tell how sharp it is."""
NOWHERE = 7.0
"""Log-likelihood that a depth must exceed, a slice: about what chance alone finds."""
WITHIN = 1.0
"""Confidence is the probability of an error smaller than this, in slices."""


def log_likelihood(correlation: npt.NDArray[np.float32], number: Numbers) -> Numbers:
    """(patches, depths) -N/2 log(1 - r²) against no resemblance; 0 for negative correlations.

    Parameters
    ----------
    correlation : numpy.ndarray
        (patches, depths)
    number : numpy.ndarray
        (patches,) independent values N.
    """
    square = np.maximum(correlation, 0).astype(np.float64) ** 2
    close = np.minimum(square, CLOSE)
    rise = -np.log1p(-close) + (square - close) / (1 - CLOSE)
    return np.asarray(0.5 * number[:, np.newaxis] * rise)


def vertex(likelihood: Numbers, peak: Places) -> tuple[Numbers, Numbers]:
    """Place of the peak between depths, in steps, and its standard error in slices."""
    last = likelihood.shape[1] - 1
    before, here, after = _about(likelihood, np.clip(peak, 1, last - 1), 1)
    bend = before - 2 * here + after
    offset = np.where(bend < 0, 0.5 * (before - after) / np.minimum(bend, -1e-12), 0.0)
    wide = min(BEND_STEPS, last // 2)
    before, here, after = _about(likelihood, np.clip(peak, wide, last - wide), wide)
    curvature = (2 * here - before - after) * (STEPS / wide) ** 2
    error = np.where(curvature > 0, 1 / np.sqrt(np.maximum(curvature, 1e-12)), np.inf)
    return np.clip(offset, -1, 1), error


def confidence_at(likelihood: Numbers, peak: Places, n_slices: int) -> Numbers:
    """(patches,) posterior probability of a depth within a slice of the peak's.

    Against the other depths of the window, and against the frame lying nowhere in the stack.
    """
    best = likelihood[np.arange(len(peak)), peak]
    relative = np.exp(likelihood - best[:, np.newaxis]) / STEPS
    near = np.abs(np.arange(likelihood.shape[1]) - peak[:, np.newaxis]) <= WITHIN * STEPS
    nowhere = n_slices * np.exp(np.minimum(NOWHERE - best, 50.0))
    return np.asarray((relative * near).sum(axis=1) / (relative.sum(axis=1) + nowhere))


def _about(likelihood: Numbers, at: Places, step: int) -> tuple[Numbers, Numbers, Numbers]:
    """Values so many depths before, at, and after some."""
    rows = np.arange(len(at))
    return likelihood[rows, at - step], likelihood[rows, at], likelihood[rows, at + step]
