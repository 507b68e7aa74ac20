"""Neuropil rings of whole pixels as patterns, to be moved by whole pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import floor, sqrt

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.intp]

MARGIN_PX = 1
"""Pixels so far outside another cell's circle are still left out of a ring."""
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
    """Pixels of a circle and its ring as steps in a flattened frame from the centre's pixel.

    Attributes
    ----------
    covered : numpy.ndarray
        (m,) steps to the pixels of the circle and its margin.
    corners : numpy.ndarray
        (2, k) steps, in a flattened integral image, to the values that make up the sum over the
        ring: those to be added and those to be subtracted.
    """

    covered: Places
    corners: Places


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
    return Pattern(np.array(covered, np.intp), np.array([gained, lost], np.intp).reshape(2, -1))


def side_by_side(patterns: list[Pattern]) -> Places:
    """(2, k, n) corners of n patterns.

    Those of fewer go on with the centre's pixel, added and subtracted, which changes no sum.
    """
    most = max(pattern.corners.shape[1] for pattern in patterns)
    columns = np.zeros((2, most, len(patterns)), np.intp)
    for i, pattern in enumerate(patterns):
        columns[:, : pattern.corners.shape[1], i] = pattern.corners
    return columns


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
