"""Whether the files of a saved result are still as they were when it was written or read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from napari_zstack_align.errors import InputError
from napari_zstack_align.saved.manifest import read_manifest
from napari_zstack_align.saved.occupant import manifest_path


@dataclass(frozen=True)
class KeptFile:
    """A file as it was.

    Attributes
    ----------
    size : int
        In bytes.
    mtime_ns : int
        When it was modified.
    sha256 : str
        Of its content; '' where nobody knows.
    """

    size: int
    mtime_ns: int
    sha256: str

    @classmethod
    def of(cls, path: Path, sha256: str) -> KeptFile:
        """Describe a file as it is now."""
        state = path.stat()
        return cls(state.st_size, state.st_mtime_ns, sha256)

    def fits(self, state: os.stat_result) -> bool:
        """Whether nothing says that the file was written since."""
        return (state.st_size, state.st_mtime_ns) == (self.size, self.mtime_ns)

    def is_in(self, path: Path) -> bool:
        """Whether a file that was written since holds the same."""
        same_size = path.stat().st_size == self.size
        return same_size and (not self.sha256 or self.sha256 == _digest(path))


class KeptFiles:
    """The files of a saved result, which is a folder with a manifest, or one file.

    Parameters
    ----------
    path : pathlib.Path
        The folder or file.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._files = dict(_listed(path))
        except (OSError, InputError):  # it has gone just now: no folder holds it
            self._files = {}

    def are_in(self, path: Path) -> bool:
        """Whether a folder or file holds them as they were; a mere copy does.

        Only what was written since is read.
        """
        try:
            return bool(self._files) and all(self._is_in(path, name) for name in self._files)
        except OSError:  # it is gone, or the drive is: in both cases, nobody can count on it
            return False

    def _is_in(self, path: Path, name: str) -> bool:
        file, there = self._files[name], path / name if name else _main_file(path)
        state = there.stat()
        if file.fits(state):
            return True
        if not file.is_in(there):
            return False
        self._files[name] = replace(file, mtime_ns=state.st_mtime_ns)  # it isn't read again
        return True


def _listed(path: Path) -> Iterator[tuple[str, KeptFile]]:
    """Files by their names in a folder; '' is its manifest, or a result that is a file."""
    at = _main_file(path)
    yield "", KeptFile.of(at, _digest(at))
    if at != path:
        for each in read_manifest(at).files.values():
            yield each.name, KeptFile.of(path / each.name, each.sha256)


def _main_file(path: Path) -> Path:
    """The file itself, or the manifest that counts in a folder, whatever it is called."""
    at = path if path.is_file() else manifest_path(path)
    if at is None:
        raise FileNotFoundError(path)
    return at


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
