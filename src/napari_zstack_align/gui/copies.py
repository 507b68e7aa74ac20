"""Where a result is saved, and whether it still is: other programs may change or remove it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from napari_zstack_align.saved.as_kept import KeptFiles
from napari_zstack_align.saved.occupant import occupant_of


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
        """Describe the file, or what is in a folder, that was just saved or read; None: nothing."""
        if path.is_file():
            return cls({path.resolve(): KeptFiles(path)})
        manifest = occupant_of(path).manifest
        if manifest is None:
            return None
        members = (path / member.folder for member in manifest.members)
        return cls({place.resolve(): KeptFiles(place) for place in (path, *members)})

    @property
    def places(self) -> frozenset[Path]:
        """The folders."""
        return frozenset(self.files)

    def is_there(self) -> bool:
        """Whether all of it is as it was; takes a moment, or longer on a slow drive."""
        return all(files.are_in(place) for place, files in self.files.items())
