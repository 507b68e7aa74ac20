"""Whether a slice would lie better over the one before it a few pixels away.

The peak of a cross-correlation is round, so next to it a shift changes little; what a shift of that
length changes at random places says how much is more than chance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from napari_zstack_align.spread import SD_PER_MAD

Image = npt.NDArray[np.float32]
Score = npt.NDArray[np.floating]


class Beside(NamedTuple):
    """The highest peak near a place.

    Attributes
    ----------
    y, x : float
        Where it is from that place, in px of the score.
    height : float
        The score there.
    clearer : float
        By how much it is higher than the place, in spreads of what so long a shift changes at
        random.
    """

    y: float
    x: float
    height: float
    clearer: float


def peak_beside(
    score: Score, centre: tuple[int, int], reach: int, others: npt.NDArray[np.bool_]
) -> Beside:
    """Find the highest peak of a score near a place, to a fraction of a pixel.

    Parameters
    ----------
    score : numpy.ndarray
        (Y, X) cross-correlation at every shift.
    centre : tuple of int
        The place, of no shift.
    reach : int
        How far from it to look, along each axis; less where the score ends.
    others : numpy.ndarray
        (Y, X) bool: shifts that are far away, and like others by chance.
    """
    reach = min(reach, *centre, *(n - 1 - c for n, c in zip(score.shape, centre, strict=True)))
    near = score[tuple(slice(c - reach, c + reach + 1) for c in centre)]
    at = np.unravel_index(int(np.argmax(near)), near.shape)
    offsets, height = [], float(near[at])
    for axis in (0, 1):
        line = np.take(near, at[1 - axis], axis=1 - axis)
        fraction, more = _top(line, int(at[axis]))
        offsets.append(float(at[axis]) - reach + fraction)
        height += more
    y, x = offsets
    here = float(score[centre])
    length = float(np.hypot(y, x))
    along_y, along_x = np.diff(score, axis=0)[:, :-1], np.diff(score, axis=1)[:-1]
    changes = np.abs(y * along_y + x * along_x)[others[:-1, :-1]]
    spread = SD_PER_MAD * float(np.median(changes)) if length and changes.size else np.inf
    return Beside(y, x, height, (height - here) / (spread or np.inf))


def detail(image: Image, where: Image) -> npt.NDArray[np.float64]:
    """(2,) by how much the autocorrelation of an image bends at its top along y and x, per px².

    Parameters
    ----------
    image : numpy.ndarray
        (Y, X), band-passed.
    where : numpy.ndarray
        (Y, X) weights.
    """
    power = float(np.vdot(where, image**2))
    if power == 0:
        return np.zeros(2)
    along_y, along_x = np.diff(image, axis=0) ** 2, np.diff(image, axis=1) ** 2
    return np.array([np.vdot(where[1:], along_y), np.vdot(where[:, 1:], along_x)]) / power


def expected_error(
    score: Score, top: float, details: npt.NDArray[np.float64], others: npt.NDArray[np.bool_]
) -> float:
    """Error of the place of a peak to be expected, in px of the score.

    What the images share slopes down from the true place, the more the finer it is. By chance each
    resembles what the other doesn't share, and the peak lies where the two slopes are even. Shifts
    far away, where nothing is shared, show how steep chance is.

    Parameters
    ----------
    score : numpy.ndarray
        (Y, X) cross-correlation at every shift.
    top : float
        Height of the peak.
    details : numpy.ndarray
        (2,) of the images, as of `detail`.
    others : numpy.ndarray
        (Y, X) bool: shifts that are alike by chance.

    Returns
    -------
    float
        Length; infinite without a peak.
    """
    if top <= 0 or details.min() <= 0:
        return np.inf
    slopes = [np.abs(np.gradient(score, axis=axis)[others]) for axis in (0, 1)]
    chance = SD_PER_MAD * np.median(slopes, axis=1) * np.sqrt(max(1 - top**2, 0.0))
    return float(np.hypot(*(chance / (top * details))))


def _top(line: Score, i: int) -> tuple[float, float]:
    """Of the parabola through a highest value: how far from it, and how much higher, the top is."""
    if not 0 < i < len(line) - 1:
        return 0.0, 0.0
    left, middle, right = (float(value) for value in line[i - 1 : i + 2])
    bend = left - 2 * middle + right
    if bend == 0:
        return 0.0, 0.0
    fraction = (left - right) / (2 * bend)
    return fraction, (right - left) * fraction / 4
