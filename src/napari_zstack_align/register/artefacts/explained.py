"""Sampled frames as what is fixed to the detector, plus tissue that moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.filling import filled
from napari_zstack_align.alignment.warp import shrink
from napari_zstack_align.register.artefacts.movement import Movement, movement, times_smaller
from napari_zstack_align.register.artefacts.noise import Noise
from napari_zstack_align.register.prefilter import USUAL, band_pass

Image = npt.NDArray[np.float32]
Groups = npt.NDArray[np.intp]
Pixels = npt.NDArray[np.bool_]

SMOOTH_PX = 3.0
"""Noise is reckoned from a mean that is blurred by this much."""


@dataclass(frozen=True)
class Frames:
    """Frames that are explained.

    Attributes
    ----------
    images : numpy.ndarray
        (n, Y, X) float32.
    groups : numpy.ndarray
        (n,) frames of a group show the same tissue.
    constant : numpy.ndarray
        (Y, X) bool: pixels that don't count.
    """

    images: Image
    groups: Groups
    constant: Pixels

    def some(self, chosen: Pixels) -> Frames:
        """Frames (n,) that are chosen."""
        return Frames(self.images[chosen], self.groups[chosen], self.constant)

    def known(self, image: Image) -> Image:
        """Image (Y, X) whose constant pixels continue those around."""
        if not self.constant.any():
            return image
        return filled(np.where(self.constant, np.float32(np.nan), image))

    @property
    def mean(self) -> Image:
        """(Y, X) mean of the frames."""
        return self.known(self.images.mean(axis=0))

    def without(self, pattern: Image | None) -> Movement:
        """How the tissue moves without a pattern (Y, X)."""
        return movement(self.images, self.groups, self.constant, pattern)

    @property
    def halves(self) -> tuple[Pixels, Pixels]:
        """Every other frame (n,) of each group, and the rest."""
        first = np.zeros(len(self.groups), bool)
        for group in np.unique(self.groups):
            first[np.flatnonzero(self.groups == group)[::2]] = True
        return first, ~first


@dataclass(frozen=True)
class Judged:
    """Frames at the size and the scales by which explanations of them are compared.

    Attributes
    ----------
    images : numpy.ndarray
        (n, y, x) float32, band-passed, in units of the noise of a pixel.
    scatter : numpy.ndarray
        (y, x) float32 that noise.
    factor : int
        How many times smaller they are than the frames.
    """

    images: Image
    scatter: Image
    factor: int

    @classmethod
    def of(cls, frames: Frames, noise: Noise, pattern: Image | None = None) -> Self:
        """Prepare frames; their light is what they show without a pattern (Y, X)."""
        factor = times_smaller(frames.constant.shape)
        light = frames.images.mean(axis=0)
        light = frames.known(light if pattern is None else light - pattern)
        scatter = noise.spread(shrink(cv2.GaussianBlur(light, (0, 0), SMOOTH_PX), factor))
        empty = cls(np.empty((0, *scatter.shape), np.float32), scatter, factor)
        images = [empty.as_judged(frames.known(image)) for image in frames.images]
        return cls(np.stack(images), scatter, factor)

    def as_judged(self, image: Image) -> Image:
        """Do the same to another image (Y, X)."""
        band = band_pass(shrink(image, self.factor), USUAL.fine_px, USUAL.coarse_px)
        return np.asarray(band / self.scatter, np.float32)


def tissue_of(
    images: Image, chosen: npt.NDArray[np.intp], moves: Movement, pattern: Image
) -> Image:
    """(y, x) mean of chosen frames without a pattern, as they lie before they moved."""
    shape = images.shape[1:]
    back = [_sampled(images[t] - pattern, moves.field(int(t), shape)) for t in chosen]
    return np.asarray(np.mean(back, axis=0), np.float32)


def moved(tissue: Image, moves: Movement, t: np.intp) -> Image:
    """Tissue (y, x) as it lies in frame t; fields are smooth, so that the inverse is the minus."""
    return _sampled(tissue, -moves.field(int(t), tissue.shape))


def _sampled(image: Image, shifts: Image) -> Image:
    """Values of an image (y, x) at y + shift."""
    y, x = np.indices(image.shape, np.float32)
    at_y, at_x = y + shifts[..., 0], x + shifts[..., 1]
    return np.asarray(cv2.remap(image, at_x, at_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT))
