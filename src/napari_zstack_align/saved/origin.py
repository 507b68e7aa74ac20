"""Which raw frames a result is of: many recordings bear the same name, in folders of their own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path


def _unknown() -> str:
    return ""


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
    """

    files: tuple[tuple[Path, ...], ...] = ()
    read_fingerprint: Callable[[], str] = field(default=_unknown, repr=False)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of some frames; '' where it isn't known."""
        return self.read_fingerprint()

    def may_be_of(self, other: Origin) -> bool:
        """Whether both are of the same files or the same frames, or nothing says so.

        Frames are looked at only where the files are others.
        """
        if not self.files or not other.files:
            return True
        if len(self.files) == len(other.files) and all(
            share_a_place(mine, theirs)
            for mine, theirs in zip(self.files, other.files, strict=True)
        ):
            return True
        return bool(self.fingerprint) and self.fingerprint == other.fingerprint

    def lies_in(self, place: Path) -> bool:
        """Whether all files are a path or lie in that folder."""
        (real,) = real_places([place])
        return all(
            any(Path(each).is_relative_to(real) for each in real_places(file))
            for file in self.files
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
    return {_real(path) for path in paths}


def _real(path: str | Path) -> str:
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):  # no file can have such a name
        return os.path.abspath(path)
