"""Looking at the head of files: whether they hold a movie or a stack that can be opened."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from napari_zstack_align.errors import BrokenOffError, InputError
from napari_zstack_align.read._files import collect, reader_of
from napari_zstack_align.stack import check_pixels

MOST_LOOKED_AT = 20
"""Files of a folder or list that are looked at, spread evenly."""


def holds_frames(path_or_paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> bool:
    """Return whether `open_stack` finds several frames of intensities, from the heads of files.

    Pictures in colour, single images, labels and tables are none. No pixel is read, so what is
    damaged further behind is seen only when it is opened. A file that breaks off holds frames.

    Parameters
    ----------
    path_or_paths : path or sequence of paths
        As for `open_stack`.
    """
    try:
        paths, _ = collect(path_or_paths)
        step = -(-len(paths) // MOST_LOOKED_AT)
        seen = [reader_of(path).load().glance(path) for path in {*paths[::step], paths[-1]}]
        for one in seen:
            check_pixels(one.dtype, (1, *one.frame), Path(paths[0]).name)
    except BrokenOffError:
        return True  # opening it says what can be done
    except InputError:
        return False
    alike = len({(one.frame, one.dtype) for one in seen}) == 1
    return alike and (len(paths) > 1 or seen[0].several)
