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


def smoothed(image: Image) -> Image:
    """Image (Y, X) in which single pixels don't count."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), SMOOTH_PX), np.float32)


def only_brighter(
    images: Sequence[Image], valid: Sequence[Pixels], doubtful: npt.NDArray[np.bool_]
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
    """
    result = np.zeros(len(images), bool)
    others = np.stack(images)[~doubtful]
    if len(others) < 2:
        return result
    usual = np.median(others, axis=0)
    spread = np.sqrt(smoothed(((others - usual) ** 2).mean(axis=0)))
    floor = max(float(np.median(spread)), 1e-12)
    inner = np.s_[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX]
    for i in np.flatnonzero(doubtful).tolist():
        away = (images[i] - usual) / np.maximum(spread, floor)
        away = np.where(valid[i], away, 0)[inner]
        brighter, dimmer = (float((part[part > SIGNIFICANT] ** 2).sum()) for part in (away, -away))
        result[i] = brighter > 0 and dimmer < DIMMER_PART * brighter
    return result
