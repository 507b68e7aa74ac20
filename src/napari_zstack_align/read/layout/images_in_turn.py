"""Whether a recording shows several images in turn: planes, or two channels, as one.

Frames of one image resemble one another whether or not another frame lies between them. Of two
images in turn, frames two or four apart do, and those one, three or five apart don't. What is
compared is freed of noise and brightness: the likeness of even and odd frames is divided by the
geometric mean of those among the even and among the odd ones, so that dim and bright frames in turn
(flicker of the light) are one image. Likeness that falls with time, or steps once, lowers the mean
of the odd distances no more than that of the even ones.

Of more images in turn, frames are as alike as can be at multiples of their number alone. Each is
then compared with each of the others in the same way: no two of them may be alike, as they are
where tissue lights up every few frames.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.read.layout.pairs import FramePairs, sample_frames
from napari_zstack_align.read.said.sayable import how_to_open_planes
from napari_zstack_align.saved import Arrays
from napari_zstack_align.stack import Stack

BLOCK_FRAMES, N_BLOCKS = 8, 4
"""At most so many frames are read, in as many blocks of neighbours."""
LEAST_LEVEL = 0.05
CLEAR_SPREADS = 4.0
"""Frames show something where they resemble one another by so much more than turned ones."""
MOST_IMAGES = 8
"""So many images in turn are looked for at most."""
AS_ALIKE = 0.95
"""Frames so many apart show the same image where they are as alike, by this part, as at any other
distance that is looked at."""
UNLIKE, UNLIKE_IN_FEW = 0.8, 0.7
"""Two images in turn resemble one another by less than this part of what noise allows, in every
block; of short recordings, in the one to three that there are. Activity, motion and flicker stay
above."""


def turn_sample(stack: Stack) -> npt.NDArray[np.intp]:
    """(b, `BLOCK_FRAMES`) frames to compare, 32 at most; none of a recording that is too short."""
    n_blocks = min(N_BLOCKS, stack.n_frames // BLOCK_FRAMES)
    if not n_blocks:
        return np.zeros((0, BLOCK_FRAMES), np.intp)
    frames = sample_frames(stack, BLOCK_FRAMES, n_blocks).ravel()
    return frames[: n_blocks * BLOCK_FRAMES].reshape(n_blocks, BLOCK_FRAMES)


def images_in_turn(pairs: FramePairs) -> Arrays:
    """Figures of a sample by which `turn_sentence` tells two to eight images in turn."""
    return {"parts": alike_in_turn(pairs), "several": several_in_turn(pairs)}


def turn_sentence(stack: Stack, found: Arrays) -> str:
    """What is to be known of a recording by its `images_in_turn`; '' for nothing."""
    # Even and odd ones of four or more images differ, too.
    return _of_several(stack, found["several"]) or _of_two(stack, found["parts"])


def _of_two(stack: Stack, parts: npt.NDArray[np.floating]) -> str:
    """What is to be known of a recording with such `alike_in_turn`; '' for nothing."""
    least = UNLIKE if len(parts) == N_BLOCKS else UNLIKE_IN_FEW
    if not len(parts) or not (parts < least).all():
        return ""
    return (
        f"{stack.name} shows two images in turn, such as two planes or two channels: even and odd "
        f"frames are only {100 * max(float(parts.mean()), 0):.0f} % as alike as frames of one "
        f"image. If they are channels, give `channels=2`; if planes, "
        f"{how_to_open_planes(2, stack.n_frames)}."
    )


def _of_several(stack: Stack, several: npt.NDArray[np.floating]) -> str:
    """What is to be known of a recording with such `several_in_turn`; '' for nothing."""
    if not len(several):
        return ""
    number, alike = int(several[0]), 100 * max(float(several[1]), 0)
    return (
        f"{stack.name} shows {number} images in turn, such as {number} planes: frames {number} "
        f"apart show the same, and any others are at most {alike:.0f} % as alike as frames of one "
        f"image. If they are planes, {how_to_open_planes(number, stack.n_frames)}; if channels, "
        f"give `channels={number}`."
    )


def several_in_turn(pairs: FramePairs) -> npt.NDArray[np.float64]:
    """(2,) number of images in turn, from three on, and the largest likeness of two of them.

    That is a part of what noise allows. Empty where there is one image, or two, or nothing is
    clear; a likeness has to be small in the whole sample, and in any two neighbouring blocks.
    """
    n_blocks = len(pairs.frames)
    found = {n: turns for n in range(2, MOST_IMAGES + 1) if (turns := _turns(pairs, n)) is not None}
    highest = max((own for own, _ in found.values()), default=0.0)
    if n_blocks < 2 or highest <= 0:
        return np.zeros(0)
    number = min(n for n, (own, _) in found.items() if own >= AS_ALIKE * highest)
    parts = [_turns(_blocks(pairs, b), number) for b in range(n_blocks - 1)]
    alike = [found[number][1], *(np.inf if part is None else part[1] for part in parts)]
    least = UNLIKE if n_blocks == N_BLOCKS else UNLIKE_IN_FEW
    if number < 3 or not max(alike) < least:
        return np.zeros(0)
    return np.array([number, max(alike)])


def _turns(pairs: FramePairs, number: int) -> tuple[float, float] | None:
    """How alike frames of the same turn are, and the largest likeness of two turns.

    The latter is a part of what noise allows; infinite where a turn shows nothing clear. None
    where the sample is too small.
    """
    turn = pairs.frames.ravel() % number
    of_turn = (turn == np.arange(number)[:, np.newaxis]).astype(np.float64)
    known, chance = np.isfinite(pairs.alike), pairs.by_chance[np.isfinite(pairs.by_chance)]
    counts = of_turn @ known @ of_turn.T
    if len(chance) < 2 or not counts.all():
        return None
    alike = of_turn @ np.where(known, pairs.alike - chance.mean(), 0) @ of_turn.T / counts
    own, n_pairs = alike.diagonal(), counts.diagonal() / 2
    if not (own > LEAST_LEVEL + CLEAR_SPREADS * chance.std() / np.sqrt(n_pairs)).all():
        return float(own.mean()), np.inf
    others = alike / np.sqrt(np.outer(own, own))
    return float(own.mean()), float(others[~np.eye(number, dtype=bool)].max())


def _blocks(pairs: FramePairs, first: int) -> FramePairs:
    """Two neighbouring blocks of a sample."""
    length = pairs.frames.shape[1]
    cut = slice(first * length, (first + 2) * length)
    return FramePairs(
        pairs.frames[first : first + 2],
        pairs.alike[cut, cut],
        pairs.by_chance[cut.start : cut.stop - 1],
        pairs.mean[cut],
        pairs.spread[cut],
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
