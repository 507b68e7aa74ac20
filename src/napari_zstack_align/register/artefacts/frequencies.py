"""Spatial frequencies of an image that stand out from those around them: regular patterns.

Rows and columns with an offset each, stripes, waves and grids gather in few frequencies, or in
lines of them; tissue spreads over many. Those around a frequency are a block of them, and a ring
around zero: the spectrum of tissue falls steeply, and differently along different directions.

Images are padded: otherwise a wave would have to fit into the image a whole number of times.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
from scipy.fft import (
    fftfreq,
    fftshift,
    ifftshift,
    irfft2,
    next_fast_len,
    rfft2,
    rfftfreq,
)

from napari_zstack_align.register.brightness import TINY
from napari_zstack_align.register.prefilter import USUAL

Image = npt.NDArray[np.float32]

STANDS_OUT, BESIDE = 4.0, 2.0
"""A frequency is so many times as strong as those around; one beside it so many times."""
BLOCK = 16
"""Frequencies in a block along each axis."""
PADDED = 1.25
MOST_RING_FREQUENCIES = 2**14
SLOWEST = 3
"""Waves of fewer periods over the image are shading, which harms nobody."""
TAPER = 0.1
"""Part of the image along each border where it fades out before its spectrum is taken."""
ROUNDS, ROUNDS_IN_MIDDLE = 30, 8
"""How often it is repeated to find what lies in some frequencies: all of it, or all but at borders.
"""


def standing_out(image: Image) -> Image:
    """(v, u) float32: the part of each frequency of a padded image that stands out; 0: none."""
    strength = strength_of(image)
    y, x = frequencies_of(image.shape)
    around = np.maximum(_of_blocks(strength), _of_rings(strength, np.hypot(y, x)))
    quick = np.hypot(y * image.shape[0], x * image.shape[1]) >= SLOWEST
    out = quick & (strength > STANDS_OUT * around)
    if not out.any():
        return np.zeros_like(strength)
    near = cv2.dilate(out.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    out |= quick & near & (strength > BESIDE * around)
    return np.asarray(np.where(out, 1 - around / np.maximum(strength, TINY), 0), np.float32)


def power_of(part: Image, image: Image) -> float:
    """Part of an image's contrast, at the scales that an alignment compares, in frequencies."""
    if not part.any():
        return 0.0
    y, x = frequencies_of(image.shape)
    squares = -2 * np.pi**2 * (y**2 + x**2)
    band = np.exp(squares * USUAL.fine_px**2) - np.exp(squares * USUAL.coarse_px**2)
    strength = strength_of(image) * band
    return float(np.square(part * strength).sum() / np.square(strength).sum())


def lying_in(part: Image, image: Image) -> Image:
    """What of an image (Y, X) lies in frequencies (v, u) of `standing_out`, up to its borders."""
    return _repeated(part, image, np.ones_like(image), ROUNDS)


def lying_in_middle(part: Image, image: Image) -> Image:
    """`lying_in` in a few rounds: faint near the borders, and what ends there adds nothing."""
    return _repeated(part, image, _taper(*image.shape), ROUNDS_IN_MIDDLE)


def _repeated(part: Image, image: Image, weights: Image, rounds: int) -> Image:
    """(Y, X) part of an image, from what of the rest, weighted, lies in frequencies."""
    padded = _padded(image.shape)
    seen = np.s_[: image.shape[0], : image.shape[1]]
    found = np.zeros(padded, np.float32)
    for _ in range(rounds):
        left = image - found[seen]
        found += irfft2(part * rfft2((left - left.mean()) * weights, padded), padded)
    return found[seen].copy()


def strength_of(image: Image) -> Image:
    """(v, u) float32 strength of the frequencies of an image, padded."""
    spectrum = rfft2((image - image.mean()) * _taper(*image.shape), _padded(image.shape))
    return np.asarray(np.abs(spectrum), np.float32)


def _of_blocks(strength: Image) -> Image:
    """Median strength in the blocks around frequencies, of every second along each axis."""
    some = fftshift(strength, axes=0)[::2, ::2]
    size = BLOCK // 2
    whole = np.pad(some, [(0, -n % size) for n in some.shape], mode="reflect")
    rows, columns = (n // size for n in whole.shape)
    blocks = whole.reshape(rows, size, columns, size).swapaxes(1, 2).reshape(rows, columns, -1)
    medians = np.partition(blocks, blocks.shape[2] // 2, axis=2)[..., blocks.shape[2] // 2]
    smooth = cv2.resize(medians, None, fx=BLOCK, fy=BLOCK, interpolation=cv2.INTER_LINEAR)
    return np.asarray(
        ifftshift(smooth[: strength.shape[0], : strength.shape[1]], axes=0), np.float32
    )


def _of_rings(strength: Image, distance: npt.NDArray[np.float64]) -> Image:
    """Median strength of the frequencies as far from zero."""
    radius = distance * max(strength.shape)
    step = int(np.ceil(np.sqrt(strength.size / MOST_RING_FREQUENCIES)))
    rings = radius[::step, ::step].astype(int).ravel()
    some = strength[::step, ::step].ravel()
    order = np.lexsort((some, rings))
    numbers, starts, counts = np.unique(rings[order], return_index=True, return_counts=True)
    medians = some[order][starts + counts // 2]
    return np.asarray(np.interp(radius, numbers + 0.5, medians), np.float32)


def _padded(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(next_fast_len(int(PADDED * n), real=True) for n in shape)


def frequencies_of(
    shape: tuple[int, ...],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(v, 1) and (u,) frequencies of padded images, in periods per px."""
    height, width = _padded(shape)
    return fftfreq(height)[:, np.newaxis], rfftfreq(width)


@lru_cache(maxsize=2)
def _taper(height: int, width: int) -> Image:
    """(Y, X) weights that fall to zero at the borders."""
    along = []
    for n in (height, width):
        k = max(int(TAPER * n), 2)
        rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(k) + 0.5) / k)
        along.append(np.concatenate([rise, np.ones(n - 2 * k), rise[::-1]]))
    return np.outer(*along).astype(np.float32)
