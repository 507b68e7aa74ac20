"""Tissue that moves by whole pixels under a detector, and what a detector adds to it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

import napari_zstack_align as nza
from napari_zstack_align.parallel import worker_threads
from napari_zstack_align.register.artefacts.artefacts import Artefacts
from napari_zstack_align.register.artefacts.search import search

Frames = npt.NDArray[np.uint16]
SIZE = 112
GAIN, DARK = 20, 200


@lru_cache(maxsize=4)
def tissue(n_slices: int, seed: int = 0) -> npt.NDArray[np.float64]:
    """(Z, 2 SIZE, 2 SIZE) expected photons; two anatomies that go over into each other."""
    rng = np.random.default_rng(seed)
    layers = [cv2.GaussianBlur(rng.gamma(0.2, 90, (2 * SIZE,) * 2), (0, 0), 1.5) for _ in range(2)]
    part = np.linspace(0, 1, n_slices)[:, np.newaxis, np.newaxis]
    return (1 - part) * layers[0] + part * layers[1] + 1


def walk(n_frames: int, step: float = 1.2, seed: int = 1) -> npt.NDArray[np.intp]:
    """(T, 2) whole px within 12 of the start."""
    steps = np.random.default_rng(seed).normal(0, step, (n_frames, 2))
    return np.clip(np.round(np.cumsum(steps, axis=0)), -12, 12).astype(int)


def moved(n_slices: int, n_repeats: int, moves: npt.NDArray[np.intp], seed: int = 2) -> Frames:
    """(T, SIZE, SIZE) uint16 frames with shot noise: frame(y + dy, x + dx) shows tissue(y, x)."""
    rng = np.random.default_rng(seed)
    frames = []
    for t, (dy, dx) in enumerate(moves):
        y, x = SIZE // 2 - dy, SIZE // 2 - dx
        seen = tissue(n_slices)[t // n_repeats, y : y + SIZE, x : x + SIZE]
        frames.append(GAIN * rng.poisson(seen) + DARK + rng.normal(0, 4, seen.shape))
    return np.clip(frames, 0, 65535).astype(np.uint16)


# -- what is fixed to the detector: the frames, and which pixels -------------------------------


def block(frames: Frames, level: float) -> npt.NDArray[np.bool_]:
    where = np.zeros(frames.shape[1:], bool)
    where[14:36, 60:90] = True
    frames[:, where] = level
    return where


def column(frames: Frames, level: float) -> npt.NDArray[np.bool_]:
    where = np.zeros(frames.shape[1:], bool)
    where[:, 47] = True
    frames[:, where] = level
    return where


def dead_row(frames: Frames, level: float) -> npt.NDArray[np.bool_]:
    where = np.zeros(frames.shape[1:], bool)
    where[60:62] = True
    frames[:, where] = 0
    return where


def hot_pixels(frames: Frames, level: float) -> npt.NDArray[np.bool_]:
    """With a dark current, which has shot noise."""
    rng = np.random.default_rng(3)
    where = rng.random(frames.shape[1:]) < 0.0015
    added = GAIN * rng.poisson(0.5 * level / GAIN, (len(frames), int(where.sum())))
    frames[:, where] = np.clip(frames[:, where] + added, 0, 65535)
    return where


def stripes(frames: Frames, level: float) -> npt.NDArray[np.bool_]:
    """Nothing is left out: an offset can be taken off."""
    added = 0.1 * level * (np.arange(frames.shape[1]) % 7 < 2)
    frames[:] = np.clip(frames + added[:, np.newaxis], 0, 65535)
    return np.zeros(frames.shape[1:], bool)


FIXED: dict[str, Callable[[Frames, float], npt.NDArray[np.bool_]]] = {
    spoil.__name__: spoil for spoil in (block, column, dead_row, hot_pixels, stripes)
}


# -- what only single frames hold --------------------------------------------------------------


def salt(frames: Frames) -> None:
    frames[np.random.default_rng(4).random(frames.shape) < 1e-3] = 65535


def lit_rows(frames: Frames) -> None:
    for t in range(3, len(frames), 4):
        y = 20 + 7 * t % 60
        frames[t, y : y + 3 + t % 6] = np.clip(frames[t, y : y + 3 + t % 6] + 9000.0, 0, 65535)


def rows_off(frames: Frames) -> None:
    for t in range(3, len(frames), 4):
        y = 15 + 5 * t % 50
        frames[t, y : y + 18] = DARK


def bright_frame(frames: Frames) -> None:
    t = len(frames) // 2
    frames[t] = np.clip(30.0 * frames[t], 0, 65535)


TRANSIENT = {spoil.__name__: spoil for spoil in (salt, lit_rows, rows_off, bright_frame)}


def run_search(stack: nza.Stack, params: nza.AdaptiveParams, **options: object) -> Artefacts:
    """Search a stack for artefacts."""
    with worker_threads(1) as pool:
        return nza.run(search(stack, params, pool, **options))


# -- alignments --------------------------------------------------------------------------------

N_SLICES, N_REPEATS, N_FRAMES = 4, 5, 60


@lru_cache(maxsize=2)
def clean(method: str) -> tuple[Frames, npt.NDArray[np.intp]]:
    """Frames for 'adaptive' or 'keypoints', and how they moved."""
    if method == "adaptive":
        moves = walk(N_SLICES * N_REPEATS)
        return moved(N_SLICES, N_REPEATS, moves), moves
    # Chunks of a recording follow slow motion.
    moves = np.repeat(walk(N_FRAMES // 20, 4.0), 20, axis=0)
    return moved(1, N_FRAMES, moves), moves


def aligned(frames: npt.NDArray[np.generic], method: str, **options: object) -> nza.Alignment:
    """Align frames; options are parameters."""
    if method == "adaptive":
        stack = nza.Stack.from_array(frames, frames_per_slice=N_REPEATS)
        return nza.run(nza.align_adaptive(stack, nza.AdaptiveParams(**options)))
    params = nza.KeypointParams(chunk_frames=20, **options)
    return nza.run(nza.register_recordings([nza.Stack.from_array(frames)], params))[0]


def error_px(alignment: nza.Alignment, moves: npt.NDArray[np.intp]) -> float:
    """Mean error of the frames that weren't flagged, a constant aside."""
    good = np.flatnonzero(alignment.quality["flag"] == "")
    inner = np.s_[:, 16:-16:8, 16:-16:8]
    errors = np.stack(
        [
            alignment.transforms.displacement(int(t))[inner]
            - moves[t][:, np.newaxis, np.newaxis].astype(float)
            for t in good
        ]
    )
    errors -= errors.mean(axis=(0, 2, 3), keepdims=True)
    return float(np.hypot(errors[:, 0], errors[:, 1]).mean())
