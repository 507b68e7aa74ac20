"""The first reading of a recording: sums of its frames, and how each frame moves.

Frames are read in windows. Within a window every frame is compared, at reduced size, with the
window's own mean: a cheap trace of motion that shows jumps, twitches and jitter before anything is
averaged over them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.artefact_rows import Table, joined_rows, rows_of_frame
from napari_zstack_align.alignment.warp import shrink
from napari_zstack_align.flags import Fault
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.register.artefacts.artefacts import UNTOUCHED, Artefacts
from napari_zstack_align.register.brightness import Levels
from napari_zstack_align.register.prefilter import Prefilter
from napari_zstack_align.register.recordings.driving import driving_frames
from napari_zstack_align.register.recordings.frame_steps import FrameSteps, moved_by
from napari_zstack_align.register.recordings.geometry import apply, translation
from napari_zstack_align.register.recordings.lighting import Lighting
from napari_zstack_align.register.recordings.refine import Level, sampled, solve
from napari_zstack_align.register.translation import find_translations
from napari_zstack_align.stack import Stack
from napari_zstack_align.structure import structure_of

Image = npt.NDArray[np.float32]
Trace = npt.NDArray[np.float64]

PROXY_PX = 128
"""Frames are compared at about this size, but shrunk four times at most."""
LARGEST_FACTOR = 4
TEMPLATE_FRAMES = 10
SHIFT_STEPS = 2
LINK_STEPS = 5
SMALLEST_SEARCH_PX = 48


@dataclass(frozen=True)
class MeasuredFrames:
    """What one window of frames showed.

    Attributes
    ----------
    start, stop : int
        Frames.
    total : numpy.ndarray
        (Y, X) float32 sum of the usable frames.
    count : int
        Number of usable frames.
    levels : Levels
        (n,) intensity of each frame; NaN where it can't be used.
    structure : numpy.ndarray
        (2, n) what each shows, and its standard error, of `structure_of`; NaN where it can't be
        used.
    steps : numpy.ndarray
        (n,) how much larger the offset of each was; it was taken off, from the levels, too.
    faults : tuple of Fault or None
        (n,) why a frame can't be used; None where it can.
    shift : numpy.ndarray
        (n, 2) (dy, dx) against the window's mean in px; NaN where it can't be used.
    halves : numpy.ndarray
        (2, n, 2) the same from two halves of the image.
    turn : numpy.ndarray
        (n,) rotation against the window's mean, as the px that it moves the tissue on average.
    weight : numpy.ndarray
        (n,) how much each counts in the window's mean, by the light of its cells; on average 1.
    proxy : numpy.ndarray, optional
        Mean of the small frames, aligned and band-passed; None without usable frames.
    artefact_rows : numpy.ndarray
        Table of rows that aren't tissue, `artefact_rows.ROWS`.
    """

    start: int
    stop: int
    total: Image
    count: int
    levels: Levels
    structure: Trace
    steps: Trace
    faults: tuple[Fault | None, ...]
    shift: Trace
    halves: Trace
    turn: Trace
    weight: Trace
    proxy: Image | None
    artefact_rows: Table


def proxy_factor(shape: tuple[int, int]) -> int:
    """How many times smaller the compared frames are."""
    return int(np.clip(min(shape) // PROXY_PX, 1, LARGEST_FACTOR))


def measure_window(
    stack: Stack, start: int, stop: int, params: KeypointParams, artefacts: Artefacts = UNTOUCHED
) -> MeasuredFrames:
    """Read frames ``start`` to ``stop`` once: sum them up and follow their motion."""
    shape = (stack.shape[2], stack.shape[3])
    factor = proxy_factor(shape)
    total, count = np.zeros(shape, np.float32), 0
    levels = Levels.unknown(stop - start)
    small = np.empty((stop - start, shape[0] // factor, shape[1] // factor), np.float32)
    faults: list[Fault | None] = [None] * (stop - start)
    steps = np.zeros(stop - start)
    rows = []
    for t, frame in driving_frames(stack, start, stop, params, artefacts):
        faults[t - start] = frame.fault
        rows.append(rows_of_frame(t, frame.rows))
        if frame.fault:
            continue
        cv2.accumulate(frame.image, total)
        small[count] = shrink(frame.image, factor)
        steps[t - start] = frame.step
        count += 1
    shift, halves = np.full((stop - start, 2), np.nan), np.full((2, stop - start, 2), np.nan)
    turn, proxy = np.full(stop - start, np.nan), None
    weight = np.ones(stop - start)
    structure = np.full((2, stop - start), np.nan)
    if count:
        good = np.flatnonzero([fault is None for fault in faults])
        levels = Levels.of(small[:count]).at(good, stop - start)
        structure[:, good] = structure_of(small[:count])
        motion = follow(small[:count], params.max_shift_px / factor)
        shift[good], halves[:, good] = motion.shift * factor, motion.halves * factor
        turn[good] = motion.turn * factor
        weight[good], proxy = motion.weight, motion.mean
    return MeasuredFrames(
        start,
        stop,
        total,
        count,
        levels,
        structure,
        steps,
        tuple(faults),
        shift,
        halves,
        turn,
        weight,
        proxy,
        joined_rows(rows),
    )


@dataclass(frozen=True)
class Motion:
    """Shift and turn of each of some small frames against their mean, in their px."""

    shift: Trace
    halves: Trace
    turn: Trace
    mean: Image
    weight: Trace


def follow(frames: Image, max_shift: float) -> Motion:
    """Find how small frames (n, y, x) move against their own mean.

    The first template is the sharpest of short means: one that a jump falls into is doubled, and
    would let either half of the frames match it unmoved.
    """
    prefilter = Prefilter.for_image(frames.mean(axis=0))
    filtered = np.empty_like(frames)
    _filter(frames, prefilter, filtered)
    shift = _coarse_shifts(filtered, _sharpest_mean(filtered), max_shift)
    lighting = Lighting.of(frames, shift, prefilter)
    if lighting.change is not None:
        _filter(lighting.evened(frames), prefilter, filtered)
    level = Level.build(_moved_mean(filtered, shift), 1, None)
    turn = np.zeros(len(frames))
    for _ in range(SHIFT_STEPS):
        before = shift
        steps = FrameSteps.of(level, filtered, moved_by(level, before, turn))
        step = steps.shifts()
        shift, turn = before + step, turn + steps.turns(step)
    weight = lighting.weights(frames, level.image)
    return Motion(shift, before + steps.halves(), turn, level.image, weight)


def _filter(frames: Iterable[Image], prefilter: Prefilter, filtered: Image) -> None:
    for out, frame in zip(filtered, frames, strict=True):
        out[:] = prefilter(frame, 1)


def _moved_mean(frames: Image, shifts: Trace) -> Image:
    """Mean of frames (n, y, x), each moved back by its shift."""
    total = np.zeros(frames.shape[1:], np.float32)
    for frame, shift in zip(frames, shifts, strict=True):
        total += sampled(frame, translation(shift), frame.shape)
    total /= np.float32(len(frames))
    return total


def _coarse_shifts(frames: Image, template: Image, max_shift: float) -> Trace:
    """Shifts to about a pixel; at half size, where there is detail enough for that."""
    factor = 2 if min(template.shape) >= 2 * SMALLEST_SEARCH_PX else 1
    small = np.stack([shrink(frame, factor) for frame in frames])
    return factor * find_translations(small, shrink(template, factor), max_shift / factor)


class Linker:
    """Joins the traces of consecutive windows: each mean is compared with that of the one before.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) of a raw frame.
    max_shift_px : float
        Largest shift from one window to the next.
    """

    def __init__(self, shape: tuple[int, int], max_shift_px: float) -> None:
        self._factor = proxy_factor(shape)
        self._max_shift = max_shift_px / self._factor
        self._offset = np.zeros(3)
        self._previous: Image | None = None

    def place(self, window: MeasuredFrames) -> Trace:
        """(3,) what to add to shift (dy, dx) and turn of the next window, in px."""
        if window.proxy is not None:
            if self._previous is not None:
                away = _offset(window.proxy, self._previous, self._max_shift)
                self._offset = self._offset + self._factor * away
            self._previous = window.proxy
        return self._offset


def _offset(proxy: Image, previous: Image, max_shift: float) -> Trace:
    """(dy, dx, turn) of a window's mean against that of the window before."""
    matrix = translation(find_translations(proxy[np.newaxis], previous, max_shift)[0])
    level = Level.build(previous, 1, None)
    for _ in range(LINK_STEPS):
        (gradient,), (inside,) = level.differences([proxy], matrix[np.newaxis])
        matrix = matrix @ solve(level, gradient, inside, "rigid")
    middle = level.centres.mean(axis=0)
    turn = np.arctan2(matrix[1, 0], matrix[0, 0]) * level.radius
    return np.append(apply(matrix, middle[np.newaxis])[0] - middle, turn)


def _sharpest_mean(filtered: Image) -> Image:
    """Of the means of a few consecutive frames, the one with the most detail."""
    n = min(TEMPLATE_FRAMES, len(filtered))
    means = [filtered[i : i + n].mean(axis=0) for i in range(0, len(filtered) - n + 1, n)]
    return max(means, key=lambda image: float(np.vdot(image, image)))
