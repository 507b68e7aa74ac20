"""Which recording the first reference is taken from: one that is still and sharp.

Of each, a few frames from the beginning and from the end of the middle chunk are averaged. What
the two means have in common as fine detail, as a part of all that varies in them, falls where the
sample moved between them or while they were taken, and where the image is blurred, dim or noisy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.register.prefilter import USUAL, band_pass, levels_of
from napari_zstack_align.register.recordings.chunks import Range

Image = npt.NDArray[np.float32]
Averages: TypeAlias = Callable[[int, int, int], Image | None]
"""Mean of the usable frames of a recording from a first one to an end, all counted from 0."""
Numbered: TypeAlias = tuple[int, Image]
"""Image of a recording, behind its number."""
Fitting: TypeAlias = Callable[[Numbered, Sequence[Numbered]], int]
"""How many images can be matched to a first one."""

FRAMES_EACH = 24
"""So many frames at each end of a chunk are averaged."""
FINE_PX, COARSE_PX = 1.0, 4.0
"""Fine detail lies between blurs of these standard deviations."""
CLEARLY = 1.25
"""Another recording is taken where it has so many times as much of it as the middle one."""


@dataclass(frozen=True, eq=False)
class Still:
    """What a recording shows in the middle.

    Attributes
    ----------
    detail : float
        Of `common_detail`; 0 where it shows nothing.
    image : numpy.ndarray, optional
        (Y, X) float32 mean; None where it shows nothing.
    """

    detail: float
    image: Image | None


def stillest(ranges: Sequence[Range], middle: int, average: Averages, fitting: Fitting) -> int:
    """Find the recording that is most still and sharp; the middle one unless another is clearly so.

    One that half of the others can't be matched to is passed over where there is one to which they
    can: it may show another place.

    Parameters
    ----------
    ranges : sequence of tuple of int
        (start, stop) of the middle chunk of each recording.
    middle : int
        Number of the middle recording.
    average, fitting : callable
    """
    found = [_looked_at(i, frames, average) for i, frames in enumerate(ranges)]
    best = max(each.detail for each in found)
    order = sorted(range(len(found)), key=lambda i: -found[i].detail)
    if CLEARLY * found[middle].detail >= best:
        order = [middle, *(i for i in order if i != middle)]
    if len(found) == 2:
        return order[0]
    shown = [(i, image) for i in order if (image := found[i].image) is not None]
    for i, image in shown:
        others = [other for other in shown if other[0] != i]
        if 2 * fitting((i, image), others) >= len(others):
            return i
    return order[0]


def _looked_at(i: int, frames: Range, average: Averages) -> Still:
    start, stop = frames
    n = min(FRAMES_EACH, (stop - start) // 2)
    first, last = average(i, start, start + n), average(i, stop - n, stop)
    if first is None or last is None:
        return Still(0.0, first if last is None else last)
    return Still(common_detail(first, last), first)


def common_detail(first: Image, second: Image) -> float:
    """Fine detail that two means (Y, X) have in common, as a part of all that varies in them.

    It is between 0, where they have none, and 1; of what varies, noise is a part, too.
    """
    dark, bright = levels_of((first + second) / np.float32(2))
    if not bright > dark:
        return 0.0
    even = [_even((each - dark) / (bright - dark)) for each in (first, second)]
    fine = [_fine(each) for each in even]
    varies = np.sqrt(_covariance(even[0], even[0]) * _covariance(even[1], even[1]))
    return max(_covariance(*fine) / varies, 0.0) if varies > 0 else 0.0


def _even(image: Image) -> Image:
    """Image in which bright cells don't count for much more than others."""
    return np.asarray(cv2.sqrt(np.clip(image, 0, None) + np.float32(USUAL.offset)), np.float32)


def _fine(image: Image) -> Image:
    return band_pass(image, FINE_PX, COARSE_PX)


def _covariance(one: Image, other: Image) -> float:
    return float(np.mean((one - one.mean()) * (other - other.mean()), dtype=np.float64))
