"""Motion of single frames, which chunks can't see: the second reading.

A frame is moved by its interpolated transform first, and by the smoothed trace of the first
reading; what is left is a shift, a turn besides, or a bend in smooth modes. Which of them, and how
far each is believed, is learned from some frames of the recording (`freedom`): more freedom than
the data carry only adds noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    correlations,
    without_extremes,
)
from napari_zstack_align.alignment.spline import field_on_pixels, grid_shape
from napari_zstack_align.alignment.transforms import AffineLink, Link, SplineLink
from napari_zstack_align.alignment.warp import shrink
from napari_zstack_align.counting import counted, decimal
from napari_zstack_align.flags import Fault, Flag
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.register.frames import RawFrame
from napari_zstack_align.register.recordings.between_midpoints import traced_path
from napari_zstack_align.register.recordings.chunks import Range
from napari_zstack_align.register.recordings.consensus import Consensus, weights_of
from napari_zstack_align.register.recordings.driving import driving_frames
from napari_zstack_align.register.recordings.events import FLASH
from napari_zstack_align.register.recordings.freedom import (
    KINDS,
    Equations,
    Freedom,
    Halves,
    Learned,
    Sample,
    decide,
    learned,
    least_gain,
    noise_of,
)
from napari_zstack_align.register.recordings.mode_target import ModeLevel, ModeTarget
from napari_zstack_align.register.recordings.reference import Reference
from napari_zstack_align.register.recordings.refine import sampled, shown_by
from napari_zstack_align.register.recordings.smooth_modes import (
    LINEAR,
    SHIFT,
    SPACING_PX,
    SmoothModes,
)
from napari_zstack_align.register.recordings.state import (
    FOLLOWED,
    RecordingState,
    displacement_lengths,
)
from napari_zstack_align.saved import values_of
from napari_zstack_align.spread import spread_of

Image = npt.NDArray[np.float32]
Frames = npt.NDArray[np.intp]

JITTER_PX = 0.25
"""Frames are followed one by one where they move by more than this from one to the next."""
PASSES, STOP_PX = (4, 2), (0.3, 0.15)
"""Gauss–Newton steps at half and at full size, at most; the step after one of this size would be
several times smaller."""
LEARNING_FRAMES, FEWEST, LEARNING_PART = 32, 12, 4
"""Frames that are learned from: every fourth one of a short recording, but not fewer than 12."""
NEAR_PX, MOST_SIGMAS = 0.75, 4.0
"""Half the size comes first only where frames may lie farther from the interpolated motion."""
FIRST_SIZES_PX = 2.0, 0.6
"""While nothing is known: the size of a shift, and how much smaller each degree more is."""
STRIDE = 8
"""Sizes of displacements are taken from every eighth pixel."""
FOLLOWED_AT_ONCE = 25
"""Frames in one piece of work: a cancelled run waits for the pieces in work."""
REMEMBERED = 4
LEAST_LIKENESS = 1 / 3
"""Frames that resemble the reference less than this at full size show more at half size."""
WORDS = {
    "translation": "a shift",
    "rigid": "a shift and a turn",
    "affine": "an affine map",
    "spline": "a smooth field",
}
MISFIT_SIGMAS = 6.0
SPREAD_FLOOR = 0.01
MISFIT_PART = 0.6
CHUNK_SIGMAS = 4.0
"""The frames of a chunk that resembles the others so much less are looked at one by one."""


@dataclass(frozen=True)
class Followed:
    """Frames of a window, followed one by one.

    Attributes
    ----------
    start, stop : int
        Frames.
    extra : numpy.ndarray
        (n, 3, 3) matrices or (n, 2, gy, gx) spline coefficients, in reference coordinates.
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


class FrameFollower:
    """Follows the frames of one recording against the mean of all chunks but their own.

    Parameters
    ----------
    state : RecordingState
    consensus : Consensus
        With all good chunks of the session.
    params : KeypointParams
    kind : {'auto', 'translation', 'rigid', 'affine', 'spline'}
        'auto' decides by how well each predicts held-out halves of some frames.

    Attributes
    ----------
    kind : {'trace', 'translation', 'rigid', 'affine', 'spline'}
        What frames are given, once `adopt` was called; 'trace': nothing of their own.
    """

    def __init__(
        self, state: RecordingState, consensus: Consensus, params: KeypointParams, kind: str
    ) -> None:
        self._state, self._consensus, self._params = state, consensus, params
        self._asked, self.kind = kind, "trace"
        self._matrices, _ = state.frame_matrices()
        self._path = traced_path(state)
        self._whole = Reference.of(consensus.image(), consensus.first.mask)
        self._shape = self._whole.shape
        self._target = self._target_with(SmoothModes.of(self._shape))
        self._learned: Learned | None = None
        self._freedom: Freedom | None = None
        self._remembered: dict[int, Reference] = {}
        self._lock = Lock()

    def _target_with(self, modes: SmoothModes, finest: int = 1) -> ModeTarget:
        weights, prefilter = weights_of(self._whole), self._consensus.prefilter
        return ModeTarget.build(self._whole.image, prefilter, modes, weights, finest)

    def learn(self) -> Learned:
        """Return the motion that frames are given, by what some of them show."""
        modes, level = self._target.modes, self._target.of_halves()
        samples = self._samples(level)
        if len(self._target.levels) > 1 and self._are_dim(samples):
            self._target = self._target_with(modes, finest=self._target.levels[0].factor)
            level = self._target.of_halves()
            samples = self._samples(level)
        return replace(self._freedom_of(samples, level), finest=level.factor)

    def _freedom_of(self, samples: Sequence[Sample], level: ModeLevel) -> Learned:
        """Return the kind of motion that is asked for, or that the samples carry."""
        modes, asked = self._target.modes, self._asked
        if asked == "auto":
            found = Learned.nothing(len(samples))
            has_others = self._has_others()
            if has_others:
                found = decide(level, modes, samples, KINDS)
            alone = self._jitters() or (has_others and self._some_stand_out())
            if found.kind != "trace" or not (samples and alone):
                return found
            shift = learned("translation", modes, Halves.of(level, samples))
            return Learned.of(shift, len(samples), found.gains)
        if not samples:
            return Learned.of(Freedom.of(asked, modes), 0)
        return Learned.of(learned(asked, modes, Halves.of(level, samples)), len(samples))

    def _samples(self, level: ModeLevel) -> list[Sample]:
        """Fit the frames that the motion is learned from, but for those that can't be used."""
        modes = self._target.modes
        largest, less = FIRST_SIZES_PX
        first = Freedom.of("spline", modes, largest * less ** np.arange(modes.degree.max() + 1.0))
        return [s for t in self.learning_frames() if (s := self._sample(t, first, level))]

    def _has_others(self) -> bool:
        """Whether the reference is more than the mean of these very frames, noise and all."""
        good = self._state.good
        if len(good) != 1:
            return bool(len(good))
        others = self._consensus.image(without=(self._state, int(good[0])))
        return bool(np.isfinite(others).any())

    def _are_dim(self, samples: Sequence[Sample]) -> bool:
        """Whether frames show so little at full size that its noise only misleads."""
        likeness = [sample.likeness for sample in samples]
        return bool(likeness) and float(np.median(likeness)) < LEAST_LIKENESS

    def adopt(self, motion: Learned) -> None:
        """Follow frames with the motion that was learned; needed before `follow`."""
        self._learned, self.kind = motion, motion.kind
        if motion.kind == "trace":
            return
        modes = self._target.modes
        if motion.kind != "spline":
            modes = modes.up_to(SHIFT if motion.kind == "translation" else LINEAR)
        self._target = self._target_with(modes, motion.finest)
        self._freedom = Freedom.of(motion.kind, modes, motion.size)

    def _jitters(self) -> bool:
        """Whether frames move on their own: then each is compared, and judged, for itself."""
        jitter, _ = self._state.trace.jitter(self._state.stretches)
        return jitter > JITTER_PX

    def _some_stand_out(self) -> bool:
        """Whether a chunk wasn't matched, or resembles the others less: its frames may differ."""
        chunks, good = self._state.chunks, self._state.good
        if len(good) < np.count_nonzero(chunks["n_frames"]):
            return True
        after = chunks["correlation_after"][good]
        after = after[np.isfinite(after)]
        if not after.size:
            return False
        middle, spread = float(np.median(after)), max(spread_of(after), SPREAD_FLOOR)
        return bool(after.min() < middle - CHUNK_SIGMAS * spread)

    def learning_frames(self) -> list[int]:
        """Frames that the motion of all is learned from, spread over the recording."""
        good = np.flatnonzero(self._state.matched_frames)
        if not len(good):
            return []
        wanted = int(np.clip(len(good) // LEARNING_PART, FEWEST, LEARNING_FRAMES))
        chosen = np.linspace(0, len(good) - 1, min(wanted, len(good)))
        return [int(t) for t in good[chosen.astype(int)]]

    def _sample(self, t: int, freedom: Freedom, level: ModeLevel) -> Sample | None:
        """Fit a frame with all freedom; None where it can't be used."""
        for _, frame in self._frames(t, t + 1):
            if frame.fault is None:
                filtered, prior = self._target.filtered(frame.image), self._prior(t)
                found = self._fit(filtered, t, prior, freedom, prior)
                grid = self._target.modes.grid(found)
                blocks = level.blocks(filtered[-1], self._matrices[t], grid, found)
                noise = noise_of(blocks, level.modes @ found.T)
                likeness = level.likeness(filtered[-1], self._matrices[t], grid)
                return Sample(blocks, prior, *noise, likeness)
        return None

    def _prior(self, t: int) -> npt.NDArray[np.float64]:
        """(2, K) amplitudes of the interpolated motion."""
        prior = np.zeros((2, len(self._target.modes)))
        prior[:, 0] = self._path[t]
        return prior

    def _fit(
        self,
        filtered: tuple[Image, ...],
        t: int,
        prior: npt.NDArray[np.float64],
        freedom: Freedom,
        start: npt.NDArray[np.float64],
    ) -> npt.NDArray[np.float64]:
        """(2, K) amplitudes of a frame's motion, interpolated motion included."""
        found, target = start, self._target
        for level, frame in zip(target.levels[-len(filtered) :], filtered, strict=True):
            for _ in range(PASSES[level.factor == 1]):
                grid, moved = target.modes.grid(found), level.modes @ found.T
                blocks = level.blocks(frame, self._matrices[t], grid, found)
                noise, weights = noise_of(blocks, moved)
                found = Equations.of(level, blocks, weights).solve(freedom, noise, prior)
                if np.abs(level.modes @ found.T - moved).max() < STOP_PX[level.factor == 1]:
                    break
        return found

    def link(self, parts: list[Followed]) -> Link:
        """Return the link that all frames' motion makes; frames not followed don't move."""
        n_frames = self._state.stack.n_frames
        everything = np.stack([self.nothing] * n_frames)
        for part in parts:
            everything[part.start : part.stop] = part.extra
        if self.kind == "spline":
            return SplineLink(everything.astype(np.float32), SPACING_PX, self._shape)
        return AffineLink(everything)

    def chunk_of(self, frames: Range) -> int:
        """Chunk that a range of frames lies in."""
        return int(np.searchsorted(self._state.chunks["stop"], frames[0], side="right"))

    def depends_on(self, frames: Range) -> dict[str, Any]:
        """What `follow` depends on beside pixels, consensus and chunk, for keys."""
        freedom = self._freedom
        return {
            **self.learning_depends_on(np.arange(*frames)),
            "flashes": self._state.frame_flags.having(FLASH.flag, *frames),
            "kind": self.kind,
            "size": None if freedom is None else freedom.size,
        }

    def learning_depends_on(self, frames: npt.ArrayLike) -> dict[str, Any]:
        """What `learn` depends on beside pixels and consensus, for keys."""
        part = np.asarray(frames, int)
        return {
            "params": values_of(self._params, "channel", "channel_weights", "max_shift_px"),
            "artefacts": self._state.artefacts.parts,
            "matrices": self._matrices[part],
            "path": self._path[part],
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
        found = self._found(seen)
        for t, image in seen.items():
            extra[t - start], rows[:, t - start] = self._judged(image, t, found[t], reference)
        return Followed(start, stop, extra, *rows)

    def _frames(self, start: int, stop: int) -> Iterator[tuple[int, RawFrame]]:
        state = self._state
        for t, frame in driving_frames(state.stack, start, stop, self._params, state.artefacts):
            yield t, replace(frame, image=state.levelled(frame.image))

    def _found(self, images: Mapping[int, Image]) -> dict[int, npt.NDArray[np.float64]]:
        """(2, K) amplitudes of each frame's motion, within the bounds.

        The search begins at the bend of the frame before: most bend slowly.
        """
        assert self._freedom is not None
        far = MOST_SIGMAS * np.sqrt((self._freedom.size**2).sum()) > NEAR_PX
        amplitudes, bend = {}, np.zeros((2, len(self._target.modes)))
        for t, image in images.items():
            prior = self._prior(t)
            filtered = self._target.filtered(image, finest_only=not far)
            found = self._fit(filtered, t, prior, self._freedom, prior + bend)
            is_near = np.hypot(*found[:, 0]) <= self._params.max_shift_px
            amplitudes[t] = found if is_near else prior
            bend[:, 1:] = (amplitudes[t] - prior)[:, 1:]
        return amplitudes

    def _judged(
        self, image: Image, t: int, found: npt.NDArray[np.float64], reference: Reference
    ) -> tuple[npt.NDArray[np.floating], tuple[float, ...]]:
        """Motion of one frame as it is kept, and its rows of `Followed`."""
        factor = comparison_factor(self._shape)
        small = shrink(image, factor)
        grid = self._target.modes.grid(found)
        residual = np.hypot(*field_on_pixels(grid, self._shape, SPACING_PX, STRIDE)).mean()
        if self.kind != "spline":
            extra = self._matrix_of(found)
            matrix = self._matrices[t] @ extra
            shape = reference.compared.shape
            aligned = sampled(small, matrix, shape, factor, cv2.INTER_CUBIC)
            valid = shown_by(matrix, small.shape, shape, factor) > 0
            before, after = self._correlations(small, aligned, valid, reference)
            (mean,), (largest,) = displacement_lengths(matrix[np.newaxis], self._shape)
            return extra, (before, after, residual, mean, largest)
        aligned, valid = self._aligned(small, t, grid, factor)
        before, after = self._correlations(small, aligned, valid, reference)
        y, x = self._places(t, grid, STRIDE)
        at_y, at_x = self._pixels(STRIDE)
        whole = np.hypot(y - at_y, x - at_x)
        return grid, (before, after, residual, whole.mean(), whole.max())

    def _matrix_of(self, amplitudes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(3, 3) the affine map that amplitudes (2, K) of the first modes are."""
        corners = np.array([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)]) + (np.array(self._shape) - 1) / 2
        moved = corners + self._target.modes.at(corners) @ amplitudes.T
        matrix = np.eye(3)
        matrix[:2, :2] = np.column_stack([moved[1] - moved[0], moved[2] - moved[0]])
        matrix[:2, 2] = moved[0] - matrix[:2, :2] @ corners[0]
        return matrix

    def _pixels(self, factor: int) -> tuple[Image, Image]:
        """Rows (Y, 1) and columns (1, X) of a level's pixels, in px of the full size."""
        y, x = (
            factor * (np.arange(max(size // factor, 1), dtype=np.float32) + np.float32(0.5))
            - np.float32(0.5)
            for size in self._shape
        )
        return y[:, np.newaxis], x[np.newaxis]

    def _places(self, t: int, grid: npt.NDArray[np.float32], factor: int) -> tuple[Image, Image]:
        """Where a frame shows the pixels of a level, in px of the full size."""
        field = field_on_pixels(grid, self._shape, SPACING_PX, factor)
        y, x = (at + moved for at, moved in zip(self._pixels(factor), field, strict=True))
        (a, b, e), (c, d, f), _ = self._matrices[t].astype(np.float32)
        return a * y + b * x + e, c * y + d * x + f

    def _aligned(
        self, small: Image, t: int, grid: npt.NDArray[np.float32], factor: int
    ) -> tuple[Image, npt.NDArray[np.bool_]]:
        """Return a small frame in the reference's place, and what it shows."""
        offset = np.float32((factor - 1) / 2)
        y, x = ((at - offset) / np.float32(factor) for at in self._places(t, grid, factor))
        rows, columns = small.shape
        shown = (y >= 0) & (y <= rows - 1) & (x >= 0) & (x <= columns - 1)
        return cv2.remap(small, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), shown

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

    def described(self) -> dict[str, Any]:
        """What was learned, for the provenance: sizes in px, and gains with their errors in %."""
        return {} if self._learned is None else self._learned.described()

    def remarks(self) -> list[str]:
        """What 'auto' chose, and why; nothing where there was no choice."""
        found = self._learned
        if found is None or self._asked != "auto":
            return []
        frames = counted(found.n_frames, "frame")
        if found.kind == "trace":
            return [
                f"Single frames keep the motion interpolated between chunks: {_why_not(found)}."
            ]
        if not found.is_clear(found.kind):
            return [
                f"Single frames are aligned by {WORDS[found.kind]}: {self._why_alone()}, so that "
                f"each is judged by itself."
            ]
        gain, error = found.gains[found.kind]
        return [
            f"Single frames are aligned by {WORDS[found.kind]}: it predicts held-out parts of "
            f"{frames} better than interpolation between chunks, by "
            f"{gain:.1f} ± {error:.1f} % of what differs there."
        ]

    def _why_alone(self) -> str:
        if self._jitters():
            return f"they move by more than {JITTER_PX} px from one to the next"
        return "some chunks resemble the others less"

    @property
    def nothing(self) -> npt.NDArray[np.floating]:
        """Motion of a frame that doesn't move."""
        if self.kind != "spline":
            return np.eye(3)
        return np.zeros((2, *grid_shape(self._shape, SPACING_PX)), np.float32)

    def of_neighbours(self, t: int) -> npt.NDArray[np.floating]:
        """Motion of a frame in which none is to be seen: as interpolated."""
        prior = self._prior(t)
        return self._target.modes.grid(prior) if self.kind == "spline" else self._matrix_of(prior)


def _why_not(found: Learned) -> str:
    """Why single frames have no motion of their own."""
    if found.n_frames < 2:
        return "too few of them can be compared with the mean of others"
    if not found.gains:
        return "with one aligned chunk there is no mean of others to compare them with"
    needed = {kind: least_gain(kind, error) for kind, (_, error) in found.gains.items()}
    kind = max(needed, key=lambda kind: found.gains[kind][0] / needed[kind])
    gain, error = found.gains[kind]
    frames = counted(found.n_frames, "frame")
    if gain <= 0:
        return f"no motion of their own predicts held-out parts of {frames} better"
    return (
        f"{WORDS[kind]} of their own predicts held-out parts of {frames} better by "
        f"{gain:.1f} ± {error:.1f} % of what differs there, and {needed[kind]:.1f} % would be "
        f"needed"
    )


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
    misfit = _misfits(rows["correlation_after"], state.matched_frames)
    for part in parts:
        good = state.frame_flags.good[part.start : part.stop]
        for i in np.flatnonzero(good & misfit[part.start : part.stop]):
            part.extra[i] = follower.of_neighbours(part.start + int(i))
            text = f"low correlation: {decimal(part.after[i])}, far below that of the other frames"
            state.frame_flags.mark([part.start + i], Fault(Flag.LOW_CORRELATION, text))
    state.aligned_alone = _alike_in_bridged(state, rows["correlation_after"], misfit)
    state.extra, state.frame_rows = follower.link(parts), rows


def _alike_in_bridged(
    state: RecordingState, after: npt.NDArray[np.floating], misfit: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """(T,) frames that were found by themselves, though their chunk couldn't be matched.

    They resemble the others as usual, and other frames of the chunk don't: those spoilt its mean.
    """
    alone = np.zeros(len(after), bool)
    known = after[np.isfinite(after) & state.matched_frames & ~misfit]
    if not known.size:
        return alone
    least = float(np.median(known)) - MISFIT_SIGMAS * max(spread_of(known), SPREAD_FLOOR)
    alike = state.frame_flags.good & (after > least)
    for row in state.chunks[np.setdiff1d(np.arange(len(state.chunks)), state.good)]:
        part = slice(int(row["start"]), int(row["stop"]))
        alone[part] = alike[part] & misfit[part].any()
    return alone


def _unknown_rows(n_frames: int) -> dict[str, npt.NDArray[np.float32]]:
    return {name: np.full(n_frames, np.nan, np.float32) for name in FOLLOWED}


def _misfits(
    after: npt.NDArray[np.floating], matched: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """(T,) frames that resemble the others much less than those of matched chunks do."""
    known = after[np.isfinite(after) & matched]
    if not known.size:
        return np.zeros(len(after), bool)
    median = float(np.median(known))
    spread = max(spread_of(known), SPREAD_FLOOR)
    return after < min(median - MISFIT_SIGMAS * spread, MISFIT_PART * median)
