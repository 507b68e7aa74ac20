"""How the tissue of sampled frames moves, roughly, whatever is fixed to the detector.

What could hold a registration at the detector is taken away first: constant pixels are filled,
isolated pixels fall to a median, rows and columns lose their own offsets, and extremes are cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.filling import filled
from napari_zstack_align.alignment.warp import shrink
from napari_zstack_align.register.prefilter import Prefilter
from napari_zstack_align.register.translation import find_translations, shifts_to_mean
from napari_zstack_align.spread import SD_PER_MAD

Image = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.bool_]

SMALL_PX = 128
"""Frames are compared at about this size."""
MOST_TIMES_SMALLER = 4
LEAST_PX = 56
"""Images of fewer pixels along an axis aren't made smaller still."""
TILE_PX = 48
"""Size, in px of the small frames, of the tiles that move each for itself."""
TILE_REACH_PX = 4
EXTREMES = 4.0
"""Band-passed pixels are cut to so many of their standard deviations (median-based)."""
MOVED_PX = 1.0
"""The tissue has to move by this much from frame to frame to part it from the detector."""


@dataclass(frozen=True)
class Movement:
    """Shifts of sampled frames, over tiles of the image.

    Attributes
    ----------
    shifts : numpy.ndarray
        (n, rows, columns, 2) px: tissue that lies at y in the mean of its group lies at
        y + shift in the frame.
    shape : tuple of int
        (Y, X) of the frames.
    """

    shifts: npt.NDArray[np.float64]
    shape: tuple[int, int]

    def tile_of(self, y: npt.NDArray[np.intp], x: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Number of the tile that pixels lie in."""
        rows, columns = self.shifts.shape[1:3]
        return (y * rows // self.shape[0]) * columns + x * columns // self.shape[1]

    def field(self, t: int, shape: tuple[int, ...]) -> Image:
        """(y, x, 2) smooth shifts of frame t in px of an image of this shape (y, x)."""
        scale = np.array(shape) / self.shape
        tiles = np.asarray(scale * self.shifts[t], np.float32)
        size = (shape[1], shape[0])
        return np.asarray(cv2.resize(tiles, size, interpolation=cv2.INTER_LINEAR), np.float32)

    @property
    def of_tiles(self) -> npt.NDArray[np.float64]:
        """(tiles, n, 2) shifts."""
        n, rows, columns, _ = self.shifts.shape
        return np.moveaxis(self.shifts, 0, 2).reshape(rows * columns, n, 2)


def movement(
    images: Image, groups: npt.NDArray[np.intp], constant: Pixels, pattern: Image | None = None
) -> Movement:
    """Follow the tissue of frames (n, Y, X).

    Constant pixels (Y, X) don't count; a pattern (Y, X) that is fixed is taken off first.
    """
    shape = (images.shape[1], images.shape[2])
    factor = times_smaller(shape)
    prepared = _small(images, constant, factor, pattern)
    prefilter = Prefilter.for_image(prepared.mean(axis=0))
    for image in prepared:
        image[...] = _prepared(image, prefilter)
    reach = min(prepared.shape[1:]) // 4
    tiles = [max(round(n / TILE_PX), 1) for n in prepared.shape[1:]]
    shifts = np.zeros((len(images), *tiles, 2))
    means = {}
    for group in np.unique(groups):
        chosen = np.flatnonzero(groups == group)
        moved = prepared[chosen]
        whole = _whole_shifts(moved, reach)
        _undo(moved, whole)
        means[int(group)] = moved.mean(axis=0)
        rest = _tile_shifts(moved, means[int(group)], (tiles[0], tiles[1]))
        shifts[chosen] = whole[:, np.newaxis, np.newaxis] + rest
    _chain(shifts, groups, means, reach)
    return Movement(factor * shifts, shape)


def times_smaller(shape: tuple[int, ...]) -> int:
    """Factor by which frames are made smaller before they are compared."""
    return int(np.clip(min(shape) // SMALL_PX, 1, MOST_TIMES_SMALLER))


def _small(images: Image, constant: Pixels, factor: int, pattern: Image | None) -> Image:
    """Images so many times smaller, without constant and isolated pixels and a pattern."""
    some_constant = constant.any()
    small: list[Image] = []
    for image in images:
        whole = image if pattern is None else image - pattern
        if some_constant:
            whole = filled(np.where(constant, np.float32(np.nan), whole))
        small.append(cv2.medianBlur(shrink(whole, factor), 5))
    return np.stack(small)


def _prepared(small: Image, prefilter: Prefilter) -> Image:
    """Band-passed small image, without what could be fixed to the detector."""
    filtered = prefilter(small, 1)
    limit = EXTREMES * SD_PER_MAD * float(np.median(np.abs(filtered[::2, ::2])))
    np.clip(filtered, -limit, limit, out=filtered)
    filtered -= filtered.mean(axis=1, keepdims=True)
    filtered -= filtered.mean(axis=0, keepdims=True)
    return filtered


def _whole_shifts(images: Image, reach: int) -> npt.NDArray[np.float64]:
    """(n, 2) shifts of frames to within a pixel or two, found at half the size of large ones."""
    factor = 2 if min(images.shape[1:]) >= 2 * LEAST_PX else 1
    small = np.stack([shrink(image, factor) for image in images]) if factor > 1 else images
    return np.round(factor * shifts_to_mean(small, reach / factor))


def _undo(images: Image, shifts: npt.NDArray[np.float64]) -> None:
    """Move images back by whole pixels, in place."""
    for image, shift in zip(images, np.round(shifts).astype(int), strict=True):
        image[...] = np.roll(image, tuple(-shift), axis=(0, 1))


def _tile_shifts(moved: Image, mean: Image, tiles: tuple[int, int]) -> npt.NDArray[np.float64]:
    """(n, rows, columns, 2) rest of the shifts of tiles, that are significant; else 0."""
    found = np.zeros((len(moved), *tiles, 2))
    borders = [np.linspace(0, n, k + 1).astype(int) for n, k in zip(mean.shape, tiles, strict=True)]
    for i in range(tiles[0]):
        for j in range(tiles[1]):
            part = np.s_[borders[0][i] : borders[0][i + 1], borders[1][j] : borders[1][j + 1]]
            found[:, i, j] = find_translations(moved[:, *part], mean[part], TILE_REACH_PX)
    return found


def _chain(
    shifts: npt.NDArray[np.float64],
    groups: npt.NDArray[np.intp],
    means: dict[int, Image],
    reach: int,
) -> None:
    """Add to the shifts of each group those of its mean against the group before."""
    offset, before = np.zeros(2), None
    for group, mean in means.items():
        if before is not None:
            offset = offset + find_translations(mean[np.newaxis], before, reach)[0]
        shifts[groups == group] += offset
        before = mean
