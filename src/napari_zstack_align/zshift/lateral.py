"""Where a frame lies sideways over a slice: the peak of their cross-correlation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from napari_zstack_align.alignment.warp import shrink

Image = npt.NDArray[np.float32]

SHRINK_FROM_PX = 192
"""Images at least this large along both axes are compared at half size."""


@dataclass(frozen=True)
class LateralMatch:
    """Best match of a frame among some slices.

    Attributes
    ----------
    slice_index : int
    shift : numpy.ndarray
        (2,) dy, dx in px: what lies at (y, x) in the slice is at (y + dy, x + dx) in the frame.
    correlation : float
    """

    slice_index: int
    shift: npt.NDArray[np.float64]
    correlation: float


class LateralSearch:
    """Cross-correlates band-passed frames with slices, by FFT at reduced size.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) of the frames.
    max_shift_px : float
        Largest shift along y and x.
    n_slices : int
        Slices to come by `add`.
    """

    def __init__(self, shape: tuple[int, int], max_shift_px: float, n_slices: int) -> None:
        self._factor = 2 if min(shape) >= SHRINK_FROM_PX else 1
        small = (shape[0] // self._factor, shape[1] // self._factor)
        # Room beside the frame: what leaves it on one side doesn't come in on the other.
        reach = int(np.ceil(max_shift_px / self._factor))
        self._reach = [min(reach, size // 2 - 1) for size in small]
        self._size = tuple(
            fft.next_fast_len(size + r, real=True)
            for size, r in zip(small, self._reach, strict=True)
        )
        self._spectra = np.zeros((n_slices, self._size[0], self._size[1] // 2 + 1), np.complex64)
        self._norm = np.ones(n_slices)

    def add(self, k: int, image: Image) -> None:
        """Keep a band-passed slice (Y, X)."""
        small = shrink(image, self._factor)
        self._spectra[k] = np.conj(fft.rfft2(small, self._size))
        self._norm[k] = max(float(np.linalg.norm(small)), 1e-12)

    def find(self, frame: Image, slices: Sequence[int] | npt.NDArray[np.intp]) -> LateralMatch:
        """Best of some slices for a band-passed frame (Y, X), and the shift to it."""
        small = shrink(frame, self._factor)
        norm = max(float(np.linalg.norm(small)), 1e-12)
        spectrum = fft.rfft2(small, self._size)
        best = LateralMatch(int(slices[0]), np.zeros(2), -1.0)
        for k in slices:
            surface = self._surface(self._spectra[k] * spectrum) / (norm * self._norm[k])
            peak = np.unravel_index(int(surface.argmax()), surface.shape)
            if surface[peak] > best.correlation:
                shift = [_vertex(surface, peak, axis) - self._reach[axis] for axis in (0, 1)]
                best = LateralMatch(int(k), self._factor * np.array(shift), float(surface[peak]))
        return best

    def _surface(self, product: npt.NDArray[np.complex64]) -> Image:
        """(2 ry + 1, 2 rx + 1) correlations at the shifts of -r to r."""
        whole = fft.irfft2(product, self._size)
        ry, rx = self._reach
        rows = np.arange(-ry, ry + 1)[:, np.newaxis]
        return np.asarray(whole[rows, np.arange(-rx, rx + 1)])


def _vertex(surface: Image, peak: tuple[np.intp, ...], axis: int) -> float:
    """Place of the peak along an axis, by a parabola through it and its neighbours."""
    place = int(peak[axis])
    line = surface[:, peak[1]] if axis == 0 else surface[peak[0]]
    if not 0 < place < len(line) - 1:
        return float(place)
    before, at, after = (float(line[place + step]) for step in (-1, 0, 1))
    bend = before - 2 * at + after
    return place + (0.5 * (before - after) / bend if bend < 0 else 0.0)
