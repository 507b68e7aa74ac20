"""Align stacks with and without pixels that don't come from tissue: error, flags, false positives.

Each kind of artefact is put into the same generated frames. The table gives the mean endpoint
error of the clean stack and of the spoiled one, the limit (1.3 x clean + 0.02 px), the flagged
frames and the pixels that were taken for fixed to the detector. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import label

import napari_zstack_align as nza
from napari_zstack_align.samples import (
    endpoint_error,
    recording_with_motion,
    zstack_with_repeats,
)

Frames = npt.NDArray[np.uint16]
TOP = 65535
BORDER_PX = 16


@dataclass(frozen=True)
class Base:
    """Clean frames with known motion.

    Attributes
    ----------
    frames : numpy.ndarray
        (T, Y, X) uint16.
    groups : numpy.ndarray
        (T,) slice of each frame; all 0 for a recording.
    truth : callable
        Of a frame: (2, Y, X) displacement in px.
    repeats : int, optional
        Frames per slice; None: a recording, for keypoints.
    """

    frames: Frames
    groups: npt.NDArray[np.intp]
    truth: Callable[[int], npt.NDArray[np.floating]]
    repeats: int | None

    def align(self, frames: npt.NDArray[np.generic]) -> nza.Alignment:
        """Align other frames that moved like these."""
        if self.repeats:
            stack = nza.Stack.from_array(frames, frames_per_slice=self.repeats)
            return nza.run(nza.align_adaptive(stack))
        stack = nza.Stack.from_array(frames)
        return nza.run(nza.register_recordings([stack]))[0]

    def error(self, alignment: nza.Alignment) -> float:
        """Mean endpoint error in px, over the frames that weren't flagged."""
        good = np.flatnonzero(alignment.quality["flag"] == "")
        if not len(good):
            return float("nan")
        return endpoint_error(
            lambda i: alignment.transforms.displacement(int(good[i])),
            lambda i: self.truth(int(good[i])),
            self.groups[good],
            border_px=BORDER_PX,
        ).mean


def slices(seed: int, size: int = 160) -> Base:
    """A z-stack of generated tissue that bends and drifts."""
    made = zstack_with_repeats(
        n_slices=6, n_repeats=6, size=size, max_displacement_px=4.0, drift_px=6.0, seed=seed
    )
    frames = made.stack.read(0, made.stack.n_frames)[:, 0]
    return Base(frames, made.stack.slice_of_frame, made.displacement, 6)


def recording(seed: int, size: int = 160) -> Base:
    """A recording of generated tissue with cells that flicker."""
    made = recording_with_motion(n_frames=120, size=size, max_displacement_px=5.0, seed=seed)
    frames = made.stack.read(0, made.stack.n_frames)[:, 0]
    return Base(frames, np.zeros(len(frames), np.intp), made.displacement, None)


BASES = {"adaptive": slices, "keypoints": recording}


# -- what doesn't come from tissue -------------------------------------------------------------

Spoil = Callable[[Frames, float, np.random.Generator], Frames]


def overlay(frames: Frames, level: float, rng: np.random.Generator) -> Frames:
    frames[:, 24:60, 30:66] = level
    return frames


def scale_bar(frames: Frames, level: float, rng: np.random.Generator) -> Frames:
    """A bar in a black box."""
    frames[:, -30:-14, 20:80] = 0
    frames[:, -24:-20, 26:74] = level
    return frames


def hot_column(frames: Frames, level: float, rng: np.random.Generator) -> Frames:
    frames[:, :, 80] = level
    return frames


def hot_rows(frames: Frames, level: float, rng: np.random.Generator) -> Frames:
    frames[:, 50:52] = level
    return frames


def dead_column(frames: Frames, level: float, rng: np.random.Generator) -> Frames:
    frames[:, :, 71] = 0
    return frames


def hot_pixels(frames: Frames, level: float, rng: np.random.Generator) -> Frames:
    y, x = (rng.integers(0, n, 20) for n in frames.shape[1:])
    frames[:, y, x] = level
    return frames


def added_pixels(frames: Frames, level: float, rng: np.random.Generator) -> Frames:
    """Pixels with a dark current, which is noisy."""
    y, x = (rng.integers(0, n, 40) for n in frames.shape[1:])
    frames[:, y, x] += rng.poisson(level / 40, (len(frames), 40)).astype(np.uint16) * 40
    return frames


def stripes(frames: Frames, level: float, rng: np.random.Generator) -> Frames:
    """Every eighth and ninth row brighter."""
    added = 0.3 * level * (np.arange(frames.shape[1]) % 8 < 2)
    return (frames + added[:, np.newaxis]).clip(0, TOP).astype(np.uint16)


def column_pattern(frames: Frames, level: float, rng: np.random.Generator) -> Frames:
    """Each column has its own offset."""
    added = rng.normal(0, 0.02 * level, frames.shape[2])
    return (frames + added).clip(0, TOP).astype(np.uint16)


def row_offsets(frames: Frames, level: float, rng: np.random.Generator) -> Frames:
    """Each row has its own offset, as strong as the tissue."""
    added = 0.3 * level * rng.random(frames.shape[1])
    return (frames + added[:, np.newaxis]).clip(0, TOP).astype(np.uint16)


def diagonal_stripes(frames: Frames, level: float, rng: np.random.Generator) -> Frames:
    y, x = np.indices(frames.shape[1:])
    return (frames + 0.3 * level * ((y + x) % 13 < 5)).clip(0, TOP).astype(np.uint16)


def column_gains(frames: Frames, level: float, rng: np.random.Generator) -> Frames:
    """Half of the columns are 1.5 times as bright."""
    gains = np.where(rng.random(frames.shape[2]) < 0.5, 1.5, 1.0)
    return (frames * gains).clip(0, TOP).astype(np.uint16)


def clock(frames: Frames, level: float, rng: np.random.Generator) -> Frames:
    """Digits that change, in a black box."""
    frames[:, -22:-5, -78:-4] = 0
    for t, frame in enumerate(frames):
        ink = np.zeros(frame.shape, np.uint8)
        at = (frame.shape[1] - 76, frame.shape[0] - 8)
        cv2.putText(ink, f"{0.13 * t:07.2f}", at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, 255, 1)
        frame[ink > 127] = level
    return frames


def blinking_clock(frames: Frames, level: float, rng: np.random.Generator) -> Frames:
    """A clock that is shown in half of the frames."""
    shown = np.arange(len(frames)) % 6 < 3
    frames[shown] = clock(frames.copy(), level, rng)[shown]
    return frames


def slow_clock(frames: Frames, level: float, rng: np.random.Generator) -> Frames:
    """Digits over the tissue, which change with every second frame."""
    for t, frame in enumerate(frames):
        ink = np.zeros(frame.shape, np.uint8)
        words = f"{17 * (t // 2):05d}"
        cv2.putText(ink, words, (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1)
        frame[ink > 127] = level
    return frames


def salt(frames: Frames, level: float, rng: np.random.Generator) -> Frames:
    frames[rng.random(frames.shape) < 1e-3] = level
    return frames


def bright_frame(frames: Frames, level: float, rng: np.random.Generator) -> Frames:
    t = len(frames) // 2
    frames[t] = np.clip(30.0 * frames[t], 0, TOP)
    return frames


def struck_rows(frames: Frames, level: float, rng: np.random.Generator) -> Frames:
    """Light on some rows of every fifth frame."""
    for t in range(2, len(frames), 5):
        y = int(rng.integers(10, frames.shape[1] - 30))
        lit = frames[t, y : y + 4 + t % 9] + float(level)
        frames[t, y : y + 4 + t % 9] = lit.clip(0, TOP)
    return frames


def gated_rows(frames: Frames, level: float, rng: np.random.Generator) -> Frames:
    """The photomultiplier is off for some rows of every fifth frame."""
    for t in range(2, len(frames), 5):
        y = int(rng.integers(10, frames.shape[1] - 50))
        n = 8 + 3 * (t % 9)
        frames[t, y : y + n] = rng.normal(100, 6, (n, frames.shape[2])).clip(0)
    return frames


def lit_cells(frames: Frames, level: float, rng: np.random.Generator) -> Frames:
    """In every third frame half of the cells are five times as bright: activity, no artefact."""
    for t in range(1, len(frames), 3):
        calm = cv2.GaussianBlur(frames[t].astype(np.float32), (0, 0), 1.5)
        dark, bright = np.percentile(calm, (5, 88))
        regions, n = label(calm > bright)
        cells = ((rng.random(n + 1) < 0.5)[regions] & (regions > 0)).astype(np.float32)
        times = 4 * cv2.GaussianBlur(cells, (0, 0), 1.0)
        frames[t] = (frames[t] + times * np.maximum(frames[t] - dark, 0)).clip(0, TOP)
    return frames


KINDS: dict[str, Spoil] = {
    kind.__name__: kind
    for kind in (
        overlay,
        scale_bar,
        hot_column,
        hot_rows,
        dead_column,
        hot_pixels,
        added_pixels,
        stripes,
        column_pattern,
        row_offsets,
        diagonal_stripes,
        column_gains,
        clock,
        blinking_clock,
        slow_clock,
        salt,
        bright_frame,
        struck_rows,
        gated_rows,
        lit_cells,
    )
}
LEVELS = ("top", "p99.9")
ADDED = ("stripes", "column_pattern", "row_offsets", "diagonal_stripes", "added_pixels")
"""They would saturate everything at the top of the detector."""


def spoiled(base: Base, kind: str, level: str, seed: int) -> Frames:
    """Frames of a base with one kind of artefact, at a level of the detector or of the data."""
    value = TOP if level == "top" else float(np.percentile(base.frames, 99.9))
    if kind in ADDED and level == "top":
        value = 4 * float(np.percentile(base.frames, 99.9))
    return KINDS[kind](base.frames.copy(), value, np.random.default_rng(seed))


def _cells(base: Base, frames: npt.NDArray[np.generic], clean: float) -> str:
    try:
        alignment = base.align(frames)
    except (nza.AlignmentError, nza.InputError) as error:
        return f"refused: {error}"
    error, limit = base.error(alignment), 1.3 * clean + 0.02
    flagged = int((alignment.quality["flag"] != "").sum())
    fixed = getattr(alignment, "artefacts", None)
    n_fixed = 0 if fixed is None else int(fixed.sum())
    verdict = "" if error <= limit else " <-- beyond the limit"
    return f"{clean:7.3f}{error:9.3f}{limit:8.3f}{flagged:9d}{n_fixed:8d}{verdict}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", nargs="+", choices=BASES, default=list(BASES))
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--levels", nargs="+", choices=LEVELS, default=list(LEVELS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--size", type=int, default=160)
    options = parser.parse_args(arguments)
    print(f"{'method':11s}{'seed':>5s} {'kind':17s}{'level':7s}  clean  spoiled", end="")
    print("   limit  flagged   fixed")
    for method in options.methods:
        for seed in options.seeds:
            base = BASES[method](seed, options.size)
            clean = base.error(base.align(base.frames))
            head = f"{method:11s}{seed:5d} "
            print(f"{head}{'clean':17s}{'':7s}{_cells(base, base.frames, clean)}", flush=True)
            for offset, dtype in ((1e9, float), (54_500, np.uint16), (-900, np.int16)):
                moved = (base.frames + np.float64(offset)).astype(dtype)
                name = f"{'offset':17s}{offset:<7g}"
                print(f"{head}{name}{_cells(base, moved, clean)}", flush=True)
            for kind in options.kinds:
                for level in options.levels:
                    frames = spoiled(base, kind, level, seed)
                    cells = _cells(base, frames, clean)
                    print(f"{head}{kind:17s}{level:7s}{cells}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
