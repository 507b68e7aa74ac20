"""A result that is one plain file: replaced in one step, like a folder's manifest."""

from __future__ import annotations

import re
from pathlib import Path

from napari_zstack_align.atomic import check_target
from napari_zstack_align.saved.disk import (
    remove_if_possible,
    replace_in_one_step,
    sentences_for,
)
from napari_zstack_align.saved.lock import locked_by
from napari_zstack_align.saved.names import names_beside


def save_file(path: Path, content: bytes, overwrite: bool, *, beside: bool = False) -> Path:
    """Write a file: at any moment, the old or the new one is there.

    Parameters
    ----------
    path : pathlib.Path
    content : bytes
    overwrite : bool
        Whether a file there is replaced.
    beside : bool
        Where it may not be replaced: write beside it, under a free name, instead of refusing.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    InputError
        Where there is a file already, or the file system refuses.
    """
    check_target(path, overwrite or beside)
    with sentences_for(path), locked_by(path.with_name(f".{path.name}.lock")) as held:
        if held:
            _remove_left_over(path)
        if not overwrite and path.exists():
            check_target(path, overwrite=beside)
            path = next(each for each in names_beside(path, "") if not each.exists())
        replace_in_one_step(path, content)
    return path


def _remove_left_over(path: Path) -> None:
    """Remove what stopped saves of this file left; those of a longer name are not its."""
    names = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}\.part")
    for each in path.parent.iterdir():
        if names.fullmatch(each.name):
            remove_if_possible(each)
