"""Files whose bytes are on the disk when the function returns."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeAlias

from napari_zstack_align.atomic import flush_folder, temporary_beside
from napari_zstack_align.errors import InputError
from napari_zstack_align.saved.facts import FileFacts

Content: TypeAlias = bytes | Callable[[BinaryIO], object]
"""What is written into a file, or what writes it."""
A_BLOCK = 1 << 16
"""Bytes: more than what may be left of the last block of a disk."""


def write_new(path: Path, content: Content) -> FileFacts:
    """Write a file that isn't there yet, flush it, and return its checksum and size."""
    with path.open("xb+") as file:
        if isinstance(content, bytes):
            file.write(content)
        else:
            with _said_why(file):
                content(file)
        file.flush()
        os.fsync(file.fileno())
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileFacts(name=path.name, sha256=digest, size=size)


@contextmanager
def _said_why(file: BinaryIO) -> Iterator[None]:
    """Find out why a disk refused an array: numpy says how much of it was written, and no more."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            file.seek(0, os.SEEK_END)
            file.write(bytes(A_BLOCK))  # it is refused as well, with the reason
            file.flush()
        raise


def replace_in_one_step(path: Path, content: bytes) -> None:
    """Put a file in the place of another one: at any moment, one of them is there."""
    temporary = temporary_beside(path)
    try:
        write_new(temporary, content)
        os.replace(temporary, path)
    except BaseException:
        remove_if_possible(temporary)
        raise
    flush_folder(path.parent)


def rename_in_one_step(source: Path, target: Path) -> None:
    """Let a file take the place of another one in its folder."""
    os.replace(source, target)
    flush_folder(target.parent)


def remove_if_possible(path: Path) -> None:
    """Remove a file that nothing lists; where that can't be, the next save tries again."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, whose names are on the disk when this returns."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in missing:
        flush_folder(each.parent)


@contextmanager
def no_empty_folder(folder: Path) -> Iterator[None]:
    """Remove a folder that was made in the block, if that fails and leaves nothing in it."""
    was_there = folder.exists()
    try:
        yield
    except BaseException:
        if not was_there:
            with suppress(OSError):  # there is something in it
                folder.rmdir()
        raise


@contextmanager
def sentences_for(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into one sentence."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror or error}.") from error
