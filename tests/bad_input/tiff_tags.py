"""TIFFs whose first page has an odd tag."""

from __future__ import annotations

import struct


def with_tag(data: bytes, code: int, value: int | None, *, kind: int | None = None) -> bytes:
    """A little-endian TIFF whose first page has another value, type or none of a tag."""
    (place,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, place)
    changed = bytearray(data)
    for k in range(count):
        entry = place + 2 + 12 * k
        found, old, number = struct.unpack_from("<HHI", data, entry)
        if found != code:
            continue
        if value is None:
            struct.pack_into("<H", changed, entry, 65000)
        else:
            struct.pack_into("<HHI", changed, entry, code, kind or old, number)
            struct.pack_into("<I", changed, entry + 8, value & 0xFFFFFFFF)
        return bytes(changed)
    raise AssertionError(f"no tag {code}")
