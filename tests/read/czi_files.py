"""CZI files by their documented layout: header, images, metadata, directory."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np

NUMBERS = {"u1": 0, "u2": 1, "f4": 2}
PLAIN, ZSTD, ZSTD_WITH_HEAD = 0, 5, 6
XML = """<ImageDocument><Metadata>
<Information><Image><Dimensions><Channels>{channels}</Channels></Dimensions></Image></Information>
<Scaling><Items>{sizes}</Items></Scaling></Metadata></ImageDocument>"""


def czi(
    path: Path,
    images: Sequence[tuple[dict[str, int], Any]],
    names: Sequence[str] = (),
    sizes_um: dict[str, float] | None = None,
    packing: int = PLAIN,
    closed: bool = True,
    kind: int | None = None,
    n_overviews: int = 0,
) -> Path:
    """Write a file.

    Parameters
    ----------
    path : pathlib.Path
    images : sequence of (dict, numpy.ndarray)
        Place along each axis, by its letter, and the image, as they were taken.
    names : sequence of str
        Of the channels.
    sizes_um : dict, optional
        Of a pixel, by axis.
    packing : int
        Of the pixels.
    closed : bool
        Whether directory and metadata were written.
    kind : int, optional
        Number of the type of a pixel, where it isn't that of the images.
    n_overviews : int
        Images at the end that show others in half as many pixels along each side.
    """
    content = bytearray(_segment(b"ZISRAWFILE", bytes(512)))
    entries = []
    for k, (place, image) in enumerate(images):
        number = NUMBERS[image.dtype.str[1:]] if kind is None else kind
        pixels = _packed(image, packing)
        scale = 2 if k >= len(images) - n_overviews else 1
        entry = _entry(place, image.shape, number, packing, len(content), scale)
        entries.append(entry)
        known = b"<METADATA/>"
        head = struct.pack("<iiq", len(known), 0, len(pixels)) + entry.ljust(240, b"\0")
        content += _segment(b"ZISRAWSUBBLOCK", head + known + pixels)
    xml = XML.format(
        channels="".join(f'<Channel Id="Channel:{c}" Name="{n}"/>' for c, n in enumerate(names)),
        sizes="".join(
            f'<Distance Id="{axis}"><Value>{size * 1e-6!r}</Value></Distance>'
            for axis, size in (sizes_um or {}).items()
        ),
    ).encode()
    if closed:
        struct.pack_into("<qq", content, 84, *_ends(content, xml, entries))
    path.write_bytes(content)
    return path


def _ends(content: bytearray, xml: bytes, entries: list[bytes]) -> tuple[int, int]:
    """Add metadata and directory; return where directory and metadata begin."""
    metadata = len(content)
    content += _segment(b"ZISRAWMETADATA", struct.pack("<ii248x", len(xml), 0) + xml)
    directory = len(content)
    content += _segment(b"ZISRAWDIRECTORY", struct.pack("<i124x", len(entries)) + b"".join(entries))
    return directory, metadata


def _segment(name: bytes, content: bytes) -> bytes:
    allocated = len(content) + -len(content) % 32
    return struct.pack("<16sqq", name, allocated, len(content)) + content.ljust(allocated, b"\0")


def _entry(
    place: dict[str, int], shape: tuple[int, int], kind: int, packing: int, at: int, scale: int
) -> bytes:
    axes = {axis: (start, 1, 1) for axis, start in place.items()}
    axes |= {axis: (0, scale * n, n) for axis, n in zip("YX", shape, strict=True)}
    found = struct.pack("<2siqiiB5xi", b"DV", kind, at, 0, packing, 0, len(axes))
    for axis, (start, size, stored) in axes.items():
        found += struct.pack("<4siifi", axis.encode(), start, size, 0.0, stored)
    return found


def _packed(image: Any, packing: int) -> bytes:
    plain = bytes(image.tobytes())
    if packing not in (ZSTD, ZSTD_WITH_HEAD):
        return plain
    if packing == ZSTD:
        return bytes(imagecodecs.zstd_encode(plain))
    parted = np.frombuffer(plain, np.uint8).reshape(-1, image.itemsize).T.tobytes()
    return b"\3\1\1" + bytes(imagecodecs.zstd_encode(parted))
