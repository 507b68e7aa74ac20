"""Bytes of a file read straight into arrays: the way of all formats that store pixels as they are.

A file is open during a read alone, so reads of single frames open one each time. The system's own
calls do it in a fifth of the time that making a file object takes. A memory map would count as used
memory, and kill Python where a file has become shorter.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
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
MOST_TOGETHER = 256
"""Arrays that are filled by one call: with what lies between them half of what Linux allows."""
NEAR = 2**14
"""Bytes that are read sooner than a call of their own is made for what lies behind them."""
Part = tuple[npt.NDArray[Any], int]
"""A C-ordered array, and where the bytes begin that fill it."""


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

    def fill_all(self, parts: Iterable[Part]) -> None:
        """Fill arrays, those that lie behind one another and near by one call."""
        for together in _neighbours(parts):
            if len(together) == 1 or not _are_filled(self.descriptor, together):
                for out, offset in together:
                    self.fill(out, offset)

    def _fill_rest(self, out: memoryview, done: int, offset: int) -> None:
        while done < len(out):
            more = _read_at(self.descriptor, out[done : done + MOST_AT_ONCE], offset + done)
            if not more:
                raise InputError(
                    f"{self._path} has become shorter since it was opened: open it again."
                )
            done += more


def is_filled_by(path: str, out: npt.NDArray[Any]) -> bool:
    """Fill an array with a file by as few calls as can be.

    Returns
    -------
    bool
        False where the file couldn't be read, has not just as many bytes, or more calls are needed.
    """
    with suppress(OSError):
        descriptor = os.open(path, FLAGS)
        try:
            return _read_together(descriptor, [out, bytearray(1)], 0) == out.nbytes
        finally:
            os.close(descriptor)
    return False


def _neighbours(parts: Iterable[Part]) -> Iterator[list[Part]]:
    together: list[Part] = []
    start = end = 0
    for part in parts:
        out, offset = part
        if together and not (
            0 <= offset - end <= NEAR
            and offset + out.nbytes - start <= MOST_AT_ONCE
            and len(together) < MOST_TOGETHER
        ):
            yield together
            together = []
        if not together:
            start = offset
        together.append(part)
        end = offset + out.nbytes
    if together:
        yield together


def _are_filled(descriptor: int, parts: list[Part]) -> bool:
    """Fill arrays by one call, with what lies between them read aside; whether that was all."""
    aside = memoryview(bytearray(NEAR))
    start = end = parts[0][1]
    into: list[Any] = []
    for out, offset in parts:
        if offset > end:
            into.append(aside[: offset - end])
        into.append(out)
        end = offset + out.nbytes
    return _read_together(descriptor, into, start) == end - start


def _read_in_turn(descriptor: int, into: list[Any], offset: int) -> int:
    del descriptor, into, offset
    return 0


_read_together = getattr(os, "preadv", _read_in_turn)  # Windows has none


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
