"""Where ScanImage's header lies: in tags of a TIFF's first page, or at the start of the file."""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from napari_zstack_align.errors import InputError
from napari_zstack_align.read._files import readable
from napari_zstack_align.read._quiet import tags_of_first_page
from napari_zstack_align.read.scanimage.header import Header, parse

NAMES = ("Software", "ImageDescription", "Artist")
MAGIC = 117637889
"""Behind the head of a BigTIFF file, before the header and the ROIs as text."""
START = struct.Struct("<16xIIII")
LONGEST = 64 * 2**20
"""Bytes of a header; more is damage."""

Texts: TypeAlias = tuple[str, str, str]
"""Software, description and artist; '' where there is none."""


def texts_of(page: Any) -> Texts:
    """Tags of a page of tifffile's that may hold a header."""
    software, description, artist = (page.tags.valueof(name, "") for name in NAMES)
    return _text(software), _text(description), _text(artist)


def header_of(texts: Texts, path: Path) -> Header | None:
    """Read the header of a file from its tags, or from its start; None for other programs."""
    software, description, artist = texts
    header = parse(software, description, artist)
    if header is not None:
        return header
    static = _static(path)
    return parse(static[0], description, static[1]) if static is not None else None


def read_header(path: Path) -> Header | None:
    """Read the header of a file; None for other programs, and files that can't be read."""
    software, description, artist = tags_of_first_page(path, *NAMES)
    with suppress(InputError):  # what is the matter with it is said when it is opened
        return header_of((software, description, artist), path)
    return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _static(path: Path) -> tuple[str, str] | None:
    """Header and ROIs at the start of a BigTIFF file of ScanImage's."""
    with readable(path), path.open("rb", buffering=0) as file:
        start = file.read(START.size)
        if len(start) < START.size or start[:4] != b"II+\0":
            return None
        magic, _, n_header, n_rois = START.unpack(start)
        if magic != MAGIC or n_header + n_rois > LONGEST:
            return None
        text = file.read(n_header + n_rois)
    return _decoded(text[:n_header]), _decoded(text[n_header:])


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "replace").strip("\0 \r\n")
