"""Noise of images, and how many independent values it leaves after band-passing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.zshift.patches import PatchGrid

Image = npt.NDArray[np.float32]


def noise_variance(image: Image) -> float:
    """Variance of the noise of single pixels (Y, X), from the finest diagonal differences.

    An optical image has next to nothing there. NaN is left out.
    """
    corner = image[1:, 1:] + image[:-1, :-1] - image[1:, :-1] - image[:-1, 1:]
    known = corner[np.isfinite(corner)]
    return float(np.mean(known.astype(np.float64) ** 2) / 4) if known.size else 0.0


def independent_pixels(
    pixels: npt.NDArray[np.float32], grid: PatchGrid, kernel: npt.NDArray[np.float32]
) -> float:
    """Independent values in a pixel, when band-passed images are compared.

    By their power spectra P over N frequencies: (Σ P)² / (N Σ P²), the smaller of that of the
    noise and that of the reference itself, whose chance resemblances are noise, too.

    Parameters
    ----------
    pixels : numpy.ndarray
        (blocks, Z, pixels) band-passed slices.
    grid : PatchGrid
    kernel : numpy.ndarray
        (n, n) what the band leaves of a single bright pixel.
    """
    blocks = pixels.reshape(len(pixels), -1, *grid.block)
    middle = blocks[:, blocks.shape[1] // 2]
    power = (np.abs(np.fft.fft2(middle)) ** 2).sum(axis=0)
    return min(_flatness(power), _flatness(np.abs(np.fft.fft2(kernel)) ** 2))


def _flatness(power: npt.NDArray[np.floating]) -> float:
    total = float((power**2).sum())
    return float(power.sum()) ** 2 / (power.size * total) if total > 0 else 1.0
