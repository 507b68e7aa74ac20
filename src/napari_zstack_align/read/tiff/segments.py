"""Strips and tiles: where the bytes of each page lie in its file."""

from __future__ import annotations

from dataclasses import replace
from io import FileIO

import numpy as np
import numpy.typing as npt

from napari_zstack_align.read.tiff.pages import PageKind, Pages
from napari_zstack_align.read.tiff.tags import TYPE_BYTES, pread

BATCH_NUMBERS = 500_000
"""Segments whose positions are held at once when opening."""


def segments_of(
    file: FileIO, kind: PageKind, offset: int, count: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Positions and lengths of the strips or tiles of a page that isn't contiguous."""
    if kind.segments == 1:
        return np.array([offset], np.int64), np.array([count], np.int64)
    return (
        _tables(file, kind, kind.offset_type, [offset])[0],
        _tables(file, kind, kind.count_type, [count])[0],
    )


def _tables(
    file: FileIO, kind: PageKind, value_type: int, positions: list[int]
) -> npt.NDArray[np.int64]:
    """Tables (N, segments) at N positions; 0 where the file ends before its table does."""
    width = TYPE_BYTES.get(value_type, 4)
    n_bytes = width * kind.segments
    raw = b"".join(pread(file, position, n_bytes).ljust(n_bytes, b"\0") for position in positions)
    numbers = np.frombuffer(raw, f"{kind.byteorder}u{width}").astype(np.int64)
    return numbers.reshape(len(positions), kind.segments)


def locate(file: FileIO, pages: Pages) -> None:
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


def _locate_tables(file: FileIO, pages: Pages, rows: npt.NDArray[np.intp], kind: PageKind) -> None:
    batch = max(1, BATCH_NUMBERS // kind.segments)
    for some in (rows[i : i + batch] for i in range(0, len(rows), batch)):
        offsets = _tables(file, kind, kind.offset_type, pages.offset[some].tolist())
        counts = _tables(file, kind, kind.count_type, pages.count[some].tolist())
        ends = offsets + counts
        pages.end[some] = ends.max(axis=1)
        if kind.stored_plainly:
            whole = (offsets[:, 1:] == ends[:, :-1]).all(axis=1) & (offsets[:, 0] > 0)
            whole &= counts.sum(axis=1) == kind.n_bytes
            pages.contiguous[some] = whole
            pages.offset[some[whole]] = offsets[whole, 0]


def split(file: FileIO, pages: Pages) -> Pages:
    """Give each plane of pages whose samples are stored apart a row of its own.

    Pages that mix this with other ways of storing are left as they are.
    """
    kind = pages.kinds[int(pages.kind[0])]
    samples = kind[277]
    if samples == 1 or kind[284] != 2 or (pages.kind != pages.kind[0]).any():
        return pages
    segments = max(kind.segments // samples, 1)
    tags = {**dict(kind.tags), 277: 1}
    plane = replace(kind, tags=tuple(tags.items()), segments=segments)
    starts = np.arange(samples)
    rows = []
    for offset, count in zip(pages.offset.tolist(), pages.count.tolist(), strict=True):
        if kind.segments == 1:
            rows.append((offset + starts * plane.n_bytes, np.full(samples, count // samples)))
        elif segments == 1:
            rows.append(segments_of(file, kind, offset, count))
        else:
            a, b = (TYPE_BYTES.get(t, 4) * segments for t in (kind.offset_type, kind.count_type))
            rows.append((offset + starts * a, count + starts * b))
    spread = pages.take(np.repeat(np.arange(len(pages)), samples))
    return replace(
        spread,
        kinds=(plane,),
        kind=np.zeros(len(spread), np.int16),
        offset=np.concatenate([a for a, _ in rows]).astype(np.int64),
        count=np.concatenate([b for _, b in rows]).astype(np.int64),
        split=samples,
    )
