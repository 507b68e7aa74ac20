"""Page directories (IFDs) of a TIFF as raw blocks: the chain is walked without parsing a page.

tifffile makes a Python object a page, which takes seconds for tens of thousands of pages. Here
each directory is read as bytes, and the tags of all pages are compared at once with numpy.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError

GUESS_BYTES = 1024
"""Read at once for the first directory: most have fewer than 50 tags of 20 bytes."""

TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 13: 4, 16: 8, 17: 8, 18: 8}


@dataclass(frozen=True)
class Flavour:
    """Byte order and field widths of a TIFF file."""

    byteorder: str
    big: bool

    @cached_property
    def count(self) -> struct.Struct:
        """Number of tags, at the start of a directory."""
        return struct.Struct(self.byteorder + ("Q" if self.big else "H"))

    @cached_property
    def pointer(self) -> struct.Struct:
        """Position of a directory."""
        return struct.Struct(self.byteorder + ("Q" if self.big else "I"))

    @property
    def tag_bytes(self) -> int:
        """Length of a tag in a directory."""
        return 20 if self.big else 12

    @cached_property
    def tag(self) -> np.dtype[Any]:
        """A tag as a structured type; ``value`` is raw."""
        b, width = self.byteorder, self.pointer.size
        return np.dtype(
            [
                ("code", b + "u2"),
                ("type", b + "u2"),
                ("count", f"{b}u{width}"),
                ("value", f"V{width}"),
            ]
        )


@dataclass(frozen=True)
class Chain:
    """The directories of one file.

    ``broken`` is where the chain points past the end of the file, 0 where it is whole; ``looped``
    says that it came back to a page it had been at.
    """

    path: Path
    flavour: Flavour
    size: int
    positions: list[int]
    blocks: list[bytes]
    broken: int
    looped: bool


def flavour_of(start: bytes) -> tuple[Flavour, int] | None:
    """Flavour and position of the first directory from a file's first 16 bytes, if it's a TIFF."""
    byteorder = {b"II": "<", b"MM": ">"}.get(start[:2])
    if byteorder is None or len(start) < 8:
        return None
    version = struct.unpack(byteorder + "H", start[2:4])[0]
    if version == 42:
        return Flavour(byteorder, False), struct.unpack(byteorder + "I", start[4:8])[0]
    if version == 43 and len(start) == 16:
        return Flavour(byteorder, True), struct.unpack(byteorder + "Q", start[8:16])[0]
    return None


def walk(file: FileIO, path: Path, most: int | None = None) -> Chain:
    """Read the directories of an open TIFF file, all or the first ``most`` ones.

    Raises
    ------
    InputError
        If it is no TIFF file.
    """
    found = flavour_of(pread(file, 0, 16))
    if found is None:
        raise InputError(f"{path} is not a TIFF file, though its name says so: choose an image.")
    flavour, position = found
    size = file.seek(0, 2)
    positions: list[int] = []
    blocks: list[bytes] = []
    seen: set[int] = set()
    while position and position not in seen:
        block = _directory(file, flavour, position, len(blocks[-1]) if blocks else GUESS_BYTES)
        if block is None:
            return Chain(path, flavour, size, positions, blocks, position, False)
        seen.add(position)
        positions.append(position)
        blocks.append(block)
        position = flavour.pointer.unpack_from(block, len(block) - flavour.pointer.size)[0]
        if len(blocks) == most:
            return Chain(path, flavour, size, positions, blocks, 0, False)
    return Chain(path, flavour, size, positions, blocks, 0, bool(position))


def pread(file: FileIO, position: int, n_bytes: int) -> bytes:
    """Up to ``n_bytes`` from ``position``; none for a position that no file reaches."""
    if not 0 <= position < 2**62:
        return b""
    file.seek(position)
    return file.read(n_bytes)


def _directory(file: FileIO, flavour: Flavour, position: int, guess: int) -> bytes | None:
    """Bytes of the directory at ``position``, or None where the file ends before it does."""
    block = pread(file, position, guess)
    if len(block) < flavour.count.size:
        return None
    n_tags = flavour.count.unpack_from(block)[0]
    need = flavour.count.size + n_tags * flavour.tag_bytes + flavour.pointer.size
    if need > len(block) == guess and n_tags < 65536:
        block = pread(file, position, need)
    return block[:need] if len(block) >= need else None


def tag_values(column: npt.NDArray[Any], kind: int, byteorder: str) -> npt.NDArray[np.int64]:
    """First value (or pointer) in the value fields of one tag over many pages.

    Parameters
    ----------
    column : numpy.ndarray
        (N,) raw value fields, 4 or 8 bytes each.
    kind : int
        TIFF type of the values.
    byteorder : str
        '<' or '>'.
    """
    width = min(TYPE_BYTES.get(kind, 1), column.dtype.itemsize)
    raw = np.ascontiguousarray(column).view(np.uint8).reshape(len(column), -1)
    first = np.ascontiguousarray(raw[:, :width])
    return first.view(f"{byteorder}u{width}").reshape(-1).astype(np.int64)
