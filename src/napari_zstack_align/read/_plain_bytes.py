"""Bytes of a file read straight into arrays: the way of all formats that store pixels as they are.

A file is open during a read alone, so reads of single frames open one each time. The system's own
calls do it in a fifth of the time that making a file object takes. A memory map would count as used
memory, and kill Python where a file has become shorter.
"""

from __future__ import annotations

import os
from io import FileIO
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.read._files import Readable, unreadable

FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)  # these two on Windows
    | getattr(os, "O_NOINHERIT", 0)
)
MOST_AT_ONCE = 2**30
"""Bytes that every system reads by one call."""


class PlainFile(Readable):
    """A file that is open for the length of a ``with`` block.

    Parameters
    ----------
    path : pathlib.Path or str
        The file.

    Raises
    ------
    InputError
        In place of the system's errors, at entry and within the block.
    """

    def __init__(self, path: Path | str) -> None:
        super().__init__(path)
        self.descriptor = -1

    def __enter__(self) -> Self:
        try:
            self.descriptor = os.open(str(self._path), FLAGS)
        except OSError as error:
            raise unreadable(self._path, error) from None
        return self

    def __exit__(self, *raised: Any) -> None:
        os.close(self.descriptor)
        super().__exit__(*raised)

    @property
    def n_bytes(self) -> int:
        """Length of the file now."""
        return os.fstat(self.descriptor).st_size

    def fill(self, out: npt.NDArray[Any], offset: int) -> None:
        """Fill a C-ordered array with the bytes from ``offset`` on."""
        n_bytes = out.nbytes
        done = _read_at(self.descriptor, out, offset) if 0 < n_bytes <= MOST_AT_ONCE else 0
        if done < n_bytes:  # a single read may bring only a part
            self._fill_rest(memoryview(out.reshape(-1).view(np.uint8)), done, offset)  # type: ignore[arg-type]

    def _fill_rest(self, out: memoryview, done: int, offset: int) -> None:
        while done < len(out):
            more = _read_at(self.descriptor, out[done : done + MOST_AT_ONCE], offset + done)
            if not more:
                raise InputError(
                    f"{self._path} has become shorter since it was opened: open it again."
                )
            done += more


def _read_in_place(descriptor: int, out: Any, offset: int) -> int:
    return os.preadv(descriptor, [out], offset)


def _seek_and_read(descriptor: int, out: Any, offset: int) -> int:
    with FileIO(descriptor, closefd=False) as file:
        file.seek(offset)
        return file.readinto(out) or 0


_read_at = _read_in_place if hasattr(os, "preadv") else _seek_and_read  # Windows has no preadv


def in_native_order(frames: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Bring the bytes of each number into the machine's order, in their place."""
    if frames.dtype.isnative:
        return frames
    return frames.byteswap(inplace=True).view(frames.dtype.newbyteorder("="))
