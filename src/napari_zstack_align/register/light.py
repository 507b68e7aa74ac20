"""Slices under other light: another laser power, fading with depth, bleaching from slice to slice.

What separates two slices that lie over one another should be their anatomy. Under other light it is
mostly the light, and of a slice dimmer than the dark level of the other one nothing is left.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.filling import filled

Image = npt.NDArray[np.float32]

SMOOTH_PX = 2.0
"""Blur that takes most of the noise off before levels are read."""
DARK_PERCENT, BRIGHT_PERCENT = 1, 95
"""Levels that stand for the light: beyond them, a few bright cells would speak for all."""

MOST_TIMES = 2.0
"""So many times as far above dark as the brightest place of another slice, a cell is lit."""


def in_light_of(reference: Image, image: Image) -> Image:
    """Scale an image (Y, X) so that its dark and bright levels are those of another one (Y, X).

    NaN stays NaN. An image without contrast is only shifted.
    """
    dark, bright = _levels(reference)
    own_dark, own_bright = _levels(filled(image))
    gain = (bright - dark) / (own_bright - own_dark) if own_bright > own_dark else np.float32(1)
    return (image - own_dark) * gain + dark


def without_excess(image: Image, other: Image) -> Image:
    """Cut what of an image (Y, X) is far brighter than anything in another one of the same light.

    A cell that is lit throughout one slice would outweigh all that two slices have in common.
    """
    dark, _ = _levels(other)
    brightest = cv2.GaussianBlur(other, (0, 0), SMOOTH_PX).max()
    limit = dark + MOST_TIMES * (brightest - dark)
    return image if image.max() <= limit else np.minimum(image, limit)


def _levels(image: Image) -> tuple[np.float32, np.float32]:
    """Dark and bright level of an image (Y, X) without NaN."""
    smooth = cv2.GaussianBlur(image, (0, 0), SMOOTH_PX)
    dark, bright = np.percentile(smooth, (DARK_PERCENT, BRIGHT_PERCENT)).astype(np.float32)
    return dark, bright
