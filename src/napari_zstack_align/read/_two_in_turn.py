"""Whether a recording shows two images in turn: two planes, or two channels, as one.

Frames of one image resemble one another whether or not another frame lies between them. Of two
images in turn, frames two or four apart do, and those one, three or five apart don't. What is
compared is freed of noise and brightness: the likeness of even and odd frames is divided by the
geometric mean of those among the even and among the odd ones, so that dim and bright frames in turn
(flicker of the light) are one image. Likeness that falls with time, or steps once, lowers the mean
of the odd distances no more than that of the even ones.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from napari_zstack_align.progress import Job
from napari_zstack_align.read._pairs import FramePairs, SampledFrames, sample_frames
from napari_zstack_align.remark import Remark, as_warnings
from napari_zstack_align.saved import Units, key_of
from napari_zstack_align.stack import Stack

BLOCK_FRAMES, N_BLOCKS = 8, 4
"""At most so many frames are read, in as many blocks of neighbours."""
LEAST_LEVEL = 0.05
CLEAR_SPREADS = 4.0
"""Frames show something where they resemble one another by so much more than turned ones."""
SHOWS_TWO = "shows two images in turn"
UNIT, METHOD = "two-in-turn", "two images in turn 1"
UNLIKE, UNLIKE_IN_FEW = 0.8, 0.7
"""Two images in turn resemble one another by less than this part of what noise allows, in every
block; of short recordings, in the one to three that there are. Activity, motion and flicker stay
above: 0.93 and 0.85 was the least that was seen."""


def two_in_turn(
    units: Units, channel: int = 0, known: Iterable[Remark] | None = None
) -> Job[tuple[Remark, ...]]:
    """Look whether even and odd frames of a recording show two images; reads up to 32 frames.

    Parameters
    ----------
    units : Units
        Of a run over a recording, among which what was found is kept. A stack with
        ``frames_per_slice``, or too short, isn't looked at.
    channel : int
        Channel to look at.
    known : iterable of Remark, optional
        Of the recording's alignment, whose run looked at the frames: nothing is read.

    Returns
    -------
    generator of Progress
        Returns a remark, or none.
    """
    if known is not None:
        return of_two_in_turn(known)
    stack = units.frames.stack
    if stack.frames_per_slice is not None or stack.n_frames < BLOCK_FRAMES:
        return ()
    frames = _sample(stack)
    key = key_of(METHOD, channel=channel)
    arrays = units.get(UNIT, key, frames)
    if arrays is None:
        pairs = yield from SampledFrames(stack, channel).compare(frames)
        arrays = {"parts": alike_in_turn(pairs)}
        units.put(UNIT, key, arrays, frames)
    return as_warnings(_sentence(stack.name, arrays["parts"]))


def of_two_in_turn(remarks: Iterable[Remark]) -> tuple[Remark, ...]:
    """What `two_in_turn` has returned, among the remarks of a result."""
    return tuple(remark for remark in remarks if SHOWS_TWO in remark)


def _sample(stack: Stack) -> npt.NDArray[np.intp]:
    """(b, `BLOCK_FRAMES`) frames to compare."""
    n_blocks = min(N_BLOCKS, stack.n_frames // BLOCK_FRAMES)
    frames = sample_frames(stack, BLOCK_FRAMES, n_blocks).ravel()
    return frames[: n_blocks * BLOCK_FRAMES].reshape(n_blocks, BLOCK_FRAMES)


def _sentence(name: str, parts: npt.NDArray[np.floating]) -> str:
    """What is to be known of a recording with such `alike_in_turn`; '' for nothing."""
    least = UNLIKE if len(parts) == N_BLOCKS else UNLIKE_IN_FEW
    if not len(parts) or not (parts < least).all():
        return ""
    return (
        f"{name} {SHOWS_TWO}, such as two planes or two channels: even and odd frames are only "
        f"{100 * max(float(parts.mean()), 0):.0f} % as alike as frames of one image. Save the "
        f"even and the odd frames as recordings of their own."
    )


def alike_in_turn(pairs: FramePairs) -> npt.NDArray[np.float64]:
    """(b,) likeness of even and odd frames in each block, as a part of what noise allows.

    Empty where a block shows nothing.
    """
    n_blocks, length = pairs.frames.shape
    chance = pairs.by_chance[np.isfinite(pairs.by_chance)]
    if len(chance) < 2:
        return np.zeros(0)
    level, spread = float(chance.mean()), float(chance.std())
    every = pairs.alike.reshape(n_blocks, length, n_blocks, length)
    parts = []
    for block in range(n_blocks):
        same, crossed = _likeness(every[block, :, block] - level)
        if not min(same) > LEAST_LEVEL + CLEAR_SPREADS * spread / np.sqrt(length):
            return np.zeros(0)
        parts.append(crossed / np.sqrt(same[0] * same[1]))
    return np.array(parts)


def _likeness(alike: npt.NDArray[np.float32]) -> tuple[tuple[float, float], float]:
    """Mean likeness among even and among odd frames of a block, and between the two.

    Each mean of two even distances stands beside the mean of the odd ones around them.
    """
    start = np.arange(len(alike))
    even, odd = (
        float(np.mean([_at(alike, start[first::2], lag).mean() for lag in (2, 4)]))
        for first in (0, 1)
    )
    crossed = [float(_at(alike, start, lag).mean()) for lag in (1, 3, 5)]
    return (even, odd), float(np.average(crossed, weights=(1, 2, 1)))


def _at(
    alike: npt.NDArray[np.float32], start: npt.NDArray[np.intp], lag: int
) -> npt.NDArray[np.float32]:
    first = start[start + lag < len(alike)]
    return alike[first, first + lag]
