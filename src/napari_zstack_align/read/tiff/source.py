"""`TiffSource`: frames out of the pages of TIFF files, plain bytes read as such, others decoded."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, partial
from io import FileIO
from itertools import groupby
from math import prod
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tifffile

from napari_zstack_align.errors import InputError
from napari_zstack_align.read._damage import damage
from napari_zstack_align.read._files import readable
from napari_zstack_align.read._plain_bytes import PlainFile
from napari_zstack_align.read._quiet import DAMAGE, DAMAGED_TAGS, quiet_tifffile
from napari_zstack_align.read.tiff.pages import PageKind, Pages
from napari_zstack_align.read.tiff.segments import segments_of
from napari_zstack_align.read.tiff.tags import pread


class Run(NamedTuple):
    """Planes of a read that lie one behind the other: where they come in it, and in which file.

    Of planes that have to be decoded each is a run, and ``offset`` is what `Pages` has there.
    """

    start: int
    stop: int
    page: int
    file: int
    kind: int
    offset: int
    is_plain: bool


class TiffSource:
    """Frames of TIFF files.

    Parameters
    ----------
    pages : Pages
        Where the pages lie, all of one shape and type.
    planes : numpy.ndarray
        (T, C) int, the page that holds each plane.
    """

    reads_singly = True

    def __init__(self, pages: Pages, planes: npt.NDArray[np.intp]) -> None:
        self._pages = pages
        self._planes = planes
        kind = pages.kinds[int(pages.kind[0])]
        self._dtype = kind.dtype
        self._page_shape = kind.shape

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, C, Y, X)."""
        n_frames, n_channels = self._planes.shape
        samples, n_rows, n_columns = self._page_shape
        return n_frames, n_channels * samples, n_rows, n_columns

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of a pixel."""
        return self._dtype

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_decoders"}

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Frames ``start`` to ``stop`` as (stop - start, C, Y, X)."""
        planes = self._planes[start:stop].reshape(-1)
        out = np.empty((len(planes), *self._page_shape), self._dtype)
        if len(planes) == 1:  # the most frequent: half of the time
            self._read_page(planes.item(), out)
            return out.reshape(-1, *self.shape[1:])
        for number, runs in groupby(self._runs(planes), attrgetter("file")):
            with PlainFile(self._pages.paths[number]) as file:
                self._read_runs(file, [(run, out[run.start : run.stop]) for run in runs])
        return out.reshape(-1, *self.shape[1:])

    def _runs(self, planes: npt.NDArray[np.intp]) -> Iterable[Run]:
        """Stretches of planes that lie one behind the other in a file."""
        pages = self._pages
        file, kind, offset = pages.file[planes], pages.kind[planes], pages.offset[planes]
        plain = pages.contiguous[planes]
        n_bytes = prod(self._page_shape) * self._dtype.itemsize
        joined = (
            (file[1:] == file[:-1])
            & (kind[1:] == kind[:-1])
            & plain[1:]
            & plain[:-1]
            & (offset[1:] == offset[:-1] + n_bytes)
        )
        starts = np.flatnonzero(np.r_[len(planes) > 0, ~joined])
        stops = np.r_[starts, len(planes)][1:]
        columns = (starts, stops, *(each[starts] for each in (planes, file, kind, offset, plain)))
        return map(Run._make, zip(*(column.tolist() for column in columns), strict=True))

    def _read_runs(self, file: PlainFile, runs: list[tuple[Run, npt.NDArray[Any]]]) -> None:
        """Fill an array for each run of a file."""
        file.fill_all([(out, run.offset) for run, out in runs if run.is_plain])
        for run, out in runs:
            kind = self._pages.kinds[run.kind]
            if not run.is_plain:
                self._decode(file, run.page, kind, out[0])
            elif kind.is_swapped:
                out.byteswap(inplace=True)

    def _read_page(self, page: int, out: npt.NDArray[Any]) -> None:
        pages = self._pages
        kind = pages.kinds[pages.kind.item(page)]
        with PlainFile(pages.paths[pages.file.item(page)]) as file:
            if not pages.contiguous.item(page):
                self._decode(file, page, kind, out[0])
                return
            file.fill(out, pages.offset.item(page))
        if kind.is_swapped:
            out.byteswap(inplace=True)

    def _decode(self, plain: PlainFile, page: int, kind: PageKind, out: npt.NDArray[Any]) -> None:
        """Decode the segments of one page into ``out`` (samples, Y, X)."""
        file = FileIO(plain.descriptor, closefd=False)
        offsets, counts = segments_of(
            file, kind, int(self._pages.offset[page]), int(self._pages.count[page])
        )
        decoder = self._decoder(int(self._pages.kind[page]))
        for i, (offset, count) in enumerate(zip(offsets, counts, strict=True)):
            data = pread(file, int(offset), int(count)) if count else None
            # MemoryError: the head of a damaged strip may speak of more pixels than fit
            with damage((*DAMAGE, MemoryError), partial(self._undecodable, page)):
                decoded = decoder(data, i)
            if not _place(decoded, out):
                raise self._undecodable(page, "what its strips hold doesn't fit into the page")

    def _undecodable(self, page: int, why: object) -> InputError:
        path = self._pages.paths[int(self._pages.file[page])]
        return _undecodable(path, int(self._pages.index[page]), why)

    @cached_property
    def _decoders(self) -> dict[int, Any]:
        """Decoding functions by kind; made when needed and left out of a pickle."""
        return {}

    def _decoder(self, kind: int) -> Any:
        if kind not in self._decoders:
            page = int(np.flatnonzero(self._pages.kind == kind)[0])
            self._decoders[kind] = _make_decoder(self._pages, page)
        return self._decoders[kind]


def _make_decoder(pages: Pages, page: int) -> Any:
    """Tifffile's decoding function for pages like this one."""
    path, index = pages.paths[int(pages.file[page])], int(pages.index[page])
    with (
        readable(path),
        quiet_tifffile(),
        damage(DAMAGED_TAGS, partial(_undecodable, path, index)),
        tifffile.TiffFile(path) as tiff,
    ):
        keyframe = tiff.pages[index].aspage()
        jpeg = keyframe.compression in (6, 7, 34892, 33007)
        tables = {"jpegtables": keyframe.jpegtables, "jpegheader": keyframe.jpegheader}
        function, more = keyframe.decode, tables if jpeg else {}
    return lambda data, i: function(data, i, _fullsize=False, **more)


def _undecodable(path: Path, page: int, why: object) -> InputError:
    return InputError(
        f"{path} can't be decompressed at page {page} ({why}): the file is damaged, or "
        f"compressed in a way that imagecodecs doesn't know."
    )


def _place(decoded: Any, out: npt.NDArray[Any]) -> bool:
    """Put a decoded strip or tile (1, rows, columns, samples) where it belongs.

    Returns
    -------
    bool
        False where it has no place there: the page is another one than its tags describe.
    """
    segment, (sample, _, row, column, _), shape = decoded
    rows, columns = slice(row, row + shape[1]), slice(column, column + shape[2])
    if segment is None:
        out[sample : sample + shape[3], rows, columns] = 0
        return True
    part = np.moveaxis(segment[0, : out.shape[1] - row, : out.shape[2] - column], -1, 0)
    target = out[sample : sample + part.shape[0], rows, columns]
    if target.shape != part.shape:
        return False
    target[...] = part
    return True
