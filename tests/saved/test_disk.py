"""What a manifest lists is on the disk before the manifest is: a power cut can't leave a gap."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import tifffile
from cases import CASES

from napari_zstack_align.errors import InputError
from napari_zstack_align.saved.disk import sentences_for, write_new

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows flushes folders by itself")


def listed_by(manifest: bytes, folder: Path) -> Iterator[Path]:
    """Files that a manifest lists, and their folders; those of a session's members, too."""
    facts = json.loads(manifest)
    yield folder
    yield from (folder / each["name"] for each in facts.get("files", {}).values())
    for member in facts.get("recordings", []):
        path = folder / member["folder"] / member["manifest"]
        yield path
        yield from listed_by(path.read_bytes(), path.parent)


@pytest.mark.parametrize("name", [name for name in CASES if name != "ROIs"])
def test_all_is_flushed_before_the_manifest_is_replaced(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, replace = CASES[name], os.replace
    path = case.save(case.old, case.path(tmp_path))
    flushed: dict[int, int] = {}
    """Time of the last change that was flushed, of files and folders by their inode."""
    replaced = []

    def flush(descriptor: int) -> None:
        there = os.fstat(descriptor)
        flushed[there.st_ino] = there.st_mtime_ns

    def checked_replace(source: Path, target: Path) -> None:
        if target.parent == path and target.name in ("run.json", "session.json"):
            replaced.append(target)
            content = source.read_bytes()
            for each in (source, *listed_by(content, path)):
                there = each.stat()
                assert there.st_ino in flushed, each
                # The folder changed when the manifest came, under its temporary name.
                assert each == path or flushed[there.st_ino] == there.st_mtime_ns, each
        replace(source, target)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(os, "replace", checked_replace)
    assert case.save(case.new, path) == path
    assert len(replaced) == 1


@pytest.fixture
def limited() -> Iterator[Callable[[int], None]]:
    """Limits the size of files, as a full disk does."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _write_image(file: BinaryIO) -> None:
    tifffile.imwrite(file, np.ones((200, 200), np.float32))


def _write_archive(file: BinaryIO) -> None:
    np.savez(file, a=np.ones(40_000, np.float32))


@pytest.mark.parametrize("write", [_write_image, _write_archive, bytes(160_000)])
@pytest.mark.parametrize("size", [300, 20_000, 65_537])
def test_of_what_does_not_fit_it_is_said_why(tmp_path, limited, write, size):
    """Of arrays that numpy writes by C, the error says but how much was written."""
    limited(size)
    with (
        pytest.raises(InputError, match="written: File too large"),
        sentences_for(tmp_path),
    ):
        write_new(tmp_path / "file", write)
