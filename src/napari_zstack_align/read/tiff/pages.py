"""`Pages`: where the pixels of every page of one or many TIFF files lie, as arrays.

Pages of one kind are read alike, by the description of the first of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import are, counted
from napari_zstack_align.errors import BrokenOffError, InputError

# Tags that make two pages of one kind, with the value that holds where a page lacks the tag.
KIND_TAGS = {
    256: 0,  # width
    257: 0,  # height
    258: 1,  # bits per sample
    259: 1,  # compression
    262: 1,  # photometric interpretation
    266: 1,  # fill order
    277: 1,  # samples per pixel
    278: 0,  # rows per strip
    284: 1,  # planar configuration
    317: 1,  # predictor
    322: 0,  # tile width
    323: 0,  # tile height
    339: 1,  # sample format
    32997: 1,  # image depth
}
ONE_VALUE_TAGS = (256, 257, 259, 262, 266, 277, 284, 317, 322, 323, 32997)
"""Tags of those that have one value each; more are damage, which tifffile would compute with."""
SUBFILE = 254
DESCRIPTION = 270
OFFSETS = (273, 324)
COUNTS = (279, 325)
MOST_SAMPLES = 65535
"""Of a pixel: the tag has 16 bits."""
RGB = (2, 5, 6, 8)  # RGB, CMYK, YCbCr, CIE L*a*b*


@dataclass(frozen=True)
class PageKind:
    """What pages have in common that are read alike."""

    byteorder: str
    big: bool
    tags: tuple[tuple[int, int], ...]
    segments: int
    offset_type: int
    count_type: int

    def __getitem__(self, tag: int) -> int:
        return dict(self.tags)[tag]

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """Type of a decoded pixel in the machine's byte order."""
        bits = self[258]
        if bits == 1:
            return np.dtype(bool)
        letter = {1: "u", 2: "i", 3: "f", 5: "c", 6: "c"}.get(self[339], "u")
        smallest = {"f": 16, "c": 64}.get(letter, 8)
        wide = next((b for b in (8, 16, 32, 64, 128) if b >= max(bits, smallest)), 128)
        return np.dtype(f"{letter}{wide // 8}")

    @cached_property
    def is_swapped(self) -> bool:
        """Whether the bytes of a stored number have another order than the machine's."""
        return np.dtype(f"{self.byteorder}u2") != np.dtype("u2")

    @property
    def readable(self) -> bool:
        """Whether pixels are numbers of a size that numpy knows, and the page's shape can be."""
        most_bits = {1: 64, 2: 64, 3: 64, 4: 64, 5: 128, 6: 128}
        if min(*self.shape, self.segments) <= 0 or self[277] > MOST_SAMPLES:
            return False
        planes = self[277] if self[284] == 2 else 1
        segments_can_be = self.segments == 1 or self.segments % planes == 0
        return segments_can_be and 0 < self[258] <= most_bits.get(self[339], 0)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(samples, Y, X)."""
        return self[277], self[257], self[256]

    @cached_property
    def n_bytes(self) -> int:
        """Bytes of a page when decoded."""
        return prod(self.shape) * self.dtype.itemsize

    @cached_property
    def stored_plainly(self) -> bool:
        """Whether the stored bytes are the pixels, but for the byte order."""
        samples_apart = self[277] == 1 or self[284] == 2
        whole = self[258] == 8 * self.dtype.itemsize
        plain = self[259] == self[266] == self[317] == 1
        return plain and whole and samples_apart and not self[322]


COLUMNS = ("index", "contiguous", "offset", "count", "end", "text", "text_bytes")
"""Arrays of `Pages` that hold for a page by itself."""


@dataclass(frozen=True)
class Pages:
    """Pages of files, in the order of the files and of the pages in each.

    Attributes
    ----------
    paths : tuple of pathlib.Path
        The files.
    kinds : tuple of PageKind
        The kinds of pages there are.
    file, index, kind : numpy.ndarray
        (N,) file of each page, its index in the file, and its kind.
    contiguous : numpy.ndarray
        (N,) whether ``offset`` is the first of ``n_bytes`` plain bytes; else ``offset`` and
        ``count`` are the positions of the tables of segments (or with one segment, its own).
    offset, count : numpy.ndarray
        (N,) int64.
    end : numpy.ndarray
        (N,) position in the file behind the last byte of the page.
    text, text_bytes : numpy.ndarray
        (N,) position and length of the description of each page; 0 for pages without one.
    sizes : tuple of int
        Bytes of each file.
    broken : tuple of int
        Where the chain of pages of each file points past its end; 0 for a whole one.
    looped : tuple of bool
        Whether the chain of pages of each file leads back to an earlier page.
    split : int
        Planes that the file keeps in one page, apart from each other; each has a row here.
    """

    paths: tuple[Path, ...]
    kinds: tuple[PageKind, ...]
    file: npt.NDArray[np.int32]
    index: npt.NDArray[np.int32]
    kind: npt.NDArray[np.int16]
    contiguous: npt.NDArray[np.bool_]
    offset: npt.NDArray[np.int64]
    count: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    text: npt.NDArray[np.int64]
    text_bytes: npt.NDArray[np.int64]
    sizes: tuple[int, ...]
    broken: tuple[int, ...]
    looped: tuple[bool, ...]
    split: int = 1

    def __len__(self) -> int:
        return len(self.offset)

    @property
    def per_file(self) -> npt.NDArray[np.intp]:
        """Pages in each file."""
        return np.bincount(self.file, minlength=len(self.paths))

    def take(self, chosen: npt.NDArray[Any]) -> Pages:
        """Keep the chosen pages (a mask or indices)."""
        columns = ("file", "kind", *COLUMNS)
        return replace(self, **{name: getattr(self, name)[chosen] for name in columns})

    def repeated(self, n_pages: int) -> Pages:
        """Pages of a file that describes one, followed by the bytes of all others."""
        pages = self.take(np.zeros(n_pages, int))
        step = np.arange(n_pages, dtype=np.int64) * self.kinds[int(self.kind[0])].n_bytes
        return replace(pages, offset=pages.offset + step, end=pages.end + step)


def truncated(path: Path, whole: int, expected: int | None) -> InputError:
    """Make the error for a file that ends too early."""
    if expected is None:
        found = counted(whole, "frame")
    else:
        found = f"{whole:,} of its {counted(expected, 'frame')}"
    what = (
        f"{path} is truncated: only {found} {are(whole)} whole; copy it again from where it was "
        f"recorded"
    )
    if not whole:
        return InputError(f"{what}.")
    return BrokenOffError(f"{what}, or open its whole frames with `whole_frames=True`.")


def joined(tables: list[Pages]) -> Pages:
    """Pages of many files as one table."""
    if len(tables) == 1:
        return tables[0]
    kinds = list(dict.fromkeys(kind for table in tables for kind in table.kinds))
    number = {kind: i for i, kind in enumerate(kinds)}
    return Pages(
        paths=tuple(path for table in tables for path in table.paths),
        kinds=tuple(kinds),
        file=np.repeat(np.arange(len(tables), dtype=np.int32), [len(t) for t in tables]),
        kind=np.concatenate(
            [np.array([number[k] for k in t.kinds], np.int16)[t.kind] for t in tables]
        ),
        sizes=tuple(size for table in tables for size in table.sizes),
        broken=tuple(position for table in tables for position in table.broken),
        looped=tuple(looped for table in tables for looped in table.looped),
        split=tables[0].split,
        **{name: np.concatenate([getattr(t, name) for t in tables]) for name in COLUMNS},
    )
