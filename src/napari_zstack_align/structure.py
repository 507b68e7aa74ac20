"""Whether frames show anything: noise isn't alike in pixels side by side, what is seen is."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Trace = npt.NDArray[np.float64]

EMPTY_ERRORS, CLEAR_ERRORS = 4.0, 20.0
"""What is within so many standard errors may be noise; what is beyond so many is seen."""
USUAL_OF = 0.9
"""Quantile that is usual, of frames that show something: many of these may be dim."""


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
        (n,) float64, in squared intensities; the structure is 0 in a single row or column.
    """
    pairs = [_structure_of_one(frame) for frame in frames]  # one by one: float64 takes memory
    structure, error = np.array(pairs, np.float64).reshape(-1, 2).T
    return structure, error


def _structure_of_one(frame: npt.NDArray[Any]) -> tuple[float, float]:
    centred = frame.astype(np.float64)
    centred -= centred.mean()
    if min(centred.shape) < 2:
        return 0.0, centred.var() / np.sqrt(max(centred.size, 1))
    down = (centred[1:] * centred[:-1]).mean()
    across = (centred[:, 1:] * centred[:, :-1]).mean()
    return min(down, across), centred.var() / np.sqrt(max(centred.size, 1))


def shows_something(image: npt.NDArray[Any] | None) -> bool:
    """Whether an image (Y, X) shows more than noise; None doesn't."""
    if image is None:
        return False
    structure, error = structure_of(image[np.newaxis])
    return bool(structure[0] > EMPTY_ERRORS * error[0])


def empty_frames(structure: Trace, error: Trace, least: float) -> npt.NDArray[np.bool_]:
    """Which frames show nothing, as behind a closed shutter, where others show a lot.

    Parameters
    ----------
    structure, error : numpy.ndarray
        (n,) of `structure_of`; NaN where a frame can't be used.
    least : float
        Part of the usual structure: what shows less may show nothing.

    Returns
    -------
    numpy.ndarray
        (n,) bool; False throughout where none shows anything for certain, and where NaN.
    """
    clear = structure > CLEAR_ERRORS * error
    if not clear.any():
        return np.zeros(len(structure), bool)
    usual = np.quantile(structure[clear], USUAL_OF)
    little = structure < np.maximum(least * usual, EMPTY_ERRORS * error)
    return np.asarray(little & ~clear)
