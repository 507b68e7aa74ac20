"""How alike each frame of a sample is to every other one, whatever small shift lies between them.

A pair is compared as in `similarity`: the highest normalised cross-correlation of the reduced,
band-passed frames over small shifts. The band ends at a quarter of a cycle per pixel, so that the
spectra are cut there, and the few shifts are summed directly: a pair costs a tenth of a transform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft
from scipy.ndimage import binary_dilation

from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.read.layout.axes_order import Likeness, alike_along, small
from napari_zstack_align.read.layout.fixed_pattern import FixedPattern, compared_for_fixed
from napari_zstack_align.read.layout.similarity import MAX_SHIFT, band, constant_below, reduced
from napari_zstack_align.read.layout.struck_rows import struck_rows
from napari_zstack_align.stack import Stack
from napari_zstack_align.structure import empty_frames, structure_of

HIGHEST_FREQUENCY = 0.25
"""Cycles per pixel of the reduced frame; beyond, the band passes less than 6 %."""

STAGE = "Comparing frames"
MOST_COPIES = 0.5
"""Of a recording that was written several times, up to this part of all pairs are equal."""
LEAST_SHOWN = 0.01
"""Black frames show a smaller part of what is usual: they are a tenth as bright at most."""
MOST_BLACK = 0.45
"""They don't count: noise resembles other noise as little as a slice does. Where as many are, they
may be empty slices, which tell how many there are."""


@dataclass(frozen=True, eq=False)
class FramePairs:
    """A sample of frames, each compared with every other one.

    Attributes
    ----------
    frames : numpy.ndarray
        (b, k) which frames: b blocks of k neighbours.
    alike : numpy.ndarray
        (n, n) float32 similarity of n = b k frames; NaN on the diagonal, and for frames that are
        constant, or black where others aren't.
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


class SampledFrames:
    """Frames of a stack as they are compared, each read once, each pair compared once.

    What is fixed in a few of the frames compared first is taken out (`FixedPattern`).

    Parameters
    ----------
    stack : Stack
    channel : int
        Channel to look at.
    """

    def __init__(self, stack: Stack, channel: int) -> None:
        self._stack, self._channel = stack, channel
        self._fixed: FixedPattern | None = None
        self._cut: dict[int, npt.NDArray[np.complex64]] = {}
        self._levels: dict[int, tuple[float, float]] = {}
        self._small: dict[int, npt.NDArray[np.float32]] = {}
        self._shown: dict[int, tuple[float, float]] = {}
        self._sums: _ShiftSums | None = None
        self._compared: FramePairs | None = None

    def compare(self, frames: npt.NDArray[np.intp]) -> Job[FramePairs]:
        """Compare every frame of a sample with every other one.

        Parameters
        ----------
        frames : numpy.ndarray
            (b, k) frames to read: b blocks of k neighbours.
        """
        each, total = frames.ravel().tolist(), 2 * frames.size
        new = [t for t in each if t not in self._cut]
        yield from self._read_all(new, total)
        cut = np.stack([self._cut[t] for t in each])
        assert self._sums is not None
        alike = self._known(each)
        for i in range(len(cut) - 1):
            others = i + 1 + np.flatnonzero(np.isnan(alike[i, i + 1 :]))
            if len(others):
                values = self._sums.highest(cut[others] * cut[i].conj())
                alike[i, others] = alike[others, i] = values
            yield Progress(STAGE, frames.size + i + 1, total)
        structure, error = np.transpose([self._shown[t] for t in each])
        black = empty_frames(structure, error, LEAST_SHOWN)
        if black.mean() < MOST_BLACK:
            alike[black] = alike[:, black] = np.nan
        mean, spread = np.array([self._levels[t] for t in each], np.float32).T
        by_chance = self._sums.highest(cut[1:] * cut[:-1])
        self._compared = FramePairs(frames, alike, by_chance, mean, spread)
        return self._compared

    def alike_along_axes(self, frames: npt.NDArray[np.intp]) -> Likeness:
        """(3,) `alike_along` of frames that were compared, to find time on another axis."""
        return alike_along(np.stack([self._small[t] for t in frames.ravel().tolist()]))

    def _read_all(self, frames: list[int], total: int) -> Job[None]:
        at_hand: dict[int, npt.NDArray[Any]] = {}
        if self._fixed is None:
            for done, t in enumerate(compared_for_fixed(frames), start=1):
                at_hand[t] = self._read(t)
                yield Progress(STAGE, done, total)
            self._fixed = FixedPattern.of([*at_hand.values()])
        for done, t in enumerate(frames, start=1):
            image = self._fixed.taken_out_of(at_hand.pop(t) if t in at_hand else self._read(t))
            even = reduced(image)
            self._small[t] = small(image)
            self._cut[t], self._levels[t] = _cut_spectrum(even), _levels(image, self._small[t])
            self._shown[t] = _shown_by(image)
            self._sums = self._sums or _ShiftSums.of((even.shape[0], even.shape[1]))
            yield Progress(STAGE, max(done, len(at_hand)), total)

    def _known(self, frames: list[int]) -> npt.NDArray[np.float32]:
        """(n, n) similarities of frames as far as they were compared before; else NaN."""
        alike = np.full((len(frames), len(frames)), np.nan, np.float32)
        if self._compared is not None:
            before = self._compared.frames.ravel()
            here, there = np.nonzero(np.array(frames)[:, np.newaxis] == before)
            alike[np.ix_(here, here)] = self._compared.alike[np.ix_(there, there)]
        return alike

    def _read(self, t: int) -> npt.NDArray[Any]:
        """One frame; zeros where it can't be read, which resemble nothing."""
        try:
            return self._stack.read(t, t + 1)[0, self._channel]
        except (OSError, InputError):
            return np.zeros(self._stack.shape[2:], self._stack.dtype)


def _shown_by(image: npt.NDArray[Any]) -> tuple[float, float]:
    """`structure_of` a frame (Y, X) as it is: resized, noise would be alike in neighbours."""
    known = np.isfinite(image)
    if not known.all():
        image = np.where(known, image, image[known].mean() if known.any() else 0)
    structure, error = structure_of(image[np.newaxis])
    return float(structure[0]), float(error[0])


def _levels(
    image: npt.NDArray[np.generic], reduced_to: npt.NDArray[np.float32]
) -> tuple[float, float]:
    """Mean and standard deviation of a frame; NaN where no pixel is finite.

    Rows that were struck by light don't count: they are no brightness of an image.
    """
    lit = struck_rows(reduced_to)
    if lit.any():
        lit = binary_dilation(lit)  # the rows at its edges may be lit in part
        image = image[~lit[np.arange(len(image)) * len(lit) // len(image)]]
    values = image[np.isfinite(image)] if image.dtype.kind == "f" else image
    if not values.size:
        return np.nan, np.nan
    # A sum of float16 ends at 65,504.
    return float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64))


def _cut_spectrum(small: npt.NDArray[np.float32]) -> npt.NDArray[np.complex64]:
    """Band-passed low frequencies of a reduced frame, of norm 1; NaN where it is constant."""
    spectrum = fft.rfft2(small) * band(*small.shape)
    norm = np.linalg.norm(fft.irfft2(spectrum, small.shape))
    rows, columns = _kept((small.shape[0], small.shape[1]))
    cut = spectrum[rows][:, : columns + 1].astype(np.complex64)
    return cut / norm if norm > constant_below(small) else np.full_like(cut, np.nan)


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


def without_copies(pairs: FramePairs) -> FramePairs:
    """Leave out pairs of frames that are equal: copies tell how a file was written, not what of.

    Frames of the very same mean and spread are; noise differs. Where most frames are, of a still
    source without noise, all stay.
    """
    levels = np.stack([pairs.mean, pairs.spread])
    are_copies = (levels[:, :, np.newaxis] == levels[:, np.newaxis]).all(axis=0)
    np.fill_diagonal(are_copies, val=False)
    if not are_copies.any() or are_copies.mean() > MOST_COPIES:
        return pairs
    return replace(pairs, alike=np.where(are_copies, np.float32(np.nan), pairs.alike))


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
        middle = max(stack.most_repeats // 2 - 1, 0) * stack.n_slices
        third = stack.n_slices // 3
        ends: Sequence[int] = (third, stack.n_slices - third)
        return np.array([middle + v * stack.n_slices + end for v in (0, 1) for end in ends])
    centres = stack.n_frames * (2 * np.arange(n_blocks) + 1) // (2 * n_blocks)
    if stack.order == "repeats":
        repeats = stack.most_repeats
        centres = np.round(centres / repeats).astype(int) * repeats
    return np.asarray(centres, np.intp)
