"""`TiffSource`: frames out of the pages of TIFF files, plain bytes read as such, others decoded."""

from __future__ import annotations

from functools import cached_property, partial
from io import FileIO
from itertools import groupby, pairwise
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from napari_zstack_align.errors import InputError
from napari_zstack_align.read._damage import damage
from napari_zstack_align.read._files import readable
from napari_zstack_align.read._quiet import DAMAGE, DAMAGED_TAGS, quiet_tifffile
from napari_zstack_align.read.tiff.pages import PageKind, Pages
from napari_zstack_align.read.tiff.segments import segments_of
from napari_zstack_align.read.tiff.tags import pread


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
        for number, runs in groupby(self._runs(planes), lambda run: int(self._pages.file[run[2]])):
            path = self._pages.paths[number]
            with readable(path), path.open("rb", buffering=0) as file:
                for a, b, _ in runs:
                    self._read_run(file, planes[a:b], out[a:b])
        return out.reshape(-1, *self.shape[1:])

    def _runs(self, planes: npt.NDArray[np.intp]) -> list[tuple[int, int, int]]:
        """Stretches of planes that lie one behind the other in a file, and the first page."""
        if len(planes) == 1:  # the most frequent: a tenth of the time
            return [(0, 1, int(planes[0]))]
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
        borders = [0, *(np.flatnonzero(~joined) + 1).tolist(), len(planes)]
        return [(a, b, int(planes[a])) for a, b in pairwise(borders) if b > a]

    def _read_run(self, file: FileIO, planes: npt.NDArray[np.intp], out: npt.NDArray[Any]) -> None:
        page = int(planes[0])
        kind = self._pages.kinds[int(self._pages.kind[page])]
        if self._pages.contiguous[page]:
            self._read_plain(file, page, kind, out)
        else:
            self._decode(file, page, kind, out[0])

    def _read_plain(self, file: FileIO, page: int, kind: PageKind, out: npt.NDArray[Any]) -> None:
        view = out.data.cast("B")
        file.seek(int(self._pages.offset[page]))
        while len(view):
            n_bytes = file.readinto(view)
            if not n_bytes:
                raise InputError(
                    f"{self._pages.paths[int(self._pages.file[page])]} has become shorter since "
                    f"it was opened: open it again."
                )
            view = view[n_bytes:]
        if np.dtype(f"{kind.byteorder}u2") != np.dtype("u2"):
            out.byteswap(inplace=True)

    def _decode(self, file: FileIO, page: int, kind: PageKind, out: npt.NDArray[Any]) -> None:
        """Decode the segments of one page into ``out`` (samples, Y, X)."""
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
