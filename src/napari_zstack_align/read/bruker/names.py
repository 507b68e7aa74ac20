"""How a folder of Bruker (Prairie View) is recognised."""

from __future__ import annotations

import re
from pathlib import Path

NAME = re.compile(
    r"(?P<stem>.*)_Cycle(?P<cycle>\d+)_(?:CurrentSettings_)?Ch(?P<channel>\d+)_(?P<image>\d+)"
    r"(?:\.ome)?\.tiff?",
    re.IGNORECASE,
)
"""Of an image: 'TSeries-01_Cycle00001_Ch2_000001.ome.tif', and as earlier versions write it."""
HEAD_BYTES = 1000
"""In so many bytes the root of the XML begins."""


def is_bruker(folder: Path) -> bool:
    """Whether a folder is one of Bruker's: by its XML, or by the names of its images."""
    names = listed(folder)
    if any(is_prairie_xml(folder / name) for name in names if name.lower().endswith(".xml")):
        return True
    images = [name for name in names if name.lower().endswith((".tif", ".tiff"))]
    return bool(images) and all(map(NAME.fullmatch, images))


def is_prairie_xml(path: Path) -> bool:
    """Whether a file is the XML of a scan, by its first bytes."""
    try:
        with path.open("rb") as file:
            return b"<PVScan" in file.read(HEAD_BYTES)
    except OSError:
        return False


def listed(folder: Path) -> list[str]:
    """Names in a folder, without hidden ones; none where it can't be read, which others say."""
    try:
        return [path.name for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError:
        return []
