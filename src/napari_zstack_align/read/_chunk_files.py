"""Zarr arrays of unpacked chunks, a file for each image or frame: read without zarr.

zarr takes a millisecond for a chunk, ten times as long as reading its bytes.
"""

from __future__ import annotations

import os
import sys
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from zarr.codecs import BytesCodec
from zarr.storage import LocalStore

from napari_zstack_align.errors import InputError
from napari_zstack_align.read._files import readable
from napari_zstack_align.read._plain_bytes import PlainFile, is_filled_by


class ChunkFilesSource:
    """Frames of a zarr array whose chunks are plain files; see `are_plain`.

    A chunk that isn't there holds the fill value, as zarr has it; a folder that is gone is one
    sentence.

    Parameters
    ----------
    array : zarr.Array
    axes : str
        One letter a dimension, YX last.
    """

    reads_singly = True

    def __init__(self, array: zarr.Array[Any], axes: str) -> None:
        store: Any = array.store_path.store
        self._folder = Path(store.root, array.path)
        self._key = array.metadata.encode_chunk_key
        self._value = array.fill_value
        self._dtype = np.dtype(array.dtype)
        sizes = dict(zip(axes, map(int, array.shape), strict=True))
        n_frames = prod(n for axis, n in sizes.items() if axis not in "CYX")
        self._shape = (n_frames, sizes.get("C", 1), sizes["Y"], sizes["X"])
        # Dimensions of the grid of chunks, those first that run fastest through (T, C).
        grid = {
            axis: int(n // c) for axis, n, c in zip(axes, array.shape, array.chunks, strict=True)
        }
        self._n_axes = len(axes)
        self._n_in_chunk = prod(array.chunks)
        self._fastest = [
            (axes.index(axis), grid[axis])
            for axis in sorted(grid, key=lambda axis: (axis == "C", axes.index(axis)), reverse=True)
            if grid[axis] > 1
        ]
        self._per_frame = grid.get("C", 1)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, C, Y, X)."""
        return self._shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of a pixel."""
        return self._dtype

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Frames ``start`` to ``stop`` as (stop - start, C, Y, X)."""
        out = np.empty((max(stop - start, 0), *self._shape[1:]), self._dtype)
        numbers = range(start * self._per_frame, stop * self._per_frame)
        folder = os.path.join(self._folder, "")
        are_there = True
        for number, chunk in zip(numbers, out.reshape(-1, self._n_in_chunk), strict=True):
            path = folder + self._name(number)
            are_there &= is_filled_by(path, chunk) or self._read_chunk(path, chunk)
        if not are_there:
            with readable(self._folder):
                self._folder.stat()
        return out

    def _name(self, number: int) -> str:
        """File of a chunk, counted frame by frame and within a frame channel by channel."""
        place = [0] * self._n_axes
        for axis, size in self._fastest:
            number, place[axis] = divmod(number, size)
        return self._key(tuple(place))

    def _read_chunk(self, path: str, out: npt.NDArray[Any]) -> bool:
        """Fill ``out``, and say whether the chunk is there."""
        try:
            with PlainFile(path) as file:
                n_bytes = file.n_bytes
                if n_bytes != out.nbytes:
                    raise InputError(
                        f"{path} has {n_bytes:,} bytes instead of {out.nbytes:,}: it may be "
                        f"damaged, copy {self._folder} again."
                    )
                file.fill(out, 0)
        except InputError:
            if os.path.lexists(path):
                raise
            out[:] = self._value
            return False
        return True


def are_plain(array: zarr.Array[Any], axes: str) -> bool:
    """Whether each chunk is a file of the pixels of one image, or of all channels of a frame.

    Parameters
    ----------
    array : zarr.Array
    axes : str
        One letter a dimension.
    """
    n_whole = 3 if axes.endswith("CYX") and array.chunks[-3:] == array.shape[-3:] else 2
    one_image = (*(1,) * (array.ndim - n_whole), *array.shape[-n_whole:])
    return (
        axes.endswith("YX")
        and array.chunks == one_image
        and isinstance(array.store_path.store, LocalStore)
        and array.fill_value is not None
        and np.dtype(array.dtype).isnative
        and _are_unpacked(array.metadata)
    )


def _are_unpacked(described: Any) -> bool:
    """Whether chunks hold numbers of the machine's byte order, and nothing else."""
    if described.zarr_format == 2:
        return described.compressor is None and not described.filters and described.order == "C"
    if len(described.codecs) != 1 or not isinstance(described.codecs[0], BytesCodec):
        return False
    order = described.codecs[0].endian
    return order is None or getattr(order, "value", order) == sys.byteorder
