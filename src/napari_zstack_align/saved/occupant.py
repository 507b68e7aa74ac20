"""What is at a path: a saved result, what a stopped save left, or something else."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from napari_zstack_align.atomic import mode_of
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.saved.facts import MemberFacts, parse_json
from napari_zstack_align.saved.kinds import (
    LAYOUTS,
    OLD_TRACES,
    PROJECT,
    RUN,
    SESSION,
    Z_STACK,
    Kind,
)
from napari_zstack_align.saved.manifest import Manifest, NewerVersion, read_manifest
from napari_zstack_align.saved.names import (
    OF_THE_SYSTEM,
    generation_of,
    is_fixed,
    is_temporary,
    of_generation,
)
from napari_zstack_align.saved.single_file import ROI_TABLE

MANIFESTS = (SESSION, RUN, OLD_TRACES, PROJECT)
"""In the order in which they are looked for."""
IS_FILE = "is a file"
LOOKS = 100
"""So often it looks at what other saves change meanwhile: each of their steps costs one look."""


@dataclass(frozen=True)
class Occupant:
    """What a name is taken by.

    Attributes
    ----------
    path : pathlib.Path
        The name.
    kind : Kind, optional
        Of the saved result; None: there is none.
    manifest : Manifest, optional
        None: there is no result, or its manifest can't be used.
    newer : bool
        Whether that is because a newer version wrote it.
    others : bool
        Whether there is no result, but something that neither a save nor a file manager left.
    obstacle : str
        What no result can be in the place of: the end of a sentence.
    uncommitted : bool
        Whether the result is a recording whose session has not been saved, or is elsewhere.
    """

    path: Path
    kind: Kind | None = None
    manifest: Manifest | None = None
    newer: bool = False
    others: bool = False
    obstacle: str = ""
    uncommitted: bool = False

    @property
    def free(self) -> bool:
        """Whether nothing is there but what a stopped save or a file manager left."""
        return self.kind is None and not self.obstacle and not self.others

    @property
    def is_file(self) -> bool:
        """Whether it is a file."""
        return self.obstacle == IS_FILE

    @property
    def complete(self) -> bool:
        """Whether it is a result of which every frame was run; a damaged one may be."""
        return self.kind is not None and (self.manifest is None or self.manifest.complete)

    @property
    def description(self) -> str:
        """'holds the alignment of larva', 'is a file', ...: the end of a sentence."""
        if self.obstacle:
            return self.obstacle
        if self.kind is not None:
            return f"holds {self._result()}"
        return f"is a folder with {counted(sum(1 for _ in others_in(self.path)), 'other file')}"

    @property
    def whole_description(self) -> str:
        """The same, and which raw file a result is from, where it is known."""
        members = () if self.manifest is None else self.manifest.members
        of = occupant_of(self.path / members[0].folder) if members else self
        origin = "" if of.manifest is None else str(of.manifest.subject.origin)
        if not origin:
            return self.description
        first = "the first " if len(members) > 1 else ""
        return f"{self.description} ({first}from {origin})"

    def _result(self) -> str:
        assert self.kind is not None
        title = LAYOUTS[self.kind].title
        if self.kind is Kind.SESSION_TRACES and self.manifest is None:
            return "the traces of several recordings"
        if self.manifest is None:
            newer = "result of a newer version" if self.newer else "damaged result"
            return f"a {newer} ({title})"
        if self.kind is Kind.PROJECT:
            return "a project"
        subject = self.manifest.subject
        unfinished = "" if self.manifest.complete else "unfinished "
        if self.kind is Kind.SESSION:
            article = "an" if unfinished else "a"
            return f"{article} {unfinished}session of {counted(subject.frames, 'recording')}"
        if self.kind is Kind.SESSION_TRACES:
            return f"the {unfinished}traces of {counted(subject.frames, 'recording')}"
        what = "z-stack " if subject.what == Z_STACK else ""
        return f"the {unfinished}{title} of {what}{subject.name or 'a recording'}"


def occupant_of(path: Path) -> Occupant:
    """Look what a name is taken by; a link is followed. This reads no file but the manifest.

    Where a save goes on, what has just been seen may be gone, or have another name: it looks again.
    """
    for _ in range(LOOKS):
        try:
            return _occupant_of(path)
        except FileNotFoundError as error:
            why = error
        except OSError as error:
            return _unreadable(path, error)
    return _unreadable(path, why)


def _unreadable(path: Path, error: OSError) -> Occupant:
    return Occupant(path, obstacle=f"can't be read ({error.strerror or error})")


def _occupant_of(path: Path) -> Occupant:
    if "\0" in str(path):
        return Occupant(path, obstacle="is no name of a file")
    mode = mode_of(path)
    if stat.S_ISREG(mode):
        return Occupant(path, obstacle=IS_FILE)
    if mode and not stat.S_ISDIR(mode):
        return Occupant(path, obstacle="is neither a file nor a folder")
    if not mode:
        lost = path.is_symlink()
        return Occupant(path, obstacle="is a link to a place that doesn't exist" if lost else "")
    found = manifest_path(path)
    if found is None:
        others = any(others_in(path))
        if others and manifest_path(path) is not None:
            return _occupant_of(path)  # a save has put its manifest there just now
        return Occupant(path, _kind_without_manifest(path), others=others)
    try:
        manifest = read_manifest(found)
    except NewerVersion:
        return Occupant(path, _kind_by_name(found), newer=True)
    except InputError as error:
        kind = _kind_by_name(found) if _may_be_ours(found) else None
        if isinstance(error.__cause__, OSError):
            why = error.__cause__.strerror or error.__cause__
            return Occupant(path, kind, obstacle=f"has a {found.name} that can't be read ({why})")
        return Occupant(path, kind, others=True)
    uncommitted = found.name not in MANIFESTS and pending_manifest(path) is None
    return Occupant(path, manifest.kind, manifest, uncommitted=uncommitted)


def kind_of(path: str | Path) -> Kind | None:
    """Tell what kind of saved result a path holds; None: it is none, images perhaps.

    This is quick, and reads no file but the manifest. What is damaged has a kind too: opening it
    says what is the matter. Traces that were saved one by one into a folder count as one result.
    """
    path = Path(path)
    there = occupant_of(path)
    if there.is_file:
        return Kind.ROIS if path.suffix.lower() == ".csv" and ROI_TABLE.may_be(path) else None
    kind = there.kind
    if kind is not None:
        return kind
    named = _kind_by_suffix(path)
    if named is Kind.PROJECT:  # what it holds are its members
        return named
    if not there.obstacle and _are_traces_one_by_one(path):
        return Kind.SESSION_TRACES
    return named


def _kind_by_suffix(path: Path) -> Kind | None:
    named = (Kind.ALIGNMENT, Kind.PROJECT)
    return next((kind for kind in named if path.suffix.lower() == LAYOUTS[kind].suffix), None)


def manifest_path(folder: Path) -> Path | None:
    """Return the manifest that counts in a folder; None where there is none.

    A session's members get their new manifests before the session is committed, under another
    name: from then on that one counts, though it may not have taken its place yet. Where there is
    no other, such a manifest counts without its session too, if its files are whole: the folder may
    be a copy, and holds finished work.
    """
    if pending := pending_manifest(folder):
        return pending
    named = next((folder / name for name in MANIFESTS if (folder / name).is_file()), None)
    try:
        return named or _lone_manifest(folder)
    except FileNotFoundError:  # it has taken its place just now
        return manifest_path(folder)


def pending_manifest(folder: Path) -> Path | None:
    """Return the manifest of a member that is committed, but not called run.json yet."""
    _, member = _membership(folder)
    path = folder / (RUN if member is None else member.manifest)
    return path if path.name != RUN and path.is_file() else None


def _lone_manifest(folder: Path) -> Path | None:
    """Return the newest ``run-GENERATION.json`` whose files are all there in their size."""
    named = [Path(each.path) for each in _entries(folder) if _is_of_generation(each.name, RUN)]
    return max(filter(_is_intact, named), key=lambda path: path.stat().st_mtime_ns, default=None)


def _is_of_generation(name: str, fixed: str) -> bool:
    generation = generation_of(name)
    return bool(generation) and name == of_generation(fixed, generation)


def _is_intact(path: Path) -> bool:
    try:
        manifest = read_manifest(path)
    except (InputError, FileNotFoundError):
        return False
    files = [(path.parent / each.name, each.size) for each in manifest.files.values()]
    return all(file.is_file() and file.stat().st_size == size for file, size in files)


def session_of(folder: Path) -> Manifest | None:
    """Return the manifest of the session that a folder belongs to; None where there is none."""
    return _membership(folder)[0]


def _membership(folder: Path) -> tuple[Manifest, MemberFacts] | tuple[None, None]:
    # A member may be reached through a link or as '.', and may be a link itself.
    for place in dict.fromkeys((folder.absolute(), folder.resolve())):
        above = place.parent / SESSION
        if not above.is_file():
            continue
        try:
            session = read_manifest(above)
        except (InputError, FileNotFoundError):
            continue  # it is damaged; its members are read by themselves
        for member in session.members:
            if member.folder == place.name:
                return session, member
    return None, None


def others_in(folder: Path) -> Iterator[Path]:
    """Find what is in a folder and isn't what a stopped save or a file manager left."""
    for entry in _entries(folder):
        if entry.name not in OF_THE_SYSTEM and not is_left_over(Path(entry.path)):
            yield Path(entry.path)


def is_left_over(path: Path) -> bool:
    """Whether a stopped save left a file, or a folder in which there are only such files."""
    if path.is_symlink() or not path.is_dir():
        return _is_left_over_file(path)
    try:
        return manifest_path(path) is None and all(
            each.name in OF_THE_SYSTEM or _is_left_over_file(Path(each.path))
            for each in _entries(path)
        )
    except OSError:
        return False


def old_left_over(folder: Path) -> bool:
    """Whether there is nothing in a .zalign but files as saves up to schema 1 left them."""
    names = {entry.name for entry in _entries(folder)} - {*OF_THE_SYSTEM, *MANIFESTS}
    fixed = {name for name in names if is_fixed(name)}
    return (
        folder.suffix.lower() == LAYOUTS[Kind.ALIGNMENT].suffix
        and bool(fixed)
        and all(_is_left_over_file(folder / name) for name in names - fixed)
    )


def _is_left_over_file(path: Path) -> bool:
    return is_temporary(path) or bool(generation_of(path.name))


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except (FileNotFoundError, NotADirectoryError):  # it may go just now
        return
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:  # nothing can have such a name
            raise


def _kind_without_manifest(folder: Path) -> Kind | None:
    if _holds_folders_of_old_traces(folder):
        return Kind.SESSION_TRACES  # as they were saved up to schema 1
    return _kind_by_name(folder / RUN) if old_left_over(folder) else None


def _holds_folders_of_old_traces(folder: Path) -> bool:
    """Whether all folders in it hold such traces, but for those of a save that was stopped."""
    folders = [Path(entry.path) for entry in _entries(folder) if entry.is_dir()]
    old = [each for each in folders if _holds_old_traces(each)]
    rest = [each for each in folders if each not in old]
    return bool(old) and all(is_left_over(each) or occupant_of(each).uncommitted for each in rest)


def _holds_old_traces(folder: Path) -> bool:
    try:
        return (folder / OLD_TRACES).is_file()
    except PermissionError:  # somebody else's
        return False


def _are_traces_one_by_one(folder: Path) -> bool:
    if manifest_path(folder) is not None:
        return False
    folders = (Path(entry.path) for entry in _entries(folder) if entry.is_dir())
    inside = (each for each in folders if not is_left_over(each))
    first = next(inside, None)
    return first is not None and are_saved_traces(first) and all(map(are_saved_traces, inside))


def are_saved_traces(folder: Path) -> bool:
    """Whether a folder holds traces, and not for a group whose save was stopped."""
    there = occupant_of(folder)
    return there.kind is Kind.TRACES and not there.uncommitted


def _may_be_ours(path: Path) -> bool:
    """Whether a manifest that can't be read may be one of ours, and not another program's."""
    try:
        facts = parse_json(path, path.read_bytes())
    except (InputError, OSError):
        names = {name for layout in LAYOUTS.values() for name in layout.files.values()}
        beside = [each.name for each in path.parent.iterdir() if each != path]
        return _kind_by_suffix(path.parent) is not None or any(
            name in names or generation_of(name) or (path.parent / name / RUN).is_file()
            for name in beside
        )
    return "schema_version" in facts


def _kind_by_name(path: Path) -> Kind:
    """Return the most likely kind of a damaged manifest."""
    if path.name == SESSION:
        return Kind.SESSION
    if path.name == PROJECT:
        return Kind.PROJECT
    beside = {re.split("[-.]", each.name)[0] for each in path.parent.iterdir()}
    if path.name == OLD_TRACES or "Fneu" in beside:
        return Kind.TRACES
    return Kind.ZSHIFT if "patch_z" in beside else Kind.ALIGNMENT
