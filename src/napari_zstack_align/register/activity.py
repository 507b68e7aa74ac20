"""Repeats in which cells light up, told from repeats that don't belong to their slice.

A repeat that was torn, moved or taken at another depth is brighter than the others in some places
and dimmer in others; activity only brightens.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.bool_]

SMOOTH_PX = 2.0
SIGNIFICANT = 3.0
"""Differences count beyond so many of those that the other repeats have among themselves."""
DIMMER_PART = 0.15
"""Where cells light up, what is dimmer weighs less than this part of what is brighter."""
BORDER_PX = 4
FAINT = 1e-6
"""Repeats scatter by at least this part of the brightest place: without noise they are equal."""
LEAST_LIGHT = 0.1
"""A repeat that is dimmer shows too little to be brought to the light of the others."""
DARK_PERCENTILE = 1.0
DIM_PERCENTILES = (30.0, 60.0)
"""Pixels that are neither dark nor cells: they show the light of a whole repeat."""


def smoothed(image: Image) -> Image:
    """Image (Y, X) in which single pixels don't count."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), SMOOTH_PX), np.float32)


def only_brighter(
    images: Sequence[Image],
    valid: Sequence[Pixels],
    doubtful: npt.NDArray[np.bool_],
    unlike: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.bool_]:
    """(n,) which of the doubtful repeats differ from the others by bright places only.

    Parameters
    ----------
    images : sequence of numpy.ndarray
        n aligned repeats (Y, X) float32, as of `smoothed`.
    valid : sequence of numpy.ndarray
        (Y, X) bool of each.
    doubtful : numpy.ndarray
        (n,) bool: repeats to be judged by the others.
    unlike : numpy.ndarray, optional
        (n,) bool: those that hardly resemble the others; all of them by default. In more light
        another place may be brighter throughout: the light of whole repeats is taken off first.
    """
    result = np.zeros(len(images), bool)
    others = np.flatnonzero(~doubtful).tolist()
    if len(others) < 2:
        return result
    strict = doubtful if unlike is None else doubtful & unlike
    mild = doubtful & ~strict
    if mild.any():
        usual, spread = _usual_of([images[i] for i in others])
        for i in np.flatnonzero(mild).tolist():
            result[i] = _is_brighter(images[i], valid[i], usual, spread)
    if strict.any():
        usual = np.median([images[i] for i in others], axis=0)
        usual, spread = _usual_of(
            [_times(images[i], 1 / _light(usual, images[i], valid[i]), usual) for i in others]
        )
        for i in np.flatnonzero(strict).tolist():
            # One that is dimmer stays: another place may be dimmer there, and would be lifted.
            light = max(_light(usual, images[i], valid[i]), 1.0)
            result[i] = _is_brighter(_times(images[i], 1 / light, usual), valid[i], usual, spread)
    return result


def _usual_of(others: Sequence[Image]) -> tuple[Image, Image]:
    """(Y, X) what repeats usually show, and how far they scatter around it."""
    usual = np.median(others, axis=0)
    spread = np.sqrt(smoothed(((np.stack(others) - usual) ** 2).mean(axis=0)))
    least = max(float(np.median(spread)), FAINT * float(np.abs(usual).max()))
    return usual, np.maximum(spread, least or FAINT)


def _is_brighter(image: Image, valid: Pixels, usual: Image, spread: Image) -> bool:
    """Whether an image (Y, X) differs from the usual by bright places only."""
    away = np.where(valid, (image - usual) / spread, 0)
    away = away[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX]
    brighter, dimmer = (float((part[part > SIGNIFICANT] ** 2).sum()) for part in (away, -away))
    return brighter > 0 and dimmer < DIMMER_PART * brighter


def _light(usual: Image, image: Image, valid: Pixels) -> float:
    """How many times as bright as usual an image (Y, X) is between the cells; 1 if unknown."""
    dark, dim, middle = np.percentile(usual, (DARK_PERCENTILE, *DIM_PERCENTILES))
    between = valid & (usual > dim) & (usual <= middle)
    if dim <= dark or not between.any():
        return 1.0
    light = float(np.median((image[between] - dark) / (usual[between] - dark)))
    return light if light > LEAST_LIGHT else 1.0


def _times(image: Image, factor: float, usual: Image) -> Image:
    """Image (Y, X) so many times as far above dark."""
    dark = np.float32(np.percentile(usual, DARK_PERCENTILE))
    return np.asarray(dark + (image - dark) * np.float32(factor), np.float32)
