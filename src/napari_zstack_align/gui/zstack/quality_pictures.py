"""What the quality dock shows of a z-stack before and after the alignment; made in a worker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.sharpness import shared_gradient
from napari_zstack_align.gui.jobs import limits
from napari_zstack_align.gui.picture_strip import Column
from napari_zstack_align.gui.zstack.tried_slice import OF_PART, most_different
from napari_zstack_align.progress import Job
from napari_zstack_align.write.grey import in_grey
from napari_zstack_align.write.report.means import (
    Sections,
    driving_channels,
    means_of,
    pixels_a_slice_of,
)

Image = npt.NDArray[np.float32]
Picture = npt.NDArray[np.uint8]
NAMES = ("raw", "aligned")


@dataclass(frozen=True, eq=False)
class QualityPictures:
    """Sections, parts of the slices, and their sharpness.

    Attributes
    ----------
    sections : tuple of Column
        x-z and y-z section through the middle, raw above aligned.
    parts : dict of int to tuple of numpy.ndarray
        By slice: the part in which the raw and the aligned mean differ most, (Y, X) uint8 each, in
        one contrast.
    sharpness : numpy.ndarray
        (2, Z) structure that the means of two halves of the repeats share, raw and aligned; NaN
        where there are fewer than two repeats.
    """

    sections: tuple[Column, ...]
    parts: dict[int, tuple[Picture, Picture]]
    sharpness: npt.NDArray[np.float64]

    @property
    def words(self) -> str:
        """How much sharper the slices are, in a sentence; '' where that isn't known."""
        before, after = self.sharpness
        known = (before > 0) & (after > 0)
        if not known.any():
            return ""
        ratio = float(np.median(after[known] / before[known]))
        return f"Split-half sharpness:\n× {ratio:.2f}"


def quality_pictures(alignment: Alignment) -> Job[QualityPictures]:
    """Average the used repeats of every slice in two halves, raw and aligned."""
    stack, used = alignment.stack, alignment.quality["used"]
    channel = driving_channels(alignment)[0]
    sections = Sections(stack.n_slices, alignment.transforms.shape)
    parts: dict[int, tuple[Picture, Picture]] = {}
    sharpness = np.full((2, stack.n_slices), np.nan)
    done, total = 0, int(used.sum())
    for z in range(stack.n_slices):
        frames = np.asarray(stack.frames_of_slice(z))
        frames = frames[used[frames]]
        halves = []
        for half in (frames[::2], frames[1::2]):
            if len(half):
                halves.append((yield from means_of(alignment, channel, half, done, total)))
            done += len(half)
        if not halves:
            continue
        before, after = (_mean(images) for images in zip(*halves, strict=True))
        sections.add(z, before, after)
        parts[z] = _part(before, after, alignment.mask)
        if len(halves) == 2:
            sharpness[:, z] = [shared_gradient(*pair) for pair in zip(*halves, strict=True)]
    return QualityPictures(_columns(sections, alignment), parts, sharpness)


def _mean(halves: tuple[Image, ...]) -> Image:
    """The mean of both halves; of one where the other knows nothing."""
    if len(halves) == 1:
        return halves[0]
    first, second = halves
    known = np.where(np.isfinite(first), first, second)
    return np.asarray((known + np.where(np.isfinite(second), second, first)) / 2, np.float32)


def _part(
    before: Image, after: Image, mask: npt.NDArray[np.float32] | None
) -> tuple[Picture, Picture]:
    rows, columns = np.minimum(before.shape, after.shape)
    images = np.stack([before[:rows, :columns], after[:rows, :columns]])
    inside = None if mask is None else mask[:rows, :columns]
    crops = images[(slice(None), *most_different(images, inside))]
    contrast = limits(crops, OF_PART)
    return in_grey(crops[0], contrast), in_grey(crops[1], contrast)


def _columns(sections: Sections, alignment: Alignment) -> tuple[Column, ...]:
    columns = []
    for pair in sections.pairs(pixels_a_slice_of(alignment)):
        contrast = limits(pair.after)
        pictures = tuple(in_grey(image, contrast) for image in (pair.before, pair.after))
        columns.append(Column(pair.title.split(" through")[0], pictures, NAMES))
    return tuple(columns)
