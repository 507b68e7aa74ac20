"""Whether a name can be written, temporary names beside it, and bytes that are on the disk."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path
from uuid import uuid4

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError

LONGEST_NAME = 255
"""Bytes that a name may have on the file systems of today."""
HIDDEN_PART = 24
"""Bytes for what hidden names add: a dot, '.3f2a9c1b.part', '.zstack-align.lock'."""


def check_target(path: Path, overwrite: bool, *, is_folder: bool = False) -> None:
    """Raise InputError where ``path`` can't be written, before any work is done.

    A folder is replaced by a folder alone (``is_folder``): others may be in it.
    """
    try:
        if not stat.S_ISDIR(mode_of(path.parent)):
            raise InputError(f"{path} can't be written: there is no folder {path.parent}.")
        mode = mode_of(path)
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror or error}.") from error
    if mode and not overwrite:
        raise InputError(f"{path} exists already: choose another name, or give `overwrite=True`.")
    if stat.S_ISDIR(mode) and not is_folder:
        raise InputError(f"{path} exists and is a folder: choose another name.")
    check_permission(path.parent)


def check_name(path: Path, room: int) -> None:
    """Raise InputError where a name is so long that what is written beside it has no room.

    Parameters
    ----------
    path : pathlib.Path
    room : int
        How many bytes are added to the name.
    """
    too_long = len(os.fsencode(path.name)) + room - LONGEST_NAME
    if too_long > 0:
        raise InputError(
            f"{path} can't be written: its name is too long; leave out {counted(too_long, 'byte')}."
        )


def mode_of(path: Path) -> int:
    """Return what a name stands for, as `os.stat` says; 0 for nothing, or a link to nothing.

    Unlike `pathlib.Path.exists`, which since Python 3.14 takes any error for 'nothing', this
    raises OSError where it can't be found out, or no file can have the name.
    """
    try:
        return os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        if error.errno == errno.ELOOP:
            return 0
        raise


def check_permission(folder: Path) -> None:
    """Raise InputError where one may not write in a folder, or make it in the one above it."""
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not there.is_dir():
        raise InputError(f"{folder} can't be written: {there} is a file, no folder.")
    effective = os.access in os.supports_effective_ids
    # what is in a folder that is there is read, too
    needed = os.W_OK | os.X_OK | (os.R_OK if folder.exists() else 0)
    if os.access(there, needed, effective_ids=effective):
        return
    if _is_on_read_only_disk(there):
        raise InputError(
            f"{folder} can't be written: the disk of {there} is read-only; choose a place on "
            f"another one."
        )
    raise InputError(f"{folder} can't be written: you have no permission to write in {there}.")


def _is_on_read_only_disk(folder: Path) -> bool:
    """Whether nobody may write on the file system of a folder; Windows doesn't tell."""
    if not hasattr(os, "statvfs"):
        return False
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def temporary_beside(path: Path) -> Path:
    """Return a hidden name beside a path that nothing else has."""
    return path.with_name(f".{hidden_stem(path)}.{uuid4().hex[:8]}.part")


def hidden_stem(path: Path) -> str:
    """Return what stands for a path in hidden names beside it: its name, or a digest of a long one.

    So there are hidden names beside whatever has a name itself.
    """
    name = os.fsencode(path.name)
    if len(name) + HIDDEN_PART <= LONGEST_NAME:
        return path.name
    return hashlib.sha256(name).hexdigest()[:32]


def flush_file(path: Path) -> None:
    """Return when a file's content is on the disk."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_folder(folder: Path) -> None:
    """Return when the names in a folder are on the disk; Windows does so by itself."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
