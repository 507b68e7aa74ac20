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
    def in_folder(cls, folder: Path) -> Copy | None:
        """Describe what was saved in a folder, or read from it, just now; None for nothing."""
        manifest = occupant_of(folder).manifest
        if manifest is None:
            return None
        members = (folder / member.folder for member in manifest.members)
        return cls({place.resolve(): KeptFiles(place) for place in (folder, *members)})

    @property
    def places(self) -> frozenset[Path]:
        """The folders."""
        return frozenset(self.files)

    def is_there(self) -> bool:
        """Whether all of it is as it was; takes a moment, or longer on a slow drive."""
        return all(files.are_in(place) for place, files in self.files.items())
