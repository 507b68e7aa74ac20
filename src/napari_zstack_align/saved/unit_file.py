"""The file of one finished unit: plain arrays under a checksum.

A magic text, the CRC-32C of all that follows, the length of a JSON head, the head, and the bytes of
the arrays one after the other. The checksum tells a torn or damaged file, so that nothing needs to
be flushed; an array is never larger than the file, whatever its head claims.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_zstack_align.saved.checksum import crc32c

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
FileStates: TypeAlias = tuple[tuple[int, int], ...]
"""(size, time of modification in ns) of each raw file; () where they aren't known."""

MAGIC = b"zalign unit 1\n"
NUMBERS = struct.Struct("<II")
"""CRC-32C of the rest, length of the head."""
MOST_BYTES = 2**32
FRAMES, DIGESTS = ".frames", ".digests"
NO_FRAMES = np.zeros(0, np.uint32)


@dataclass(frozen=True)
class Unit:
    """A finished unit.

    Attributes
    ----------
    key : str
        Of `keys.key_of`.
    arrays : mapping of str to numpy.ndarray
        Its result.
    frames, digests : numpy.ndarray
        (n,) uint32, the frames that it read, and their digests.
    files : tuple
        The raw files as they were then.
    place : str
        Of `places.place_of`: where they lay; '' where that isn't known.
    """

    key: str
    arrays: Arrays
    frames: npt.NDArray[np.uint32] = field(default_factory=lambda: NO_FRAMES)
    digests: npt.NDArray[np.uint32] = field(default_factory=lambda: NO_FRAMES)
    files: FileStates = ()
    place: str = ""


def write_unit(path: Path, unit: Unit) -> None:
    """Write a unit into a new file."""
    arrays = {FRAMES: unit.frames, DIGESTS: unit.digests, **unit.arrays}
    described = {name: (_described(a.dtype), a.shape) for name, a in arrays.items()}
    facts = {"key": unit.key, "files": unit.files, "place": unit.place, "arrays": described}
    head = json.dumps(facts).encode()
    parts = [np.ascontiguousarray(a).reshape(-1).view(np.uint8) for a in arrays.values()]
    length = NUMBERS.pack(0, len(head))[4:]
    checksum = crc32c(head, crc32c(length))
    for part in parts:
        checksum = crc32c(part, checksum)
    with path.open("xb") as file:
        file.write(MAGIC + struct.pack("<I", checksum) + length + head)
        for part in parts:
            file.write(part.data)


def read_unit(path: Path) -> Unit | None:
    """Read a unit; None where there is no such file, or it isn't as it was written."""
    content = _content(path)
    start = len(MAGIC) + NUMBERS.size
    if len(content) < start or not content.startswith(MAGIC):
        return None
    checksum, length = NUMBERS.unpack_from(content, len(MAGIC))
    if crc32c(content[len(MAGIC) + 4 :]) != checksum:
        return None
    try:
        return _unit_of(json.loads(content[start : start + length]), content, start + length)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None  # nobody who writes units writes this


def is_unit(path: Path) -> bool:
    """Whether a file is a unit, intact or torn by a power cut, not one of somebody else's."""
    begin = _content(path, len(MAGIC))
    return path.is_file() and (begin == MAGIC or not any(begin))


def _content(path: Path, at_most: int = -1) -> bytes:
    """Bytes of a file; none where it can't be read or is too large."""
    try:
        # A pipe would be waited for.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
        with os.fdopen(descriptor, "rb") as file:
            too_large = os.fstat(file.fileno()).st_size > MOST_BYTES
            return b"" if too_large else file.read(at_most)
    except OSError:
        return b""


_BINARY = getattr(os, "O_BINARY", 0)


def _unit_of(head: Any, content: bytes, offset: int) -> Unit:
    arrays = {}
    for name, (described, shape) in head["arrays"].items():
        dtype = _dtype_of(described)
        count = prod(int(size) for size in shape)
        arrays[name] = np.frombuffer(content, dtype, count, offset).reshape(shape).copy()
        offset += count * dtype.itemsize
    files = tuple((int(size), int(time)) for size, time in head["files"])
    frames, digests = arrays.pop(FRAMES), arrays.pop(DIGESTS)
    return Unit(str(head["key"]), arrays, frames, digests, files, str(head.get("place", "")))


def _described(dtype: np.dtype[Any]) -> Any:
    if dtype.hasobject:
        raise TypeError("a unit holds plain numbers and texts, no objects")
    return np.lib.format.dtype_to_descr(dtype)


def _dtype_of(described: Any) -> np.dtype[Any]:
    """Undo `_described`, whose tuples JSON has made lists."""
    if isinstance(described, list):
        fields = [(name, _dtype_of(of), *map(tuple, shape)) for name, of, *shape in described]
        dtype = np.dtype(fields)
    else:
        dtype = np.dtype(described)
    if dtype.hasobject or dtype.itemsize == 0:
        raise TypeError("a unit holds plain numbers and texts, no objects")
    return dtype
