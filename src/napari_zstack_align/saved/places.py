"""Where raw files lie: recordings of one name and size, in folders of their own, are told by it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path


def place_of(paths: Iterable[Path]) -> str:
    """Digest of the paths of some files without links, in their order; '' of none.

    Files of one folder share its real path, which takes long to find for thousands of them.
    """
    real_folder = cache(os.path.realpath)

    def real(path: Path) -> str:
        whole = os.path.abspath(path)
        if os.path.islink(whole):
            return os.path.realpath(whole)
        return os.path.join(real_folder(os.path.dirname(whole)), os.path.basename(whole))

    real_paths = [real(path) for path in paths]
    text = "\0".join(real_paths).encode(errors="surrogateescape")
    return hashlib.sha256(text).hexdigest()[:16] if real_paths else ""
