"""Chunks of zarr arrays packed by blosc, whose heads are checked before they are unpacked.

numcodecs takes the sizes in the head of a chunk as they stand and reads that far: a head that
claims more bytes than the file has makes it read memory that isn't its own, which kills Python.
c-blosc itself refuses damage after the head, or unpacks other numbers: only a checksum can tell
those. So an array is opened with codecs of the same meaning that compare the head with what there
is first; in a shard, too. Arrays in dask stay as they are: whoever made them unpacks their chunks.

The 16 bytes of a head, little-endian: version, version of the codec, flags, bytes a number, bytes
unpacked, bytes a block, bytes packed (https://www.blosc.org/python-blosc/reference.html).
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass
from math import prod
from typing import Any, Self

import numcodecs
import zarr
from numcodecs.abc import Codec
from zarr.abc.codec import BytesBytesCodec
from zarr.core.array_spec import ArraySpec
from zarr.core.buffer import Buffer
from zarr.registry import register_codec

from napari_zstack_align.errors import InputError

NAME = "napari-zstack-align-checked-blosc"
"""Of both codecs, in the description of an array that is open; never in a file."""
THEIR_NAMES = ("blosc", "numcodecs.blosc")
HEAD = struct.Struct("<BBBBIII")
VERSION = 2
ROOM = 16
"""Filters before blosc may have made each byte of a chunk this many."""


class DamagedChunk(InputError):
    """A chunk can't be unpacked."""


def with_checked_blosc(array: zarr.Array[Any]) -> zarr.Array[Any]:
    """Return an array for reading, whose chunks of blosc are checked before they are unpacked."""
    described = array.metadata.to_dict()
    most = ROOM * prod(array.chunks) * array.dtype.itemsize
    checked = _exchanged(described, most)
    return array if checked == described else zarr.Array.from_dict(array.store_path, checked)


def _exchanged(part: Any, most: int) -> Any:
    """Part of an array's description with our codecs for blosc, at any depth but in attributes."""
    if isinstance(part, list | tuple):
        return [_exchanged(each, most) for each in part]
    if not isinstance(part, dict):
        return part
    if part.get("id") == "blosc":
        return {"id": NAME, "most": most}
    if part.get("name") in THEIR_NAMES:
        return {"name": NAME}
    return {k: v if k == "attributes" else _exchanged(v, most) for k, v in part.items()}


def unpacked(chunk: Any, most: int) -> bytes:
    """Unpack a chunk of blosc.

    Parameters
    ----------
    chunk : bytes-like
    most : int
        How many bytes it may hold at most.

    Raises
    ------
    InputError
        Where its head doesn't fit.
    """
    packed = memoryview(chunk).cast("B")
    if len(packed) < HEAD.size:
        raise _damaged(f"it has {len(packed)} bytes")
    version, _, _, per_number, n_bytes, block, n_packed = HEAD.unpack_from(packed)
    if n_packed != len(packed):
        raise _damaged(f"it has {len(packed):,} bytes and claims {n_packed:,}")
    if n_bytes > most:
        raise _damaged(f"it claims to hold {n_bytes:,} bytes, more than a chunk can have")
    if version != VERSION or per_number == 0 or not 0 < block <= max(n_bytes, 1):
        raise _damaged("its head makes no sense")
    content: bytes = numcodecs.Blosc().decode(packed)
    return content


def _bytes_a_number(dtype: Any) -> int:
    """Size of a chunk's data type, which before zarr 3.1 is numpy's own."""
    native = dtype.to_native_dtype() if hasattr(dtype, "to_native_dtype") else dtype
    return int(native.itemsize)


def _damaged(why: str) -> DamagedChunk:
    return DamagedChunk(f"A chunk of the zarr array is damaged ({why}): copy the array again.")


class CheckedBloscV2(Codec):  # type: ignore[misc]  # numcodecs has no types
    """Unpacks blosc in an array of zarr 2.

    Parameters
    ----------
    most : int
        How many bytes a chunk may hold at most.
    """

    codec_id = NAME

    def __init__(self, most: int) -> None:
        self.most = most

    def decode(self, buf: Any, out: None = None) -> bytes:
        """Unpack a chunk."""
        return unpacked(buf, self.most)

    def encode(self, buf: Any) -> bytes:
        """Refuse: the array was opened for reading."""
        raise NotImplementedError


@dataclass(frozen=True)
class CheckedBloscV3(BytesBytesCodec):
    """Unpacks blosc in an array of zarr 3, or in its shards."""

    is_fixed_size = False

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the codec: what is needed for unpacking stands in each chunk."""
        return cls()

    def to_dict(self) -> dict[str, Any]:
        """Return its description."""
        return {"name": NAME}

    async def _decode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        most = ROOM * prod(chunk_spec.shape) * _bytes_a_number(chunk_spec.dtype)
        content = await asyncio.to_thread(unpacked, chunk_bytes.as_numpy_array(), most)
        return chunk_spec.prototype.buffer.from_bytes(content)

    async def _encode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        """Refuse: the array was opened for reading."""
        raise NotImplementedError

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        """Refuse: it depends on the content."""
        raise NotImplementedError


numcodecs.register_codec(CheckedBloscV2)
register_codec(NAME, CheckedBloscV3)
