"""How much pixels scatter: photon noise, told from how frames of the same tissue differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.register.artefacts.over_frames import median_over
from napari_zstack_align.register.artefacts.sample import Sample
from napari_zstack_align.register.brightness import TINY

Image = npt.NDArray[np.float32]

STRIDE = 6
"""Every sixth pixel along each axis is looked at, for the darkest and brightest every second."""
N_BINS = 12
FEWEST_PIXELS = 20
TRIMMED_PART = 0.98
"""Of the squared differences, so many count: the rest may be motion or artefacts."""
DARK_PERCENTILE, BRIGHT_PERCENTILE = 1.0, 90.0
FEWEST_CHANGING = 0.5
"""Pixels that never change tell no noise, unless most are like that."""
LEAST_PART = 0.01
"""Noise is at least this part of the range of intensities: data without noise have none to tell."""


@dataclass(frozen=True)
class Noise:
    """Variance of a pixel as a line over its mean: gain x (mean - dark) + floor.

    Attributes
    ----------
    dark : float
        Intensity of the darkest pixels.
    gain : float
        Counts per photon, about.
    floor : float
        Variance without light.
    """

    dark: float
    gain: float
    floor: float

    @classmethod
    def of(cls, sample: Sample) -> Self:
        """Fit the line to differences of consecutive frames of the same tissue."""
        half = sample.images[:, ::2, ::2]
        mean = median_over(half)
        changes = np.ptp(half, axis=0) > 0
        if changes.mean() < FEWEST_CHANGING:
            changes[:] = True
        dark, bright = np.percentile(mean[changes], (DARK_PERCENTILE, BRIGHT_PERCENTILE))
        least = max((LEAST_PART * float(bright - dark)) ** 2, TINY)
        same = np.flatnonzero(np.diff(sample.groups) == 0)
        if not len(same):
            same = np.arange(len(sample.images) - 1)
        if not len(same):
            return cls(float(dark), float(np.sqrt(least)), least)
        some = np.flatnonzero(changes[:: STRIDE // 2, :: STRIDE // 2])
        images = np.stack([_at(image, some) for image in sample.images])
        smooth = np.stack([_at(cv2.blur(image, (3, 3)), some) for image in sample.images])
        level = ((smooth[same] + smooth[same + 1]) / 2).ravel()
        squares = ((images[same + 1] - images[same]) ** 2 / 2).ravel()
        points = []
        for inside in np.array_split(np.argsort(level), N_BINS):
            if len(inside) < FEWEST_PIXELS:
                continue
            known = np.sort(squares[inside])[: int(TRIMMED_PART * len(inside))]
            points.append((float(level[inside[len(inside) // 2]]) - dark, known.mean()))
        x, y = np.maximum(np.array(points or [(0, least)]).T, 0)
        # The variance is never negative, and relative errors count.
        weights = 1 / np.maximum(y, least)
        design = np.stack([x, np.ones_like(x)], 1) * weights[:, np.newaxis]
        gain, floor = np.linalg.lstsq(design, y * weights, rcond=None)[0]
        if gain <= 0 or floor < 0:
            gain, floor = float(np.median(y / np.maximum(x, TINY))), 0.0
        return cls(float(dark), float(max(gain, np.sqrt(least))), float(max(floor, least)))

    def stabilised(self, image: Image) -> Image:
        """Image in units of its noise (generalised Anscombe transform)."""
        offset = 0.375 * self.gain + self.floor / self.gain
        scaled = np.maximum(image - np.float32(self.dark), 0) + np.float32(offset)
        return np.asarray(cv2.sqrt(scaled) * np.float32(2 / np.sqrt(self.gain)), np.float32)

    def spread(self, level: Image) -> Image:
        """Standard deviation of pixels of a mean level."""
        above = np.maximum(level - self.dark, 0)
        return np.asarray(np.sqrt(self.gain * above + self.floor), np.float32)


def _at(image: Image, some: npt.NDArray[np.intp]) -> Image:
    """Some of every sixth pixel along each axis."""
    return np.asarray(image[::STRIDE, ::STRIDE].ravel()[some])
