"""How far the odd lines of images are displaced along x, against the lines above and below them.

Every odd line (1, 3, 5 ... from 0) is compared with the mean of its two neighbours. What is tilted,
or moves while it is scanned, displaces those two to opposite sides by the same amount, so that
neither is taken for a displacement of the line between. The comparison is a cross spectrum along x,
summed over the lines: its angle at a frequency k is k times the displacement. Noise is independent
in the two sets of lines and adds nothing to it on average; a mean of squared differences would be
pulled to half pixels by the interpolation, a derivative towards 0 by the noise. The standard error
follows from how much blocks of lines differ, so that it also holds what odd lines show and others
don't.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft
from scipy.special import stdtr, stdtrit

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.float32]
Spectra = npt.NDArray[np.complex128]
Blocks = npt.NDArray[np.intp]

MOST_PX = 16
"""Larger displacements aren't looked for; nor are those above an eighth of a line."""
LEAST_COLUMNS, LEAST_BLOCKS, BLOCK_LINES = 32, 6, 4
"""Smaller images show no displacement: a block is so many odd lines that follow one another."""
TAPER = 0.1
"""Part of a line that fades out at either end."""
SLOWEST = 3
"""Fewer periods in a line are changes of the light, not structure."""
SMOOTH = 5
"""Neighbouring frequencies over which it is judged how much of one is noise."""
ROUNDS, STEP_PX = 8, 0.25
RIVAL_PX = 2
"""A displacement at least so far from the best one mustn't explain the lines as well."""
LOW_PERCENT = 1.0
WINDOW_PX, MOST_WINDOWS = 48, 8
"""Least width of the windows along x in which displacements are compared, and their number."""


@dataclass(frozen=True)
class Displacement:
    """How far the odd lines are displaced.

    Attributes
    ----------
    px, error : float
        Displacement to the right and its standard error, in px; NaN where it can't be found.
        Three errors have the chance that they have in a normal distribution, however few the
        blocks of lines.
    lead : float
        By how many such errors it explains the lines better than any other one does.
    """

    px: float
    error: float
    lead: float


NONE = Displacement(np.nan, np.nan, 0.0)


@dataclass(frozen=True, eq=False)
class Lines:
    """Odd lines of images, and the mean of the lines above and below each.

    Attributes
    ----------
    odd, even : numpy.ndarray
        (N, X) float32, in units of their noise.
    block : numpy.ndarray
        (N,) block of neighbouring lines that each belongs to.
    """

    odd: Image
    even: Image
    block: Blocks

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return len(np.unique(self.block))

    @property
    def n_columns(self) -> int:
        """Length of a line in px."""
        return self.odd.shape[1]

    def window(self, start: int, stop: int) -> Lines:
        """Some of the columns."""
        return Lines(self.odd[:, start:stop], self.even[:, start:stop], self.block)

    def moved(self, px: int) -> Lines:
        """What is left of both when the odd lines are moved by so many px to the left."""
        n, first = self.n_columns - abs(px), max(px, 0)
        return Lines(self.odd[:, first:][:, :n], self.even[:, first - px :][:, :n], self.block)


def lines_of(images: Iterable[tuple[int, Floats]]) -> Lines | None:
    """Take images (Y, X) apart into lines.

    Parameters
    ----------
    images : iterable of (int, numpy.ndarray)
        Number of what an image shows, and the image. Those that show the same count as one where
        errors are estimated: they share what their odd lines show and others don't.

    Returns
    -------
    Lines or None
        None where nothing can be seen.
    """
    parts: list[Lines | None] = []
    for shows, image in images:
        odd, even = _apart(_evenly_noisy(image))
        noise = float(np.sqrt(np.var(odd - even))) if odd.size else 0.0
        if noise > 0:
            scale, n_blocks = 1 / noise, max(len(odd) // BLOCK_LINES, 1)
            block = shows * n_blocks + np.arange(len(odd)) * n_blocks // len(odd)
            parts.append(Lines(_scaled(odd, scale), _scaled(even, scale), block))
    return together(parts)


def _scaled(lines: Floats, scale: float) -> Image:
    return np.asarray(lines * scale, np.float32)


def together(parts: Sequence[Lines | None]) -> Lines | None:
    """Lines of several sets of images, whose blocks have one numbering."""
    known = [part for part in parts if part is not None]
    if not known:
        return None
    odd, even, block = (
        np.concatenate([getattr(part, name) for part in known]) for name in ("odd", "even", "block")
    )
    return Lines(odd, even, block)


def displacement_of(lines: Lines | None) -> Displacement:
    """Find the displacement of the odd lines."""
    if lines is None or lines.n_columns < LEAST_COLUMNS or lines.n_blocks < LEAST_BLOCKS:
        return NONE
    whole, lead = _whole(lines)
    rest, error = _rest(_spectra(lines.moved(whole)), 0.0)
    return Displacement(whole + rest, error, lead)


def along_x(lines: Lines, px: float, reach: float) -> tuple[Floats, Floats, Floats]:
    """Displacements in windows along x.

    Parameters
    ----------
    lines : Lines
    px : float
        Displacement of whole lines.
    reach : float
        Largest difference from it that is looked for, in px.

    Returns
    -------
    places, displacements, errors : numpy.ndarray
        (W,) each, in px; none where the lines are too short.
    """
    whole = round(px)
    moved, first = lines.moved(whole), max(-whole, 0)
    number = min(moved.n_columns // WINDOW_PX, MOST_WINDOWS)
    borders = np.linspace(0, moved.n_columns, number + 1).astype(int)
    found = []
    for start, stop in pairwise(borders) if number > 1 else ():
        rest, error = _rest(_spectra(moved.window(start, stop), taper=0.5), reach)
        found.append((first + (start + stop - 1) / 2, whole + rest, error))
    places, displacements, errors = np.array(found).reshape(-1, 3).T
    known = np.isfinite(errors)
    return places[known], displacements[known], errors[known]


def _evenly_noisy(image: Floats) -> Floats:
    """Image whose noise is about the same everywhere: bright cells don't decide alone."""
    known = np.isfinite(image)
    if not known.any():
        return np.zeros_like(image)
    low = np.percentile(image[known], LOW_PERCENT)
    return np.sqrt(np.maximum(np.where(known, image, low) - low, 0))


def _apart(image: Floats) -> tuple[Floats, Floats]:
    """Odd lines with a line on either side, and the mean of those two."""
    n = max((len(image) - 1) // 2, 0)
    return image[1 : 2 * n : 2], (image[0 : 2 * n : 2] + image[2 : 2 * n + 1 : 2]) / 2


def _faded(lines: Image, taper: float) -> Image:
    """Lines about their mean, faded out at either end."""
    x = (np.arange(lines.shape[1]) + 0.5) / lines.shape[1]
    window = np.sin(np.pi / 2 * np.minimum(np.minimum(x, 1 - x) / taper, 1)) ** 2
    window = window.astype(lines.dtype)
    means = lines @ window / window.sum()
    return (lines - means[:, np.newaxis]) * window


def _by_block(values: npt.NDArray[np.complexfloating], block: Blocks) -> Spectra:
    order = np.argsort(block, kind="stable")
    starts = np.flatnonzero(np.diff(block[order], prepend=-1))
    return np.asarray(np.add.reduceat(values[order], starts, axis=0), np.complex128)


def _whole(lines: Lines) -> tuple[int, float]:
    """Displacement in whole px, and by how many errors it leads."""
    n = lines.n_columns
    most = min(MOST_PX, n // 8)
    size = next_fast_len(n + most, real=True)
    odd, even = (rfft(_faded(each, TAPER), size) for each in (lines.odd, lines.even))
    product = odd * np.conj(even)
    product[:, : SLOWEST * size // n] = 0
    px = np.arange(-most, most + 1)
    correlation = irfft(_by_block(product, lines.block), size)[:, px] / (1 - np.abs(px) / n)
    best = int(np.argmax(correlation.sum(axis=0)))
    gain = (correlation[:, [best]] - correlation)[:, np.abs(px - px[best]) >= RIVAL_PX]
    error = np.std(gain, axis=0, ddof=1) * np.sqrt(len(gain)) * _for_few(len(gain))
    with np.errstate(divide="ignore", invalid="ignore"):
        lead = np.min(gain.sum(axis=0) / error)
    return int(px[best]), float(np.nan_to_num(lead, posinf=0.0))


@dataclass(frozen=True, eq=False)
class _CrossSpectra:
    """Cross spectra (B, K) of blocks of lines at the frequencies (K,), and what each counts."""

    k: Floats
    of_blocks: Spectra
    weight: Floats


def _spectra(lines: Lines, taper: float = TAPER) -> _CrossSpectra:
    odd, even = (rfft(_faded(each, taper)) for each in (lines.odd, lines.even))
    cross = odd * np.conj(even)
    k = np.asarray(2 * np.pi * np.fft.rfftfreq(lines.n_columns), np.float64)
    both = np.abs(cross.sum(axis=0)) ** 2
    alone = np.sum(np.abs(odd) ** 2, axis=0) * np.sum(np.abs(even) ** 2, axis=0)
    smooth = np.ones(min(SMOOTH, len(k))) / SMOOTH
    both, alone = (np.convolve(each, smooth, "same") for each in (both, alone))
    # The part of a frequency that both sets of lines share, above what chance makes of noise.
    weight = np.maximum(both / np.maximum(alone, np.finfo(float).tiny) - 2 / len(odd), 0)
    weight[:SLOWEST] = 0
    return _CrossSpectra(k, _by_block(cross, lines.block), weight)


def _rest(spectra: _CrossSpectra, reach: float) -> tuple[float, float]:
    """Displacement in px that is left, at most about ``reach``, and its standard error."""
    k, total = spectra.k, spectra.weight * spectra.of_blocks.sum(axis=0)
    starts = np.arange(-reach, reach + STEP_PX / 2, STEP_PX) if reach else np.zeros(1)
    px = float(starts[np.argmax((np.exp(1j * np.outer(starts, k)) @ total).real)])
    slope = 0.0
    for _ in range(ROUNDS):
        turned = total * np.exp(1j * k * px)
        slope = float(np.sum(k**2 * turned.real))
        if not slope > 0:
            return 0.0, np.nan
        px = float(np.clip(px - np.sum(k * turned.imag) / slope, -reach - 1, reach + 1))
    of_blocks = spectra.of_blocks @ (spectra.weight * k * np.exp(1j * k * px))
    n = len(of_blocks)
    error = np.sqrt(np.sum(of_blocks.imag**2) * n / (n - 1)) / slope if n > 1 else np.nan
    return px, float(error * _for_few(n))


def _for_few(n: int) -> float:
    """Factor by which an error from few values grows, so that 3 of them mean what they should."""
    if n < 2:
        return np.nan
    beyond = stdtr(1e9, -3.0)
    return float(-stdtrit(n - 1, beyond) / 3)
