"""Where a result is saved, and whether it still is: other programs may change or remove it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.saved.as_kept import KeptFiles
from napari_zstack_align.saved.occupant import occupant_of

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Copy:
    """A result that was saved or opened.

    Attributes
    ----------
    files : mapping of Path to KeptFiles
        What its folder, and those of its members, held then.
    """

    files: Mapping[Path, KeptFiles]

    @classmethod
    def at(cls, path: Path) -> Copy | None:
        """Describe the file, or the result in a folder; None where there is none.

        This reads a manifest, or all of a table: in a worker, by `saving` or `opening`.
        """
        places = [path] if path.is_file() else _folders_at(path)
        files = {place.resolve(): KeptFiles(place) for place in places}
        return cls(files) if files else None

    @property
    def places(self) -> frozenset[Path]:
        """The folders."""
        return frozenset(self.files)

    def is_there(self) -> bool:
        """Whether all of it is as it was; takes a moment, or longer on a slow drive."""
        return all(files.are_in(place) for place, files in self.files.items())


def places_at(folder: Path) -> frozenset[Path]:
    """A folder, and those of the members of the result that is in it."""
    return frozenset(place.resolve() for place in (folder, *_folders_at(folder)))


def _folders_at(path: Path) -> list[Path]:
    """The folder of a result, and those of its members; none where there is no result."""
    manifest = occupant_of(path).manifest
    if manifest is None:
        return []
    return [path, *(path / member.folder for member in manifest.members)]


def describing(path: Path) -> Job[Copy | None]:
    """Describe what is at a path that was opened just now."""
    yield Progress("Looking at the file", 0, 1)
    return Copy.at(path)


def saving(start: Callable[[], Job[Path]]) -> Job[tuple[Path, Copy | None]]:
    """Save by a job that returns where, and describe what is there then."""
    path = yield from start()
    return path, Copy.at(path)


def opening(path: Path | None, start: Callable[[], Job[Result]]) -> Job[tuple[Result, Copy | None]]:
    """Describe what is at a path, and open it: what is changed meanwhile isn't as it was then."""
    copy = None if path is None else Copy.at(path)
    return (yield from start()), copy
