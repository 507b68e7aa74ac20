"""How alike each frame of a sample is to every other one, whatever small shift lies between them.

A pair is compared as in `_similarity`: the highest normalised cross-correlation of the reduced,
band-passed frames over small shifts. The band ends at a quarter of a cycle per pixel, so that the
spectra are cut there, and the few shifts are summed directly: a pair costs a tenth of a transform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft

from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.read._similarity import MAX_SHIFT, band, reduced
from napari_zstack_align.stack import Stack

HIGHEST_FREQUENCY = 0.25
"""Cycles per pixel of the reduced frame; beyond, the band passes less than 6 %."""

FIXED_FRAMES = 8
"""Frames in which the value of a pixel has to be the same."""


@dataclass(frozen=True, eq=False)
class FramePairs:
    """A sample of frames, each compared with every other one.

    Attributes
    ----------
    frames : numpy.ndarray
        (b, k) which frames: b blocks of k neighbours.
    alike : numpy.ndarray
        (n, n) float32 similarity of n = b k frames; NaN on the diagonal and for constant frames.
    by_chance : numpy.ndarray
        (n - 1,) float32 similarity of each frame with the next one turned by 180°: what unlike
        images of this structure and noise reach.
    mean, spread : numpy.ndarray
        (n,) mean and standard deviation of the pixels of each reduced frame.
    """

    frames: npt.NDArray[np.intp]
    alike: npt.NDArray[np.float32]
    by_chance: npt.NDArray[np.float32]
    mean: npt.NDArray[np.float32]
    spread: npt.NDArray[np.float32]


def fixed_pixels(
    stack: Stack, frames: npt.NDArray[np.intp], channel: int
) -> Job[npt.NDArray[np.bool_]]:
    """(Y, X) bool: bright pixels that have the same value in a few frames of a sample.

    They are burnt in or saturated: frames of any two slices would be alike by them.
    """
    some = frames.ravel()[:: max(frames.size // FIXED_FRAMES, 1)]
    first = _read(stack, some[0], channel)
    fixed = np.ones(first.shape, bool)
    for done, t in enumerate(some[1:], start=2):
        fixed &= _read(stack, t, channel) == first
        yield Progress("Comparing frames", done, len(some))
    if fixed.all() or not fixed.any():
        return np.zeros_like(fixed)
    return np.asarray(fixed & (first > np.median(first)))


def compare_pairs(
    stack: Stack,
    frames: npt.NDArray[np.intp],
    channel: int,
    fixed: npt.NDArray[np.bool_] | None = None,
) -> Job[FramePairs]:
    """Compare every frame of a sample with every other one.

    Parameters
    ----------
    stack : Stack
    frames : numpy.ndarray
        (b, k) frames to read: b blocks of k neighbours.
    channel : int
        Channel to look at.
    fixed : numpy.ndarray, optional
        (Y, X) bool pixels that don't count.
    """
    spectra, levels = [], []
    for done, t in enumerate(frames.ravel(), start=1):
        image = _read(stack, t, channel)
        if fixed is not None and fixed.any():
            image = np.where(fixed, np.median(image[~fixed]), image)
        small = reduced(image)
        spectra.append(_cut_spectrum(small))
        levels.append(_levels(image))
        yield Progress("Comparing frames", done, 2 * frames.size)
    shape = small.shape
    sums = _ShiftSums.of((shape[0], shape[1]))
    cut = np.stack(spectra)
    alike = np.full((len(cut), len(cut)), np.nan, np.float32)
    for i in range(len(cut) - 1):
        alike[i, i + 1 :] = alike[i + 1 :, i] = sums.highest(cut[i + 1 :] * cut[i].conj())
        yield Progress("Comparing frames", frames.size + i + 1, 2 * frames.size)
    mean, spread = np.array(levels, np.float32).T
    return FramePairs(frames, alike, sums.highest(cut[1:] * cut[:-1]), mean, spread)


def _read(stack: Stack, t: np.intp, channel: int) -> npt.NDArray[Any]:
    """One frame; zeros where it can't be read, which resemble nothing."""
    try:
        return stack.read(int(t), int(t) + 1)[0, channel]
    except (OSError, InputError):
        return np.zeros(stack.shape[2:], stack.dtype)


def _levels(image: npt.NDArray[np.generic]) -> tuple[float, float]:
    """Mean and standard deviation of a frame; NaN where no pixel is finite."""
    values = image[np.isfinite(image)] if image.dtype.kind == "f" else image
    return (float(values.mean()), float(values.std())) if values.size else (np.nan, np.nan)


def _cut_spectrum(small: npt.NDArray[np.float32]) -> npt.NDArray[np.complex64]:
    """Band-passed low frequencies of a reduced frame, of norm 1; NaN where it is constant."""
    spectrum = fft.rfft2(small) * band(*small.shape)
    norm = np.linalg.norm(fft.irfft2(spectrum, small.shape))
    rows, columns = _kept((small.shape[0], small.shape[1]))
    cut = spectrum[rows][:, : columns + 1].astype(np.complex64)
    return cut / norm if norm > 1e-6 * small.size**0.5 else np.full_like(cut, np.nan)


def _kept(shape: tuple[int, int]) -> tuple[npt.NDArray[np.intp], int]:
    """Rows of a spectrum that are kept, and the last column of it."""
    row, column = (int(HIGHEST_FREQUENCY * n) for n in shape)
    return np.arange(-row, row + 1) % shape[0], column


@dataclass(frozen=True)
class _ShiftSums:
    """Inverse transform of cut spectra for small shifts alone: rows @ spectrum @ columns."""

    rows: npt.NDArray[np.complex64]
    columns: npt.NDArray[np.complex64]

    @classmethod
    def of(cls, shape: tuple[int, int]) -> _ShiftSums:
        rows, last = _kept(shape)
        reach = max(1, round(MAX_SHIFT * max(shape)))
        shifts = [np.arange(-min(reach, (n - 1) // 2), min(reach, (n - 1) // 2) + 1) for n in shape]
        columns = np.arange(last + 1)
        # A real image: each column but the first stands for its mirror image too.
        twice = np.where(columns > 0, 2, 1) / (shape[0] * shape[1])
        by_row = np.exp(2j * np.pi * np.outer(shifts[0], rows) / shape[0])
        by_column = np.exp(2j * np.pi * np.outer(columns, shifts[1]) / shape[1]) * twice[:, None]
        return cls(by_row.astype(np.complex64), by_column.astype(np.complex64))

    def highest(self, products: npt.NDArray[np.complex64]) -> npt.NDArray[np.float32]:
        """(n,) highest value over all shifts, from (n, rows, columns) products of spectra."""
        n, n_rows, n_columns = products.shape
        along_x = (products.reshape(-1, n_columns) @ self.columns).reshape(n, n_rows, -1)
        surfaces = np.matmul(self.rows, along_x).real
        return np.asarray(surfaces.reshape(n, -1).max(axis=1, initial=-1.0), np.float32)


def parts_of(pairs: FramePairs, n_parts: int) -> list[FramePairs]:
    """Split a sample into parts that follow one another; blocks aren't mixed."""
    frames = pairs.frames.ravel()
    parts = []
    for where in np.array_split(np.arange(len(frames)), n_parts):
        cut = slice(int(where[0]), int(where[-1]) + 1)
        alike = pairs.alike[cut, cut]
        by_chance = pairs.by_chance[cut.start : cut.stop - 1]
        block = frames[cut][np.newaxis]
        parts.append(FramePairs(block, alike, by_chance, pairs.mean[cut], pairs.spread[cut]))
    return parts


def sample_frames(stack: Stack, length: int, n_blocks: int) -> npt.NDArray[np.intp]:
    """Choose frames, (b, k): all of a short stack, else blocks of neighbours all over it.

    Blocks lie across the borders of slices. Where the planes run fastest and there are many, two
    neighbouring volumes are cut at the same two places, which mirror each other.
    """
    n_frames = stack.n_frames
    if n_frames <= length * n_blocks:
        return np.arange(n_frames)[np.newaxis]
    starts = _centres(stack, length, n_blocks) - length // 2
    room = n_frames - length * n_blocks
    gaps = np.clip(starts - length * np.arange(n_blocks), 0, room)
    starts = np.maximum.accumulate(gaps) + length * np.arange(n_blocks)
    return np.asarray(starts[:, np.newaxis] + np.arange(length), np.intp)


def _centres(stack: Stack, length: int, n_blocks: int) -> npt.NDArray[np.intp]:
    if stack.order == "slices" and stack.n_slices >= 2 * length:
        middle = max((stack.frames_per_slice or 1) // 2 - 1, 0) * stack.n_slices
        third = stack.n_slices // 3
        ends: Sequence[int] = (third, stack.n_slices - third)
        return np.array([middle + v * stack.n_slices + end for v in (0, 1) for end in ends])
    centres = stack.n_frames * (2 * np.arange(n_blocks) + 1) // (2 * n_blocks)
    if stack.order == "repeats" and stack.frames_per_slice:
        repeats = stack.frames_per_slice
        centres = np.round(centres / repeats).astype(int) * repeats
    return np.asarray(centres, np.intp)
