"""Plane waves of an image: regular patterns of few exact frequencies.

Stripes, waves and grids consist of a few waves. In a spectrum each is as wide as the image is
small, up to its borders wider still, and the tissue of all these frequencies would be taken for
the pattern. Known to a hundredth of that width, a wave holds hardly any tissue. So the frequencies
are sharpened by how the phase of what is left turns over the image, and the amplitudes of all
waves are fitted together, as they aren't orthogonal over an image. The strongest ones go first:
what leaks from them into other frequencies must not be taken for waves.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter

from napari_zstack_align.register.artefacts.frequencies import (
    Image,
    frequencies_of,
    standing_out,
    strength_of,
)

Complex = npt.NDArray[np.complexfloating]

MOST_WAVES = 32
"""Offsets of rows or columns, one each, consist of more; as many frequencies tell them as well."""
NEAR_STRONGEST = 0.5
"""Waves so many times as strong as the strongest are found together."""
SAME_WIDTHS = 0.6
"""Waves that are nearer to each other, in widths of a frequency, are one."""
SHARPENED = 2
"""How often the frequencies are corrected after each round."""
MOST_WIDTHS = 0.3
"""They are corrected by no more, in widths of a frequency."""
LEAST_LOAD = 1e-6
"""Keeps the fit of waves that are nearly alike solvable."""

AROUND = np.array([(0, 0), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)])
BESIDE_WIDTHS = 3.0
"""Frequencies around a wave are so many widths away, beyond what leaks from it."""
MOST_TIMES_AROUND = 3.0
"""Waves that stay change in squares by no more than so many times what is around them ..."""
LEAST_CHANGE = 0.01
"""... or by less than this part of themselves."""


class Waves(NamedTuple):
    """Plane waves.

    Attributes
    ----------
    frequencies : numpy.ndarray
        (n, 2) along y and x, in periods per px; the opposite ones belong to the same waves.
    """

    frequencies: npt.NDArray[np.float64]

    def lying_in(self, image: Image) -> Image:
        """What of an image (Y, X) the waves explain, by least squares."""
        along_y, along_x = self._along(image.shape)
        amplitudes = _amplitudes(image, along_y, along_x)[: len(self.frequencies)]
        n = len(self.frequencies)
        # A wave and its opposite are conjugates: twice the real part.
        found = 2 * ((along_y[:, :n] * amplitudes) @ along_x[:, :n].T).real
        return np.asarray(found, np.float32)

    def sharpened(self, image: Image) -> Waves:
        """Waves whose frequencies fit an image (Y, X) better.

        Where a frequency is off by d, what is left of the wave has the phase 2 pi d (y, x).
        """
        n, shape = len(self.frequencies), image.shape
        along_y, along_x = (along[:, :n].conj() for along in self._along(shape))
        amplitudes = _amplitudes(image, *self._along(shape))[:n]
        (y, weight_y), (x, weight_x) = (_window(length) for length in shape)
        left = (image - image.mean() - self.lying_in(image)) * np.outer(weight_y, weight_x)
        whole = amplitudes * weight_y.sum() * weight_x.sum()
        by_rows, by_columns = left @ along_x, left @ (along_x * x[:, np.newaxis])
        turns_y = (along_y * y[:, np.newaxis] * by_rows).sum(axis=0) / whole
        turns_x = (along_y * by_columns).sum(axis=0) / whole
        off = [
            turns.imag / (2 * np.pi * np.average(at**2, weights=weight))
            for turns, at, weight in ((turns_y, y, weight_y), (turns_x, x, weight_x))
        ]
        most = MOST_WIDTHS / np.array(shape)
        return Waves(self.frequencies + np.clip(np.stack(off, axis=1), -most, most))

    def staying(self, images: Image, groups: npt.NDArray[np.intp]) -> Waves:
        """Those waves that change from frame to frame no more than the frequencies around.

        Regular tissue that moves changes where it is strongest. Of the frames (n, Y, X) only those
        of a group (n,) show the same tissue.
        """
        height, width = images.shape[1:]
        beside = BESIDE_WIDTHS / np.array([height, width])
        places = self.frequencies[:, np.newaxis] + AROUND * beside
        (y, weight_y), (x, weight_x) = _window(height), _window(width)
        flat = places.reshape(-1, 2)
        along_y = np.exp(-2j * np.pi * np.outer(y, flat[:, 0])) * weight_y[:, np.newaxis]
        along_x = np.exp(-2j * np.pi * np.outer(x, flat[:, 1])) * weight_x[:, np.newaxis]
        found = np.stack([(along_y * (each @ along_x)).sum(axis=0) for each in images])
        power = np.square(np.abs(found.mean(axis=0))).reshape(len(places), -1)[:, 0]
        for group in np.unique(groups):
            found[groups == group] -= found[groups == group].mean(axis=0)
        changes = np.square(np.abs(found)).mean(axis=0).reshape(len(places), -1)
        around = np.median(changes[:, 1:], axis=1)
        most = np.maximum(MOST_TIMES_AROUND * around, LEAST_CHANGE * power)
        return Waves(self.frequencies[changes[:, 0] <= most])

    def _along(self, shape: tuple[int, ...]) -> tuple[Complex, Complex]:
        """(Y, 2 n + 1) and (X, 2 n + 1): the waves, their opposites and a constant, of one axis."""
        both = np.concatenate([self.frequencies, -self.frequencies, np.zeros((1, 2))])
        first, second = (
            np.exp(2j * np.pi * np.outer(_middled(length), each))
            for length, each in zip(shape, both.T, strict=True)
        )
        return first, second


def waves_of(image: Image, part: Image) -> Waves | None:
    """Waves of what stands out in an image (Y, X); None where it doesn't consist of few.

    Parameters
    ----------
    image : numpy.ndarray
    part : numpy.ndarray
        What stands out of it (`standing_out`).
    """
    waves = Waves(np.empty((0, 2)))
    left = image
    while part.any():
        more = _other_than(waves, _peaks(left, part), image.shape)
        if not len(more) or len(waves.frequencies) + len(more) > MOST_WAVES:
            return None
        waves = Waves(np.concatenate([waves.frequencies, more]))
        for _ in range(SHARPENED):
            waves = waves.sharpened(image)
        left = image - waves.lying_in(image)
        part = standing_out(left)
    return waves if len(waves.frequencies) else None


def _peaks(image: Image, part: Image) -> npt.NDArray[np.float64]:
    """(n, 2) the frequencies that stand out most: none beside them are stronger."""
    strength = strength_of(image) * (part > 0)
    highest = maximum_filter(strength, size=3, mode=("wrap", "nearest"))
    least = max(NEAR_STRONGEST * float(strength.max()), np.finfo(float).tiny)
    row, column = np.nonzero((strength == highest) & (strength >= least))
    y, x = frequencies_of(image.shape)
    return np.stack([y[row, 0], x[column]], axis=1).astype(np.float64)


def _other_than(
    waves: Waves, found: npt.NDArray[np.float64], shape: tuple[int, ...]
) -> npt.NDArray[np.float64]:
    """Frequencies (n, 2) that are neither those of waves nor of others before them."""
    known = list(waves.frequencies)
    for each in found:
        away = [
            min(np.abs((each - k) * shape).max(), np.abs((each + k) * shape).max()) for k in known
        ]
        if min(away, default=np.inf) >= SAME_WIDTHS:
            known.append(each)
    return np.asarray(np.reshape(known[len(waves.frequencies) :], (-1, 2)), np.float64)


def _amplitudes(image: Image, along_y: Complex, along_x: Complex) -> Complex:
    """(n,) complex amplitudes of waves that explain an image (Y, X) together."""
    alike = (along_y.conj().T @ along_y) * (along_x.conj().T @ along_x)
    alike[np.diag_indices_from(alike)] *= 1 + LEAST_LOAD
    seen = (along_y.conj() * (image @ along_x.conj())).sum(axis=0)
    return np.asarray(np.linalg.solve(alike, seen))


def _middled(length: int) -> npt.NDArray[np.float64]:
    """Places of pixels, the middle of the image being 0."""
    return np.asarray(np.arange(length) - (length - 1) / 2, np.float64)


def _window(length: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Places of pixels, and weights that fall to zero at the borders: waves leak little there."""
    at = _middled(length)
    return at, np.cos(np.pi * at / length) ** 2
