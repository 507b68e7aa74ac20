"""Motion of single frames, which chunks can't see: the second reading.

A frame is moved by its interpolated transform first; what is left is a translation, or a smooth
field of the z-stack engine. A translation is shrunk by how much of what was seen in the first
reading is motion and how much is noise: more freedom than the data carry only adds noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.quality import (
    Compared,
    band_for_comparison,
    comparison_factor,
    comparison_valid,
    correlations,
    without_extremes,
)
from napari_zstack_align.alignment.spline import field_on_pixels, grid_shape
from napari_zstack_align.alignment.transforms import AffineLink, Link, SplineLink
from napari_zstack_align.alignment.warp import affine_displacement, inside, shrink, warp
from napari_zstack_align.counting import decimal
from napari_zstack_align.flags import Fault, Flag
from napari_zstack_align.params import AdaptiveParams, KeypointParams
from napari_zstack_align.register.frames import RawFrame
from napari_zstack_align.register.prefilter import Prefilter
from napari_zstack_align.register.recordings.between_midpoints import deviations
from napari_zstack_align.register.recordings.chunks import Range
from napari_zstack_align.register.recordings.consensus import Consensus, target_of
from napari_zstack_align.register.recordings.driving import driving_frames
from napari_zstack_align.register.recordings.events import FLASH
from napari_zstack_align.register.recordings.frame_steps import FrameSteps
from napari_zstack_align.register.recordings.geometry import translation
from napari_zstack_align.register.recordings.reference import Reference
from napari_zstack_align.register.recordings.refine import sampled, shown_by
from napari_zstack_align.register.recordings.state import (
    FOLLOWED,
    RecordingState,
    displacement_lengths,
)
from napari_zstack_align.register.template import Template
from napari_zstack_align.saved import values_of
from napari_zstack_align.spread import spread_of

Image = npt.NDArray[np.float32]
Frames = npt.NDArray[np.intp]

JITTER_PX = 0.25
"""Frames are read again and followed one by one where they move by more than this from one to the
next."""
STEPS = 3
STRIDE = 8
"""Sizes of displacements are taken from every eighth pixel."""
STOP_PX = 0.2
"""The step after one of this size would be ten times smaller."""
SPLINE_ALPHA = 1.0
SPLINE_SHIFT_PX = 20.0
"""Beyond the motion of the chunk nothing moves farther."""
LEARNING_FRAMES = 10
FOLLOWED_AT_ONCE = 25
"""Frames in one piece of work: a cancelled run waits for the pieces in work."""
REMEMBERED = 4
MISFIT_SIGMAS = 6.0
SPREAD_FLOOR = 0.01
MISFIT_PART = 0.6


@dataclass(frozen=True)
class Followed:
    """Frames of a window, followed one by one.

    Attributes
    ----------
    start, stop : int
        Frames.
    extra : numpy.ndarray
        (n, 3, 3) translations or (n, 2, gy, gx) spline coefficients, in reference coordinates.
    before, after, residual_px, mean_px, max_px : numpy.ndarray
        (n,) correlations, size of the motion found, and mean and largest displacement in all.
    """

    start: int
    stop: int
    extra: npt.NDArray[np.floating]
    before: npt.NDArray[np.float64]
    after: npt.NDArray[np.float64]
    residual_px: npt.NDArray[np.float64]
    mean_px: npt.NDArray[np.float64]
    max_px: npt.NDArray[np.float64]


def wanted(state: RecordingState, params: KeypointParams) -> str:
    """Return the kind of motion to look for: 'none', 'trace', 'translation' or 'spline'."""
    if not state.matched:
        return "none"
    if params.residual == "auto":
        jitter, _ = state.trace.jitter(state.stretches)
        return "translation" if jitter > JITTER_PX else "trace"
    return params.residual


def shrinkage(state: RecordingState) -> float:
    """Part of a frame's measured translation that is motion, by the first reading (Wiener)."""
    motion, noise = state.trace.jitter(state.stretches)
    return motion**2 / (motion**2 + noise**2) if motion > 0 else 0.0


class FrameFollower:
    """Follows the frames of one recording against the mean of all chunks but their own.

    Parameters
    ----------
    state : RecordingState
    consensus : Consensus
        With all good chunks of the session.
    params : KeypointParams
    kind : {'translation', 'spline'}
    """

    def __init__(
        self, state: RecordingState, consensus: Consensus, params: KeypointParams, kind: str
    ) -> None:
        self._state, self._consensus, self._params = state, consensus, params
        self._matrices, _ = state.frame_matrices()
        self._start = np.nan_to_num(deviations(state)[0])
        whole = Reference.of(consensus.image(), consensus.first.mask)
        self._shape = whole.shape
        self._target = target_of(whole, consensus.prefilter)
        self._template, self._power = None, None
        if kind == "spline":
            self._power = self._learned_power(whole)
            self._template = _template(whole, consensus.prefilter, self._power)
        self._shrinkage = shrinkage(state)
        self._remembered: dict[int, Reference] = {}
        self._lock = Lock()

    def link(self, parts: list[Followed]) -> Link:
        """Return the link that all frames' motion makes; frames not followed don't move."""
        n_frames = self._state.stack.n_frames
        if self._template is not None:
            grid = grid_shape(self._shape, self._template.spacing_px)
            coefficients = np.zeros((n_frames, 2, *grid), np.float32)
            for part in parts:
                coefficients[part.start : part.stop] = part.extra
            return SplineLink(coefficients, self._template.spacing_px, self._shape)
        matrices = np.tile(np.eye(3), (n_frames, 1, 1))
        for part in parts:
            matrices[part.start : part.stop] = part.extra
        return AffineLink(matrices)

    def chunk_of(self, frames: Range) -> int:
        """Chunk that a range of frames lies in."""
        return int(np.searchsorted(self._state.chunks["stop"], frames[0], side="right"))

    def depends_on(self, frames: Range) -> dict[str, Any]:
        """What `follow` depends on beside pixels, consensus and chunk, for keys."""
        part = slice(*frames)
        return {
            "params": values_of(self._params, "channel", "channel_weights", "max_shift_px"),
            "artefacts": self._state.artefacts.parts,
            "matrices": self._matrices[part],
            "start": self._start[part],
            "flashes": self._state.frame_flags.having(FLASH.flag, *frames),
            "shrinkage": self._shrinkage,
            "is_spline": self._template is not None,
            "power": self._power,
            "levels": self._state.levels,
        }

    def follow(self, frames: Range) -> Followed:
        """Follow the frames of a range that lies in one chunk."""
        start, stop = frames
        state = self._state
        reference = self._others(self.chunk_of(frames))
        extra = np.stack([self.nothing] * (stop - start))
        rows = np.full((5, stop - start), np.nan)
        flashes = state.frame_flags.having(FLASH.flag, start, stop)
        seen = {
            t: frame.image
            for t, frame in self._frames(start, stop)
            if frame.fault is None and t not in flashes
        }
        if not seen:
            return Followed(start, stop, extra, *rows)
        times = np.array(list(seen))
        images = list(seen.values())
        one_by_one = self._bent if self._template is not None else self._shifted
        extra[times - start], rows[:, times - start] = one_by_one(images, times, reference)
        return Followed(start, stop, extra, *rows)

    def _frames(self, start: int, stop: int) -> Iterator[tuple[int, RawFrame]]:
        state = self._state
        for t, frame in driving_frames(state.stack, start, stop, self._params, state.artefacts):
            yield t, replace(frame, image=state.levelled(frame.image))

    def _learned_power(self, reference: Reference) -> Image | None:
        """How large residuals are, by a few frames; None where none of them can be used."""
        draft = _template(reference, self._consensus.prefilter, None)
        start = np.zeros((2, *grid_shape(self._shape, draft.spacing_px)), np.float32)
        good = self._state.good_frames(0, self._state.stack.n_frames)
        powers = []
        for t in map(int, good[np.linspace(0, len(good) - 1, LEARNING_FRAMES).astype(int)]):
            for _, frame in self._frames(t, t + 1):
                if frame.fault is None:
                    still = affine_displacement(self._matrices[t], self._shape)
                    aligned = self._as_seen(frame.image, still, reference.image)
                    powers.append(draft.residual_power(draft.filtered(aligned), start))
        return np.median(powers, axis=0) if powers else None

    @staticmethod
    def _as_seen(image: Image, still: Image, elsewhere: Image) -> Image:
        """Frame in the reference's place; where it shows nothing, no force shall act."""
        shown = inside(still, (image.shape[0], image.shape[1]))
        return np.where(shown, warp(image, still), elsewhere)

    def _bent(
        self, images: list[Image], times: Frames, reference: Reference
    ) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.float64]]:
        """Coefficients (n, 2, gy, gx) and rows (5, n) of frames bent onto the template."""
        bent = [self._one_bent(*item, reference) for item in zip(images, times, strict=True)]
        extra, rows = zip(*bent, strict=True)
        return np.stack(extra), np.array(rows).T

    def _one_bent(
        self, image: Image, t: int, reference: Reference
    ) -> tuple[npt.NDArray[np.floating], tuple[float, ...]]:
        still = affine_displacement(self._matrices[t], self._shape)
        extra, moved = self._bend(image, t, still)
        factor = comparison_factor(self._shape)
        valid = comparison_valid(inside(moved, (image.shape[0], image.shape[1])))
        aligned = shrink(warp(image, moved), factor)
        before, after = self._correlations(shrink(image, factor), aligned, valid, reference)
        residual = np.hypot(*(moved - still)[:, ::STRIDE, ::STRIDE])
        whole = np.hypot(*moved[:, ::STRIDE, ::STRIDE])
        return extra, (before, after, residual.mean(), whole.mean(), whole.max())

    def _shifted(
        self, images: list[Image], times: Frames, reference: Reference
    ) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.float64]]:
        """Translations (n, 3, 3) and rows (5, n) of shifted frames."""
        shifts = self._find_shifts(images, times)
        extra = translation(shifts)
        matrices = self._matrices[times] @ extra
        lengths = displacement_lengths(matrices, self._shape)
        factor, shape = comparison_factor(self._shape), reference.compared.shape
        both = []
        for image, matrix in zip(images, matrices, strict=True):
            small = shrink(image, factor)
            aligned = sampled(small, matrix, shape, factor, cv2.INTER_CUBIC)
            valid = shown_by(matrix, small.shape, shape, factor) > 0
            both.append(self._correlations(small, aligned, valid, reference))
        return extra, np.array([*np.array(both).T, np.hypot(*shifts.T), *lengths])

    def _find_shifts(self, images: list[Image], times: Frames) -> npt.NDArray[np.float64]:
        """(n, 2) shifts of frames, found at half size: single frames show no more."""
        target, level = self._target, self._target.levels[0]
        filtered = [target.prefilter(i, level.factor, target.gain(i)) for i in images]
        matrices, shifts = self._matrices[times], self._start[times].copy()
        going = np.arange(len(times))
        for _ in range(STEPS):
            moved = matrices[going] @ translation(shifts[going])
            step = FrameSteps.of(level, [filtered[i] for i in going], moved).shifts()
            shifts[going] += step
            going = going[np.abs(step).max(axis=1) >= STOP_PX]
            if not len(going):
                break
        lost = ~(np.hypot(*shifts.T) <= self._params.max_shift_px)
        shifts[lost] = 0
        return shifts * self._shrinkage

    def _bend(self, image: Image, t: int, still: Image) -> tuple[npt.NDArray[np.floating], Image]:
        assert self._template is not None
        spacing = self._template.spacing_px
        aligned = self._as_seen(image, still, self._template.image)
        start = np.zeros((2, *grid_shape(self._shape, spacing)), np.float32)
        found = self._template.register(self._template.filtered(aligned), start).coefficients
        linear = self._matrices[t][:2, :2].astype(np.float32)
        bent = np.tensordot(linear, field_on_pixels(found, self._shape, spacing), axes=1)
        return found, still + bent

    def _correlations(
        self, small: Image, aligned: Image, valid: npt.NDArray[np.bool_], reference: Reference
    ) -> tuple[float, float]:
        """Of a frame as it is, and aligned, both small, with the mean of the other chunks."""
        expected, shape = self._state.expected, reference.compared.shape
        factor = comparison_factor(self._shape)
        raw = small
        if small.shape != shape or not np.array_equal(expected, np.eye(3)):
            raw = sampled(small, expected, shape, factor, cv2.INTER_CUBIC)
            valid = valid & (shown_by(expected, small.shape, shape, factor) > 0)
        images = [without_extremes(band_for_comparison(image)) for image in (raw, aligned)]
        compared = Compared(images[0], images[1], valid)
        return correlations(compared, reference.compared, valid, reference.compared_weights)

    def _others(self, chunk: int) -> Reference:
        """Mean of all chunks but this one; the last few are remembered."""
        with self._lock:
            if chunk not in self._remembered:
                if len(self._remembered) >= REMEMBERED:
                    del self._remembered[next(iter(self._remembered))]
                self._remembered[chunk] = self._without(chunk)
            return self._remembered[chunk]

    def _without(self, chunk: int) -> Reference:
        image = self._consensus.image(without=(self._state, chunk))
        if not np.isfinite(image).any():
            image = self._consensus.image()
        mask = self._consensus.first.mask
        return Reference.of(image, mask)

    @property
    def nothing(self) -> npt.NDArray[np.floating]:
        """Motion of a frame that doesn't move."""
        if self._template is None:
            return np.eye(3)
        return np.zeros((2, *grid_shape(self._shape, self._template.spacing_px)), np.float32)


def take_over(state: RecordingState, follower: FrameFollower, parts: list[Followed]) -> None:
    """Write the motion of single frames into a recording.

    A frame that resembles the others much less than frames do is flagged, and keeps the transform
    of its neighbours: what was found in it is no motion.
    """
    rows = dict(state.frame_rows or _unknown_rows(state.stack.n_frames))
    columns = {
        "correlation_before": "before",
        "correlation_after": "after",
        "residual_px": "residual_px",
        "mean_displacement_px": "mean_px",
        "max_displacement_px": "max_px",
    }
    for part in parts:
        for column, attribute in columns.items():
            rows[column][part.start : part.stop] = getattr(part, attribute)
    misfit = _misfits(rows["correlation_after"])
    for part in parts:
        good = state.frame_flags.good[part.start : part.stop]
        for i in np.flatnonzero(good & misfit[part.start : part.stop]):
            part.extra[i] = follower.nothing
            text = f"low correlation: {decimal(part.after[i])}, far below that of the other frames"
            state.frame_flags.mark([part.start + i], Fault(Flag.LOW_CORRELATION, text))
    state.extra, state.frame_rows = follower.link(parts), rows


def _unknown_rows(n_frames: int) -> dict[str, npt.NDArray[np.float32]]:
    return {name: np.full(n_frames, np.nan, np.float32) for name in FOLLOWED}


def _misfits(after: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    known = after[np.isfinite(after)]
    if not known.size:
        return np.zeros(len(after), bool)
    median = float(np.median(known))
    spread = max(spread_of(known), SPREAD_FLOOR)
    return after < min(median - MISFIT_SIGMAS * spread, MISFIT_PART * median)


def _template(reference: Reference, prefilter: Prefilter, power: Image | None) -> Template:
    defaults = AdaptiveParams()
    return Template.build(
        reference.image,
        prefilter,
        spacing_px=float(defaults.grid_spacing_px),
        alpha=SPLINE_ALPHA,
        max_shift_px=SPLINE_SHIFT_PX,
        mask=reference.mask,
        power=power,
    )
