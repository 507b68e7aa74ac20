"""Movies brought to 16-bit integers without wrapping a pixel."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from napari_zstack_align.progress import Job, Progress

LIMITS = np.iinfo(np.int16)

Frame = npt.NDArray[Any]


class Fit(NamedTuple):
    """How values become int16: stored = (value - offset) · scale, rounded."""

    offset: float
    scale: float

    def apply(self, frame: Frame, outside: float) -> npt.NDArray[np.int16]:
        """Bring a frame to int16; pixels that are no numbers get the value ``outside``."""
        values = frame.astype(np.float64)
        values[~known(frame)] = outside
        values -= self.offset
        values *= self.scale
        np.rint(values, out=values)
        return np.clip(values, LIMITS.min, LIMITS.max, out=values).astype(np.int16)

    def sentence(self, name: str = "") -> str:
        """What was done to the values of a channel."""
        whose = f"Values of {name}" if name else "Values"
        if self == (0.0, 1.0):
            return f"{whose} are stored as they are."
        done = [f"shifted by {-self.offset:g}"] if self.offset else []
        done += [f"scaled by {self.scale:g}"] if self.scale != 1 else []
        return f"{whose} were {' and '.join(done)} to fit into int16 (see ops.npy)."


def known(frame: Frame) -> npt.NDArray[np.bool_]:
    """Pixels that are numbers: floats are NaN outside the raw frame."""
    return np.isfinite(frame)


def fit_of(low: float, high: float, dtype: np.dtype[Any]) -> Fit:
    """Choose how values from ``low`` to ``high`` become int16.

    Integers stay as they are where that is possible; else they are shifted, which keeps every
    count; else scaled. Floats are always scaled. Zero stays zero unless the values are far from
    it (a detector with an offset).
    """
    if not low <= high:
        return Fit(0.0, 1.0)
    whole = dtype.kind in "ui"
    if whole and low >= LIMITS.min and high <= LIMITS.max:
        return Fit(0.0, 1.0)
    if whole and high - low <= LIMITS.max:
        return Fit(low, 1.0)
    offset = low if low > high / 2 else 0.0
    span = max(high - offset, offset - low)
    return Fit(offset, LIMITS.max / span if span else 1.0)


class Movie:
    """Frames in a raw file of their own type, with their range; later in one of int16.

    Parameters
    ----------
    path : pathlib.Path
        File for the frames as they come; it is gone once they are int16.
    shape : tuple of int
        (Y, X) of a frame.
    dtype : numpy.dtype
        Of a pixel.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._path, self._shape = path, shape
        # Small integers are int16 at once.
        self._dtype = np.dtype(np.int16) if np.can_cast(dtype, np.int16) else dtype
        self._low, self._high, self._count = np.inf, -np.inf, 0
        self._total = np.zeros(shape)
        self._file = path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, frame: Frame) -> None:
        """Write the next frame."""
        inside = known(frame)
        if inside.any():
            limits = np.iinfo(frame.dtype) if frame.dtype.kind in "ui" else np.finfo(frame.dtype)
            low = frame.min(where=inside, initial=limits.max)
            self._low = min(self._low, float(low))
            self._high = max(self._high, float(frame.max(where=inside, initial=limits.min)))
        self._count += 1
        np.add(self._total, frame, out=self._total, where=inside)
        self._file.write(np.ascontiguousarray(frame, self._dtype.newbyteorder("<")).data)

    def fit(self) -> Fit:
        """How these frames become int16."""
        return fit_of(self._low, self._high, self._dtype)

    def as_int16(self, path: Path, fit: Fit) -> Job[npt.NDArray[np.float32]]:
        """Put the frames into ``path`` as int16; returns their mean, (Y, X) float32."""
        self._file.close()
        if self._dtype.itemsize == 2 and self._dtype.kind in "ui" and fit == (0.0, 1.0):
            # uint16 up to 32767 is int16 already.
            self._path.rename(path)
            return np.asarray(self._total / self._count, np.float32)
        total = np.zeros(self._shape)
        outside = self._low if np.isfinite(self._low) else 0.0
        with self._path.open("rb") as source, path.open("wb") as target:
            for done in range(self._count):
                stored = fit.apply(self._read(source), outside)
                total += stored
                target.write(stored.astype("<i2").data)
                yield Progress("Fitting into int16", done + 1, self._count)
        self._path.unlink()
        return np.asarray(total / self._count, np.float32)

    def _read(self, source: Any) -> Frame:
        size = int(np.prod(self._shape)) * self._dtype.itemsize
        frame = np.frombuffer(source.read(size), self._dtype.newbyteorder("<"))
        return frame.reshape(self._shape)
