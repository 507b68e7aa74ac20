"""Repeats of a slice that are several times as bright as the slice is, or as dark."""

from __future__ import annotations

from collections.abc import Generator

import cv2
import numpy as np

from napari_zstack_align.alignment.filling import filled
from napari_zstack_align.flags import Fault, Flag
from napari_zstack_align.progress import Progress
from napari_zstack_align.register.artefacts.transients import LEAST_LIGHT
from napari_zstack_align.register.artefacts.usual_light import (
    TIMES_AS_BRIGHT,
    under_right_light,
    usual_light,
)
from napari_zstack_align.register.brightness import TINY, Levels, from_elsewhere
from napari_zstack_align.register.frames import Image
from napari_zstack_align.register.slice_run import SLICES_BESIDE, SliceRun

FEWEST_TO_COMPARE = 2
SMOOTH_PX = 1.0
LOW_PERCENTILE, HIGH_PERCENTILE = 10.0, 90.0
UNLIKE = 1.2
"""The contrast of two repeats tells where there is no light if it differs by this factor."""
FRAMES_A_SLICE = 4
"""So many frames of each slice beside are looked at, spread over it."""


def unusual_light(
    run: SliceRun, z: int, small: Image
) -> Generator[Progress, None, list[Fault | None]]:
    """Find the repeats of a slice that are under another light than it.

    Parameters
    ----------
    run : SliceRun
    z : int
        The slice.
    small : numpy.ndarray
        (n, y, x) float32 repeats, as small as they may be.

    Returns
    -------
    list
        The fault of each; None for those that can be compared with the others.
    """
    nothing: list[Fault | None] = [None] * len(small)
    usual = run.artefacts.transients
    if usual is None or len(small) < FEWEST_TO_COMPARE or run.params.outlier_mad == 0:
        return nothing
    dark = _dark_of(small, usual.noise.dark)
    # Where a slice shows nothing, noise would be many times as bright as noise.
    least = max(LEAST_LIGHT * usual.brightest, TINY)
    lights = np.array([cv2.mean(image)[0] for image in small]) - dark
    lights = np.maximum(lights, least)
    if lights.max() <= TIMES_AS_BRIGHT * lights.min():
        return nothing
    beside = yield from _light_beside(run, z, dark)
    right = under_right_light(lights, np.maximum(beside, least))
    if right is None:
        return nothing
    levels = Levels.of(small, right)
    mean, low = (np.full(len(small), np.median(part[right])) for part in (levels.mean, levels.low))
    times = lights / max(float(mean[0]) - dark, least)
    odd = (times > TIMES_AS_BRIGHT) | (times < 1 / TIMES_AS_BRIGHT)
    odd &= from_elsewhere(levels, mean, low, dark)
    return [
        Fault(Flag.UNUSUAL_BRIGHTNESS, f"unusual brightness: {t:.2g} times that of the slice")
        if is_odd
        else None
        for is_odd, t in zip(odd, times, strict=True)
    ]


def _dark_of(images: Image, darkest: float) -> float:
    """Intensity without light, as the repeats (n, y, x) of a slice under unlike light tell it.

    In dense tissue the darkest pixels (``darkest``) are no dark ones. But light that is a factor
    brings all levels of a frame nearer to that without light by the same part, and the contrast
    shows which part. Where pairs of repeats don't differ in contrast, the darkest pixels count.
    """
    smooth = [cv2.GaussianBlur(filled(image), (0, 0), SMOOTH_PX) for image in images]
    low, high = np.percentile(smooth, (LOW_PERCENTILE, HIGH_PERCENTILE), axis=(1, 2))
    contrast = high - low
    less, more = np.nonzero(contrast > UNLIKE * contrast[:, np.newaxis])
    if not len(less):
        return darkest
    slope = (low[more] - low[less]) / (contrast[more] - contrast[less])
    return min(float(np.median(low[less] - slope * contrast[less])), darkest)


def _light_beside(run: SliceRun, z: int, dark: float) -> Generator[Progress, None, float]:
    """Usual light above dark of the slices beside one; NaN where none can be read."""

    def light(t: int) -> float:
        raw = run.read(t)
        return np.nan if raw.fault is not None else cv2.mean(filled(raw.image))[0] + raw.step - dark

    slices: list[float] = []
    for beside in run.slices_beside(z, SLICES_BESIDE):
        theirs = run.stack.frames_of_slice(beside)
        some = np.unique(np.linspace(0, len(theirs) - 1, FRAMES_A_SLICE).astype(int))
        lights: list[float] = []
        for one in run.map(light, theirs[some].tolist()):
            lights.append(one)
            yield run.progress()
        slices.append(usual_light(np.maximum(lights, TINY)))
    return float(np.nanmedian(slices)) if np.isfinite(slices).any() else np.nan
