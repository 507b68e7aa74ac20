"""From the page directories of a TIFF file to its table of `Pages`: all are compared at once."""

from __future__ import annotations

from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.read._files import readable
from napari_zstack_align.read.tiff.pages import (
    COUNTS,
    DESCRIPTION,
    KIND_TAGS,
    OFFSETS,
    ONE_VALUE_TAGS,
    SUBFILE,
    PageKind,
    Pages,
    truncated,
)
from napari_zstack_align.read.tiff.segments import locate, split
from napari_zstack_align.read.tiff.tags import TYPE_BYTES, Chain, pread, tag_values, walk
from napari_zstack_align.read.tiff.template import Template


def read_many(paths: list[Path]) -> list[Pages]:
    """Find all pages of TIFF files; thumbnails and masks are left out.

    Files of one page that are like the one before cost a comparison of bytes: there may be tens
    of thousands.

    Raises
    ------
    InputError
        If a file is no TIFF, can't be read or has no pages.
    """
    tables: list[Pages] = []
    template: Template | None = None
    for path in paths:
        with readable(path), path.open("rb", buffering=0) as file:
            chain = _pages_of(file, path)
            table = None if template is None else template.fill(chain)
            if table is None:
                table = _table(file, chain)
                template = Template.of(chain, table)
        tables.append(table)
    return tables


def read_first(path: Path, most: int) -> Pages:
    """Find the first pages of a TIFF file, at most ``most`` of them."""
    with readable(path), path.open("rb", buffering=0) as file:
        return _table(file, _pages_of(file, path, most))


def _pages_of(file: FileIO, path: Path, most: int | None = None) -> Chain:
    chain = walk(file, path, most)
    if chain.blocks:
        return chain
    if chain.broken:
        raise truncated(path, 0, None)
    raise InputError(f"{path} is a TIFF file without any page: it holds no image.")


def _table(file: FileIO, chain: Chain) -> Pages:
    n_pages = len(chain.blocks)
    names = ("offset", "count", "subfile", "text", "text_bytes")
    columns = {name: np.zeros(n_pages, np.int64) for name in names}
    kind_of_page = np.zeros(n_pages, np.int16)
    kinds: dict[PageKind, int] = {}
    for rows, tags in _groups(chain, columns):
        _fill(file, chain, rows, tags, columns, kind_of_page, kinds)
    pages = Pages(
        paths=(chain.path,),
        kinds=tuple(kinds),
        file=np.zeros(n_pages, np.int32),
        index=np.arange(n_pages, dtype=np.int32),
        kind=kind_of_page,
        contiguous=np.zeros(n_pages, bool),
        offset=columns["offset"],
        count=columns["count"],
        end=np.zeros(n_pages, np.int64),
        text=columns["text"],
        text_bytes=columns["text_bytes"],
        sizes=(chain.size,),
        broken=(chain.broken,),
        looped=(chain.looped,),
    )
    images = columns["subfile"] & 0b101 == 0
    pages = split(file, pages.take(images) if images.any() else pages)
    locate(file, pages)
    return pages


def _groups(
    chain: Chain, columns: dict[str, npt.NDArray[np.int64]]
) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[Any]]]:
    """Pages whose directories have the same tags, with their tags (N, n_tags).

    Where their descriptions lie is entered into the columns meanwhile: they differ in length.
    """
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
            _enter_texts(chain, rows, tags, columns)
            tags, same = tags[:, known], tags["type"][:, known]
            same = np.concatenate([same, tags["count"]], axis=1)
        else:  # so rare that grouping by everything does no harm
            same = np.concatenate([tags["code"], tags["type"], tags["count"]], axis=1)
        groups += [(rows[members], tags[members]) for members in _equal_rows(same)]
    return groups


def _enter_texts(
    chain: Chain,
    rows: npt.NDArray[np.intp],
    tags: npt.NDArray[Any],
    columns: dict[str, npt.NDArray[np.int64]],
) -> None:
    """Enter where the descriptions of pages lie; those of a few bytes are in the directory."""
    found = np.flatnonzero(tags["code"][0] == DESCRIPTION)
    if not len(found):
        return
    tag, flavour = tags[:, found[0]], chain.flavour
    lengths = tag["count"].astype(np.int64)
    outside = lengths > flavour.pointer.size
    positions = tag_values(tag["value"], 16 if flavour.big else 4, flavour.byteorder)
    columns["text"][rows] = np.where(outside, positions, 0)
    columns["text_bytes"][rows] = np.where(outside, lengths, 0)


def _equal_rows(matrix: npt.NDArray[Any]) -> list[npt.NDArray[np.intp]]:
    """Indices of rows that are equal; sorting is left out for the usual case of one group."""
    if (matrix == matrix[0]).all():
        return [np.arange(len(matrix))]
    _, group = np.unique(matrix, axis=0, return_inverse=True)
    return [np.flatnonzero(group.reshape(-1) == g) for g in range(group.max() + 1)]


def _fill(
    file: FileIO,
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
    several = any(first["count"][where[code]] != 1 for code in present if code in ONE_VALUE_TAGS)
    if not present:
        raise InputError(f"{chain.path} has a page that says nothing of its pixels: it is damaged.")
    columns_of = [_first_values(file, chain, tags, where[code]) for code in present]
    matrix = np.stack(columns_of, axis=1)
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
        if several or not page_kind.readable or segments * 2 > chain.size:
            raise InputError(
                f"{chain.path} describes its pages in a way that makes no sense: it is damaged, "
                f"copy it again."
            )
        if counts is None and not (segments == 1 and page_kind.stored_plainly):
            raise InputError(f"{chain.path} doesn't say how long its strips are: it is damaged.")
        kind[rows[members]] = kinds.setdefault(page_kind, len(kinds))


def _first_values(
    file: FileIO, chain: Chain, tags: npt.NDArray[Any], j: int
) -> npt.NDArray[np.int64]:
    """First value of a tag in each page; values outside the directory are read of page 0 alone.

    Those are lists of one number a sample, for pixels of three samples or more.
    """
    tag, byteorder = tags[0, j], chain.flavour.byteorder
    kind, column = int(tag["type"]), tags["value"][:, j]
    width = TYPE_BYTES.get(kind, 1)
    if int(tag["count"]) * width <= column.dtype.itemsize:
        return tag_values(column, kind, byteorder)
    position = int(tag_values(column[:1], 16 if chain.flavour.big else 4, byteorder)[0])
    number = int.from_bytes(pread(file, position, width), "little" if byteorder == "<" else "big")
    return np.full(len(tags), number, np.int64)


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
