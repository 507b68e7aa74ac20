"""Whether frames show anything: noise isn't alike in pixels side by side, what is seen is."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Trace = npt.NDArray[np.float64]

EMPTY_ERRORS = 4.0
"""What is within so many standard errors may be noise."""


def structure_of(frames: npt.NDArray[Any]) -> tuple[Trace, Trace]:
    """Variance of what frames show, and its standard error where they show nothing.

    It is the smaller one of the covariances of each pixel with the next ones, down and across:
    what whole rows or columns have in common is no tissue.

    Parameters
    ----------
    frames : numpy.ndarray
        (n, Y, X) real numbers, all finite.

    Returns
    -------
    structure, error : numpy.ndarray
        (n,) float64, in squared intensities.
    """
    centred = frames.astype(np.float64)
    centred -= centred.mean(axis=(1, 2), keepdims=True)
    down = (centred[:, 1:] * centred[:, :-1]).mean(axis=(1, 2))
    across = (centred[:, :, 1:] * centred[:, :, :-1]).mean(axis=(1, 2))
    error = centred.var(axis=(1, 2)) / np.sqrt(max(centred[0].size, 1))
    return np.minimum(down, across), error


def shows_something(image: npt.NDArray[Any] | None) -> bool:
    """Whether an image (Y, X) shows more than noise; None doesn't."""
    if image is None:
        return False
    structure, error = structure_of(image[np.newaxis])
    return bool(structure[0] > EMPTY_ERRORS * error[0])
