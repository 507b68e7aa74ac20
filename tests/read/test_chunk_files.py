"""Chunks of zarr that are plain files: read as zarr does, and no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from zarr.codecs import BytesCodec, Crc32cCodec

import napari_zstack_align as nza
from napari_zstack_align.read import open_stack
from napari_zstack_align.read._chunk_files import ChunkFilesSource

LAYOUTS: dict[str, tuple[str, tuple[int, ...], tuple[int, ...]]] = {
    "frames": ("TYX", (6, 20, 30), (1, 20, 30)),
    "frames of two channels": ("TCYX", (6, 2, 20, 30), (1, 2, 20, 30)),
    "images of two channels": ("TCYX", (6, 2, 20, 30), (1, 1, 20, 30)),
    "channels outside": ("CTYX", (2, 6, 20, 30), (1, 1, 20, 30)),
    "channels inside volumes": ("VCZYX", (2, 2, 3, 20, 30), (1, 1, 1, 20, 30)),
}


def written(path: Path, shape: tuple[int, ...], chunks: tuple[int, ...], **how: Any) -> Any:
    """Write an array with a fill value."""
    how = {"compressors": None, "fill_value": 7, "dtype": "u2", **how}
    array = zarr.create_array(path, shape=shape, chunks=chunks, **how)
    array[...] = np.random.default_rng(0).integers(0, 60000, shape)
    return array


def in_order(array: Any, axes: str) -> Any:
    """Bring an array to (T, C, Y, X)."""
    slow = [axes.index(axis) for axis in axes if axis not in "CYX"]
    channels = [axes.index(axis) for axis in axes if axis == "C"]
    whole = array[...].transpose(*slow, *channels, -2, -1)
    return whole.reshape(-1, whole.shape[-3] if channels else 1, *whole.shape[-2:])


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(("axes", "shape", "chunks"), LAYOUTS.values(), ids=LAYOUTS)
def test_the_same_as_zarr(axes: str, shape: Any, chunks: Any, version: Any, tmp_path: Path) -> None:
    array = written(tmp_path / "x.zarr", shape, chunks, zarr_format=version)
    last = tuple(n // c - 1 for n, c in zip(shape, chunks, strict=True))
    (tmp_path / "x.zarr" / array.metadata.encode_chunk_key(last)).unlink()
    stack = open_stack(tmp_path / "x.zarr", axes=axes)
    assert isinstance(stack.source, ChunkFilesSource)
    expected = in_order(array, axes)
    assert (expected[-1, -1] == 7).all()
    np.testing.assert_array_equal(stack.read(0, 6), expected)
    np.testing.assert_array_equal(stack.read(4, 6), expected[4:])
    assert stack.read(3, 3).shape == (0, *expected.shape[1:])


PACKED: dict[str, dict[str, Any]] = {
    "packed": {"compressors": "auto"},
    "packed by zarr 2": {"compressors": "auto", "zarr_format": 2},
    "of the other byte order": {"serializer": BytesCodec(endian="big")},
    "of the other byte order by zarr 2": {"dtype": ">u2", "zarr_format": 2},
    "with checksums": {"compressors": (Crc32cCodec(),)},
    "in shards": {"shards": (2, 20, 30)},
    "columns first": {"order": "F", "zarr_format": 2},
    "tiles": {"chunks": (1, 20, 15)},
    "of several frames": {"chunks": (2, 20, 30)},
    "larger than frames": {"chunks": (1, 32, 32)},
}


@pytest.mark.parametrize("how", PACKED.values(), ids=PACKED)
def test_other_chunks_are_left_to_zarr(how: dict[str, Any], tmp_path: Path) -> None:
    array = written(tmp_path / "x.zarr", (6, 20, 30), **{"chunks": (1, 20, 30), **how})
    stack = open_stack(tmp_path / "x.zarr")
    assert not isinstance(stack.source, ChunkFilesSource)
    np.testing.assert_array_equal(stack.read(0, 6)[:, 0], array[...])


@pytest.mark.parametrize("n_bytes", [0, 1199, 1201])
def test_a_chunk_of_another_length(n_bytes: int, tmp_path: Path) -> None:
    written(tmp_path / "x.zarr", (6, 20, 30), (1, 20, 30))
    stack = open_stack(tmp_path / "x.zarr")
    (tmp_path / "x.zarr/c/3/0/0").write_bytes(bytes(n_bytes))
    assert stack.read(0, 3).shape == (3, 1, 20, 30)
    said = rf"0 has {n_bytes:,} bytes instead of 1,200: .* copy .*x\.zarr again"
    with pytest.raises(nza.InputError, match=said):
        stack.read(0, 6)


def test_a_folder_that_is_gone_is_not_dark(tmp_path: Path) -> None:
    written(tmp_path / "x.zarr", (6, 20, 30), (1, 20, 30))
    stack = open_stack(tmp_path / "x.zarr")
    (tmp_path / "x.zarr").rename(tmp_path / "y.zarr")
    with pytest.raises(nza.InputError, match=r"There is no file .*x\.zarr"):
        stack.read(0, 1)
