"""A result that is one table in a plain file: replaced in one step, like a folder's manifest."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from napari_zstack_align.atomic import check_name, check_target, hidden_stem, mode_of
from napari_zstack_align.csv_text import csv_header
from napari_zstack_align.errors import InputError
from napari_zstack_align.saved.disk import (
    remove_if_possible,
    replace_in_one_step,
    sentences_for,
)
from napari_zstack_align.saved.lock import lock_beside, locked_by
from napari_zstack_align.saved.names import OLD_LOCK, is_empty, names_beside

ROOM_BESIDE = 4
"""Bytes for '-99' in the name of a table that is saved beside another one."""


@dataclass(frozen=True)
class Table:
    """A kind of CSV table.

    Attributes
    ----------
    title : str
        What messages call it.
    columns : frozenset of str
        Columns that each of them has; others may be there too.
    """

    title: str
    columns: frozenset[str]

    def may_be(self, path: Path) -> bool:
        """Whether a file is a table of this kind, by its header."""
        return self.columns <= set(csv_header(path))


ROI_TABLE = Table("table of ROIs", frozenset({"id", "y", "x", "radius"}))


def check_table(path: Path, table: Table, overwrite: bool) -> None:
    """Find out before the work whether a table can be saved.

    Parameters
    ----------
    path : pathlib.Path
    table : Table
        What will be saved; nothing else is ever replaced.
    overwrite : bool
        Whether such a table may be replaced.

    Raises
    ------
    InputError
        Where the name is taken, or can't be written; the sentence says why.
    """
    with sentences_for(path):
        check_name(path, ROOM_BESIDE)
        place = _place_of(path)
        if mode_of(place) and not _may_replace(place, table):
            raise InputError(f"{path} is no {table.title}, and is left alone: choose another name.")
    check_target(path, overwrite)
    check_target(place, overwrite)


def save_table(
    path: Path,
    content: bytes | Callable[[], bytes],
    table: Table,
    overwrite: bool,
    *,
    beside: bool = False,
) -> Path:
    """Write a table: at any moment, the old or the new one is there. A link is followed.

    Parameters
    ----------
    path : pathlib.Path
    content : bytes or callable
        Or what makes it under the lock, of what is there.
    table : Table
        What it is; nothing else is ever replaced.
    overwrite : bool
        Whether such a table there is replaced.
    beside : bool
        Where something there may not be replaced: write beside it, under a free name, instead of
        refusing.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    InputError
        Where the name is taken, or the file system refuses.
    """
    if not beside:
        check_table(path, table, overwrite)
    with sentences_for(path):
        place = _place_of(path)
        with locked_by(lock_beside(place)) as held:
            if held:
                _remove_left_over(place)
            if place.exists() and not (overwrite and _may_replace(place, table)):
                if not beside:
                    check_table(path, table, overwrite)
                path = place = next(each for each in names_beside(path, "") if not each.exists())
            replace_in_one_step(place, content() if callable(content) else content)
    return path


def _place_of(path: Path) -> Path:
    """Return the file that a name stands for: where it is a link, the one that it leads to."""
    if not path.is_symlink():
        return path
    if not mode_of(path):
        raise InputError(f"{path} is a link to a place that doesn't exist: choose another name.")
    return path.resolve()


def _may_replace(path: Path, table: Table) -> bool:
    """Whether nothing else is lost with a file; an empty one is nothing."""
    return path.is_file() and (path.stat().st_size == 0 or table.may_be(path))


def _remove_left_over(path: Path) -> None:
    """Remove what stopped saves of this file left; those of a longer name are not its."""
    names = re.compile(rf"\.{re.escape(hidden_stem(path))}\.[0-9a-f]{{8}}\.part")
    for each in os.scandir(path.parent):
        if names.fullmatch(each.name):
            remove_if_possible(Path(each.path))
    old_lock = path.with_name(f".{path.name}{OLD_LOCK}")
    if is_empty(old_lock):
        remove_if_possible(old_lock)
