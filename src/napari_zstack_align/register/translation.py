"""Translation of a band-passed frame by cross-correlation.

The correlation is not normalised: the spectrum of a noisy frame is mostly noise away from the
signal, and whitening (phase correlation) would raise it to the signal's level.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft2, next_fast_len, rfft2

from napari_zstack_align.register.prefilter import Image

ROUNDS = 2
"""How often frames are compared with their mean."""
AT_ONCE = 8
"""Frames transformed at once: their spectra and correlations are several times as large."""
PEAK_SIGNIFICANCE = 6.0
"""A peak counts when it is this many standard deviations of the correlation over all shifts."""


def find_translation(frame: Image, reference: Image, max_shift: float) -> npt.NDArray[np.float64]:
    """Find how far a frame lies shifted against a reference.

    Parameters
    ----------
    frame, reference : numpy.ndarray
        (Y, X) float32, band-passed to zero mean; pixels of weight 0 in either are 0.
    max_shift : float
        Largest shift searched for along each axis, in px.

    Returns
    -------
    numpy.ndarray
        (2,) float64 shift (dy, dx) in px, such that frame(y + dy, x + dx) matches
        reference(y, x); zero where no shift stands out from the noise.
    """
    return find_translations(frame[np.newaxis], reference, max_shift)[0]


def find_translations(frames: Image, reference: Image, max_shift: float) -> npt.NDArray[np.float64]:
    """Find the shifts of many frames (N, Y, X), as `find_translation` does: (N, 2)."""
    found = np.zeros((len(frames), 2))
    reach = [min(int(max_shift), size // 2) for size in reference.shape]
    if max(reach) < 1:
        return found
    padded = zip(reference.shape, reach, strict=True)
    shape = tuple(next_fast_len(n + r, real=True) for n, r in padded)
    spectrum = np.conj(rfft2(reference, shape))
    for start in range(0, len(frames), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        surfaces = irfft2(rfft2(frames[some], shape) * spectrum, shape)
        noises = surfaces.std(axis=(1, 2))
        for shift, surface, noise in zip(found[some], _near(surfaces, reach), noises, strict=True):
            peak = np.unravel_index(int(surface.argmax()), surface.shape)
            if surface[peak] > PEAK_SIGNIFICANCE * noise:
                shift[:] = np.array([_refine(surface, peak, axis) for axis in range(2)]) - reach
    return found


def shifts_to_mean(frames: Image, max_shift: float) -> npt.NDArray[np.float64]:
    """Find the shifts (N, 2) of frames (N, Y, X): against the middle one, then their mean."""
    reference = frames[len(frames) // 2]
    for _ in range(ROUNDS):
        shifts = find_translations(frames, reference, max_shift)
        whole = np.round(shifts).astype(int)
        moved = [np.roll(f, tuple(-s), axis=(0, 1)) for f, s in zip(frames, whole, strict=True)]
        reference = np.mean(moved, axis=0)
    return shifts


def _near(surfaces: Image, reach: list[int]) -> Image:
    """Correlations within reach, (N, 2 * reach_y + 1, 2 * reach_x + 1)."""
    rows, columns = (np.arange(-r, r + 1) for r in reach)
    near: Image = surfaces[:, rows[:, np.newaxis], columns[np.newaxis, :]]
    return near


def _refine(surface: Image, peak: tuple[np.intp, ...], axis: int) -> float:
    """Vertex of the parabola through the peak and its neighbours along an axis."""
    centre = int(peak[axis])
    if not 0 < centre < surface.shape[axis] - 1:
        return float(centre)
    line = surface[:, peak[1]] if axis == 0 else surface[peak[0], :]
    left, top, right = (float(v) for v in line[centre - 1 : centre + 2])
    curvature = left - 2 * top + right
    return centre + (0.5 * (left - right) / curvature if curvature < 0 else 0.0)
