"""How alike neighbouring frames are, whatever small shift lies between them.

Each frame is reduced to at most 128 pixels a side, rows struck by light are filled, its noise made
even by a square root, and band-passed; two frames are compared by the highest value of their
normalised cross-correlation over small shifts. So neither photon noise, nor slow shading, nor
motion, nor light that falls into some rows hides a change of slice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy import fft

from napari_zstack_align.levels import above_lowest, is_long
from napari_zstack_align.progress import Progress
from napari_zstack_align.read.layout.fixed_pattern import FixedPattern, compared_for_fixed
from napari_zstack_align.read.layout.struck_rows import without_struck_rows
from napari_zstack_align.stack import Stack

SIDE_PX = 128
FINE_PX = 1.5
COARSE_PX = 5.0
MAX_SHIFT = 0.06
"""Largest shift between two frames, as a fraction of the longer side."""
ROUNDING = 1e-6
BLOCK_BYTES = 8 * 2**20


def similarities(
    stack: Stack, n_frames: int, lags: int, channel: int
) -> Generator[Progress, None, npt.NDArray[np.float64]]:
    """Compare each of the first ``n_frames`` frames with the ``lags`` that follow it.

    Returns
    -------
    numpy.ndarray
        (lags, n_frames - 1) correlation of frame t with t + 1 + lag index; NaN beyond the last
        frame and where a frame is constant.
    """
    out = np.full((lags, max(n_frames - 1, 0)), np.nan)
    some = [stack.read(t, t + 1)[0, channel] for t in compared_for_fixed(range(n_frames))]
    fixed = FixedPattern.of(some)
    recent: deque[_Spectrum] = deque(maxlen=lags)
    frame_bytes = int(np.prod(stack.shape[1:])) * stack.dtype.itemsize
    block = max(1, min(BLOCK_BYTES // frame_bytes, 32))
    for start in range(0, n_frames, block):
        stop = min(start + block, n_frames)
        for t, frame in enumerate(stack.read(start, stop)[:, channel], start):
            spectrum = _Spectrum(fixed.taken_out_of(frame))
            for lag, earlier in enumerate(reversed(recent)):
                out[lag, t - 1 - lag] = earlier.correlation(spectrum)
            recent.append(spectrum)
        yield Progress("Comparing neighbouring frames", stop, n_frames)
    return out


def constant_below(small: npt.NDArray[np.float32]) -> float:
    """Norm of a band-passed reduced frame (Y, X) that is no more than rounding leaves."""
    return ROUNDING * min(float(np.abs(small).max(initial=0)), 1.0) * float(small.size**0.5)


class _Spectrum:
    """Band-passed spectrum of a reduced frame, of norm 1; None where the frame is constant."""

    def __init__(self, frame: npt.NDArray[Any]) -> None:
        small = reduced(frame)
        self._shape = small.shape
        spectrum = fft.rfft2(small) * band(*small.shape)
        norm = np.linalg.norm(fft.irfft2(spectrum, self._shape))
        self._spectrum = spectrum / norm if norm > constant_below(small) else None

    def correlation(self, other: _Spectrum) -> float:
        """Highest normalised cross-correlation over small shifts."""
        if self._spectrum is None or other._spectrum is None:
            return float("nan")
        surface = fft.irfft2(self._spectrum * other._spectrum.conj(), self._shape)
        reach = max(1, round(MAX_SHIFT * max(self._shape)))
        rows, columns = (_near(n, reach) for n in self._shape)
        return float(surface[np.ix_(rows, columns)].max())


def _near(n: int, reach: int) -> npt.NDArray[np.intp]:
    """Indices of shifts up to ``reach`` either way along an axis of ``n``."""
    reach = min(reach, (n - 1) // 2)
    return np.arange(-reach, reach + 1) % n


def reduced(frame: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Smaller image of even noise without struck rows, with borders faded out."""
    if is_long(frame.dtype):
        frame, _ = above_lowest(frame)
    image = np.nan_to_num(frame.astype(np.float32), nan=np.nan, posinf=np.nan, neginf=np.nan)
    finite = np.isfinite(image)
    if not finite.all():
        image = np.where(finite, image, image[finite].mean() if finite.any() else 0)
    factor = min(1.0, SIDE_PX / max(image.shape))
    if factor < 1:
        height, width = (max(1, round(n * factor)) for n in image.shape)
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    image = without_struck_rows(image)
    image = np.sqrt(image - image.min())
    faded: npt.NDArray[np.float32] = (image - image.mean()) * _fade(*image.shape)
    return faded


@lru_cache(maxsize=4)
def _fade(height: int, width: int) -> npt.NDArray[np.float32]:
    """Window that is 1 but for the outer tenth of each side."""

    def side(n: int) -> npt.NDArray[np.float32]:
        distance = np.minimum(np.arange(n), np.arange(n)[::-1]) + 0.5
        return np.sin(np.pi / 2 * np.clip(distance / max(0.1 * n, 1), 0, 1)).astype(np.float32)

    return np.outer(side(height), side(width))


@lru_cache(maxsize=4)
def band(height: int, width: int) -> npt.NDArray[np.float32]:
    """Difference of two Gaussians in the Fourier domain."""
    square = fft.fftfreq(height)[:, None] ** 2 + fft.rfftfreq(width)[None] ** 2
    fine, coarse = (np.exp(-2 * np.pi**2 * s**2 * square) for s in (FINE_PX, COARSE_PX))
    return (fine - coarse).astype(np.float32)
