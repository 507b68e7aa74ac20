"""Images that sum up many frames, a block of frames at a time."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.mean import RunningMean

Frames = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Image = npt.NDArray[np.float32]

Neighbours: TypeAlias = Literal[4, 8]

OFFSETS: dict[Neighbours, tuple[tuple[int, int], ...]] = {
    4: ((0, 1), (1, 0)),
    8: ((0, 1), (1, 0), (1, 1), (1, -1)),
}
"""To one of each pair of opposite neighbours: the correlation is the same both ways."""


class Projection(Protocol):
    """Takes frames block by block and makes one image of them."""

    def add(self, frames: Frames, valid: Mask) -> None:
        """Take (n, Y, X) frames with their valid pixels."""

    def image(self) -> Image:
        """(Y, X) float32 image of all frames so far; NaN where it isn't defined."""


class Mean:
    """Mean over the valid pixels."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._mean = RunningMean(shape)

    def add(self, frames: Frames, valid: Mask) -> None:
        """Take a block."""
        for frame, inside in zip(frames, valid, strict=True):
            self._mean.add(frame, inside)

    def image(self) -> Image:
        """Mean so far."""
        return self._mean.image_or_nan()


class Maximum:
    """Largest value over the valid pixels."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._largest = np.full(shape, -np.inf, np.float32)

    def add(self, frames: Frames, valid: Mask) -> None:
        """Take a block."""
        for frame, inside in zip(frames, valid, strict=True):
            np.maximum(self._largest, frame, out=self._largest, where=inside)

    def image(self) -> Image:
        """Largest so far."""
        return np.where(np.isfinite(self._largest), self._largest, np.float32(np.nan))


class _Centred:
    """Frames less those of the first block on average: sums of squares then keep their digits."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        self._centre: Image | None = None

    def _centred(self, frames: Frames, valid: Mask) -> npt.NDArray[np.float64]:
        if self._centre is None:
            first = RunningMean(self._shape)
            for frame, inside in zip(frames, valid, strict=True):
                first.add(frame, inside)
            self._centre = first.image()
        return np.where(valid, frames - self._centre, 0).astype(np.float64)


class StandardDeviation(_Centred):
    """Standard deviation over the valid pixels (of the frames themselves, not an estimate)."""

    def __init__(self, shape: tuple[int, int]) -> None:
        super().__init__(shape)
        self._count, self._sum, self._square = np.zeros((3, *shape))

    def add(self, frames: Frames, valid: Mask) -> None:
        """Take a block."""
        values = self._centred(frames, valid)
        self._count += valid.sum(axis=0)
        self._sum += values.sum(axis=0)
        self._square += np.einsum("tyx,tyx->yx", values, values)

    def image(self) -> Image:
        """Standard deviation so far."""
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = self._square / self._count - (self._sum / self._count) ** 2
        return np.sqrt(np.maximum(variance, 0)).astype(np.float32)


class LocalCorrelation(_Centred):
    """Mean Pearson correlation over time of each pixel with its 4 or 8 neighbours.

    Pixels of a cell rise and fall together, those of noise don't: cells stand out that are dim on
    average (Smith & Häusser 2010, Nat. Neurosci. 13, 1144-1149). A pair of pixels counts in the
    frames in which both are valid.
    """

    def __init__(self, shape: tuple[int, int], neighbours: Neighbours = 8) -> None:
        super().__init__(shape)
        self._pairs = [_PairSums(shape, offset) for offset in OFFSETS[neighbours]]

    def add(self, frames: Frames, valid: Mask) -> None:
        """Take a block."""
        values = self._centred(frames, valid)
        inside = None if valid.all() else valid.astype(np.float64)
        for pair in self._pairs:
            pair.add(values, inside)

    def image(self) -> Image:
        """Correlation so far, in [-1, 1]; NaN where a pixel and its neighbours don't vary."""
        total, count = np.zeros((2, *self._shape))
        for pair in self._pairs:
            correlation = pair.correlation()
            known = np.isfinite(correlation)
            for side in pair.sides:
                total[side] += np.where(known, correlation, 0)
                count[side] += known
        with np.errstate(invalid="ignore", divide="ignore"):
            return (total / count).astype(np.float32)


class _PairSums:
    """Sums over time for the pairs of each pixel and its neighbour at one offset."""

    def __init__(self, shape: tuple[int, int], offset: tuple[int, int]) -> None:
        (height, width), (dy, dx) = shape, offset
        left, right = max(-dx, 0), width - max(dx, 0)
        self.sides = (
            (slice(0, height - dy), slice(left, right)),
            (slice(dy, height), slice(left + dx, right + dx)),
        )
        self._sums = np.zeros((6, height - dy, right - left))

    def add(self, values: npt.NDArray[np.float64], inside: npt.NDArray[np.float64] | None) -> None:
        a, b = (values[(slice(None), *side)] for side in self.sides)
        if inside is None:
            terms = [len(values), a.sum(axis=0), b.sum(axis=0)]
            squares = [_over_time(a, a), _over_time(b, b)]
        else:
            u, v = (inside[(slice(None), *side)] for side in self.sides)
            terms = [_over_time(u, v), _over_time(a, v), _over_time(b, u)]
            squares = [_over_time(a * a, v), _over_time(b * b, u)]
        for total, term in zip(self._sums, [*terms, *squares, _over_time(a, b)], strict=True):
            total += term

    def correlation(self) -> npt.NDArray[np.float64]:
        n, a, b, aa, bb, ab = self._sums
        with np.errstate(invalid="ignore", divide="ignore"):
            spread_a, spread_b = aa - a * a / n, bb - b * b / n
            # Pixels that don't vary leave rounding errors.
            varies = (spread_a > 1e-9 * aa) & (spread_b > 1e-9 * bb)
            correlation = (ab - a * b / n) / np.sqrt(spread_a * spread_b)
        return np.where(varies, np.clip(correlation, -1, 1), np.nan)


def _over_time(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    product: npt.NDArray[np.float64] = np.einsum("tyx,tyx->yx", a, b)
    return product
