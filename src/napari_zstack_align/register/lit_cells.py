"""Cells that light up in some repeats of a slice, brought back to what they usually are.

Five times as bright, a cell has steeper edges than all the tissue around it: it draws the repeat
that it is bright in, the mean of the slice, and the slices that are registered to that. Activity
only brightens, and only in places; so after a first rough registration the repeats are compared
with what most of them show, and the places that are brighter are dimmed by a smooth factor. They
keep their own structure, by which they can still be registered. Frames that are dimmer in other
places, as those that lie off are, stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.register.activity import BORDER_PX, DIMMER_PART

Image = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.bool_]

FEWEST_REPEATS = 4
"""Of fewer there is no telling which of them are lit."""
SMOOTH_PX = 1.5
TIMES_MIDDLE = 2.0
"""The middle one of the differences from the usual is half their standard deviation, about."""
WIDE_PX = 3.0
"""A factor changes over as much as a cell's size."""
SIGNIFICANT = 8.0
"""Lit places are brighter by so many standard deviations of what most repeats differ by."""
TIMES_AS_BRIGHT = 1.5
"""... and so many times as far above dark."""
DARK_PERCENTILE = 1.0
DIM_PERCENTILES = (30.0, 60.0)
"""Pixels that are neither dark nor cells."""
LEAST_PART, MOST_PART = 0.002, 0.4
"""Part of the pixels that is lit in a repeat: less is chance, more is no matter of cells."""
LIGHT = (0.75, 1.4)
"""The light of whole repeats differs by so much at most; more is left to the registration."""
TINY = 1e-30
MARGIN = np.ones((5, 5), np.uint8)


@dataclass(frozen=True)
class Dimmed:
    """What brings a frame back to its usual brightness.

    Attributes
    ----------
    factor : numpy.ndarray
        (Y, X) float32, 1 where nothing is lit.
    dark : float
        Intensity that stays as it is.
    """

    factor: Image
    dark: float

    def __call__(self, image: Image) -> Image:
        """Image (Y, X) with lit places as they usually are."""
        dark = np.float32(self.dark)
        return np.asarray(dark + (image - dark) * self.factor, np.float32)


def lit_cells(images: Sequence[Image], valid: Sequence[Pixels]) -> list[Dimmed | None]:
    """Dim the cells of repeats that are less bright in most others; None where there are none.

    Parameters
    ----------
    images : sequence of numpy.ndarray
        n repeats (Y, X) float32, aligned within a pixel or two.
    valid : sequence of numpy.ndarray
        (Y, X) bool of each.
    """
    nothing: list[Dimmed | None] = [None] * len(images)
    if len(images) < FEWEST_REPEATS:
        return nothing
    smooth = np.stack([cv2.GaussianBlur(image, (0, 0), SMOOTH_PX) for image in images])
    usual = _usual(smooth)
    dark, dim, middle = np.percentile(usual, (DARK_PERCENTILE, *DIM_PERCENTILES))
    # The light of a whole repeat is no matter of cells: it shows in what lies between them.
    between = (usual > dim) & (usual <= middle)
    if not between.any() or dim <= dark:
        return nothing
    smooth -= np.float32(dark)
    light = [float(np.median(image[between] / (usual[between] - dark))) for image in smooth]
    smooth /= np.clip(light, *LIGHT).astype(np.float32)[:, np.newaxis, np.newaxis]
    usual = _usual(smooth)
    spread = TIMES_MIDDLE * _usual(np.abs(smooth - usual))
    spread = np.sqrt(cv2.GaussianBlur(spread**2, (0, 0), WIDE_PX))
    spread = np.maximum(spread, np.float32(max(float(np.median(spread)), TINY)))
    least = np.float32(TIMES_AS_BRIGHT - 1) * np.maximum(usual, np.float32(dim - dark))
    found = nothing
    for i, (image, known) in enumerate(zip(smooth, valid, strict=True)):
        lit = _lit(np.where(known, image - usual, 0), spread, least)
        if lit is not None:
            found[i] = Dimmed(_factor(lit, image, usual, float(dim - dark)), float(dark))
    return found


def _usual(images: Image) -> Image:
    """What more than half of the repeats (n, Y, X) don't exceed: the lower of two middle ones."""
    n = len(images)
    # Short contiguous rows are sorted faster than along the first axis.
    pixels = np.sort(np.ascontiguousarray(images.reshape(n, -1).T), axis=1)
    return np.asarray(pixels[:, (n - 1) // 2].reshape(images.shape[1:]), np.float32)


def _lit(away: Image, spread: Image, least: Image) -> Pixels | None:
    """Where a repeat is brighter than usual (Y, X), if it isn't dimmer elsewhere."""
    inner = np.s_[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX]
    lit = (away > SIGNIFICANT * spread) & (away > least)
    if not LEAST_PART < lit[inner].mean() < MOST_PART:
        return None
    times = (away / spread)[inner]
    brighter, dimmer = (float((part[part > SIGNIFICANT] ** 2).sum()) for part in (times, -times))
    if dimmer >= DIMMER_PART * brighter:
        return None
    return lit


def _factor(lit: Pixels, image: Image, usual: Image, dim: float) -> Image:
    """(Y, X) by which lit places are brighter than usual, as a factor below 1; both above dark."""
    wide_usual, wide = (
        np.maximum(cv2.GaussianBlur(part, (0, 0), WIDE_PX), 0) + np.float32(dim)
        for part in (usual, image)
    )
    part = cv2.dilate(lit.astype(np.uint8), MARGIN).astype(np.float32)
    part = cv2.GaussianBlur(part, (0, 0), SMOOTH_PX)
    return np.asarray(1 + part * (np.minimum(wide_usual / wide, 1) - 1), np.float32)
