"""NumPy's files, read without trust: nothing is allocated that isn't there, or unpickled."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable
from math import prod
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt

from napari_zstack_align.saved.reading import UnfitContent

Value = TypeVar("Value")

READ_HEADER = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
DAMAGE = (
    ValueError,
    TypeError,
    SyntaxError,
    TokenError,
    EOFError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    OSError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)
"""What numpy and zipfile raise for files that aren't theirs."""
MOST_TIMES_PACKED = 64
"""Numbers that are packed to a smaller part of their size are none of a result's."""


def read_npy(path: Path) -> npt.NDArray[Any]:
    """Read a ``.npy`` file.

    Raises
    ------
    UnfitContent
        Where it holds no plain array, or less of one than it says.
    """
    with path.open("rb") as file:
        return _parsed(lambda: _array(file, path.stat().st_size))


def shape_of_npy(path: Path) -> tuple[int, ...]:
    """Shape that the head of a ``.npy`` file says; () where it has none."""
    try:
        with path.open("rb") as file:
            shape, _, _ = READ_HEADER[np.lib.format.read_magic(file)](file)
    except DAMAGE:
        return ()
    return tuple(map(int, shape))


def read_npz(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read the arrays of an ``.npz`` file by their names; errors as of `read_npy`."""
    size = path.stat().st_size
    with path.open("rb") as file:
        return _parsed(lambda: dict(_member(file, name, size) for name in _names(file)))


def _parsed(read: Callable[[], Value]) -> Value:
    """Let numpy and zipfile read; what they raise for odd files has many types."""
    try:
        return read()
    except DAMAGE as error:
        raise UnfitContent(str(error)) from error


def _names(file: BinaryIO) -> list[str]:
    with zipfile.ZipFile(file) as archive:
        return archive.namelist()


def _member(file: BinaryIO, name: str, size: int) -> tuple[str, npt.NDArray[Any]]:
    with zipfile.ZipFile(file) as archive:
        length = archive.getinfo(name).file_size
        if length > MOST_TIMES_PACKED * size:
            raise UnfitContent(f"{name} claims {length:,} bytes in a file of {size:,}")
        with archive.open(name) as member:
            return name.removesuffix(".npy"), _array(member, length)


def _array(file: Any, size: int) -> npt.NDArray[Any]:
    """Read an array from an open file of so many bytes, whose claims are checked first."""
    version = np.lib.format.read_magic(file)
    if version not in READ_HEADER:
        raise UnfitContent(f"its version is {version}")
    shape, _, dtype = READ_HEADER[version](file)
    if dtype.hasobject:
        raise UnfitContent("it holds Python objects")
    claimed, there = prod(shape) * dtype.itemsize, size - file.tell()
    if claimed > there:
        raise UnfitContent(f"it claims {claimed:,} bytes of numbers, but has {there:,}")
    file.seek(0)
    array: npt.NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array
