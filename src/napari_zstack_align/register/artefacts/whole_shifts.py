"""Shifts of whole frames, also where something fixed to the detector is stronger than the tissue.

A pattern that is fixed holds a comparison of frames at no shift. So the shifts are found in several
ways as well: from frames without the means of their rows and columns, from frames without their
mean over time, and from frames without the places that change most (a clock). The shifts by which
frames are best explained as something fixed plus tissue that moves are right, where both
halves of the image, each by itself, confirm that the tissue moves so.
"""

from __future__ import annotations

import cv2
import numpy as np

from napari_zstack_align.register.artefacts.joint import (
    Groups,
    Image,
    Joint,
    Shifts,
    centred,
    explained,
    fitted,
)
from napari_zstack_align.register.translation import shifts_to_mean
from napari_zstack_align.spread import SD_PER_MAD

EXTREMES = 4.0
"""Pixels are cut to so many standard deviations (median-based) of their frame."""
TIMES_AS_STRONG = 2.0
"""Frames whose contrast is so many times as strong are under another light."""
BUSY_BLOCK_PX, BUSY_PART = 8, 0.12
"""Blocks of which so many are left out, those that change most."""
OTHERWISE_PX = 0.4
"""Shifts that differ by less from those found first aren't others."""
STAYS_PX = 0.3
"""Right shifts differ by less from those that explain the frames best nearby."""
LESS_PART = 0.97
"""... and the shifts found first explain less than this part of what the others do."""
CONFIRMED_PART = 0.6
"""The two halves of the image differ by less than this part of the shifts."""
LEAST_PX = 0.75
"""Smaller shifts are never sure where something fixed may be stronger than the tissue."""
LAST_ROUNDS = 40


def shifts_despite_fixed(
    images: Image, groups: Groups, plain: Shifts, reach: float
) -> Joint | None:
    """Explain frames as fixed and moving, if they move otherwise than it seems; else None.

    Parameters
    ----------
    images : numpy.ndarray
        (n, Y, X) float32, band-passed, not cut.
    groups : numpy.ndarray
        (n,) frames of a group show the same tissue.
    plain : numpy.ndarray
        (n, 2) px, found without regard to what is fixed.
    reach : float
        Largest shift that is looked for.
    """
    images = _evenly_lit(images)
    changes = cut(images - images.mean(axis=0))
    calm = _calm(changes)
    judged = changes * calm
    plain = centred(plain, groups)
    from_plain = fitted(judged, groups, plain, reach)
    if _length(from_plain.shifts - plain) < STAYS_PX:
        return None
    without_lines = images - images.mean(axis=2, keepdims=True)
    without_lines -= without_lines.mean(axis=1, keepdims=True)
    begun = [from_plain]
    for frames in (cut(images) * calm, cut(without_lines), judged, changes):
        begun.append(fitted(judged, groups, _shifts(frames, groups, reach), reach))
    best = min(begun, key=lambda one: one.residual)
    best = fitted(judged, groups, best.shifts, reach, LAST_ROUNDS)
    is_other = _length(best.shifts - plain) >= OTHERWISE_PX
    by_plain = 1 - explained(judged, groups, plain).residual
    if not is_other or by_plain > LESS_PART * (1 - best.residual):
        return None
    return best if _is_confirmed(judged, groups, best, reach) else None


def cut(images: Image) -> Image:
    """Images (n, Y, X) without extremes, in units of their spread."""
    result = np.empty_like(images)
    for out, image in zip(result, images, strict=True):
        np.clip(image / np.float32(_spread(image)), -EXTREMES, EXTREMES, out=out)
    return result


def _evenly_lit(images: Image) -> Image:
    """Images (n, Y, X), those under much stronger light brought to that of the others."""
    spreads = np.array([_spread(image) for image in images])
    times = spreads / np.median(spreads)
    times[times < TIMES_AS_STRONG] = 1
    return np.asarray(images / times[:, np.newaxis, np.newaxis], np.float32)


def _spread(image: Image) -> float:
    return max(SD_PER_MAD * float(np.median(np.abs(image[::2, ::2]))), 1e-9)


def _calm(changes: Image) -> Image:
    """(Y, X) 1 where frames change, 0 in the blocks where they change most."""
    power = np.square(changes).mean(axis=0)
    n = tuple(max(size // BUSY_BLOCK_PX, 1) for size in power.shape)
    blocks = cv2.resize(power, n[::-1], interpolation=cv2.INTER_AREA)
    calm = (blocks <= np.quantile(blocks, 1 - BUSY_PART)).astype(np.float32)
    return cv2.resize(calm, power.shape[::-1], interpolation=cv2.INTER_NEAREST)


def _shifts(frames: Image, groups: Groups, reach: float) -> Shifts:
    found = np.zeros((len(frames), 2))
    for g in np.unique(groups):
        found[groups == g] = shifts_to_mean(frames[groups == g], reach)
    return centred(found, groups)


def _is_confirmed(frames: Image, groups: Groups, best: Joint, reach: float) -> bool:
    """Whether either half of the image moves by the same shifts."""
    middle = frames.shape[2] // 2
    halves = (frames[:, :, :middle], frames[:, :, middle:])
    one, other = (
        fitted(np.ascontiguousarray(half), groups, best.shifts, reach).shifts for half in halves
    )
    length = _length(one + other) / 2
    return length >= LEAST_PX and _length(one - other) < CONFIRMED_PART * length


def _length(shifts: Shifts) -> float:
    return float(np.sqrt(np.square(shifts).sum(axis=1).mean()))
