"""The manifest: the one file that says what a folder holds, and lists its files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field

from napari_zstack_align.errors import InputError
from napari_zstack_align.saved.facts import (
    Facts,
    FileFacts,
    Head,
    MemberFacts,
    Part,
    Removed,
    Subject,
    damaged,
    origin_in,
    parse_json,
    unreadable,
    validated,
)
from napari_zstack_align.saved.kinds import (
    LAYOUTS,
    OLD_TRACES,
    PROJECT,
    RECORDING,
    SESSION,
    Z_STACK,
    Kind,
)
from napari_zstack_align.saved.origin import Origin
from napari_zstack_align.saved.provenance import WRITTEN_BY, json_bytes, now, on_disk, plain

SCHEMA_VERSION = 2
COMPLETE, INCOMPLETE = "complete", "incomplete"
NOT_CHECKED = ("inputs", "checksum")
"""Where the raw files lie may be mended by hand: that is no damage."""


@dataclass(frozen=True)
class Manifest:
    """A manifest that was read.

    Attributes
    ----------
    path : pathlib.Path
        Where it stands.
    kind : Kind
    schema : int
        Schema version.
    complete : bool
        Whether every frame was run.
    subject : Subject
    facts : dict
        All that the file says.
    content : bytes
        The file.
    generation : str
        Of its files; '' up to schema 1.
    files : mapping of str to FileFacts
        By role.
    members : tuple of MemberFacts
        Of several results that belong together.
    replaces : tuple of str
        Files of the result before it, which a stopped save may have left.
    removed : tuple of Removed
        Members of the result before it, likewise.
    """

    path: Path
    kind: Kind
    schema: int
    complete: bool
    subject: Subject
    facts: Facts = field(repr=False)
    content: bytes = field(repr=False)
    generation: str = ""
    files: Mapping[str, FileFacts] = field(default_factory=dict)
    members: tuple[MemberFacts, ...] = ()
    replaces: tuple[FileFacts, ...] = ()
    removed: tuple[Removed, ...] = ()

    @property
    def folder(self) -> Path:
        """The folder that it is about."""
        return self.path.parent

    @property
    def mark(self) -> str:
        """What no other result has: the generation, or up to schema 1 a digest of this file."""
        return self.generation or hashlib.sha256(self.content).hexdigest()

    @property
    def checksum(self) -> str:
        """What it says of itself; '' up to schema 1."""
        return str(self.facts.get("checksum", ""))


class NewerVersion(InputError):
    """A manifest has a schema that a newer version of this program wrote."""


def read_manifest(path: Path) -> Manifest:
    """Read a manifest of this or an earlier schema.

    Raises
    ------
    FileNotFoundError
        Where there is none.
    InputError
        Where it is damaged, can't be read, or is of a newer schema (`NewerVersion`).
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unreadable(path, error) from error
    facts = parse_json(path, content)
    version = facts.get("schema_version")
    if type(version) is not int or version < 1:
        raise damaged(path, "schema_version is no number above 0")
    if version > SCHEMA_VERSION:
        raise NewerVersion(
            f"{path} was written by a newer version ({facts.get('written_by')}): update "
            f"napari-zstack-align."
        )
    origin = origin_in(facts, path.parent)
    if version == 1:
        return _of_schema_1(path, facts, content, origin)
    if facts.get("checksum") != _checksum(facts):
        raise damaged(path, "its text has changed since it was written")
    head = validated(Head, facts, path)
    if LAYOUTS[head.kind].members and not head.recordings:
        raise damaged(path, "it lists no recordings")
    return Manifest(
        path,
        head.kind,
        version,
        head.state == COMPLETE,
        head.subject.model_copy(update={"origin": origin}),
        facts,
        content,
        head.generation,
        head.files,
        head.recordings,
        head.replaces,
        head.removed,
    )


def manifest_bytes(
    kind: Kind,
    subject: Subject,
    generation: str,
    provenance: Mapping[str, Any],
    **more: Any,
) -> bytes:
    """Text of a manifest.

    Parameters
    ----------
    kind, subject, generation
        As of `Manifest`.
    provenance : mapping
        Of `provenance.provenance`.
    **more
        What else it says: files, members, parameters, ...; models or values for JSON.
    """
    facts = {
        "kind": str(kind),
        "schema_version": SCHEMA_VERSION,
        "state": COMPLETE if subject.complete else INCOMPLETE,
        "generation": generation,
        "written_by": WRITTEN_BY,
        "saved": now(),
        "subject": subject.model_dump(),
        "provenance": on_disk(provenance),
        **more,
    }
    facts = plain(facts)
    facts["checksum"] = _checksum(facts)
    return json_bytes(facts)


def _checksum(facts: Facts) -> str:
    """SHA-256 of all that a manifest says, however it is laid out."""
    checked = {key: value for key, value in facts.items() if key not in NOT_CHECKED}
    return hashlib.sha256(json.dumps(checked, sort_keys=True).encode()).hexdigest()


# -- schema 1 ----------------------------------------------------------------------------------


class _OldStack(Part):
    name: str
    shape: tuple[int, int, int, int]
    frames_per_slice: int | None = None


class _OldSession(Part):
    recordings: tuple[MemberFacts, ...] = Field(min_length=1)


def _of_schema_1(path: Path, facts: Facts, content: bytes, origin: Origin) -> Manifest:
    kind = _old_kind(path, facts)
    layout = LAYOUTS[kind]
    files = {
        role: FileFacts(name=name)
        for role, name in layout.files.items()
        if (path.parent / name).exists()
    }
    members = validated(_OldSession, facts, path).recordings if layout.members else ()
    subject = _old_subject(path, kind, facts, members).model_copy(update={"origin": origin})
    complete = facts.get("state") == COMPLETE
    return Manifest(path, kind, 1, complete, subject, facts, content, files=files, members=members)


def _old_kind(path: Path, facts: Facts) -> Kind:
    if path.name == SESSION:
        return Kind.SESSION
    if path.name == OLD_TRACES:
        return Kind.TRACES
    if path.name == PROJECT:
        raise damaged(path, "there are no projects of schema 1")
    kind = facts.get("kind", Kind.ALIGNMENT)
    if kind not in (Kind.ALIGNMENT, Kind.ZSHIFT):
        raise damaged(path, f"kind is {kind!r}")
    return Kind(kind)


def _old_subject(path: Path, kind: Kind, facts: Facts, members: tuple[MemberFacts, ...]) -> Subject:
    if kind is Kind.SESSION:
        return Subject(name=members[0].name, frames=len(members))
    if kind is Kind.TRACES:
        return Subject(name=str(facts.get("recording", "")))
    stack = validated(_OldStack, facts.get("stack"), path)
    what = RECORDING if stack.frames_per_slice is None else Z_STACK
    return Subject(what=what, name=stack.name, frames=stack.shape[0])
