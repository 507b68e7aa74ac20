"""The files of one save under names of their own, and what is removed when they are in place."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_zstack_align.atomic import flush_folder
from napari_zstack_align.errors import InputError
from napari_zstack_align.saved.disk import (
    Content,
    remove_if_possible,
    rename_in_one_step,
    write_new,
)
from napari_zstack_align.saved.facts import FileFacts, Subject
from napari_zstack_align.saved.kinds import LAYOUTS, OLD_TRACES, RUN, Kind
from napari_zstack_align.saved.manifest import Manifest, manifest_bytes, read_manifest
from napari_zstack_align.saved.names import (
    LOCK,
    generation_of,
    is_fixed,
    is_temporary,
    of_generation,
)
from napari_zstack_align.saved.occupant import (
    manifest_path,
    occupant_of,
    old_left_over,
    pending_manifest,
)


@dataclass(frozen=True)
class Result:
    """What is to be saved in one folder.

    Attributes
    ----------
    kind : Kind
    subject : Subject
        What was worked on, and how much of it is done.
    provenance : mapping
        Of `provenance`.
    files : mapping of str to bytes or callable
        Content of the file of each role, or what writes it into an open file.
    facts : mapping
        What else the manifest says; values for JSON.
    """

    kind: Kind
    subject: Subject
    provenance: Mapping[str, Any]
    files: Mapping[str, Content]
    facts: Mapping[str, Any]


def write_files(folder: Path, result: Result, generation: str, before: Manifest | None) -> bytes:
    """Write the files of a generation and return the text of the manifest that lists them."""
    names = LAYOUTS[result.kind].files
    files = {
        role: write_new(folder / of_generation(names[role], generation), content)
        for role, content in result.files.items()
    }
    flush_folder(folder)
    return manifest_bytes(
        result.kind,
        result.subject,
        generation,
        result.provenance,
        files={role: each.model_dump() for role, each in files.items()},
        replaces=[each.model_dump() for each in _of_schema_1(folder, before)],
        **result.facts,
    )


def before_in(folder: Path) -> Manifest | None:
    """Return the manifest of the result that is there; None for none, or a damaged one.

    A member's manifest that is committed with its session takes its place first.
    """
    if pending := pending_manifest(folder):
        rename_in_one_step(pending, folder / RUN)
    path = manifest_path(folder)
    try:
        return None if path is None else read_manifest(path)
    except InputError:
        return None


def remove_generation(folder: Path, generation: str) -> None:
    """Remove the files of a save that failed."""
    for path in _listed(folder):
        if generation_of(path.name) == generation:
            remove_if_possible(path)


def clean(folder: Path, before: Manifest | None, held: bool) -> None:
    """Remove what is not of the result that counts: earlier files, and what stopped saves left.

    Files that somebody else put there stay. Where the lock is not held (``held``), only what the
    manifest before listed goes: the rest may belong to a save that is going on. What can't be
    removed, the next save tries again.
    """
    with suppress(OSError):
        if current := before_in(folder):
            _clean(folder, current, before, held)


def _clean(folder: Path, current: Manifest, before: Manifest | None, held: bool) -> None:
    for facts in current.replaces:
        if _facts_if_there(folder / facts.name) == facts:
            remove_if_possible(folder / facts.name)
    if not held:
        for facts in () if before is None else before.files.values():
            remove_if_possible(folder / facts.name)
        return
    remove_temporary(folder)
    for path in _listed(folder):
        if generation_of(path.name) not in ("", current.generation):
            remove_if_possible(path)


def remove_temporary(folder: Path) -> None:
    """Remove the temporary files of stopped saves; the lock of the folder must be held."""
    for path in _listed(folder):
        if is_temporary(path) and path.name != LOCK:
            remove_if_possible(path)


def remove_result(folder: Path, mark: str) -> None:
    """Remove the result that has a mark, and its folder where nothing else is in it."""
    manifest = before_in(folder)
    if manifest is not None and manifest.mark == mark:
        # Up to schema 1, only the manifest says which files are ours: it goes last.
        for facts in manifest.files.values() if manifest.schema == 1 else ():
            remove_if_possible(folder / facts.name)
        remove_if_possible(manifest.path)
    remove_left_over(folder)


def remove_left_over(folder: Path) -> None:
    """Remove what stopped saves left in a folder without a result, and then the folder."""
    if manifest_path(folder) is not None:
        return
    for path in _listed(folder):
        if generation_of(path.name) or is_temporary(path):
            remove_if_possible(path)
    with suppress(OSError):  # other files are in it: they stay
        folder.rmdir()


def generations_in(folder: Path) -> set[str]:
    """Return the generations of which there are files."""
    return {generation_of(path.name) for path in _listed(folder)}


def has_left_over(folder: Path) -> bool:
    """Whether a stopped save left something beside a result, or one is going on."""
    current = occupant_of(folder).manifest
    return current is not None and any(
        is_temporary(path) or generation_of(path.name) not in ("", current.generation)
        for path in _listed(folder)
    )


def _listed(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _of_schema_1(folder: Path, before: Manifest | None) -> list[FileFacts]:
    """Files of a result of schema 1, or of a stopped save of it, that go when it is replaced.

    Their names have no generation: such a file goes only if it still is that one, by its checksum,
    as the user may put another one there.
    """
    names: set[str] = set()
    if before is None and old_left_over(folder):
        names = {path.name for path in _listed(folder) if is_fixed(path.name)}
    elif before is not None and before.schema == 1:
        names = {facts.name for facts in before.files.values()}
        names |= {OLD_TRACES} & {before.path.name}
    found = [_facts_if_there(folder / name) for name in sorted(names)]
    known = () if before is None else before.replaces
    kept = [each for each in known if (folder / each.name).is_file()]
    return [*kept, *(each for each in found if each is not None)]


def _facts_if_there(path: Path) -> FileFacts | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileFacts(name=path.name, sha256=digest, size=path.stat().st_size)
