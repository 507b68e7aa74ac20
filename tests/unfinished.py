"""Results of which not all was done, as their manifest says, or that can't be saved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_zstack_align.saved import generation, manifest_path
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


def refuse_saves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let permission be lost to the files of a result, but not to those of its journal."""

    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(generation, "write_new", refused)


def cannot_be_saved(out: Path, journal: Path) -> str:
    """Last line of a command whose result can't be saved."""
    return (
        f"zstack-align: {out} can't be written: Permission denied. What was finished is kept in "
        f"{journal}: mend that, and the same command again goes on from there."
    )
