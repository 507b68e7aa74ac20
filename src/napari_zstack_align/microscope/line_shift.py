"""Every second line moved back along x: frames of another source, corrected as they are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.sources import FrameSource, SourceOf

Frames = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Px: TypeAlias = float | tuple[float, float, float]

LARGEST_PART = 4
"""Lines may be displaced by this part of their length at most."""


@dataclass(frozen=True)
class LineShift:
    """How far every second line (1, 3, 5 ... from 0) is moved back.

    Attributes
    ----------
    px : float or (float, float, float)
        How far these lines lie to the right, in px: everywhere, or at the left edge, in the centre
        and at the right edge, with a parabola between.
    subpixel : bool
        Whether parts of a pixel count. Then all lines are moved, by half of it each, so that the
        interpolation blurs them alike; else every second line by whole pixels, and no value
        changes.
    """

    px: Px
    subpixel: bool = False

    @property
    def does_nothing(self) -> bool:
        """Whether frames stay as they are."""
        return not np.any(self.px if self.subpixel else np.rint(self.px))

    @property
    def words(self) -> str:
        """'every second line by 3 px'."""
        at = np.atleast_1d(self.px if self.subpixel else np.rint(self.px))
        px = (
            f"{at[0]:g} px"
            if len(at) == 1
            else f"{at[0]:g}, {at[1]:g} and {at[2]:g} px (left edge, centre, right edge)"
        )
        if self.subpixel:
            return f"every second line by half of {px} to the left, the others as far to the right"
        return f"every second line by {px}"

    def of_columns(self, n_columns: int) -> Floats:
        """(X,) displacement of each column in px."""
        at = np.broadcast_to(np.asarray(self.px, np.float64), 3)
        u = np.linspace(-1, 1, n_columns) if n_columns > 1 else np.zeros(1)
        px = np.polyval(np.polyfit([-1, 0, 1], at, 2), u) if np.ptp(at) else np.full(len(u), at[0])
        return np.asarray(px if self.subpixel else np.rint(px), np.float64)


def as_line_shift(px: Any, subpixel: bool = False) -> LineShift | None:
    """Check what is given as line phase; None where it moves nothing.

    Raises
    ------
    InputError
        For anything but a number, or three.
    """
    listed = isinstance(px, Sequence | np.ndarray) and not isinstance(px, str)
    values = tuple(px) if listed else (px,)
    if len(values) not in (1, 3) or not all(map(_is_number, values)):
        raise InputError(
            f"line_phase must be 'auto', a number of px, or three of them (at the left edge, in "
            f"the centre, at the right edge), not {px!r}."
        )
    numbers = tuple(float(value) for value in values)
    shift = LineShift(numbers[0] if len(numbers) == 1 else numbers, bool(subpixel))  # type: ignore[arg-type]
    return None if shift.does_nothing else shift


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return is_number and bool(np.isfinite(value))


class ShiftedLines(SourceOf):
    """Frames of another source with every second line moved back.

    Where a line has nothing to show after that, at one edge, the mean of the lines above and below
    stands.

    Parameters
    ----------
    source : FrameSource
        The other source.
    shift : LineShift

    Raises
    ------
    InputError
        Where lines would be moved by more than a quarter of their length.
    """

    def __init__(self, source: FrameSource, shift: LineShift) -> None:
        n_columns = source.shape[3]
        if np.max(np.abs(shift.px)) > n_columns / LARGEST_PART:
            raise InputError(
                f"line_phase={shift.px} px is more than a quarter of a line of {n_columns} px: "
                f"give how far every second line lies to the right."
            )
        super().__init__(source)
        px = shift.of_columns(n_columns)
        self._odd = _Moved(px / 2 if shift.subpixel else px)
        self._even = _Moved(-px / 2) if shift.subpixel else None

    def read(self, start: int, stop: int) -> Frames:
        """Frames ``start`` to ``stop`` as (stop - start, C, Y, X)."""
        raw = self.source.read(start, stop)
        frames = raw.copy()
        frames[..., 1::2, :] = self._odd.of(raw[..., 1::2, :])
        if self._even is not None:
            frames[..., ::2, :] = self._even.of(raw[..., ::2, :])
            _fill(frames, 0, self._even.is_outside)
        _fill(frames, 1, self._odd.is_outside)
        return frames


class _Moved:
    """Lines read at other places along x.

    Parameters
    ----------
    px : numpy.ndarray
        (X,) how far to the right of each pixel its value lies.
    """

    def __init__(self, px: Floats) -> None:
        n = len(px)
        at = np.arange(n) + px
        self.is_outside = (at < 0) | (at > n - 1)
        first = np.floor(at).astype(np.intp)
        part = at - first
        self._weights = _cubic(part) if part.any() else None
        before = -1 if self._weights is not None else 0
        count = 4 if self._weights is not None else 1
        self._columns = [np.clip(first + before + i, 0, n - 1) for i in range(count)]
        # One displacement for all columns: slices of lines with room at their ends are faster.
        self._alike = bool(np.all(px == px[0]))
        self._start = int(first[0]) + before
        self._room = abs(self._start) + count

    def of(self, lines: Frames) -> Frames:
        """Read lines (..., X)."""
        if self._weights is None:
            return np.take(lines, self._columns[0], axis=-1)
        values = lines.astype(np.float32 if lines.dtype.itemsize <= 2 else np.float64)
        total = np.zeros_like(values)
        pairs = zip(self._parts(values), self._weights.astype(values.dtype), strict=True)
        for part, weights in pairs:
            total += part * (weights[0] if self._alike else weights)
        return _as(total, lines.dtype)

    def _parts(self, values: Frames) -> Iterator[Frames]:
        """Values of the pixels that each is made of."""
        if not self._alike:
            yield from (np.take(values, columns, axis=-1) for columns in self._columns)
            return
        room = [(0, 0)] * (values.ndim - 1) + [(self._room, self._room)]
        roomy, n = np.pad(values, room, mode="edge"), values.shape[-1]
        for i in range(len(self._columns)):
            first = self._room + self._start + i
            yield roomy[..., first : first + n]


def _cubic(part: Floats) -> Floats:
    """(4, X) weights of the pixels around places between the second and the third (Catmull-Rom)."""
    t = part
    return np.stack(
        [
            -t * (1 - t) ** 2 / 2,
            1 + t**2 * (3 * t - 5) / 2,
            t * (1 + t * (4 - 3 * t)) / 2,
            -(t**2) * (1 - t) / 2,
        ]
    )


def _fill(frames: Frames, first: int, columns: npt.NDArray[np.bool_]) -> None:
    """Give every second line from ``first`` on the mean of its neighbours in some columns."""
    places = np.flatnonzero(columns)
    n_rows = frames.shape[2]
    if not len(places) or n_rows < 2:
        return
    lines = np.arange(first, n_rows, 2)
    above = np.where(lines > 0, lines - 1, lines + 1)
    below = np.where(lines < n_rows - 1, lines + 1, lines - 1)
    part = slice(places[0], places[-1] + 1)  # they lie together, at one edge
    edge = frames[..., part].astype(np.float64)
    mean = (edge[..., above, :] + edge[..., below, :]) / 2
    frames[..., lines, part] = _as(mean, frames.dtype)


def _as(values: Floats, dtype: np.dtype[Any]) -> Frames:
    """Values in the data type of the frames: rounded, and within its range."""
    if dtype.kind not in "iu":
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    # The largest of 64 bits isn't among the real numbers: the one below it is.
    high = min(float(limits.max), np.nextafter(2.0 ** (limits.bits - (dtype.kind == "i")), 0))
    return np.clip(np.rint(values), float(limits.min), high).astype(dtype)
