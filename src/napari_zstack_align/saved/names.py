"""Names: of the target, of files of a generation, and of what a stopped save leaves."""

from __future__ import annotations

import re
import secrets
import stat
from collections.abc import Container, Iterator
from pathlib import Path

from napari_zstack_align.errors import InputError
from napari_zstack_align.saved.kinds import LAYOUTS, RUN, Kind

LOCK = ".zstack-align.lock"
OLD_LOCK = ".lock"
"""What it was called once: an empty file of this name is left over."""
UNFINISHED = ".unfinished"
"""Ending of the folder that keeps the finished parts of a run, beside its result."""
OF_THE_SYSTEM = (".DS_Store", "Thumbs.db", "desktop.ini")
"""What file managers leave in any folder."""
GENERATION = "(?:[0-9][a-f]){4}"
"""'3f2a9c1b': numerals and letters in turn, as no date, count or word of a user's has them."""


def target_of(path: str | Path, kind: Kind) -> Path:
    """Return the name that a result of a kind is written to: the suffix is added where it lacks.

    Check this name, and ask about this name, before any work.

    Raises
    ------
    InputError
        Where it is no name, or that of a folder of finished parts.
    """
    path, suffix = Path(path), LAYOUTS[kind].suffix
    if not suffix and path.name in ("", ".."):
        path = path.resolve()  # '.' and '..' are folders like others
    if path.name in ("", "..") or "\0" in str(path):
        raise InputError(f"'{path}' is no name for a result: give the name of a file or folder.")
    if not suffix and path.suffix.lower() == UNFINISHED:
        raise InputError(
            f"{path} is no name for a result: a folder whose name ends in {UNFINISHED} keeps the "
            f"finished parts of a run. Choose another name."
        )
    if not suffix or path.suffix.lower() == suffix:
        return path
    return path.with_name(path.name + suffix)


def names_beside(target: Path, mark: str) -> Iterator[Path]:
    """Names beside a target: NAME-mark, NAME-mark-2, ...; or NAME-2, NAME-3, ... without a mark.

    Parameters
    ----------
    target : pathlib.Path
        With its suffix, if its kind has one.
    mark : str
        'partial' for unfinished results; '' for none.
    """
    known = {layout.suffix for layout in LAYOUTS.values()}
    suffix = target.suffix if target.suffix.lower() in known else ""
    stem = target.name.removesuffix(suffix) + (f"-{mark}" if mark else "")
    if mark:
        yield target.with_name(stem + suffix)
    number = 2
    while True:
        yield target.with_name(f"{stem}-{number}{suffix}")
        number += 1


def new_generation(taken: Container[str]) -> str:
    """Return a generation that no file has yet."""
    while True:
        pairs = (secrets.choice("0123456789") + secrets.choice("abcdef") for _ in range(4))
        if (generation := "".join(pairs)) not in taken:
            return generation


def of_generation(name: str, generation: str) -> str:
    """'quality.csv' of the generation 3f2a9c1b is 'quality-3f2a9c1b.csv'."""
    stem, dot, suffix = name.partition(".")
    return f"{stem}-{generation}{dot}{suffix}"


def generation_of(name: str) -> str:
    """Return the generation in the name of a file of ours; '' where it is none."""
    match = _OF_A_GENERATION.fullmatch(name)
    return match[match.lastindex or 0] if match else ""


def is_temporary(path: Path) -> bool:
    """Whether a stopped save may have left a file, whatever it was of."""
    if path.name in (LOCK, OLD_LOCK):
        return is_empty(path)
    return _TEMPORARY.fullmatch(path.name) is not None


def is_empty(path: Path) -> bool:
    """Whether it is a file that holds nothing, as locks are."""
    try:
        there = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(there.st_mode) and there.st_size == 0


def is_fixed(name: str) -> bool:
    """Whether a file of a result was called so up to schema 1."""
    return name in _FIXED


def _any_generation() -> re.Pattern[str]:
    names = {name for layout in LAYOUTS.values() for name in (*layout.files.values(), RUN)}
    parts = sorted(name.partition(".") for name in names)
    one = "|".join(
        f"{re.escape(stem)}-({GENERATION}){re.escape(dot + end)}" for stem, dot, end in parts
    )
    return re.compile(one)


def _temporary() -> re.Pattern[str]:
    manifests = {name for each in LAYOUTS.values() for name in (each.manifest, each.old_manifest)}
    names = "|".join(re.escape(name) for name in sorted(manifests | _FIXED))
    return re.compile(rf"\.(?:{names})\.[0-9a-f]{{8}}\.part")


_FIXED = {name for each in LAYOUTS.values() for name in each.files.values()}
_OF_A_GENERATION = _any_generation()
_TEMPORARY = _temporary()
