"""Whether frames lie at the same few depths in turn, as those of several planes would."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted
from napari_zstack_align.read import how_to_open_planes
from napari_zstack_align.spread import SD_PER_MAD
from napari_zstack_align.stack import Stack

Numbers = npt.NDArray[np.float64]

MOST_PLANES, FEW_PLANES = 16, 3
FEWEST_ROUNDS, MANY_ROUNDS = 4, 10
"""As often every depth must come, where it comes every second or third frame and where less often:
few rounds of a slow motion to and fro look the same."""
LEAST_KNOWN = 0.5
"""Part of the frames whose depth must be known."""
LEAST_APART = 0.5
"""Distance of the depths, in slices."""
MOST_SCATTER = 0.25
"""Of frames about the depth of their turn, as a part of the distance of the depths."""
SAME_PART = 0.8
"""Where fewer planes are this far apart already, they are those that come in turn."""


def warning_of_planes(stack: Stack, z: npt.NDArray[np.floating], weight: Numbers) -> str:
    """Sentence about frames that lie at several depths in turn; '' where they don't.

    Parameters
    ----------
    stack : Stack
        The recording.
    z : numpy.ndarray
        (T, patches) depths in slices, each frame for itself; NaN where unknown.
    weight : numpy.ndarray
        (T, patches) of the depths.
    """
    depths = depths_in_turn(depth_of_frames(z, weight))
    if not len(depths):
        return ""
    number = len(depths)
    at = f"repeats every {number} frames, from {depths.min():.1f} to {depths.max():.1f} slices"
    if number == 2:
        at = f"alternates: even and odd frames lie at {depths[0]:.1f} and {depths[1]:.1f} slices"
    return (
        f"The depth of {stack.name} {at}. If it holds {counted(number, 'plane')} in turn, "
        f"{how_to_open_planes(number, stack.n_frames)}."
    )


def depths_in_turn(z: Numbers) -> Numbers:
    """(n,) depths that frames have in turn; none where they don't.

    Parameters
    ----------
    z : numpy.ndarray
        (T,) depth of each frame; NaN where unknown.
    """
    known = np.isfinite(z)
    if known.sum() < max(LEAST_KNOWN * len(z), 2 * FEWEST_ROUNDS):
        return np.empty(0)
    frames = np.arange(len(z))
    filled = np.interp(frames, frames[known], z[known])
    apart = {1: 0.0}
    for n in range(2, MOST_PLANES + 1):
        if len(z) < n * (FEWEST_ROUNDS if n <= FEW_PLANES else MANY_ROUNDS):
            break
        fast = filled - _level(filled, n)
        fast[~known] = np.nan
        turns = [fast[k::n] for k in range(n)]
        if any(np.isfinite(turn).sum() < FEWEST_ROUNDS - 1 for turn in turns):
            continue
        steps = np.array([np.nanmedian(turn) for turn in turns])
        scatter = SD_PER_MAD * float(np.nanmedian(np.abs(fast - np.resize(steps, len(z)))))
        apart[n] = float(np.ptp(steps))
        fewer = max(apart[m] for m in apart if n % m == 0 and m < n)
        is_clear = apart[n] > LEAST_APART and scatter < MOST_SCATTER * apart[n]
        if is_clear and fewer < SAME_PART * apart[n]:
            return np.asarray(np.median(filled) + steps - steps.mean())
    return np.empty(0)


def _level(z: Numbers, n: int) -> Numbers:
    """(T,) mean over a whole round of n frames about each."""
    kernel = np.ones(n) if n % 2 else np.r_[0.5, np.ones(n - 1), 0.5]
    reach = len(kernel) // 2
    # The first and the last round go on beyond the ends.
    around = np.concatenate([np.resize(z[:n][::-1], reach)[::-1], z, np.resize(z[-n:], reach)])
    return np.convolve(around, kernel / n, "valid")


def depth_of_frames(z: npt.NDArray[np.floating], weight: Numbers) -> Numbers:
    """(T,) weighted mean over the patches; NaN without any."""
    weight = np.where(np.isfinite(z), weight, 0)
    total = weight.sum(axis=1)
    mean = (np.nan_to_num(z) * weight).sum(axis=1) / np.where(total > 0, total, 1)
    return np.where(total > 0, mean, np.nan)
