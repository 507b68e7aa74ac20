"""Means over neuropil rings of whole pixels, from integral images.

A ring lies about the pixel that holds a cell's centre, and the cell's radius is rounded to whole
pixels for it. So it is one of a few patterns, moved by whole pixels. A pattern is a heap of
rectangles, and the sum over a rectangle is four values of an integral image, however large it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.traces.integrals import Integral, integral_of
from napari_zstack_align.cells.traces.ring_patterns import (
    MARGIN_PX,
    Pattern,
    Ring,
    ring_pattern,
    side_by_side,
)
from napari_zstack_align.cells.traces.scratch import Scratch

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Mask = npt.NDArray[np.uint8]

FEWEST_PIXELS = 10
"""A ring of fewer pixels, between cells or at the border, is no neuropil."""
COVERED_AT_ONCE = 2**18


@dataclass(frozen=True)
class WholePixels:
    """Circles on frames, rounded to whole pixels: (n, N) each, or (N,) on one frame.

    Attributes
    ----------
    kind : numpy.ndarray
        Which of the patterns.
    cover_start, start : numpy.ndarray
        Place of the centre's pixel in a flattened frame with its border, and in the integral
        image of that; ``start`` is that of the nearest pixel within the frame.
    inside : numpy.ndarray
        Whether the centre is inside the frame.
    patterns : list of Pattern
        Of the radii that there are.
    corners : numpy.ndarray
        (2, k, number of patterns) their corners.
    """

    kind: Places
    cover_start: Places
    start: Places
    inside: npt.NDArray[np.bool_]
    patterns: list[Pattern]
    corners: Places

    def on(self, frame: int) -> WholePixels:
        """Those on one frame."""
        return replace(
            self,
            kind=self.kind[frame],
            cover_start=self.cover_start[frame],
            start=self.start[frame],
            inside=self.inside[frame],
        )


@dataclass(frozen=True)
class Image:
    """An image (Y, X) without NaN, and which of its pixels are known; None: all."""

    pixels: npt.NDArray[Any]
    known: Mask | None


class Rings:
    """Means over the rings about circles, frame after frame.

    Parameters
    ----------
    ring : Ring
    largest_radius : float
        No circle has a larger one, px; rings about larger ones are not to be had.
    shape : tuple of int
        (Y, X) of the frames.
    scratch : Scratch
    """

    def __init__(
        self, ring: Ring, largest_radius: float, shape: tuple[int, int], scratch: Scratch
    ) -> None:
        self._ring, self._shape, self._scratch = ring, shape, scratch
        self._largest = ceil(largest_radius)
        # Room for rings about pixels of the frame, and for circles beyond its border.
        reach = max(self._largest + ring.reach_px, 2 * (self._largest + MARGIN_PX + 1))
        self._pad = ceil(reach) + 1
        self._line = shape[1] + 2 * self._pad

    def pixels_of(self, circles: Numbers) -> WholePixels:
        """Round circles (n, 3, N) on n frames to whole pixels."""
        rounded = np.floor(circles + 0.5)
        radii = np.clip(rounded[:, 2], 0, self._largest).astype(np.intp)
        sizes = np.array(self._shape)[:, np.newaxis]
        margin = radii[:, np.newaxis] + (MARGIN_PX + 1)
        centres = np.clip(rounded[:, :2], -margin, sizes - 1 + margin).astype(np.intp)
        at = np.clip(centres, 0, sizes - 1)
        starts = centres + self._pad, at + self._pad
        kinds = np.flatnonzero(np.bincount(radii.ravel()))
        patterns = [ring_pattern(int(radius), self._ring, self._line) for radius in kinds]
        return WholePixels(
            np.searchsorted(kinds, radii),
            starts[0][:, 0] * self._line + starts[0][:, 1],
            starts[1][:, 0] * (self._line + 1) + starts[1][:, 1],
            (at == centres).all(axis=1),
            patterns,
            side_by_side(patterns),
        )

    def means(self, circles: WholePixels, blocks: list[slice], images: list[Image]) -> Numbers:
        """Mean over each circle's ring, other circles left out.

        Parameters
        ----------
        circles : WholePixels
            N circles on one frame.
        blocks : list of slice
            Circles to work on at once.
        images : list of Image
            C channels.

        Returns
        -------
        numpy.ndarray
            (C, N); NaN where the centre is outside the frame, or too few pixels are left.
        """
        free = self._free(circles)
        counts = integral_of(free, "count", self._scratch)
        means = np.full((len(images), len(circles.kind)), np.nan)
        for mean, image in zip(means, images, strict=True):
            if image.known is not None:
                known = self._known(free, image.known)
                sums = self._intensity(image.pixels, known)
                counted = integral_of(known, "known count", self._scratch)
            else:
                sums, counted = self._intensity(image.pixels, free), counts
            for block in blocks:
                places = self._corners(circles, block)
                total, count = sums.sums(places), counted.sums(places)
                enough = circles.inside[block] & (count >= FEWEST_PIXELS)
                np.divide(total, count, out=mean[block], where=enough)
        return means

    def _corners(self, circles: WholePixels, block: slice) -> Places:
        """(2, k, n) places of the corners of rings in a flattened integral image."""
        kind = circles.kind[block]
        places = self._scratch.array("corners", (*circles.corners.shape[:2], len(kind)), np.intp)
        circles.corners.take(kind, axis=2, out=places, mode="clip")
        places += circles.start[block]
        return places

    def _free(self, circles: WholePixels) -> Mask:
        """(Y, X) with a border: 1 where no circle is, 0 beyond the frame."""
        free = self._padded("free", np.uint8)
        self._within(free).fill(1)
        flat = free.reshape(-1)
        for i, pattern in enumerate(circles.patterns):
            starts = circles.cover_start[circles.kind == i]
            at_once = max(COVERED_AT_ONCE // len(pattern.covered), 1)
            for first in range(0, len(starts), at_once):
                flat[pattern.covered[:, np.newaxis] + starts[first : first + at_once]] = 0
        return free

    def _known(self, free: Mask, known: Mask) -> Mask:
        """The free pixels that are known, with the same border."""
        both = free.copy()
        self._within(both)[...] &= known
        return both

    def _intensity(self, pixels: npt.NDArray[Any], free: Mask) -> Integral:
        """Integral image of the free pixels."""
        masked = self._padded(f"masked {pixels.dtype}", pixels.dtype)
        self._within(masked).fill(0)
        cv2.copyTo(pixels, self._within(free), self._within(masked))
        return integral_of(masked, "intensity", self._scratch)

    def _padded(self, name: str, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Image with a border of zeros, that is left as it is between frames."""
        shape = (self._shape[0] + 2 * self._pad, self._line)
        return self._scratch.array(name, shape, dtype)

    def _within(self, padded: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return padded[self._pad : -self._pad, self._pad : -self._pad]
