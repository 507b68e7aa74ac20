"""Settings in Matlab's files of version 5 to 7: numbers, texts and structures of them.

SciPy's reader trusts the lengths that a file gives, and a damaged one takes the whole program with
it. This one checks each of them against what is there, and leaves out what holds no settings:
cells, objects, functions, and arrays of structures.

The format is MathWorks' "MAT-File Format", level 5: elements of a type, a length and content,
packed by zlib where they are large.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.read._files import readable

Value: TypeAlias = "npt.NDArray[Any] | str | dict[str, Value] | None"
"""Numbers, of two dimensions at least, a text, settings by name, or None for anything else."""

HEADER = 128
OF_VERSION_7_3 = b"MATLAB 7.3"
LARGEST = 2**28
DEEPEST = 8
NUMBERS = {
    1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8",
}  # fmt: skip
"""Types of numbers in an element."""
MATRIX, COMPRESSED = 14, 15
TEXTS = {2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
STRUCTURE, TEXT, DOUBLE, UINT64 = 2, 4, 6, 15
"""Classes of arrays: those from double to uint64 are numbers."""


class _Damaged(Exception):
    """A length or type that can't be."""


@dataclass(frozen=True)
class _Element:
    kind: int
    content: memoryview


@dataclass(frozen=True)
class _Array:
    """An array before its values are read: its class, shape and name, and what follows."""

    kind: int
    shape: tuple[int, ...]
    name: str
    rest: Iterator[_Element]


def read_variable(path: Path, name: str) -> Value:
    """Return one variable of a file; None where it isn't there, or is no setting.

    Raises
    ------
    InputError
        If the file is damaged, or of another version.
    """
    with readable(path):
        content = path.read_bytes() if path.stat().st_size <= LARGEST else b""
    if content.startswith(OF_VERSION_7_3):
        raise InputError(
            f"{path} is a Matlab file of version 7.3: load it in Matlab, and save '{name}' again "
            f"with '-v7'."
        )
    order = content[HEADER - 2 : HEADER]
    if order not in (b"IM", b"MI"):
        raise InputError(f"{path} is no Matlab file of version 5 to 7: copy it again.")
    try:
        return _Reader("<" if order == b"IM" else ">").variable(memoryview(content), name)
    except (_Damaged, zlib.error, UnicodeError):
        raise InputError(f"{path} is damaged: copy it again.") from None


@dataclass(frozen=True)
class _Reader:
    """Reads content of one byte order."""

    order: Literal["<", ">"]

    def variable(self, content: memoryview, name: str) -> Value:
        """Find a variable among all in a file."""
        for element in self.elements(content[HEADER:]):
            packed = element.kind == COMPRESSED
            inside = self.elements(_unpacked(element.content)) if packed else iter((element,))
            for each in inside:
                array = self.array(each)
                if array is not None and array.name == name:
                    return self.value(array, 0)
        return None

    def elements(self, content: memoryview) -> Iterator[_Element]:
        """Elements that follow one another; each begins at a multiple of 8 bytes."""
        at = 0
        while at < len(content):
            head = self.words(content[at : at + 8])
            if len(head) != 2:
                raise _Damaged
            kind, length = int(head[0]), int(head[1])
            if kind >> 16:  # of at most 4 bytes, within the head
                kind, length, begin, end = kind & 0xFFFF, kind >> 16, at + 4, at + 8
            else:
                begin = at + 8
                end = begin + length + (0 if kind == COMPRESSED else -length % 8)
            if begin + length > len(content) or (begin == at + 4 and length > 4):
                raise _Damaged
            yield _Element(kind, content[begin : begin + length])
            at = end

    def words(self, content: memoryview) -> npt.NDArray[np.uint32]:
        """Whole words of 4 bytes."""
        return np.frombuffer(content[: len(content) // 4 * 4], f"{self.order}u4")

    def array(self, element: _Element) -> _Array | None:
        """Begin to read an array; None for an empty one and for what isn't any."""
        if element.kind != MATRIX or not len(element.content):
            return None
        rest = self.elements(element.content)
        flags, shape, name = (next(rest, _NONE).content for _ in range(3))
        kind = self.words(flags)[:1]
        if not len(kind):
            raise _Damaged
        sizes = tuple(map(int, self.words(shape)))
        return _Array(int(kind[0]) & 0xFF, sizes, bytes(name).decode("latin-1"), rest)

    def value(self, array: _Array | None, depth: int) -> Value:
        """Values of an array; None for those that hold no settings."""
        if array is None or depth > DEEPEST:
            return None
        if DOUBLE <= array.kind <= UINT64:
            return self.numbers(array)
        if array.kind == TEXT:
            return self.text(next(array.rest, _NONE))
        if array.kind == STRUCTURE and prod(array.shape) == 1:
            return self.structure(array, depth)
        return None

    def numbers(self, array: _Array) -> npt.NDArray[Any]:
        """Numbers of an array: they may be stored in a smaller type than theirs."""
        element = next(array.rest, _NONE)
        stored = NUMBERS.get(element.kind)
        if stored is None:
            raise _Damaged
        dtype = np.dtype(self.order + stored)
        if len(element.content) != prod(array.shape) * dtype.itemsize:
            raise _Damaged
        return np.frombuffer(element.content, dtype).reshape(array.shape, order="F")

    def text(self, element: _Element) -> str:
        """A text; its rows follow one another by columns, of which there is one as a rule."""
        encoding = TEXTS.get(element.kind, "latin-1")
        if encoding in ("utf-16", "utf-32"):
            encoding += "-le" if self.order == "<" else "-be"
        return bytes(element.content).decode(encoding)

    def structure(self, array: _Array, depth: int) -> dict[str, Value]:
        """Settings by name: names of one length each, then an array for each of them."""
        length = self.words(next(array.rest, _NONE).content)
        names = bytes(next(array.rest, _NONE).content)
        if len(length) != 1 or not length[0]:
            raise _Damaged
        step = int(length[0])
        found: dict[str, Value] = {}
        for at in range(0, len(names), step):
            name = names[at : at + step].partition(b"\0")[0].decode("latin-1")
            field = next(array.rest, None)
            if field is None:
                raise _Damaged
            found[name] = self.value(self.array(field), depth + 1)
        return found


_NONE = _Element(0, memoryview(b""))


def _unpacked(content: memoryview) -> memoryview:
    unpack = zlib.decompressobj()
    found = unpack.decompress(content, LARGEST)
    if not unpack.eof:
        raise _Damaged
    return memoryview(found)
