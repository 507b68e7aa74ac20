"""How well each arrangement explains how alike the frames of a sample are.

How well an arrangement does by chance is told by the same arrangement over shuffled frames.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.read.layout.arrangements import (
    KINDS,
    Arrangement,
    Explained,
    Kind,
    arrangements,
)
from napari_zstack_align.read.layout.pairs import FramePairs
from napari_zstack_align.stack import Stack

BLOCK_FRAMES, N_BLOCKS = 32, 4
"""At most so many frames are read, in as many blocks of neighbours; half of them come first."""
LONGEST = BLOCK_FRAMES * N_BLOCKS // 2
"""Longest period looked for, besides those of the layout itself: it has to be seen twice."""
SHUFFLES = 20
CHANCE_SPREADS = 6.0
"""A score counts where it lies this many standard deviations above those of shuffled frames."""
LEAST_SCORE = 0.1
"""A score below this always counts as none: slow changes in recordings have one, too."""
LEAST_OTHER_SCORE = 0.3
"""Score from which on another arrangement is believed."""
CLEAR_SPREADS, LEAST_LEVEL = 6.0, 0.02
"""Frames resemble one another where they do so by this much more than turned ones."""


@dataclass(frozen=True)
class Scores:
    """How well arrangements explain a sample of frames.

    Attributes
    ----------
    explained : Explained
    of : dict of Arrangement to float
        Score of each, 0 to 1.
    lengths : frozenset of int
        Numbers of repeats and slices that the layout itself has.
    """

    explained: Explained
    of: dict[Arrangement, float]
    lengths: frozenset[int] = frozenset()

    def at(self, arrangement: Arrangement | None) -> float:
        """Score of an arrangement; 0 for none, and for one that wasn't tried."""
        return 0.0 if arrangement is None else self.of.get(arrangement, 0.0)

    def by_chance(self, arrangement: Arrangement) -> float:
        """Score that it would hardly reach if the frames followed one another at random."""
        scores = self.explained.shuffled(arrangement, SHUFFLES)
        return max(float(scores.mean() + CHANCE_SPREADS * scores.std()), LEAST_SCORE)

    def best(self, without: Arrangement | None = None) -> Arrangement | None:
        """Arrangement of the highest score; of equal ones the shortest."""
        others = {a: s for a, s in self.of.items() if a != without}
        return max(others, key=lambda a: (round(others[a], 6), -a.length), default=None)


def scored(pairs: FramePairs, lengths: Iterable[int]) -> Job[Scores]:
    """Score every arrangement of a sample."""
    explained, lengths = Explained(pairs), frozenset(lengths)
    tried = arrangements(min(LONGEST, pairs.frames.size // 2), lengths)
    scores = {}
    for done, arrangement in enumerate(tried, start=1):
        scores[arrangement] = explained.score(arrangement)
        if done % 20 == 0:
            yield Progress("Comparing layouts", done, len(tried))
    return Scores(explained, scores, lengths)


def layout_of(stack: Stack) -> Arrangement | None:
    """Arrangement that a stack says of itself; None for a recording."""
    if stack.frames_per_slice is None:
        return None
    if stack.order == "repeats":
        return Arrangement(Kind.REPEATS, stack.most_repeats)
    return Arrangement(KINDS[stack.layout.order], stack.n_slices)


def is_regular(stack: Stack) -> bool:
    """Whether the slices of a stack follow one another as one of the arrangements has it."""
    varies = isinstance(stack.frames_per_slice, tuple) and len(set(stack.frames_per_slice)) > 1
    return not varies and stack.frames_in_turn == 1


def level_above_chance(pairs: FramePairs, where: npt.NDArray[np.bool_]) -> float | None:
    """Mean similarity of some pairs above chance; None where it isn't clearly above."""
    values = pairs.alike[where & np.isfinite(pairs.alike)]
    chance = pairs.by_chance[np.isfinite(pairs.by_chance)]
    if not len(values) or len(chance) < 2:
        return None
    level = float(values.mean() - chance.mean())
    spread = float(chance.std()) / np.sqrt(min(len(values), len(chance)))
    return level if level > CLEAR_SPREADS * spread + LEAST_LEVEL else None
