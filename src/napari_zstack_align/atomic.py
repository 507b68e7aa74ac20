"""A file or folder appears under its name only when it is complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from napari_zstack_align.errors import InputError


def check_target(path: Path, overwrite: bool) -> None:
    """Raise InputError where ``path`` can't be written, before any work is done."""
    if not path.parent.is_dir():
        raise InputError(f"{path} can't be written: there is no folder {path.parent}.")
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists already: choose another name, or allow overwriting.")


@contextmanager
def replacing(path: Path, overwrite: bool) -> Iterator[Path]:
    """Give a temporary name beside ``path``, which takes the place of ``path`` at the end.

    Whatever stops the block, an error or a cancel, removes the unfinished file or folder and
    leaves what was at ``path`` as it was.

    Raises
    ------
    InputError
        Where the file system refuses (no space, no permission).
    """
    check_target(path, overwrite)
    unfinished = _beside(path, "part")
    try:
        yield unfinished
        _move(unfinished, path)
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror or error}.") from error
    finally:
        _remove(unfinished)


def _move(source: Path, target: Path) -> None:
    if not target.exists() or (source.is_file() and target.is_file()):
        os.replace(source, target)
        return
    # What is or becomes a folder can't be replaced in one step: it gives way first.
    old = _beside(target, "old")
    os.replace(target, old)
    try:
        os.replace(source, target)
    except OSError:
        os.replace(old, target)
        raise
    _remove(old)


def _beside(path: Path, what: str) -> Path:
    return path.with_name(f".{path.name}.{uuid4().hex[:8]}.{what}")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
