"""Ways in which frames can follow one another, and how well each explains how alike they are.

An arrangement predicts that two frames are alike where it puts them into the same plane, and less
so the farther apart it puts them. Prediction and similarities are compared after both are freed of
their local level (slow changes over time and depth, brightness, noise) and of what hangs on the
time between two frames alone. What is left is how similarity steps up and down from one pair of
frames to the next, and the part of it that an arrangement explains is its score.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter

from napari_zstack_align.layout import Order
from napari_zstack_align.read.layout.pairs import FramePairs

Matrix = npt.NDArray[np.float32]

LOCAL_FRAMES = 5
"""The local level is the mean over this many pairs to each side."""
REACH_PLANES = 2.0
"""Likeness of neighbouring planes falls by e over this many."""
LAGS_FRAMES = (2.0, 10.0)
"""Over so many frames likeness may fall with time, whatever the planes."""


class Kind(StrEnum):
    """What runs fastest."""

    REPEATS = "repeats"
    SLICES = "slices"
    UP_AND_DOWN = "up-and-down"
    TURNING = "up-and-down, its ends once"


@dataclass(frozen=True, order=True)
class Arrangement:
    """A way in which frames follow one another.

    Attributes
    ----------
    kind : Kind
    length : int
        Repeats of a slice for 'repeats', else the number of planes.
    """

    kind: Kind
    length: int

    @property
    def order(self) -> Order:
        """How a stack says it."""
        return next(order for order, kind in KINDS.items() if kind is self.kind)

    def plane_of(self, frames: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """(n,) plane of each frame."""
        if self.kind is Kind.REPEATS:
            return frames // self.length
        if self.kind is Kind.SLICES:
            return frames % self.length
        period = 2 * self.length - (2 if self.kind is Kind.TURNING else 0)
        place = frames % period
        back = period - place - (0 if self.kind is Kind.TURNING else 1)
        return np.where(place < self.length, place, back)


KINDS: dict[Order, Kind] = {
    "repeats": Kind.REPEATS,
    "slices": Kind.SLICES,
    "up-and-down": Kind.UP_AND_DOWN,
    "up-and-down-once": Kind.TURNING,
}
"""By how a stack says them."""


def arrangements(longest: int, lengths: Iterable[int]) -> list[Arrangement]:
    """Every arrangement of up to ``longest`` repeats or planes, and of some more lengths."""
    wanted = sorted({*range(2, longest + 1), *(n for n in lengths if n > 1)})
    return [
        Arrangement(kind, n)
        for n in wanted
        for kind in Kind
        if n > 2 or kind in (Kind.REPEATS, Kind.SLICES)
    ]


class Explained:
    """Scores arrangements by how they explain similarities.

    Parameters
    ----------
    pairs : FramePairs
        Similarities of a sample of frames.
    """

    def __init__(self, pairs: FramePairs) -> None:
        self._frames = pairs.frames.ravel()
        self._blocks = pairs.frames.shape
        self._known = np.isfinite(pairs.alike)
        self._weight = np.maximum(self._box(self._known.astype(np.float32)), 1e-6)
        lag = np.abs(self._frames[:, np.newaxis] - self._frames)
        falls = [self._local(np.exp(-lag / np.float32(reach))) for reach in LAGS_FRAMES]
        self._over_time = _orthonormal(falls)
        alike = self._local(np.where(self._known, pairs.alike, 0).astype(np.float32))
        for fall in self._over_time:
            alike = alike - float(np.vdot(fall, alike)) * fall
        norm = float(np.linalg.norm(alike))
        self._alike = alike / norm if norm > 0 else alike

    def score(self, arrangement: Arrangement) -> float:
        """Multiple correlation, 0 to 1, of similarity with what the arrangement predicts."""
        return self._score(arrangement.plane_of(self._frames))

    def shuffled(self, arrangement: Arrangement, times: int) -> npt.NDArray[np.float64]:
        """(times,) scores of an arrangement over frames that follow one another at random."""
        rng = np.random.default_rng(0)
        plane = arrangement.plane_of(self._frames)
        return np.array([self._score(rng.permutation(plane)) for _ in range(times)])

    def _score(self, plane: npt.NDArray[np.intp]) -> float:
        apart = np.abs(plane[:, np.newaxis] - plane).astype(np.float32)
        predictions = [self._local(p) for p in (apart == 0, np.exp(-apart / REACH_PLANES))]
        if not any(p.any() for p in predictions):
            return 0.0
        return _multiple_correlation(predictions, self._alike, self._over_time)

    def _local(self, values: npt.NDArray[np.generic]) -> Matrix:
        """Values less the mean of those around them, in each pair of blocks; 0 where unknown."""
        known = np.where(self._known, values, 0).astype(np.float32)
        return np.where(self._known, known - self._box(known) / self._weight, 0)

    def _box(self, values: Matrix) -> Matrix:
        """Mean of a square around each pair, in each pair of blocks."""
        n_blocks, length = self._blocks
        square = 2 * LOCAL_FRAMES + 1
        apart = values.reshape(n_blocks, length, n_blocks, length)
        box = uniform_filter(apart, (1, square, 1, square), mode="constant")
        return np.asarray(box.reshape(values.shape), np.float32)


def _orthonormal(columns: list[Matrix]) -> list[Matrix]:
    """Orthonormal basis of what the columns span."""
    basis: list[Matrix] = []
    for column in columns:
        left = column
        for known in basis:
            left = left - np.float32(np.vdot(known, left)) * known
        norm = float(np.linalg.norm(left))
        if norm > 1e-3 * float(np.linalg.norm(column)):
            basis.append(left / norm)
    return basis


def _multiple_correlation(
    predictions: list[Matrix], alike: Matrix, over_time: list[Matrix]
) -> float:
    """Correlation with the best sum of predictions, with weights of at least 0.

    ``alike`` has norm 1 and is free of ``over_time``, an orthonormal basis; predictions are freed.
    """
    shares = np.array([[np.vdot(fall, p) for fall in over_time] for p in predictions], float)
    gram = np.array([[np.vdot(a, b) for b in predictions] for a in predictions], float)
    raw = np.diag(gram).copy()
    gram -= shares @ shares.T
    match = np.array([np.vdot(p, alike) for p in predictions], float)
    # A prediction that is a change over time and nothing else explains nothing.
    own = np.diag(gram) > 1e-3 * np.maximum(raw, 1e-12)
    alone = np.where(own, match / np.sqrt(np.maximum(np.diag(gram), 1e-12)), 0)
    best = max(float(alone.max()), 0.0)
    if own.all() and np.linalg.det(gram) > 1e-4 * float(np.prod(np.diag(gram))):
        weights = np.linalg.solve(gram, match)
        if (weights > 0).all():
            best = max(best, float(np.sqrt(max(weights @ match, 0.0))))
    return min(best, 1.0)
