"""How brightly the cells of each frame are lit: activity moves nothing, and weighs what moves.

The mean of frames lies where its brighter frames lie. In a chunk in which a wave of activity
begins or ends, a frame with cells four times as bright counts four times, and the chunk's transform
belongs to another moment than that in the middle of its frames. Against a mean of such frames,
the dim ones are drawn by whatever is lit in it and not in them, and the trace steps where the wave
begins. So the brightness of each place is compared over the frames of a window: it tells how much
each frame counts in the mean, and frames are brought to one brightness before they are followed.
Windows in which nothing is lit otherwise stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.warp import shrink
from napari_zstack_align.register.prefilter import Prefilter, band_pass
from napari_zstack_align.register.recordings.evening import LIT_CHANGE, LIT_PERCENTILE, OFFSET
from napari_zstack_align.register.recordings.geometry import translation
from napari_zstack_align.register.recordings.refine import CAP, sampled

Image = npt.NDArray[np.float32]
Trace = npt.NDArray[np.float64]

FACTOR = 2
"""Brightness is compared at a size so many times smaller than that at which frames are followed."""
LOCAL_PX = 1.0
"""Standard deviation of what is local, in px of that size."""
TOGETHER = 3
"""Whether cells are lit is asked of means of so many frames: single ones are noisy."""
LEAST_ALIKE = 0.5
"""Correlation of what odd and even frames show of it: that of noise is 0."""
BAND_PX = 0.9, 2.5
"""Detail is what lies between blurs of these standard deviations, in px of the frames."""
AROUND_PX = 2.0
"""Standard deviation of a place whose part in the mean's detail is asked for, in px of frames."""
TINY = 1e-30
LEAST_WEIGHT = 0.05
"""Of what is usual: dim frames hardly show in a mean."""
MOST = 16.0
"""Nothing is brightened or dimmed by more than this."""


@dataclass(frozen=True)
class Lighting:
    """Local brightness of n frames, where the tissue lies.

    Attributes
    ----------
    change : numpy.ndarray, optional
        (n, y, x) float32 factor by which each place is as bright as in the mean; None where hardly
        any is lit otherwise in some of the frames.
    dark : float
        Intensity without light.
    shifts : numpy.ndarray
        (n, 2) (dy, dx) where the tissue lies in the frames, in px of their size.
    """

    change: Image | None
    dark: float
    shifts: Trace

    @classmethod
    def of(cls, frames: Image, shifts: Trace, prefilter: Prefilter) -> Self:
        """Compare frames (n, Y, X) whose tissue is shifted by (n, 2) px."""
        placed = np.stack(
            [
                sampled(small, translation(shift / FACTOR), small.shape)
                for small, shift in zip(_small(frames), shifts, strict=True)
            ]
        )
        local = _local(placed, prefilter)
        usual = local.mean(axis=0)
        return cls(local / usual if _is_lit(local, usual) else None, prefilter.dark, shifts)

    def evened(self, frames: Image) -> Iterator[Image]:
        """Yield each of the frames (n, Y, X) with every place brought to its mean brightness."""
        if self.change is None:
            yield from frames
            return
        for frame, change, shift in zip(frames, self.change, self.shifts, strict=True):
            gain = 1 / np.clip(change, 1 / MOST, MOST)
            back = sampled(gain, translation(-shift / FACTOR), gain.shape)
            full = cv2.resize(back, frame.shape[::-1], interpolation=cv2.INTER_LINEAR)
            yield (frame - np.float32(self.dark)) * full + np.float32(self.dark)

    def weights(self, frames: Image, evened: Image) -> Trace:
        """(n,) how much each of the frames (n, Y, X) counts in their mean, on average 1.

        That is the part that each has in the detail of the mean, place by place. Places count by
        their detail in the band-passed mean (Y, X) of the evened frames, up to the limit that
        residuals have: a few lit cells don't speak for all the tissue that isn't lit.
        """
        if self.change is None:
            return np.ones(len(frames))
        mean = np.zeros(frames.shape[1:], np.float32)
        for detail in self._details(frames):
            mean += detail
        most = np.float32(CAP * np.median(np.abs(evened)))
        detail = np.minimum(np.abs(evened), most)
        mean *= _around(_around(detail * detail) / (_around(mean * mean) + np.float32(TINY)))
        parts = np.array([float(np.vdot(detail, mean)) for detail in self._details(frames)])
        if not parts.mean() > 0:  # the mean shows no detail
            return np.ones(len(frames))
        weights: Trace = np.maximum(parts, LEAST_WEIGHT * parts.mean())
        return weights / weights.mean()

    def _details(self, frames: Image) -> Iterator[Image]:
        """Yield the detail of each frame, where the tissue lies."""
        for frame, shift in zip(frames, self.shifts, strict=True):
            yield sampled(band_pass(frame, *BAND_PX), translation(shift), frame.shape)


def _small(frames: Image) -> Image:
    return np.stack([shrink(frame, FACTOR) for frame in frames])


def _around(image: Image) -> Image:
    """Mean over the surroundings of each pixel of an image (Y, X)."""
    result: Image = cv2.GaussianBlur(image, (0, 0), AROUND_PX)
    return result


def _local(images: Image, prefilter: Prefilter) -> Image:
    """Brightness above dark over a few pixels, above 0."""
    result = np.empty_like(images)
    for out, image in zip(result, images, strict=True):
        cv2.GaussianBlur(np.maximum(image - np.float32(prefilter.dark), 0), (0, 0), LOCAL_PX, out)
    result += np.float32(OFFSET * prefilter.offset)
    return result


def _is_lit(local: Image, usual: Image) -> bool:
    """Whether some places are lit otherwise in some frames: odd and even frames have to agree."""
    even, odd = local[::2], local[1::2]
    first = np.arange(0, len(odd), TOGETHER)
    if not len(first):
        return False
    a, b = (np.log(_means(half, first) / usual) for half in (even, odd))
    size = np.abs(a + b).max(axis=0) / 2
    alike = np.vdot(a, b) > LEAST_ALIKE * np.sqrt(np.vdot(a, a) * np.vdot(b, b))
    return bool(alike and np.percentile(size, LIT_PERCENTILE) >= LIT_CHANGE)


def _means(images: Image, first: npt.NDArray[np.intp]) -> Image:
    """Means of consecutive images, each from one of the first ones to the next."""
    counts = np.diff([*first, len(images)]).astype(np.float32)
    means: Image = np.add.reduceat(images, first)
    means /= counts[:, np.newaxis, np.newaxis]
    return means
