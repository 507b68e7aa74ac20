"""Frames as the sum of what is fixed to the detector and of tissue that moves.

Frame t is F(x) + T(x - d_t) + noise. For given shifts d_t, each spatial frequency is a least
squares problem of two unknowns with a closed solution: with A the mean of the frames, B the mean of
the frames moved back, and c the mean phase of the shifts, F = (A - c B) / (1 - |c|²). Where the
shifts hardly change a frequency, nothing tells the two apart, and it is counted as fixed. Frames
of several slices share F; each slice has a T of its own.

Frames are periodic here: what enters and leaves at the borders counts as noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.fft import fftfreq, irfft2, rfft2, rfftfreq

from napari_zstack_align.register.translation import find_translations

Image = npt.NDArray[np.float32]
Spectrum = npt.NDArray[np.complex64]
Shifts = npt.NDArray[np.float64]
Groups = npt.NDArray[np.intp]

LEAST_DIFFERENCE = 0.1
"""Frames whose phases differ by less than this many frames' worth tell nothing of a frequency."""
STOP = 1e-4
"""Part of the power by which a round has to lower the residual."""


@dataclass(frozen=True)
class Joint:
    """Frames explained as fixed and moving.

    Attributes
    ----------
    fixed : numpy.ndarray
        (Y, X) float32 F.
    moving : dict of int to numpy.ndarray
        From a group to its T (Y, X) float32, where it lies at no shift.
    shifts : numpy.ndarray
        (n, 2) px; their mean over each group is zero.
    residual : float
        Part of the frames' power that is neither.
    """

    fixed: Image
    moving: dict[int, Image]
    shifts: Shifts
    residual: float


def explained(frames: Image, groups: Groups, shifts: Shifts) -> Joint:
    """Explain frames (n, Y, X), of zero mean over the pixels, for given shifts (n, 2)."""
    return _explained(np.asarray(rfft2(frames), np.complex64), groups, shifts, frames.shape[1:])


def fitted(frames: Image, groups: Groups, shifts: Shifts, reach: float, rounds: int = 8) -> Joint:
    """Explain frames, and find better shifts than those to begin with.

    Parameters
    ----------
    frames : numpy.ndarray
        (n, Y, X) float32, of zero mean over the pixels.
    groups : numpy.ndarray
        (n,) frames of a group show the same tissue.
    shifts : numpy.ndarray
        (n, 2) px, to begin with.
    reach : float
        Largest shift that is looked for.
    rounds : int
        How often the shifts are found anew, at most.
    """
    spectra = np.asarray(rfft2(frames), np.complex64)
    best = _explained(spectra, groups, shifts, frames.shape[1:])
    last = best.residual
    for _ in range(rounds):
        moved = np.zeros_like(best.shifts)
        for g, tissue in best.moving.items():
            some = groups == g
            moved[some] = find_translations(frames[some] - best.fixed, tissue, reach)
        found = _explained(spectra, groups, centred(moved, groups), frames.shape[1:])
        best = found if found.residual < best.residual else best
        if last - found.residual < STOP:
            break
        last = found.residual
    return best


def centred(shifts: Shifts, groups: Groups) -> Shifts:
    """Shifts (n, 2) without their mean over each group."""
    result = shifts.copy()
    for g in np.unique(groups):
        result[groups == g] -= result[groups == g].mean(axis=0)
    return result


def phases(shape: tuple[int, ...], shifts: Shifts) -> Spectrum:
    """(n, Y, X // 2 + 1) factors that move a spectrum by shifts (n, 2) px."""
    y, x = 2 * np.pi * fftfreq(shape[0]), 2 * np.pi * rfftfreq(shape[1])
    along_y, along_x = (np.exp(-1j * np.outer(shifts[:, i], k)) for i, k in enumerate((y, x)))
    return np.asarray(along_y[:, :, np.newaxis] * along_x[:, np.newaxis], np.complex64)


def _explained(spectra: Spectrum, groups: Groups, shifts: Shifts, shape: tuple[int, ...]) -> Joint:
    moves = phases(shape, shifts)
    total, weight = np.zeros(spectra.shape[1:], np.complex64), np.zeros(spectra.shape[1:])
    of_groups = {}
    for g in np.unique(groups).tolist():
        some = groups == g
        mean, back = spectra[some].mean(axis=0), (spectra[some] * moves[some].conj()).mean(axis=0)
        c = moves[some].mean(axis=0)
        total += some.sum() * (mean - c * back)
        weight += some.sum() * (1 - np.abs(c) ** 2)
        of_groups[g] = back, c
    fixed = total / (weight + LEAST_DIFFERENCE).astype(np.float32)
    moving = {g: back - c.conj() * fixed for g, (back, c) in of_groups.items()}
    left = 0.0
    for spectrum, g, move in zip(spectra, groups.tolist(), moves, strict=True):
        left += _power(spectrum - fixed - moving[g] * move)
    return Joint(
        np.asarray(irfft2(fixed, shape), np.float32),
        {g: np.asarray(irfft2(one, shape), np.float32) for g, one in moving.items()},
        shifts,
        left / max(_power(spectra), 1e-12),
    )


def _power(spectrum: Spectrum) -> float:
    return float(np.vdot(spectrum, spectrum).real)
