"""Where the frames of a stack come from: the protocol of all readers, and arrays."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError


class FrameSource(Protocol):
    """Where the frames come from: a file, a set of files or an array.

    Implementations are thread-safe, keep no file open between calls and read nothing but the
    frames asked for. See `reads_singly` for what they may have besides.
    """

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, C, Y, X)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of a pixel."""

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Frames ``start`` to ``stop`` (exclusive) as an array (stop - start, C, Y, X)."""


def reads_singly(source: FrameSource) -> bool:
    """Whether frames are read one by one at no more cost than many at once.

    A source says so by an attribute ``reads_singly``. Without it, chunks may hold many frames, all
    of which are unpacked for any of them.
    """
    return bool(getattr(source, "reads_singly", False))


class ArraySource:
    """Frames of a numpy, dask or zarr array, brought to the order (T, C, Y, X) when read.

    Parameters
    ----------
    data : array-like
        Anything with ``shape``, ``dtype`` and basic slicing.
    axes : str
        One letter a dimension of ``data``: T, V (volume), C, Z (slice), R (repeat), Y, X.
    """

    def __init__(self, data: Any, axes: str) -> None:
        self._data = with_checked_chunks(data)
        self._axes = axes
        frame_axes = [a for a in axes if a not in "CYX"]
        self._frame_places = [axes.index(a) for a in frame_axes]
        self._frame_shape = tuple(data.shape[k] for k in self._frame_places)
        # Of a run of frames the slower frame axes are gone; those that are missing come first.
        frame = frame_axes[-1] if frame_axes else "T"
        left = [a for a in axes if a not in frame_axes[:-1]]
        missing = [a for a in (frame, "C") if a not in left]
        self._missing = (np.newaxis,) * len(missing)
        self._order = [[*missing, *left].index(a) for a in (frame, *"CYX")]
        sizes = dict(zip(axes, data.shape, strict=True))
        self._shape = (
            prod(self._frame_shape),
            int(sizes.get("C", 1)),
            int(sizes["Y"]),
            int(sizes["X"]),
        )

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, C, Y, X)."""
        return self._shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of a pixel."""
        return np.dtype(self._data.dtype)

    @property
    def reads_singly(self) -> bool:
        """See `sources.reads_singly`."""
        return isinstance(self._data, np.ndarray)

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Frames ``start`` to ``stop`` as (stop - start, C, Y, X)."""
        length = self._frame_shape[-1] if self._frame_shape else 1
        if start < stop and start // length == (stop - 1) // length:
            return self._run(start, stop)
        runs = [self._run(a, b) for a, b in self._runs(start, stop)]
        return np.concatenate(runs) if runs else np.empty((0, *self.shape[1:]), self.dtype)

    def _runs(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Stretches of frames in which the slower frame axes stand still."""
        length = self._frame_shape[-1] if self._frame_shape else 1
        while start < stop:
            end = min(stop, (start // length + 1) * length)
            yield start, end
            start = end

    def _run(self, start: int, stop: int) -> npt.NDArray[Any]:
        index: list[int | slice] = [slice(None)] * len(self._axes)
        if self._frame_shape:
            *outer, first = map(int, np.unravel_index(start, self._frame_shape))
            for place, i in zip(self._frame_places, outer, strict=False):
                index[place] = i
            index[self._frame_places[-1]] = slice(first, first + stop - start)
        block: npt.NDArray[Any] = np.asarray(self._data[tuple(index)])
        return block[self._missing].transpose(self._order)


class SourceOf:
    """Frames of another source, seen in another way; alike in what isn't said otherwise.

    Parameters
    ----------
    source : FrameSource
        The other source.
    """

    def __init__(self, source: FrameSource) -> None:
        self.source = source
        self.reads_singly = reads_singly(source)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, C, Y, X)."""
        return self.source.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of a pixel."""
        return self.source.dtype

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Frames ``start`` to ``stop`` as (stop - start, C, Y, X)."""
        return self.source.read(start, stop)


class FramesOf(SourceOf):
    """Chosen frames of another source.

    Parameters
    ----------
    source : FrameSource
        The other source.
    frames : numpy.ndarray
        (T,) their indices in it.
    """

    def __init__(self, source: FrameSource, frames: npt.NDArray[np.intp]) -> None:
        super().__init__(source)
        self.reads_singly = True
        self._frames = frames

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, C, Y, X)."""
        return (len(self._frames), *self.source.shape[1:])

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Frames ``start`` to ``stop`` as (stop - start, C, Y, X)."""
        return _gathered(self.source, self._frames[start:stop])


class PlanesOf(SourceOf):
    """Planes of a source of one channel, put together to frames of several.

    Parameters
    ----------
    source : FrameSource
        (N, 1, Y, X), the planes in the order of the file.
    planes : numpy.ndarray
        (T, C) index in it of each plane.
    """

    def __init__(self, source: FrameSource, planes: npt.NDArray[np.intp]) -> None:
        super().__init__(source)
        self.reads_singly = True
        self._planes = planes

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, C, Y, X)."""
        n_frames, n_channels = self._planes.shape
        return (n_frames, n_channels, *self.source.shape[2:])

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Frames ``start`` to ``stop`` as (stop - start, C, Y, X)."""
        planes = self._planes[start:stop]
        return _gathered(self.source, planes.reshape(-1)).reshape(-1, *self.shape[1:])


def _gathered(source: FrameSource, frames: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
    """Frames of a source in any order; those that follow one another are read at once."""
    if not len(frames):
        return np.empty((0, *source.shape[1:]), source.dtype)
    borders = np.flatnonzero(np.diff(frames) != 1) + 1
    runs = [(int(run[0]), int(run[-1]) + 1) for run in np.split(frames, borders)]
    parts = [source.read(start, stop) for start, stop in runs]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


class WithGaps(SourceOf):
    """Frames of another source, of which some can't be read.

    Parameters
    ----------
    source : FrameSource
        The other source.
    gaps : dict of int to InputError
        What reading one of these frames raises.
    """

    def __init__(self, source: FrameSource, gaps: Mapping[int, InputError]) -> None:
        super().__init__(source)
        self._gaps = dict(gaps)
        self._frames = np.array(sorted(gaps), np.intp)

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Frames ``start`` to ``stop`` as (stop - start, C, Y, X).

        Raises
        ------
        InputError
            Where one of them can't be read.
        """
        first = int(np.searchsorted(self._frames, start))
        if first < len(self._frames) and self._frames[first] < stop:
            error = self._gaps[int(self._frames[first])]
            raise type(error)(str(error))
        return self.source.read(start, stop)


def with_checked_chunks(data: Any) -> Any:
    """Return a zarr array with chunks that are checked before they are unpacked, others as is.

    A damaged chunk of blosc can kill Python.
    """
    zarr = sys.modules.get("zarr")  # who has such an array has imported it, others needn't
    if zarr is None or not isinstance(data, zarr.Array):
        return data
    from napari_zstack_align.checked_blosc import with_checked_blosc

    return with_checked_blosc(data)


def as_array(data: Any, what: str) -> npt.NDArray[Any]:
    """Return data as an array; InputError, which begins with ``what``, where it is none."""
    try:
        return np.asarray(with_checked_chunks(data))
    except (TypeError, ValueError):  # lists of unlike lengths
        raise InputError(f"{what} must be an array of numbers: give rows of one length.") from None
