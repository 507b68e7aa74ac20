"""An export appears under its name only when it is complete, and on the disk.

Until then it has a hidden name beside, and what was there stays. What a killed export left is
removed by the next one of the same name.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_zstack_align.atomic import (
    check_target,
    flush_file,
    flush_folder,
    hidden_stem,
    temporary_beside,
)
from napari_zstack_align.saved import lock_beside, locked_by, sentences_for
from napari_zstack_align.write.exchange import exchange


@contextmanager
def replacing(path: Path, overwrite: bool) -> Iterator[Path]:
    """Give a temporary name beside ``path``, which takes the place of ``path`` at the end.

    Whatever stops the block, an error or a cancel, removes the unfinished file or folder and
    leaves what was at ``path`` as it was. What takes the place has reached the disk before.

    Raises
    ------
    InputError
        Where the file system refuses (no space, no permission).
    """
    check_target(path, overwrite, is_folder=True)
    with sentences_for(path), locked_by(lock_beside(path), wait=False) as held:
        if held:  # else another program writes it, or may do so
            clean_up(path)
            check_target(path, overwrite, is_folder=True)
        unfinished = temporary_beside(path)
        try:
            yield unfinished
            check_target(path, overwrite, is_folder=True)  # another program may have been faster
            take_place(unfinished, path)
        except BaseException:
            remove_if_possible(unfinished)
            raise


def clean_up(path: Path) -> None:
    """Remove what killed exports to ``path`` left; put back what they had moved away."""
    names = re.compile(rf"\.{re.escape(hidden_stem(path))}\.[0-9a-f]{{8}}\.(part|old)")
    left = [each for each in path.parent.iterdir() if names.fullmatch(each.name)]
    for each in left:
        if each.suffix == ".old" and not path.exists():
            os.replace(each, path)
        else:
            remove_if_possible(each)


def take_place(source: Path, target: Path) -> None:
    """Let a whole file or folder take the place of another one, once it is on the disk."""
    _flush(source)
    if not target.exists() or (source.is_file() and target.is_file()):
        os.replace(source, target)
    elif exchange(source, target):
        remove_if_possible(source)  # now the old one
    else:
        _move_in_two_steps(source, target)
    flush_folder(target.parent)


def _move_in_two_steps(source: Path, target: Path) -> None:
    """Where two names can't be exchanged: killed in between, `clean_up` puts the old one back."""
    old = temporary_beside(target).with_suffix(".old")
    os.replace(target, old)
    try:
        os.replace(source, target)
    except OSError:
        os.replace(old, target)
        raise
    remove_if_possible(old)


def _flush(path: Path) -> None:
    """Flush a file, or all files of a folder."""
    if not path.is_dir():
        flush_file(path)
        return
    for folder, _, names in os.walk(path):
        for name in names:
            flush_file(Path(folder, name))
        flush_folder(Path(folder))


def remove_if_possible(path: Path) -> None:
    """Remove a file or folder; what can't be removed must not hide why there was something to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
