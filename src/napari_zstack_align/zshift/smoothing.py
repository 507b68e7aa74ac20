"""Depths of patches and frames, smoothed over space and time."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_zstack_align.params import ZShiftParams
from napari_zstack_align.progress import Progress
from napari_zstack_align.zshift.over_space import SpaceSmoother
from napari_zstack_align.zshift.over_time import SMOOTHING, smooth_over_time

Numbers = npt.NDArray[np.float64]

MOST_NUMBERS = 2**19
"""In the matrices that are solved at once."""


@dataclass(frozen=True)
class Smooth:
    """Smoothed depths.

    Attributes
    ----------
    patch_z : numpy.ndarray
        (T, patches)
    z, error : numpy.ndarray
        (T,) mean over the patches, and its standard error.
    """

    patch_z: Numbers
    z: Numbers
    error: Numbers


def smooth_depths(
    z: Numbers,
    error: Numbers,
    confidence: Numbers,
    shape: tuple[int, int],
    params: ZShiftParams,
) -> Generator[Progress, None, Smooth]:
    """Smooth the depths of patches, (T, patches) each, over space and then over time.

    Over time, the mean, the two tilts and what is left are series of their own: they wander
    differently, and the noise of the mean is by far the smallest.
    """
    modes = _modes(shape)
    over_space = SpaceSmoother(shape, params.bending, modes)
    amounts, variance = np.empty_like(z), np.empty_like(z)
    at_once = max(MOST_NUMBERS // z.shape[1] ** 2, 1)
    for start in range(0, len(z), at_once):
        yield Progress(SMOOTHING, start, len(z))
        part = slice(start, start + at_once)
        smooth = over_space(z[part], error[part], confidence[part])
        amounts[part], variance[part] = smooth.amounts, smooth.variance
    if params.smooth_time:
        for group in (slice(0, 1), slice(1, 3), slice(3, None)):
            if amounts[:, group].size:
                smoothed = yield from smooth_over_time(amounts[:, group], variance[:, group])
                amounts[:, group], variance[:, group] = smoothed
    return Smooth(amounts @ np.linalg.inv(modes), amounts[:, 0], np.sqrt(variance[:, 0]))


def _modes(shape: tuple[int, int]) -> Numbers:
    """(patches, patches) weights of mean, tilts along y and x, and an orthogonal rest."""
    along = [np.linspace(-0.5, 0.5, n) if n > 1 else np.zeros(1) for n in shape]
    y, x = (axis.ravel() for axis in np.meshgrid(*along, indexing="ij"))
    plane = np.stack([np.ones(y.size), y, x], axis=1)
    plane = plane[:, np.any(plane, axis=0)]
    basis, _ = np.linalg.qr(np.concatenate([plane, np.eye(y.size)], axis=1))
    basis[:, 0] = 1 / y.size
    return np.asarray(basis)
