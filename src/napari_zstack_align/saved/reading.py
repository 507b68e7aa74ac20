"""Read what was saved: every file is checked before it is used."""

from __future__ import annotations

import csv
import hashlib
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any, TypeVar
from zipfile import BadZipFile

from tifffile import TiffFileError

from napari_zstack_align.errors import InputError
from napari_zstack_align.saved.facts import (
    AnyModel,
    FileFacts,
    MemberFacts,
    Remarks,
    damaged,
    unreadable,
    validated,
)
from napari_zstack_align.saved.kinds import LAYOUTS, Kind
from napari_zstack_align.saved.manifest import Manifest, read_manifest
from napari_zstack_align.saved.members import is_listed
from napari_zstack_align.saved.occupant import manifest_path, occupant_of
from napari_zstack_align.saved.provenance import from_disk

Value = TypeVar("Value")

ATTEMPTS = 20
"""How often a result is read that others replace meanwhile."""
UNREADABLE = (
    OSError,
    EOFError,
    LookupError,
    ValueError,
    ArithmeticError,
    TokenError,
    BadZipFile,
    TiffFileError,
    csv.Error,
    struct.error,
    zlib.error,
)
"""What readers raise for damaged files of schema 1, which has no checksums.

A file whose checksum matches is as it was written: what is raised for it is a fault of ours.
"""


class UnfitContent(Exception):
    """What a file holds isn't what belongs there: the message says why."""


@dataclass(frozen=True)
class Reading:
    """A saved result while it is read.

    Attributes
    ----------
    manifest : Manifest
    """

    manifest: Manifest

    @property
    def folder(self) -> Path:
        """The folder."""
        return self.manifest.folder

    @property
    def provenance(self) -> dict[str, Any]:
        """Where it comes from, as of `provenance`."""
        described = validated_dict(self.manifest, "provenance")
        remarks = validated(Remarks, described, self.manifest.path).remarks
        if self.manifest.schema > 1:
            described = from_disk(described)
        return described if remarks is None else {**described, "remarks": [*remarks]}

    def facts(self, model: type[AnyModel]) -> AnyModel:
        """Return what the manifest says, as a model of the kind."""
        return validated(model, self.manifest.facts, self.manifest.path)

    def has(self, role: str) -> bool:
        """Whether there is a file of a role that not every result has."""
        return role in self.manifest.files

    def file(self, role: str, read: Callable[[Path], Value]) -> Value:
        """Check the file of a role, and read it.

        Raises
        ------
        InputError
            Where it is missing, isn't the one that was written, or can't be read.
        """
        path, facts = self.path(role), self.manifest.files.get(role)
        checked = facts is not None and facts.sha256 != ""
        try:
            if facts is not None and checked:
                _check(path, facts)
            return read(path)
        except InputError:
            raise
        except FileNotFoundError:
            raise InputError(
                f"{path} is missing: restore the file from a copy, or make the result again."
            ) from None
        except PermissionError as error:
            raise unreadable(path, error) from error
        except (OSError, UnfitContent) as error:
            raise damaged(path, str(error)) from error
        except UNREADABLE as error:
            if checked:
                raise
            raise damaged(path, str(error)) from error

    def path(self, role: str) -> Path:
        """Return the name of the file of a role."""
        facts = self.manifest.files.get(role)
        return self.folder / (
            LAYOUTS[self.manifest.kind].files[role] if facts is None else facts.name
        )

    def refused(self, role: str, why: str) -> InputError:
        """Sentence for a file that doesn't fit the others."""
        return damaged(self.path(role), why)


def validated_dict(manifest: Manifest, key: str) -> dict[str, Any]:
    """Return a JSON object of a manifest; InputError where it is something else."""
    value = manifest.facts.get(key)
    if not isinstance(value, dict):
        raise damaged(manifest.path, f"{key} is no JSON object")
    return value


def read_result(folder: str | Path, kind: Kind, build: Callable[[Reading], Value]) -> Value:
    """Read a result; one that is replaced meanwhile is read again.

    Parameters
    ----------
    folder : str or pathlib.Path
    kind : Kind
        What must be there.
    build : callable
        Makes the result of its files.

    Raises
    ------
    InputError
        Where there is no such result, it is damaged, or of a newer version.
    """
    return _unchanged(Path(folder), kind, lambda seen: build(Reading(seen[0])))


def read_group(folder: str | Path, kind: Kind, build: Callable[[Reading], Value]) -> list[Value]:
    """Read results that belong together, in their order; errors are those of `read_result`."""

    def members(seen: list[Manifest]) -> list[Value]:
        seen += [_member(seen[0], member) for member in seen[0].members]
        return [build(Reading(manifest)) for manifest in seen[1:]]

    return _unchanged(Path(folder), kind, members)


def _unchanged(folder: Path, kind: Kind, read: Callable[[list[Manifest]], Value]) -> Value:
    """Read until the manifests were the same before and after.

    What reads gets a list with the manifest of the folder, and adds those of its members.
    """
    for _ in range(ATTEMPTS):
        seen: list[Manifest] = []
        try:
            seen.append(_manifest(folder, kind))
            value = read(seen)
        except InputError:
            if all(map(_is_current, seen)):
                raise
            continue
        except FileNotFoundError:  # a manifest has just taken its place
            continue
        except OSError as error:
            raise unreadable(folder, error) from error
        if all(map(_is_current, seen)):
            return value
    raise InputError(f"{folder} is being replaced all the time: try again when that is over.")


def _is_current(manifest: Manifest) -> bool:
    try:
        path = manifest_path(manifest.folder)
        return path is not None and path.read_bytes() == manifest.content
    except FileNotFoundError:
        return False


def _manifest(folder: Path, kind: Kind) -> Manifest:
    title = LAYOUTS[kind].title
    if not folder.exists():
        raise InputError(f"There is no {title} {folder}.".replace("is no traces", "are no traces"))
    path = manifest_path(folder)
    if path is None:
        there = occupant_of(folder)
        what = "is an empty folder" if there.free else there.description
        raise InputError(f"{folder} {what}, no {title}: check its name and folder.")
    try:
        manifest = read_manifest(path)
    except FileNotFoundError:
        return _manifest(folder, kind)
    if manifest.kind is not kind:
        raise InputError(
            f"{folder} {occupant_of(folder).description}, no {title}: give another folder "
            f"(in Python, napari_zstack_align.load opens every kind)."
        )
    return manifest


def _member(session: Manifest, member: MemberFacts) -> Manifest:
    """Return the manifest of a member: the one that its session lists.

    A member that was saved by itself since is taken as it is now, if it is of the same recording.
    """
    folder = session.folder / member.folder
    kind = LAYOUTS[session.kind].members
    assert kind is not None
    path = folder / member.manifest
    manifest = read_manifest(path) if path.is_file() else _manifest(folder, kind)
    if not member.checksum or manifest.checksum == member.checksum:
        return manifest
    if manifest.generation == session.generation:
        raise damaged(manifest.path, f"it isn't the one that {session.path} lists")
    if not is_listed(session, member, manifest):
        same_name = manifest.subject.name == member.name
        whose = (
            f"other frames of that name than {session.path} lists"
            if same_name
            else (f"{manifest.subject.name}, but {session.path} lists {member.name} there")
        )
        raise damaged(manifest.path, f"it is of {whose}")
    return manifest


def _check(path: Path, facts: FileFacts) -> None:
    """Raise UnfitContent where a file isn't the one that was written."""
    size = path.stat().st_size
    if size != facts.size:
        raise UnfitContent(f"it has {size} bytes, but {facts.size} were written")
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != facts.sha256:
            raise UnfitContent("its content has changed since it was written")
