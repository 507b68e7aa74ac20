"""Frames that lie in a file as they are."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.read._plain_bytes import PlainFile, in_native_order
from napari_zstack_align.sources import FrameSource, SourceOf, reads_singly

BY_SIZE = {1: np.uint8, 2: np.uint16, 4: np.int32, 8: np.float64}
"""Types that OpenCV moves, by their number of bytes."""


class RawSource:
    """Frames of a C-ordered array (T, C, Y, X) in a file, without gaps.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    offset : int
        Where the numbers begin.
    stored : numpy.dtype
        Type in the file, with its byte order.
    shape : tuple of int
        (T, C, Y, X).
    """

    reads_singly = True

    def __init__(
        self, path: Path, offset: int, stored: np.dtype[Any], shape: tuple[int, int, int, int]
    ) -> None:
        self._path = path
        self._offset = offset
        self._stored = stored
        self._shape = shape
        self._frame_bytes = prod(shape[1:]) * stored.itemsize

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, C, Y, X)."""
        return self._shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of a pixel."""
        return self._stored.newbyteorder("=")

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Frames ``start`` to ``stop`` as (stop - start, C, Y, X)."""
        out = np.empty((max(stop - start, 0), *self._shape[1:]), self._stored)
        with PlainFile(self._path) as file:
            file.fill(out, self._offset + start * self._frame_bytes)
        return in_native_order(out)


class ScatteredSource:
    """Frames each of which lies in one piece somewhere in a file.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    offsets : numpy.ndarray
        (T,) int64, where each frame begins.
    stored : numpy.dtype
        Type in the file, with its byte order.
    frame : tuple of int
        (C, Y, X) of a frame.
    """

    reads_singly = True

    def __init__(
        self,
        path: Path,
        offsets: npt.NDArray[np.int64],
        stored: np.dtype[Any],
        frame: tuple[int, int, int],
    ) -> None:
        self._path = path
        self._offsets = offsets
        self._stored = stored
        self._frame = frame

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, C, Y, X)."""
        return (len(self._offsets), *self._frame)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of a pixel."""
        return self._stored.newbyteorder("=")

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Frames ``start`` to ``stop`` as (stop - start, C, Y, X)."""
        offsets = self._offsets[start:stop].tolist()
        out = np.empty((len(offsets), *self._frame), self._stored)
        with PlainFile(self._path) as file:
            file.fill_all(zip(out, offsets, strict=True))
        return in_native_order(out)


class ChannelsSource:
    """Sources of one shape and type, each of which is a channel.

    Parameters
    ----------
    sources : tuple of FrameSource
        Of one channel each.
    """

    def __init__(self, sources: tuple[FrameSource, ...]) -> None:
        self._sources = sources

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, C, Y, X)."""
        n_frames, _, n_rows, n_columns = self._sources[0].shape
        return n_frames, len(self._sources), n_rows, n_columns

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of a pixel."""
        return self._sources[0].dtype

    @property
    def reads_singly(self) -> bool:
        """See `sources.reads_singly`."""
        return all(map(reads_singly, self._sources))

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Frames ``start`` to ``stop`` as (stop - start, C, Y, X)."""
        return np.concatenate([source.read(start, stop) for source in self._sources], axis=1)


class SidewaysSource(SourceOf):
    """Frames of another source with rows and columns exchanged.

    Parameters
    ----------
    source : FrameSource
        Frames (C, X, Y).
    """

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, C, Y, X)."""
        n_frames, n_channels, n_columns, n_rows = self.source.shape
        return n_frames, n_channels, n_rows, n_columns

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Frames ``start`` to ``stop`` as (stop - start, C, Y, X)."""
        out = np.empty((max(stop - start, 0), *self.shape[1:]), self.dtype)
        at_once = 1 if self.reads_singly else max(stop - start, 1)  # one stays in the cache
        for t in range(start, stop, at_once):
            stored = self.source.read(t, min(t + at_once, stop))
            _turn(stored, out[t - start : t - start + len(stored)])
        return out


def _turn(stored: npt.NDArray[Any], out: npt.NDArray[Any]) -> None:
    """Exchange rows and columns; OpenCV is faster than numpy by some times."""
    alike = BY_SIZE[out.dtype.itemsize]
    for channels, made in zip(stored.view(alike), out.view(alike), strict=True):
        for image, sideways in zip(channels, made, strict=True):
            cv2.transpose(image, sideways)
