"""Which raw frames a result is of: many recordings bear the same name, in folders of their own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from napari_zstack_align.saved.unit_file import FileStates


def _unknown() -> str:
    return ""


def _no_states() -> FileStates:
    return ()


@dataclass(frozen=True)
class Origin:
    """Where the frames of a result are from.

    Attributes
    ----------
    files : tuple of tuple of pathlib.Path
        Of each raw file, the places where it may be: where it was, and where it is if it was
        moved together with the result; none where only its name is known. () of an array.
    read_fingerprint : callable
        Returns what tells these frames from others, '' where it isn't known. It may read some.
    read_states : callable
        Returns size and time of modification of each file, () where they aren't known.
    """

    files: tuple[tuple[Path, ...], ...] = ()
    read_fingerprint: Callable[[], str] = field(default=_unknown, repr=False)
    read_states: Callable[[], FileStates] = field(default=_no_states, repr=False)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of some frames; '' where it isn't known."""
        return self.read_fingerprint()

    @cached_property
    def states(self) -> FileStates:
        """(size, time of modification in ns) of each file; () where they aren't known."""
        return self.read_states()

    def may_be_of(self, other: Origin) -> bool:
        """Whether both are of the same files or the same frames, or nothing says so.

        Files may have got other frames since. Frames are looked at only where the files are
        others, or aren't known to be as they were.
        """
        if not self.files or not other.files or self.is_unchanged(other):
            return True
        if self.fingerprint and other.fingerprint:
            return self.fingerprint == other.fingerprint
        return self._shares_places(other)

    def is_unchanged(self, other: Origin) -> bool:
        """Whether both are of the very same files, none of which has changed in between.

        A folder that was copied has another file in the same place beside the result.
        """
        return (
            bool(self.states)
            and self._shares_places(other, first=1)
            and self.states == other.states
        )

    def _shares_places(self, other: Origin, first: int | None = None) -> bool:
        """Whether each file shares a place with the other's: one of all, or of the first few."""
        return len(self.files) == len(other.files) and all(
            share_a_place(mine[:first], theirs[:first])
            for mine, theirs in zip(self.files, other.files, strict=True)
        )

    def __str__(self) -> str:
        """'/data/larva.tif', '/data/a.tif and 2 more'; '' where no file is known."""
        if not self.files or not self.files[0]:
            return ""
        more = f" and {len(self.files) - 1} more" if len(self.files) > 1 else ""
        return f"{self.files[0][0]}{more}"


def origin_of_files(files: Iterable[object], fingerprint: object = "") -> Origin:
    """Origin as a provenance knows it.

    Parameters
    ----------
    files : iterable
        Paths. Nobody knows where one begins that isn't absolute, as earlier versions wrote them.
    fingerprint : str
    """
    paths = [Path(file) for file in files if isinstance(file, str)]
    known = tuple((path,) if path.is_absolute() else () for path in paths)
    return Origin(known, lambda: fingerprint if isinstance(fingerprint, str) else "")


def share_a_place(some: Sequence[str | Path], others: Sequence[str | Path]) -> bool:
    """Whether one of some paths leads to the same place as one of others.

    Links are followed only where all names differ: of thousands of files, that takes long.
    """
    names = {Path(path).absolute() for path in some}
    return not names.isdisjoint(Path(path).absolute() for path in others) or not real_places(
        some
    ).isdisjoint(real_places(others))


def real_places(paths: Sequence[str | Path]) -> set[str]:
    """Absolute paths without links: the same for all names of a file."""
    return {real_place(path) for path in paths}


def real_place(path: str | Path) -> str:
    """Absolute path without links; without a look at them where no file can have that name."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return os.path.abspath(path)
