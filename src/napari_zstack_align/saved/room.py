"""Whether a result can be written: tried before the work, not found out after it."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryFile

from napari_zstack_align.errors import InputError
from napari_zstack_align.saved.disk import sentences_for
from napari_zstack_align.saved.journal import SUFFIX, journal_folder


def check_room(target: Path, n_bytes: int) -> None:
    """Raise InputError where a result can't be written, by writing, or where it has no room.

    What its journal already takes counts as written.

    Parameters
    ----------
    target : pathlib.Path
        A folder or file in a folder that is there.
    n_bytes : int
        How much will be written, at most.
    """
    journal = journal_folder(target)
    for folder in (target.parent, *(each for each in (target, journal) if each.is_dir())):
        with (
            sentences_for(journal if folder == journal else target),
            TemporaryFile(dir=folder) as trial,  # without a name, where the system can
        ):
            trial.write(b"\0")
    with sentences_for(target):
        kept = [path for path in journal.glob(f"*{SUFFIX}") if path.is_file()]
        n_bytes -= sum(path.stat().st_size for path in kept)
    check_free(target, n_bytes)


def check_free(target: Path, n_bytes: int) -> None:
    """Raise InputError where so many bytes don't fit; a disk that can't be asked is tried later."""
    try:
        free = shutil.disk_usage(target.absolute().parent).free
    except OSError:
        return
    if free < n_bytes:
        raise InputError(no_room(target, n_bytes, free))


def no_room(target: Path, needed: int, free: int) -> str:
    """Say that something needs more bytes than are free beside it, in numbers that differ."""
    numbers = in_words(needed), in_words(free)
    if numbers[0] == numbers[1]:
        numbers = f"{needed:,} bytes", f"{free:,} bytes"
    return (
        f"{target} needs about {numbers[0]}, but only {numbers[1]} are free in "
        f"{target.parent.absolute()}: free some space, or choose another place."
    )


def in_words(n_bytes: int) -> str:
    """'1.5 GB'."""
    for size, unit in ((10**9, "GB"), (10**6, "MB")):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f} {unit}"
    return f"{n_bytes / 1000:.0f} kB"
