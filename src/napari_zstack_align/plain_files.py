"""What can be the name of a file, and what can be opened without waiting for ever."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from napari_zstack_align.errors import InputError


def check_is_file(path: Path) -> None:
    """Raise OSError where a path is not there or no plain file, InputError where it is no name.

    Opening a pipe would wait for ever, and a device has no end.
    """
    mode = os.stat(path_of(path)).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is a pipe or a device, no file", str(path))


def path_of(given: object) -> Path:
    """Return a path; InputError for what can be none."""
    if not isinstance(given, str | os.PathLike) or isinstance(os.fspath(given), bytes):
        raise InputError(f"{given!r} is no name of a file: give a path, or a list of paths.")
    path = Path(given)
    try:
        possible = b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        possible = False
    if not possible:
        raise InputError(f"{str(given)!r} is no name that a file can have: give another.")
    return path.expanduser() if str(path).startswith("~") else path
