"""How much pixels scatter: photon noise, told from how frames of the same tissue differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.register.artefacts.sample import Sample

Image = npt.NDArray[np.float32]

STRIDE = 5
"""Every fifth pixel along each axis is looked at."""
N_BINS = 12
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
        mean = np.median(sample.images, axis=0)
        changes = np.ptp(sample.images, axis=0) > 0
        if changes.mean() < FEWEST_CHANGING:
            changes[:] = True
        dark, bright = np.percentile(mean[changes], (DARK_PERCENTILE, BRIGHT_PERCENTILE))
        least = max((LEAST_PART * float(bright - dark)) ** 2, 1e-12)
        same = np.flatnonzero(np.diff(sample.groups) == 0)
        if not len(same):
            same = np.arange(len(sample.images) - 1)
        if not len(same):
            return cls(float(dark), float(np.sqrt(least)), least)
        changes = changes[::STRIDE, ::STRIDE]
        images = sample.images[:, ::STRIDE, ::STRIDE][:, changes]
        smooth = np.stack([cv2.blur(i, (3, 3))[::STRIDE, ::STRIDE] for i in sample.images])
        smooth = smooth[:, changes]
        level = ((smooth[same] + smooth[same + 1]) / 2).ravel()
        squares = ((images[same + 1] - images[same]) ** 2 / 2).ravel()
        edges = np.quantile(level, np.linspace(0, 1, N_BINS + 1)[1:-1])
        bins = np.searchsorted(edges, level)
        points = []
        for b in range(N_BINS):
            inside = bins == b
            if inside.sum() < 20:
                continue
            known = np.sort(squares[inside])[: int(TRIMMED_PART * inside.sum())]
            points.append((float(np.median(level[inside])) - dark, known.mean()))
        x, y = np.maximum(np.array(points or [(0, least)]).T, 0)
        # The variance is never negative, and relative errors count.
        weights = 1 / np.maximum(y, least)
        design = np.stack([x, np.ones_like(x)], 1) * weights[:, np.newaxis]
        gain, floor = np.linalg.lstsq(design, y * weights, rcond=None)[0]
        if gain <= 0 or floor < 0:
            gain, floor = float(np.median(y / np.maximum(x, 1e-12))), 0.0
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
