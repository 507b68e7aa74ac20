"""Turns a saved result into one of which not all was done, as its manifest says."""

from __future__ import annotations

import json
from pathlib import Path

from napari_zstack_align.saved import manifest_path
from napari_zstack_align.saved.manifest import INCOMPLETE, _checksum


def make_unfinished(folder: Path) -> dict[Path, bytes]:
    """Change the manifest, and return all files of the folder as they are then."""
    path = manifest_path(folder)
    assert path is not None
    facts = json.loads(path.read_text(encoding="utf-8"))
    facts["state"] = INCOMPLETE
    facts["subject"]["done"] = 0
    facts["checksum"] = _checksum(facts)
    path.write_text(json.dumps(facts), encoding="utf-8")
    return files_in(folder)


def files_in(folder: Path) -> dict[Path, bytes]:
    """Return every file, byte for byte."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
