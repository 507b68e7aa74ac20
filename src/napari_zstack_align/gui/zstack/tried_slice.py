"""One slice aligned before the run, as pictures; made in a worker, from a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.gui.jobs import Limits, limits
from napari_zstack_align.gui.picture_strip import Column
from napari_zstack_align.params import AdaptiveParams
from napari_zstack_align.progress import Job, Progress, mapped
from napari_zstack_align.register.tried_alphas import TriedAlphas
from napari_zstack_align.stack import Stack
from napari_zstack_align.write.grey import in_grey

Image = npt.NDArray[np.float32]

SIDE_PX = 96
"""Of the part of the slice that small pictures show, about as large as they are on the screen."""
SMOOTH_PX = 2.0
OF_PART = (1.0, 99.0)
"""Percentiles of its pixels that are black and white: one bright cell may fill more of it."""
SUGGESTED, AS_GOOD = "suggested", "as good"


@dataclass(frozen=True, eq=False)
class Basis:
    """What a slice is aligned by, as it stands in the panel.

    Attributes
    ----------
    stack : Stack
    params : AdaptiveParams
    mask : numpy.ndarray, optional
        (Y, X).
    """

    stack: Stack
    params: AdaptiveParams
    mask: npt.NDArray[Any] | None

    def with_alpha(self, alpha: float) -> Basis:
        """Return the same with another alpha."""
        return replace(self, params=self.params.replace(alpha=alpha))

    def what_differs(self, now: Basis, *, but_alpha: bool = False) -> str:
        """Name what is different now; '' for nothing.

        Parameters
        ----------
        now : Basis
        but_alpha : bool
            Whether another alpha makes no difference.
        """
        before = self.params.replace(alpha=now.params.alpha) if but_alpha else self.params
        if _frames_of(self.stack) != _frames_of(now.stack):
            return "the stack"
        if before.replace(alpha=now.params.alpha) != now.params:
            return "a parameter"
        if before != now.params:
            return "alpha"
        return "" if _are_same(self.mask, now.mask) else "the mask"


@dataclass(frozen=True, eq=False)
class TriedSlice:
    """A slice that was aligned with one alpha or several, as it is shown.

    Attributes
    ----------
    basis : Basis
        What it was aligned by.
    found : TriedAlphas
    columns : tuple of Column
        The same part of the slice for each alpha, in one contrast.
    contrast : (float, float)
        Limits for the whole slice, before and after, with every alpha.
    is_complete : bool
        Whether all alphas that were asked for have been tried: else none is suggested.
    """

    basis: Basis
    found: TriedAlphas
    columns: tuple[Column, ...]
    contrast: Limits
    is_complete: bool

    @property
    def has_gained(self) -> bool:
        """Whether any alpha predicts hidden parts better than no alignment does."""
        return bool(self.found.correlations.max() > self.found.raw_correlation)

    @property
    def repeats_in_words(self) -> str:
        """'12 repeats', or '8 of 12 repeats' where not all were taken."""
        found = self.found
        of_slice = len(self.basis.stack.frames_of_slice(found.slice_index))
        some = "" if found.n_compared == of_slice else f"{found.n_compared} of "
        return f"{some}{of_slice} repeats"


def trying(
    basis: Basis, job: Callable[[], Job[TriedAlphas]], alphas: Sequence[float]
) -> Job[TriedSlice]:
    """Try alphas, with a picture of each; ``partial`` is a `TriedSlice` of those done so far."""
    so_far = partial(pictured, basis, len(alphas))

    def reported(progress: Progress) -> Progress:
        made = None if progress.partial is None else so_far(progress.partial)
        stage = progress.stage if len(alphas) > 1 else "Aligning the slice"
        return replace(progress, stage=stage, partial=made)

    return so_far((yield from mapped(job(), reported)))


def pictured(basis: Basis, n_alphas: int, found: TriedAlphas) -> TriedSlice:
    """Return the alphas tried so far, of so many in all, with a picture of each."""
    images = np.stack([found.raw, *(each.image for each in found.tried)])
    seen = images[:, ::2, ::2]
    complete = len(found.tried) == n_alphas
    gained = found.correlations.max() > found.raw_correlation
    marks = _marks(found) if complete and gained and n_alphas > 1 else [""] * n_alphas
    where = most_different(images[1:] if len(images) > 2 else images, basis.mask)
    crops = images[(slice(None), *where)]
    contrast = limits(crops, OF_PART)
    columns = tuple(
        Column(f"alpha {each.alpha:g}\n{correlation:.4f}\n{mark}", (in_grey(crop, contrast),))
        for each, correlation, mark, crop in zip(
            found.tried, found.correlations, marks, crops[1:], strict=False
        )
    )
    return TriedSlice(basis, found, columns, limits(seen), complete)


def _marks(found: TriedAlphas) -> list[str]:
    """Say in words which alpha to take, and which are as good as far as the repeats tell."""
    return [
        SUGGESTED if each.alpha == found.alpha else AS_GOOD if is_level else ""
        for each, is_level in zip(found.tried, found.are_level, strict=True)
    ]


def most_different(images: Image, mask: npt.NDArray[Any] | None) -> tuple[slice, slice]:
    """Rows and columns of the part in which images (n, Y, X) differ most, inside of a mask.

    They are smoothed before, as pixel by pixel they differ by their noise; and a displacement shows
    where there is something to be displaced, so that differences count by the slope of the image.
    """
    known = np.isfinite(images).all(axis=0)
    smooth = [cv2.GaussianBlur(np.where(known, each, 0), (0, 0), SMOOTH_PX) for each in images]
    slope = np.hypot(*np.gradient(np.mean(smooth, axis=0)))
    inside = cv2.erode(known.astype(np.uint8), np.ones((3, 3)), iterations=round(3 * SMOOTH_PX))
    spread = np.ptp(smooth, axis=0) * slope * inside
    if mask is not None:
        spread *= np.asarray(mask) > 0
    sums = cv2.integral(spread.astype(np.float32))
    down, right = (min(SIDE_PX, n) for n in spread.shape)
    of_parts = sums[down:, right:] - sums[:-down, right:] - sums[down:, :-right]
    of_parts += sums[:-down, :-right]
    top, left = np.unravel_index(int(np.argmax(of_parts)), of_parts.shape)
    return slice(int(top), int(top) + down), slice(int(left), int(left) + right)


def _frames_of(stack: Stack) -> tuple[Any, ...]:
    """What says which frames are those of a slice."""
    return id(stack.source), stack.frames_per_slice, stack.order


def _are_same(first: npt.NDArray[Any] | None, second: npt.NDArray[Any] | None) -> bool:
    if first is None or second is None:
        return first is second
    return bool(np.array_equal(first, second))
