"""Means over neuropil rings of whole pixels, from integral images.

A ring lies about the pixel that holds a cell's centre, and the cell's radius is rounded to whole
pixels for it. So it is one of a few patterns, moved by whole pixels. A pattern is a heap of
rectangles, and the sum over a rectangle is four values of an integral image, however large it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor, sqrt
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.traces.integrals import Integral, integral_of
from napari_zstack_align.cells.traces.scratch import Scratch

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Mask = npt.NDArray[np.uint8]

MARGIN_PX = 1
"""Pixels so far outside another cell's circle are still left out of a ring."""
FEWEST_PIXELS = 10
"""A ring of fewer pixels, between cells or at the border, is no neuropil."""


TIE_PX = 1e-9
"""A pixel this little outside a circle counts as inside, however the distance was rounded."""


@dataclass(frozen=True)
class Ring:
    """Neuropil ring around a circle: the gap between the two, and its width, in px."""

    gap_px: float
    width_px: float

    @property
    def reach_px(self) -> float:
        """From the circle to the outer edge."""
        return self.gap_px + self.width_px


@dataclass(frozen=True)
class Pattern:
    """Pixels of circles and rings as steps in a flattened frame from the centre's pixel.

    Attributes
    ----------
    covered : numpy.ndarray
        (m,) or (m, n) steps to the pixels of a circle and its margin.
    plus, minus : numpy.ndarray
        (k,) or (k, n) steps, in a flattened integral image, to the values that make up the sum
        over a ring: those to be added and those to be subtracted.
    """

    covered: Places
    plus: Places
    minus: Places


@dataclass(frozen=True)
class WholePixels:
    """Circles on frames, rounded to whole pixels: (n, N) each, or (N,) on one frame.

    Attributes
    ----------
    radii : numpy.ndarray
        Whole px.
    cover_start, start : numpy.ndarray
        Place of the centre's pixel in a flattened frame with its border, and in the integral
        image of that; ``start`` is that of the nearest pixel within the frame.
    inside : numpy.ndarray
        Whether the centre is inside the frame.
    """

    radii: Places
    cover_start: Places
    start: Places
    inside: npt.NDArray[np.bool_]

    def on(self, frame: int) -> WholePixels:
        """Those on one frame."""
        parts = (self.radii, self.cover_start, self.start, self.inside)
        return WholePixels(*(part[frame] for part in parts))


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
        self._patterns: tuple[npt.NDArray[np.intp], Pattern] | None = None

    def pixels_of(self, circles: Numbers) -> WholePixels:
        """Round circles (n, 3, N) on n frames to whole pixels."""
        rounded = np.floor(circles + 0.5)
        radii = np.clip(rounded[:, 2], 0, self._largest)
        sizes = np.array(self._shape)[:, np.newaxis]
        margin = radii[:, np.newaxis] + (MARGIN_PX + 1)
        centres = np.clip(rounded[:, :2], -margin, sizes - 1 + margin).astype(np.intp)
        at = np.clip(centres, 0, sizes - 1)
        starts = centres + self._pad, at + self._pad
        return WholePixels(
            radii.astype(np.intp),
            starts[0][:, 0] * self._line + starts[0][:, 1],
            starts[1][:, 0] * (self._line + 1) + starts[1][:, 1],
            (at == centres).all(axis=1),
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
        patterns = [
            (block, self._stacked(circles.radii[block], len(blocks) == 1)) for block in blocks
        ]
        free = self._free(circles, patterns)
        counts = integral_of(free, "count", self._scratch)
        means = np.full((len(images), len(circles.radii)), np.nan)
        for mean, image in zip(means, images, strict=True):
            if image.known is not None:
                known = self._known(free, image.known)
                sums = self._intensity(image.pixels, known)
                counted = integral_of(known, "known count", self._scratch)
            else:
                sums, counted = self._intensity(image.pixels, free), counts
            for block, pattern in patterns:
                start = circles.start[block]
                plus, minus = start + pattern.plus, start + pattern.minus
                total, count = sums.sums(plus, minus), counted.sums(plus, minus)
                enough = circles.inside[block] & (count >= FEWEST_PIXELS)
                np.divide(total, count, out=mean[block], where=enough)
        return means

    def _free(self, circles: WholePixels, patterns: list[tuple[slice, Pattern]]) -> Mask:
        """(Y, X) with a border: 1 where no circle is, 0 beyond the frame."""
        free = self._padded("free", np.uint8)
        self._within(free).fill(1)
        for block, pattern in patterns:
            free.reshape(-1)[circles.cover_start[block] + pattern.covered] = 0
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

    def _stacked(self, radii: npt.NDArray[np.intp], keep: bool) -> Pattern:
        """Patterns of circles side by side; kept as long as the radii stay the same."""
        if self._patterns is not None and np.array_equal(self._patterns[0], radii):
            return self._patterns[1]
        kinds, which = np.unique(radii, return_inverse=True)
        patterns = [ring_pattern(int(radius), self._ring, self._line) for radius in kinds]
        columns = [
            _filled([getattr(pattern, name) for pattern in patterns])[:, which]
            for name in ("covered", "plus", "minus")
        ]
        stacked = Pattern(*columns)
        if keep:
            self._patterns = (radii, stacked)
        return stacked


@lru_cache(maxsize=256)
def ring_pattern(radius: int, ring: Ring, line: int) -> Pattern:
    """Pattern of the ring about one pixel, in frames with lines of so many pixels."""
    covered = [
        dy * line + dx for dy, half in _rows(radius + MARGIN_PX) for dx in range(-half, half + 1)
    ]
    outer, inner = _rectangles(radius + ring.reach_px), _rectangles(radius + ring.gap_px)
    gained, lost = zip(
        *[_corners(top, bottom, half, line + 1) for top, bottom, half in outer],
        *[_corners(top, bottom, half, line + 1)[::-1] for top, bottom, half in inner],
        strict=True,
    )
    return Pattern(*(np.array(steps, np.intp).ravel() for steps in (covered, gained, lost)))


def _rows(radius: float) -> list[tuple[int, int]]:
    """Rows of a disc about a pixel: dy, and how many pixels it reaches to either side."""
    reach = radius + TIE_PX
    return [(dy, floor(sqrt(reach**2 - dy**2))) for dy in range(-floor(reach), floor(reach) + 1)]


def _rectangles(radius: float) -> list[tuple[int, int, int]]:
    """Rectangles that make up a disc: first row, last row, pixels to either side.

    But for the middle one, rows go in pairs, and reach as far as the circle between the two: so
    there are half as many.
    """
    reach = radius + TIE_PX
    rectangles = [(0, 0, floor(reach))]
    for dy in range(1, floor(reach + 0.5), 2):
        half = floor(sqrt(reach**2 - (dy + 0.5) ** 2))
        top, bottom, middle = rectangles[0][0], rectangles[-1][1], rectangles[0][2]
        if half == middle:
            rectangles[0] = (top - 2, *rectangles[0][1:])
            rectangles[-1] = (rectangles[-1][0], bottom + 2, half)
        else:
            rectangles = [(top - 2, top - 1, half), *rectangles, (bottom + 1, bottom + 2, half)]
    return rectangles


def _corners(
    top: int, bottom: int, half: int, line: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Steps in an integral image to the corners of a rectangle that are added and subtracted."""
    above, below, right = top * line, (bottom + 1) * line, half + 1
    return (above - half, below + right), (above + right, below - half)


def _filled(steps: list[Places]) -> Places:
    """Steps of several patterns as columns; what is too short goes on with steps of 0.

    The centre's pixel is covered in any case, and adding and subtracting it changes no sum.
    """
    columns = np.zeros((max(map(len, steps)), len(steps)), np.intp)
    for column, own in zip(columns.T, steps, strict=True):
        column[: len(own)] = own
    return columns
