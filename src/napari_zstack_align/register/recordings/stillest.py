"""Which recording the first reference is taken from: one that is still and sharp.

Of each, a few frames from the beginning and from the end of the middle chunk are averaged. What
the two means have in common as fine detail, as a part of all that varies in them, falls where the
sample moved between them or while they were taken, and where the image is blurred, dim or noisy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.register.prefilter import USUAL, band_pass, levels_of
from napari_zstack_align.register.recordings.chunks import Range

Image = npt.NDArray[np.float32]
Averages: TypeAlias = Callable[[int, int, int], Image | None]
"""Mean of the usable frames of a recording from a first one to an end, all counted from 0."""

FRAMES_EACH = 24
"""So many frames at each end of a chunk are averaged."""
FINE_PX, COARSE_PX = 1.0, 4.0
"""Fine detail lies between blurs of these standard deviations."""
CLEARLY = 1.25
"""Another recording is taken where it has so many times as much of it as the middle one."""


def stillest(ranges: Sequence[Range], middle: int, average: Averages) -> int:
    """Find the recording that is most still and sharp; the middle one unless another is clearly so.

    Parameters
    ----------
    ranges : sequence of tuple of int
        (start, stop) of the middle chunk of each recording.
    middle : int
        Number of the middle recording.
    average : callable
    """
    found = []
    for i, (start, stop) in enumerate(ranges):
        n = min(FRAMES_EACH, (stop - start) // 2)
        first, last = average(i, start, start + n), average(i, stop - n, stop)
        found.append(0.0 if first is None or last is None else common_detail(first, last))
    best = int(np.argmax(found))
    return best if found[best] > CLEARLY * found[middle] else middle


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
