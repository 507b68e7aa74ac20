"""Frames whose offset is another one than that of most frames: a lamp, a detector that was reset.

All frames are compared above one dark level. Where an offset is added to some of them, the square
root leaves less of their contrast, and means over both kinds show less of what moves in the one
than in the other. So each frame of such a recording is brought to the same dark places.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.register.brightness import TINY
from napari_zstack_align.register.prefilter import levels_of

Image = npt.NDArray[np.float32]

BLUR_PX = 5
"""Averages noise: it would make the dark pixels of a brighter frame darker."""
DARK_PERCENTILE, BRIGHT_PERCENTILE = 10.0, 90.0
"""Of each row; the median over the rows counts: some may have been struck by light, or gated."""
LEAST_STEP = 0.05
"""Dark places may differ by this part of the range from dark to bright."""
SAME_CONTRAST = 1.25
"""An offset leaves the contrast of a frame as it is, to within this factor; a laser does not."""

UNSURE = 0.1
"""How well the contrast tells a factor on the light, as a part of it."""


def dark_level(image: Image) -> float:
    """Intensity of the dark places of a frame (Y, X) free of NaN."""
    return _levels(image)[0]


def shared_level(images: Image) -> float | None:
    """Dark level to bring frames (n, Y, X) to; None where all have the same offset."""
    dark, contrast = np.array([_levels(image) for image in images]).T
    usual = int(np.argsort(dark, kind="stable")[(len(dark) - 1) // 2])
    low, high = levels_of(images[dark == dark[usual]].mean(axis=0))
    times = contrast / contrast[usual] if contrast[usual] > 0 else np.ones_like(contrast)
    is_alike = np.abs(np.log(np.maximum(times, TINY))) < np.log(SAME_CONTRAST)
    # A laser that flickers, or bleaching, changes the light above dark as it does the contrast.
    light = dark[usual] - float(images.min())
    factors = np.array([(times - 1) * light, np.zeros_like(times)])
    step = dark - dark[usual]
    step -= np.clip(
        step, factors.min(axis=0) - UNSURE * light, factors.max(axis=0) + UNSURE * light
    )
    found = is_alike & (np.abs(step) > LEAST_STEP * (high - low))
    return float(dark[usual]) if found.any() else None


def shared_level_of_slices(images: Image, groups: npt.NDArray[np.intp]) -> float | None:
    """Dark level to bring the repeats (n, Y, X) of slices (n,) to; None where each has its own.

    In dense tissue the darkest pixels are no dark ones: under a laser that flickers they differ
    between the repeats of a slice, too.
    """
    dark = np.array([dark_level(image) for image in images])
    usual = np.array([np.median(dark[groups == group]) for group in groups])
    ranges = []
    for group in np.unique(groups):
        low, high = levels_of(images[groups == group].mean(axis=0))
        ranges.append(high - low)
    differ = np.abs(dark - usual) > LEAST_STEP * float(np.median(ranges))
    # The darkest repeat of a slice is nearest to no light, and was not struck.
    darkest = [dark[groups == group].min() for group in np.unique(groups)]
    return float(np.median(darkest)) if differ.any() else None


def _levels(image: Image) -> tuple[float, float]:
    """Dark level of a frame, and how far its bright places are above it."""
    smooth = cv2.blur(image, (BLUR_PX, BLUR_PX))
    dark, bright = np.median(
        np.percentile(smooth, (DARK_PERCENTILE, BRIGHT_PERCENTILE), axis=1), axis=1
    )
    return float(dark), float(bright - dark)
