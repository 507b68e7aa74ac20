"""Regions fixed to the detector whose pixels change, such as a burnt-in clock.

Some of their pixels don't change: strokes that all digits share, the box around them. Frames are
explained in two ways around such pixels, each learned from one half of the frames: as tissue that
moves, and as an image that stands still. Where the still image predicts the other half better, and
the tissue misses it by far more than noise, a region is fixed. Without constant pixels, nothing is
looked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_propagation

from napari_zstack_align.register.artefacts.constant import grown, largest_moves
from napari_zstack_align.register.artefacts.explained import Frames, Judged, moved, tissue_of
from napari_zstack_align.register.artefacts.movement import MOVED_PX, Movement
from napari_zstack_align.register.artefacts.noise import Noise

Image = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.bool_]

FEWEST_CONSTANT = 20
"""Pixels that don't change, of a region that does."""
LINE_PART = 0.5
"""Rows and columns of which a larger part doesn't change are dead."""
BESIDE_PX = 12
"""A region goes on so far beside them."""
MOST_BESIDE = 0.4
"""Of the image: constant pixels that are spread over more of it are those of dark tissue."""
BOX_PX = 7
"""Misfits are averaged over so many pixels along each axis."""
STILL_PART = 0.7
"""A still image misses a fixed region by less than this part of what tissue misses it by ..."""
TIMES_USUAL, TIMES_USUAL_BESIDE = 3.0, 4.0
"""... which is so many times what is usual; and so many times where the region goes on."""
FEWEST_PIXELS = 60
CLOSED_PX = 9
"""Gaps between the digits, along each axis."""


@dataclass(frozen=True)
class Changing:
    """Regions that change.

    Attributes
    ----------
    pixels : numpy.ndarray
        (Y, X) bool.
    movement : Movement
        How the tissue beside them moves.
    """

    pixels: Pixels
    movement: Movement


def find_changing(frames: Frames, known: Pixels, seems: Movement, noise: Noise) -> Changing | None:
    """Find regions that change around constant pixels; None where there aren't any.

    Parameters
    ----------
    frames : Frames
        Their constant pixels may lie in such regions.
    known : numpy.ndarray
        (Y, X) bool: pixels that are left out already, and filled in the frames.
    seems : Movement
        How the tissue seems to move with such regions in the frames.
    noise : Noise
    """
    constant = _without_lines(frames.constant)
    if constant.sum() < FEWEST_CONSTANT:
        return None
    beside = grown(constant, BESIDE_PX)
    if beside.mean() > MOST_BESIDE:
        return None
    tissue = Frames(frames.images, frames.groups, beside)
    moves = tissue.without(None)
    if np.median(largest_moves(moves)) < MOVED_PX:
        return None
    # Nothing has to be brighter than tissue to be judged, and blurs over what is around then.
    seen = frames.images[:, ~beside]
    usual_values = np.clip(frames.images, seen.min(), seen.max())
    judged = Judged.of(Frames(usual_values, frames.groups, known), noise)
    tissue_misses, still_misses = _misfits(judged.images, frames, moves)
    tissue_misses = np.minimum(tissue_misses, _misfits(judged.images, frames, seems)[0])
    size = constant.shape[::-1]
    near = cv2.resize(beside.astype(np.float32), judged.scatter.shape[::-1]) > 0
    usual = np.median(tissue_misses[:, ~near])
    sure = (tissue_misses > TIMES_USUAL * usual) & (still_misses < STILL_PART * tissue_misses)
    also = (tissue_misses > TIMES_USUAL_BESIDE * usual).all(axis=0)
    found = binary_propagation(sure.all(axis=0) & near, mask=also & near)
    found = _still(found, tissue_misses, still_misses)
    whole = cv2.resize(found.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    pixels = _large(whole, constant)
    return Changing(pixels, moves) if pixels.any() else None


def _misfits(images: Image, frames: Frames, moves: Movement) -> tuple[Image, Image]:
    """(2, y, x) mean squared misfits of tissue that moves, and of what stands still.

    Of frames that they weren't learned from: those of either half.
    """
    tissue_misses, still_misses = (np.zeros((2, *images.shape[1:]), np.float32) for _ in range(2))
    nothing = np.zeros_like(images[0])
    for half, learned in enumerate(frames.halves):
        still, n = images[learned].mean(axis=0), 0
        for group in np.unique(frames.groups):
            mine, others = (
                np.flatnonzero(some & (frames.groups == group)) for some in (learned, ~learned)
            )
            if not len(mine):
                continue
            tissue = tissue_of(images, mine, moves, nothing)
            for t in others:
                tissue_misses[half] += (images[t] - moved(tissue, moves, t)) ** 2
                still_misses[half] += (images[t] - still) ** 2
                n += 1
        for misses in (tissue_misses, still_misses):
            misses[half] = cv2.blur(misses[half] / max(n, 1), (BOX_PX, BOX_PX))
    return tissue_misses, still_misses


def _still(found: Pixels, tissue_misses: Image, still_misses: Image) -> Pixels:
    """Regions (y, x), of those that a still image predicts better as a whole."""
    n, labels = cv2.connectedComponents(found.astype(np.uint8))
    tissue, still = (
        np.stack([np.bincount(labels.ravel(), half.ravel(), n) for half in misses])
        for misses in (tissue_misses, still_misses)
    )
    kept = np.asarray((still < tissue).all(axis=0) & (np.arange(n) > 0))
    return np.asarray(kept[labels])


def _without_lines(constant: Pixels) -> Pixels:
    rows, columns = (constant.mean(axis=axis) > LINE_PART for axis in (1, 0))
    return constant & ~rows[:, np.newaxis] & ~columns


def _large(pixels: npt.NDArray[np.uint8], constant: Pixels) -> Pixels:
    """Regions (Y, X) without gaps, of those that are large and hold constant pixels."""
    closed = cv2.morphologyEx(pixels, cv2.MORPH_CLOSE, np.ones((CLOSED_PX, CLOSED_PX), np.uint8))
    n, labels, facts, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    constants = np.bincount(labels[constant], minlength=n)
    large = (facts[:, cv2.CC_STAT_AREA] >= FEWEST_PIXELS) & (constants > 0)
    large[0] = False
    return large[labels]
