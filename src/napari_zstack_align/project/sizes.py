"""Whether the files of a project are still as they were when it was saved or read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from napari_zstack_align.saved.names import OF_THE_SYSTEM

TABLE = ".csv"
"""A table of ROIs may be edited by hand: it counts as long as there is something in it."""


def sizes_of(member: Path) -> dict[str, int]:
    """Sizes of the files of a member, by their names in it; '.' is a member that is a file."""
    return {path.relative_to(member).as_posix(): path.stat().st_size for path in _files(member)}


def are_there(member: Path, sizes: Mapping[str, int]) -> bool:
    """Whether the files of a member are there, as long as they were."""
    try:
        return bool(sizes) and all(
            _fits((member / name).stat().st_size, size, member) for name, size in sizes.items()
        )
    except OSError:  # it is gone, or the drive is: in both cases, nobody can count on it
        return False


def _fits(size: int, known: int, member: Path) -> bool:
    return size == known or (member.suffix == TABLE and size > 0)


def _files(member: Path) -> Iterator[Path]:
    """All files but hidden ones and those of the file manager, which come and go."""
    for path in [member] if member.is_file() else member.rglob("*"):
        if path.is_file() and not path.name.startswith(".") and path.name not in OF_THE_SYSTEM:
            yield path
