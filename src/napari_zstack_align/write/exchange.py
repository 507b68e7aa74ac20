"""Two names exchange what they stand for, in one step."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

AT_FDCWD = -100
RENAME_EXCHANGE = 2
RENAME_SWAP = 2


def exchange(one: Path, other: Path) -> bool:
    """Exchange two files or folders of a file system.

    Returns
    -------
    bool
        False where the system or the file system can't (Windows, network drives): nothing was
        done.
    """
    names = os.fsencode(one), os.fsencode(other)
    if sys.platform == "linux":
        rename = getattr(ctypes.CDLL(None), "renameat2", None)
        arguments: tuple[object, ...] = (AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE)
    elif sys.platform == "darwin":
        rename = getattr(ctypes.CDLL(None), "renamex_np", None)
        arguments = (*names, RENAME_SWAP)
    else:
        return False
    return rename is not None and rename(*arguments) == 0
