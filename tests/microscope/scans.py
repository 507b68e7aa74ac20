"""Frames with a known line phase: tissue of smooth random structure, scanned there and back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, shift

Image = npt.NDArray[np.float64]


def tissue(rng: np.random.Generator, size: int = 128) -> Image:
    """Cells over neuropil, whose mean is 1."""
    cells = gaussian_filter((rng.random((size, size)) < 0.01) * rng.gamma(2, 1, (size, size)), 2)
    neuropil = gaussian_filter(rng.normal(size=(size, size)), 2)
    image = cells / cells.mean() + 1 + 0.3 * neuropil / neuropil.std()
    image = np.clip(image, 0.05, None)
    return np.asarray(image / image.mean())


def scanned(image: Image, px: float | Image) -> Image:
    """Move every odd line (Y, X) to the right, by as much in each column."""
    moved = image.copy()
    x = np.arange(image.shape[1])
    spectrum = np.fft.rfft(image, axis=1)
    if np.ndim(px) == 0:
        turned = spectrum * np.exp(-2j * np.pi * np.fft.rfftfreq(len(x)) * px)
        moved[1::2] = np.fft.irfft(turned, len(x), axis=1)[1::2]
        return moved
    for y in range(1, len(image), 2):
        moved[y] = np.interp(x - px, x, image[y])
    return moved


def noisy(
    rng: np.random.Generator, image: Image, n_frames: int, photons: float = 3.0
) -> npt.NDArray[np.uint16]:
    """Frames (T, Y, X) of so many photons a pixel on average."""
    expected = photons * np.clip(image, 0, None)
    return np.asarray(100 + 20 * rng.poisson(expected, (n_frames, *image.shape)), np.uint16)


def drifting(rng: np.random.Generator, image: Image, px_per_frame: float) -> Image:
    """A mean of frames while the tissue moves: every line is scanned a little later."""
    n_rows = len(image)
    moved = np.empty_like(image)
    x = np.arange(image.shape[1])
    for y in range(n_rows):
        moved[y] = np.interp(x - px_per_frame * y / n_rows, x, image[y])
    return moved


def tilted(image: Image, px_per_line: float) -> Image:
    """Shear: every structure runs aslant."""
    rows = [shift(row, px_per_line * y, mode="wrap") for y, row in enumerate(image)]
    return np.stack(rows)
