"""`Pages`: where the pixels of every page of one or many TIFF files lie, as arrays.

All pages are compared with each other here, so that a source can read any of them by the
description of the first of their kind.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.read._files import readable
from napari_zstack_align.read._tiff_tags import TYPE_BYTES, Chain, pread, tag_values, walk

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
SUBFILE = 254
OFFSETS = (273, 324)
COUNTS = (279, 325)
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

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a decoded pixel in the machine's byte order."""
        bits = self[258]
        if bits == 1:
            return np.dtype(bool)
        letter = {1: "u", 2: "i", 3: "f", 5: "c", 6: "c"}.get(self[339], "u")
        smallest = {"f": 16, "c": 64}.get(letter, 8)
        wide = next((b for b in (8, 16, 32, 64, 128) if b >= max(bits, smallest)), 128)
        return np.dtype(f"{letter}{wide // 8}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(samples, Y, X)."""
        return self[277], self[257], self[256]

    @property
    def n_bytes(self) -> int:
        """Bytes of a page when decoded."""
        return int(np.prod(self.shape, dtype=int)) * self.dtype.itemsize

    @property
    def stored_plainly(self) -> bool:
        """Whether the stored bytes are the pixels, but for the byte order."""
        samples_apart = self[277] == 1 or self[284] == 2
        whole = self[258] == 8 * self.dtype.itemsize
        plain = self[259] == self[266] == self[317] == 1
        return plain and whole and samples_apart and not self[322]


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
    sizes : tuple of int
        Bytes of each file.
    broken, looped : tuple of int
        Files whose chain of pages points past the end, or back to an earlier page.
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
    sizes: tuple[int, ...]
    broken: tuple[int, ...] = ()
    looped: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.offset)

    @property
    def per_file(self) -> npt.NDArray[np.intp]:
        """Pages in each file."""
        return np.bincount(self.file, minlength=len(self.paths))

    def take(self, chosen: npt.NDArray[Any]) -> Pages:
        """Keep the chosen pages (a mask or indices)."""
        columns = ("file", "index", "kind", "contiguous", "offset", "count", "end")
        return replace(self, **{name: getattr(self, name)[chosen] for name in columns})

    def repeated(self, n_pages: int) -> Pages:
        """Pages of a file that describes one, followed by the bytes of all others."""
        pages = self.take(np.zeros(n_pages, int))
        step = np.arange(n_pages, dtype=np.int64) * self.kinds[int(self.kind[0])].n_bytes
        return replace(pages, offset=pages.offset + step, end=pages.end + step)


def read_pages(path: Path) -> Pages:
    """Find all pages of one TIFF file; thumbnails and masks are left out.

    Raises
    ------
    InputError
        If the file is no TIFF, can't be read or has no pages.
    """
    with readable(path), path.open("rb", buffering=0) as file:
        chain = walk(file, path)
        if not chain.blocks:
            if chain.broken:
                raise truncated(path, 0, None)
            raise InputError(f"{path} is a TIFF file without any page: it holds no image.")
        return _table(file, chain)


def truncated(path: Path, whole: int, expected: int | None) -> InputError:
    """Make the error for a file that ends too early."""
    of = "" if expected is None else f" of its {expected:,}"
    return InputError(
        f"{path} is truncated: only {whole:,}{of} frames are whole; copy it again from where it "
        f"was recorded."
    )


def joined(tables: list[Pages]) -> Pages:
    """Pages of many files as one table."""
    if len(tables) == 1:
        return tables[0]
    kinds = list(dict.fromkeys(kind for table in tables for kind in table.kinds))
    number = {kind: i for i, kind in enumerate(kinds)}
    columns = ("index", "contiguous", "offset", "count", "end")
    return Pages(
        paths=tuple(path for table in tables for path in table.paths),
        kinds=tuple(kinds),
        file=np.repeat(np.arange(len(tables), dtype=np.int32), [len(t) for t in tables]),
        kind=np.concatenate(
            [np.array([number[k] for k in t.kinds], np.int16)[t.kind] for t in tables]
        ),
        sizes=tuple(size for table in tables for size in table.sizes),
        broken=tuple(i for i, table in enumerate(tables) if table.broken),
        looped=tuple(i for i, table in enumerate(tables) if table.looped),
        **{name: np.concatenate([getattr(t, name) for t in tables]) for name in columns},
    )


# -- from directories to columns -------------------------------------------------------------------


def _table(file: Any, chain: Chain) -> Pages:
    n_pages = len(chain.blocks)
    columns = {name: np.zeros(n_pages, np.int64) for name in ("offset", "count", "subfile")}
    kind = np.zeros(n_pages, np.int16)
    kinds: dict[PageKind, int] = {}
    for rows, tags in _groups(chain):
        _fill(chain, rows, tags, columns, kind, kinds)
    pages = Pages(
        paths=(chain.path,),
        kinds=tuple(kinds),
        file=np.zeros(n_pages, np.int32),
        index=np.arange(n_pages, dtype=np.int32),
        kind=kind,
        contiguous=np.zeros(n_pages, bool),
        offset=columns["offset"],
        count=columns["count"],
        end=np.zeros(n_pages, np.int64),
        sizes=(chain.size,),
        broken=(0,) if chain.broken else (),
        looped=(0,) if chain.looped else (),
    )
    _locate(file, pages)
    images = columns["subfile"] & 0b101 == 0
    return pages.take(images) if images.any() else pages


def _groups(chain: Chain) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[Any]]]:
    """Pages whose directories have the same tags, with their tags (N, n_tags)."""
    flavour = chain.flavour
    lengths = np.array([len(block) for block in chain.blocks])
    groups = []
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        raw = b"".join(chain.blocks[row] for row in rows)
        blocks = np.frombuffer(raw, np.uint8).reshape(len(rows), length)
        body = np.ascontiguousarray(blocks[:, flavour.count.size : length - flavour.pointer.size])
        tags = body.view(flavour.tag).reshape(len(rows), -1)
        known = np.isin(tags["code"][0], [*KIND_TAGS, SUBFILE, *OFFSETS, *COUNTS])
        if (tags["code"] == tags["code"][0]).all():
            tags, same = tags[:, known], tags["type"][:, known]
            same = np.concatenate([same, tags["count"]], axis=1)
        else:  # so rare that grouping by everything does no harm
            same = np.concatenate([tags["code"], tags["type"], tags["count"]], axis=1)
        groups += [(rows[members], tags[members]) for members in _equal_rows(same)]
    return groups


def _equal_rows(matrix: npt.NDArray[Any]) -> list[npt.NDArray[np.intp]]:
    """Indices of rows that are equal; sorting is left out for the usual case of one group."""
    if (matrix == matrix[0]).all():
        return [np.arange(len(matrix))]
    _, group = np.unique(matrix, axis=0, return_inverse=True)
    return [np.flatnonzero(group.reshape(-1) == g) for g in range(group.max() + 1)]


def _fill(
    chain: Chain,
    rows: npt.NDArray[np.intp],
    tags: npt.NDArray[Any],
    columns: dict[str, npt.NDArray[np.int64]],
    kind: npt.NDArray[np.int16],
    kinds: dict[PageKind, int],
) -> None:
    """Enter pages with the same tags into the columns."""
    byteorder = chain.flavour.byteorder
    first = tags[0]
    where = {int(code): j for j, code in enumerate(first["code"])}

    def values(code: int) -> npt.NDArray[np.int64]:
        j = where[code]
        return tag_values(tags["value"][:, j], int(first["type"][j]), byteorder)

    offsets = next((c for c in OFFSETS if c in where), None)
    counts = next((c for c in COUNTS if c in where), None)
    if offsets is None:
        raise InputError(f"{chain.path} has a page without pixels: it is no image, or damaged.")
    segments = int(first["count"][where[offsets]])
    for name, code in (("offset", offsets), ("count", counts)):
        if code is not None:
            columns[name][rows] = (
                values(code) if segments == 1 else _tables(chain, rows, tags, where[code])
            )
    if SUBFILE in where:
        columns["subfile"][rows] = values(SUBFILE)
    present = [code for code in KIND_TAGS if code in where]
    matrix = np.stack([_inline(values(code), first[where[code]]) for code in present], axis=1)
    for members in _equal_rows(matrix):
        given = dict(zip(present, map(int, matrix[members[0]]), strict=True))
        page_kind = PageKind(
            byteorder=byteorder,
            big=chain.flavour.big,
            tags=tuple({**KIND_TAGS, **given}.items()),
            segments=segments,
            offset_type=int(first["type"][where[offsets]]),
            count_type=int(first["type"][where[counts]]) if counts is not None else 0,
        )
        kind[rows[members]] = kinds.setdefault(page_kind, len(kinds))


def _inline(values: npt.NDArray[np.int64], tag: np.void) -> npt.NDArray[np.int64]:
    """Values that stand in the directory; where they don't, one sample's bits can't be told."""
    n_bytes = int(tag["count"]) * TYPE_BYTES.get(int(tag["type"]), 1)
    return values if n_bytes <= tag["value"].dtype.itemsize else np.full_like(values, 8)


def _tables(
    chain: Chain, rows: npt.NDArray[np.intp], tags: npt.NDArray[Any], j: int
) -> npt.NDArray[np.int64]:
    """Position of the table of a tag with several values: in the directory if it fits there."""
    tag = tags[0, j]
    flavour = chain.flavour
    width = flavour.pointer.size
    if int(tag["count"]) * TYPE_BYTES.get(int(tag["type"]), 1) > width:
        pointer_type = 16 if flavour.big else 4
        return tag_values(tags["value"][:, j], pointer_type, flavour.byteorder)
    positions = np.array(chain.positions, np.int64)[rows]
    codes = np.frombuffer(chain.blocks[rows[0]][flavour.count.size : -width], flavour.tag)["code"]
    place = int(np.flatnonzero(codes == tag["code"])[0])
    return positions + flavour.count.size + (place + 1) * flavour.tag_bytes - width


# -- where the bytes lie ---------------------------------------------------------------------------


def segments_of(
    file: Any, kind: PageKind, offset: int, count: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Positions and lengths of the strips or tiles of a page that isn't contiguous."""
    if kind.segments == 1:
        return np.array([offset], np.int64), np.array([count], np.int64)
    return (
        _numbers(file, kind, kind.offset_type, offset),
        _numbers(file, kind, kind.count_type, count),
    )


def _numbers(file: Any, kind: PageKind, value_type: int, position: int) -> npt.NDArray[np.int64]:
    width = TYPE_BYTES.get(value_type, 4)
    raw = pread(file, position, width * kind.segments) if position else b""
    if len(raw) < width * kind.segments:
        return np.zeros(kind.segments, np.int64)
    return np.frombuffer(raw, f"{kind.byteorder}u{width}").astype(np.int64)


def _locate(file: Any, pages: Pages) -> None:
    """Fill in ``contiguous``, ``offset`` and ``end``."""
    for k, kind in enumerate(pages.kinds):
        rows = np.flatnonzero(pages.kind == k)
        if kind.segments == 1:
            _locate_single(pages, rows, kind)
        else:
            _locate_tables(file, pages, rows, kind)


def _locate_single(pages: Pages, rows: npt.NDArray[np.intp], kind: PageKind) -> None:
    if kind.stored_plainly:
        pages.contiguous[rows] = pages.offset[rows] > 0
        pages.end[rows] = pages.offset[rows] + kind.n_bytes
    else:
        pages.end[rows] = pages.offset[rows] + pages.count[rows]


def _locate_tables(file: Any, pages: Pages, rows: npt.NDArray[np.intp], kind: PageKind) -> None:
    for row in rows:
        offsets, counts = segments_of(file, kind, int(pages.offset[row]), int(pages.count[row]))
        pages.end[row] = int((offsets + counts).max())
        follows = bool((offsets[1:] == (offsets + counts)[:-1]).all())
        if kind.stored_plainly and follows and offsets[0] > 0 and counts.sum() == kind.n_bytes:
            pages.contiguous[row] = True
            pages.offset[row] = offsets[0]
