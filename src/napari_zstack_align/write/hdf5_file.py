"""An HDF5 file on a disk that may be full.

HDF5 can't be closed when a write fails: it tries again at the end of the process, with memory that
is freed by then, and takes Python down. So no write fails here: after the first error, bytes are
kept in memory, and the error is raised outside of HDF5, which is closed as if nothing had happened.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeAlias

import h5py

Check: TypeAlias = Callable[[], None]


@contextmanager
def hdf5_file(path: Path, mode: Literal["w", "r+"]) -> Iterator[tuple[Any, Check]]:
    """Open a file for writing.

    Parameters
    ----------
    path : pathlib.Path
    mode : {'w', 'r+'}
        A new file, or one that is there.

    Yields
    ------
    h5py.File
    callable
        Raises the error of a write that failed meanwhile: call it often.

    Raises
    ------
    OSError
        At the latest at the end, where a write failed.
    """
    with open(path, "w+b" if mode == "w" else "r+b", buffering=0) as raw:
        file = UnfailingFile(raw)
        with h5py.File(file, mode) as hdf5:
            yield hdf5, file.check
        file.check()


class UnfailingFile(io.RawIOBase):
    """A file that keeps in memory what can't be written any more.

    Parameters
    ----------
    raw : io.FileIO
        Open for reading and writing.
    """

    def __init__(self, raw: io.FileIO) -> None:
        super().__init__()
        self._raw = raw
        self._error: OSError | None = None
        self._place = 0
        self._size = 0
        self._kept: list[tuple[int, bytes]] = []

    def check(self) -> None:
        """Raise the first error of a write."""
        if self._error is not None:
            raise self._error

    def seekable(self) -> bool:
        """Return True."""
        return True

    def readable(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Any) -> int:
        """Write all bytes; after an error, keep them."""
        view = memoryview(data).cast("B")
        start = self._place if self._error is not None else self._raw.tell()
        if self._error is None:
            try:
                self._write_all(view)
            except OSError as error:
                self._begin_to_keep(error, start)
        if self._error is not None:
            self._kept.append((start, bytes(view)))
            self._place = start + len(view)
            self._size = max(self._size, self._place)
        return len(view)

    def _write_all(self, view: memoryview) -> None:
        while len(view):
            view = view[self._raw.write(view) :]

    def _begin_to_keep(self, error: OSError, start: int) -> None:
        self._error = error
        self._size = max(start, self._raw.seek(0, io.SEEK_END))

    def readinto(self, buffer: Any) -> int:
        """Read; what is in memory alone, too."""
        if self._error is None:
            return self._raw.readinto(buffer) or 0
        view = memoryview(buffer).cast("B")
        start, length = self._place, min(len(view), max(self._size - self._place, 0))
        view[:length] = bytes(length)
        self._raw.seek(start)
        self._raw.readinto(view[:length])
        for place, data in self._kept:
            low, high = max(place, start), min(place + len(data), start + length)
            if low < high:
                view[low - start : high - start] = data[low - place : high - place]
        self._place += length
        return length

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        if self._error is None:
            return self._raw.seek(offset, whence)
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = base + offset
        return self._place

    def tell(self) -> int:
        """Return the place."""
        return self._raw.tell() if self._error is None else self._place

    def truncate(self, size: int | None = None) -> int:
        """Cut or lengthen the file."""
        size = self.tell() if size is None else size
        if self._error is None:
            try:
                return self._raw.truncate(size)
            except OSError as error:
                self._begin_to_keep(error, self._raw.tell())
                self._place = self._raw.tell()
        self._size = size
        return size

    def flush(self) -> None:
        """Nothing waits: the file has no buffer."""
