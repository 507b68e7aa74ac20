"""What is added to every frame in the same place of the detector: patterns of any direction.

Frames are explained as something fixed plus tissue that moves (see `joint`), at full size. Of the
fixed part those spatial frequencies are kept that are far above their own error: where the motion
hardly changes a frequency, the error is large, and nothing is taken off. What is fixed is the same
in both halves of the frames; what changes with time or depth is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft2, rfft2
from scipy.ndimage import uniform_filter

from napari_zstack_align.register.artefacts.joint import Groups, Image, Shifts, phases
from napari_zstack_align.register.artefacts.over_frames import median_over, odd_rows
from napari_zstack_align.spread import SD_PER_MAD

Spectrum = npt.NDArray[np.complex128]
Power = npt.NDArray[np.float64]

MOST_FRAMES = 20
"""So many frames tell what is usual for a pixel."""
EXTREMES = 4.0
"""Pixels are cut to so many of their standard deviations over the frames (median-based)."""
SIGNIFICANT = 8.0
"""Power of a frequency that is kept, in variances of its error."""
SMOOTH_BINS = 9
"""Errors are averaged over so many frequencies along each axis."""
LEAST_WEIGHT = 0.003
"""Frequencies that the motion changes by less are never kept."""
JUDGED_WEIGHT = 0.05
"""... and those that it changes by less don't count for how strong the pattern is."""
LEAST_PART = 0.1
"""A pattern of less power than this part of the tissue's holds no alignment."""
LEAST_ALIKE = 0.75
"""The patterns of both halves of the frames correlate by more."""
FEWEST_FRAMES = 4


@dataclass(frozen=True)
class Fixed:
    """What is fixed, as a spectrum.

    Attributes
    ----------
    spectrum : numpy.ndarray
        (Y, X // 2 + 1) least squares solution.
    weight : numpy.ndarray
        The same shape: frames' worth by which the motion tells a frequency from the tissue.
    error : numpy.ndarray
        Variance of the spectrum.
    tissue : float
        Power of the moving part in frequencies that are judged.
    """

    spectrum: Spectrum
    weight: Power
    error: Power
    tissue: float


def find_fixed_image(images: Image, groups: Groups, shifts: Shifts) -> Image | None:
    """Find what is added to all frames, if it could hold an alignment; else None.

    Parameters
    ----------
    images : numpy.ndarray
        (n, Y, X) float32 frames.
    groups : numpy.ndarray
        (n,) frames of a group show the same tissue.
    shifts : numpy.ndarray
        (n, 2) px.

    Returns
    -------
    numpy.ndarray, optional
        (Y, X) float32 of zero mean, in the intensities of the frames.
    """
    usual = Usual.of(images)
    every = np.ones(len(images), bool)
    whole = _fixed(images, usual, groups, shifts, every)
    n = len(images)
    told = whole.weight > LEAST_WEIGHT * n
    kept = told & (np.abs(whole.spectrum) ** 2 > SIGNIFICANT * whole.error)
    kept[0, 0] = False
    judged = kept & (whole.weight > JUDGED_WEIGHT * n)
    power = float((np.abs(whole.spectrum) ** 2)[judged].sum())
    if power <= LEAST_PART * whole.tissue or n < 2 * FEWEST_FRAMES:
        return None
    first = np.arange(n) < n // 2
    one, other = (_fixed(images, usual, groups, shifts, some) for some in (first, ~first))
    if _alike(one, other, judged) < LEAST_ALIKE:
        return None
    spectrum = np.where(kept, whole.spectrum, 0)
    return np.asarray(irfft2(spectrum, images.shape[1:]), np.float32)


@dataclass(frozen=True)
class Usual:
    """What pixels of frames usually are.

    Single frames may hold what isn't in the others: rows struck by light, flashes.

    Attributes
    ----------
    middle, reach : numpy.ndarray
        (Y, X) float32: pixels lie within ``reach`` around ``middle``.
    odd_rows : numpy.ndarray
        (n, Y) bool: rows of frames that don't count.
    """

    middle: Image
    reach: Image
    odd_rows: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, images: Image) -> Self:
        """Learn it from frames (n, Y, X)."""
        some = images[:: -(-len(images) // MOST_FRAMES)]
        middle = median_over(some)
        reach = np.float32(EXTREMES * SD_PER_MAD) * median_over(np.abs(some - middle))
        return cls(middle, reach, odd_rows(images))

    def __call__(self, t: int, image: Image) -> Image:
        """Frame t (Y, X), cut to what is usual."""
        usual = np.clip(image, self.middle - self.reach, self.middle + self.reach)
        return np.where(self.odd_rows[t][:, np.newaxis], self.middle, usual)


def _fixed(
    images: Image,
    usual: Usual,
    groups: Groups,
    shifts: Shifts,
    chosen: npt.NDArray[np.bool_],
) -> Fixed:
    """Solve for what is fixed in chosen frames (n,)."""
    shape = images.shape[1:]
    level = np.float32(usual.middle.mean())
    bins = (shape[0], shape[1] // 2 + 1)
    total, weight = np.zeros(bins, np.complex128), np.zeros(bins)
    power, explained = np.zeros(bins), np.zeros(bins)
    parts = []
    for g in np.unique(groups[chosen]):
        back, at_rest, phase = (np.zeros(bins, np.complex128) for _ in range(3))
        frames = np.flatnonzero(chosen & (groups == g))
        for t in frames:
            spectrum = rfft2(usual(int(t), images[t]) - level)
            move = phases(shape, shifts[t : t + 1])[0]
            back += spectrum * move.conj()
            at_rest += spectrum
            phase += move
            power += np.abs(spectrum) ** 2
        n = len(frames)
        total += at_rest - phase * back / n
        weight += n - np.abs(phase) ** 2 / n
        explained += np.abs(back) ** 2 / n
        parts.append((back / n, phase / n, n))
    n = int(chosen.sum())
    told = weight > LEAST_WEIGHT * n
    fixed = np.where(told, total / np.maximum(weight, 1e-9), 0)
    left = np.maximum(power - explained - np.abs(fixed) ** 2 * weight, 0)
    left = uniform_filter(left, SMOOTH_BINS, mode="wrap") / max(n - len(parts) - 1, 1)
    tissue = sum(m * np.abs(back - phase.conj() * fixed) ** 2 for back, phase, m in parts) / n
    noise = left * len(parts) / n
    judged = weight > JUDGED_WEIGHT * n
    of_tissue = float((tissue - noise)[judged].sum())
    return Fixed(fixed, weight, left / np.maximum(weight, 1e-9), max(of_tissue, 1e-9))


def _alike(one: Fixed, other: Fixed, judged: npt.NDArray[np.bool_]) -> float:
    """Correlation of two spectra, of the frequencies that the motion tells in both."""
    weight = np.minimum(one.weight, other.weight) * judged
    both = float((weight * (one.spectrum * other.spectrum.conj()).real).sum())
    powers = [float((weight * np.abs(each.spectrum) ** 2).sum()) for each in (one, other)]
    return both / max(float(np.sqrt(powers[0] * powers[1])), 1e-9)
