"""The image that chunks are matched to, and compared with."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.quality import (
    comparison_factor,
    comparison_image,
    comparison_valid,
    without_extremes,
)
from napari_zstack_align.alignment.warp import shrink
from napari_zstack_align.mask import Mask
from napari_zstack_align.register.recordings.geometry import Points

Image = npt.NDArray[np.float32]
Chosen = npt.NDArray[np.bool_]

MASK_LEVEL = 0.5
"""Points count where the mask is at least this."""


@dataclass(frozen=True)
class Reference:
    """The image that chunks are matched to.

    Attributes
    ----------
    image : numpy.ndarray
        (Y, X) float32, free of NaN.
    known : numpy.ndarray
        (Y, X) bool: where it shows something.
    mask : numpy.ndarray, optional
        (Y, X) float32 weights in [0, 1]; None: everywhere.
    compared : numpy.ndarray
        The image as it is compared.
    compared_weights : numpy.ndarray
        Mask and known pixels at the size of the compared images.
    """

    image: Image
    known: Chosen
    mask: Mask | None
    compared: Image
    compared_weights: Image

    @classmethod
    def of(cls, image: Image, mask: Mask | None) -> Reference:
        """Prepare an image (Y, X) float32; NaN marks what it doesn't show."""
        known = np.isfinite(image)
        filled = image
        if not known.all():
            level = image[known].mean() if known.any() else 0
            filled = np.where(known, image, np.float32(level)).astype(np.float32)
        compared = without_extremes(comparison_image(filled))
        weights = comparison_valid(known).astype(np.float32)
        if mask is not None:
            weights *= shrink(mask, comparison_factor(mask.shape))
        return cls(filled, known, mask, compared, weights)

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X)."""
        return self.image.shape[0], self.image.shape[1]

    def in_mask(self, points: Points, dilated_px: float = 0) -> Chosen:
        """(N,) bool: which points (N, 2) lie in the mask, or this near to it."""
        if self.mask is None:
            return np.ones(len(points), bool)
        inside = (self.mask >= MASK_LEVEL).astype(np.uint8)
        border = int(np.ceil(dilated_px))
        padded = np.pad(inside, border)
        if border:
            away = cv2.distanceTransform(1 - padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
            padded = (away <= dilated_px).astype(np.uint8)
        y, x = np.round(points).astype(int).T + border
        height, width = padded.shape
        within = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        result = np.zeros(len(points), bool)
        result[within] = padded[y[within], x[within]] > 0
        return result
