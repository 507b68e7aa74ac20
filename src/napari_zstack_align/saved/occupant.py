"""What is at a path: a saved result, what a stopped save left, or something else."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from napari_zstack_align.errors import InputError
from napari_zstack_align.saved.facts import parse_json
from napari_zstack_align.saved.kinds import (
    LAYOUTS,
    OLD_TRACES,
    RUN,
    SESSION,
    Z_STACK,
    Kind,
)
from napari_zstack_align.saved.manifest import Manifest, read_manifest
from napari_zstack_align.saved.names import generation_of, is_temporary

MANIFESTS = (SESSION, RUN, OLD_TRACES)
"""In the order in which they are looked for."""
ROI_COLUMNS = {"id", "y", "x", "radius"}


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
        None: there is no result, or its manifest is damaged.
    others : int
        Number of files or folders that are neither a result's nor a stopped save's.
    is_file : bool
        Whether it is a file.
    """

    path: Path
    kind: Kind | None = None
    manifest: Manifest | None = None
    others: int = 0
    is_file: bool = False

    @property
    def free(self) -> bool:
        """Whether nothing is there but what a stopped save left."""
        return self.kind is None and not self.others and not self.is_file

    @property
    def complete(self) -> bool:
        """Whether it is a result of which every frame was run; a damaged one may be."""
        return self.kind is not None and (self.manifest is None or self.manifest.complete)

    @property
    def description(self) -> str:
        """'holds the alignment of larva', 'is a file', ...: the end of a sentence."""
        if self.is_file:
            return "is a file"
        if self.kind is None:
            files = "file" if self.others == 1 else "files"
            return f"is a folder with {self.others} other {files}"
        return f"holds {self._result()}"

    def _result(self) -> str:
        assert self.kind is not None
        title = LAYOUTS[self.kind].title
        if self.manifest is None:
            return f"a damaged result ({'session' if self.kind is Kind.SESSION else title})"
        subject = self.manifest.subject
        unfinished = "" if self.manifest.complete else "unfinished "
        if self.kind is Kind.SESSION:
            article = "an" if unfinished else "a"
            return f"{article} {unfinished}session of {_recordings(subject.frames)}"
        if self.kind is Kind.SESSION_TRACES:
            return f"the {unfinished}traces of {_recordings(subject.frames)}"
        what = "z-stack " if subject.what == Z_STACK else ""
        return f"the {unfinished}{title} of {what}{subject.name or 'a recording'}"


def occupant_of(path: Path) -> Occupant:
    """Look what a name is taken by; a link is followed."""
    if path.is_file():
        return Occupant(path, is_file=True)
    if not path.is_dir():
        return Occupant(path)
    found = manifest_path(path)
    if found is None:
        if _old_session_traces(path):
            return Occupant(path, Kind.SESSION_TRACES)
        others = others_in(path)
        if any(each.name in MANIFESTS for each in others) and manifest_path(path) is not None:
            return occupant_of(path)  # a save has put its manifest there just now
        return Occupant(path, others=len(others))
    try:
        manifest = read_manifest(found)
    except FileNotFoundError:  # a save is going on: its new manifest is there now
        return occupant_of(path)
    except InputError:
        if not _may_be_ours(found):
            return Occupant(path, others=len(others_in(path)))
        return Occupant(path, _kind_by_name(found))
    return Occupant(path, manifest.kind, manifest)


def kind_of(path: str | Path) -> Kind | None:
    """Tell what kind of saved result a path holds; None: it is none, images perhaps.

    This is quick, and reads no file but the manifest. What is damaged has a kind too: opening it
    says what is the matter.
    """
    path = Path(path)
    if path.is_file():
        return Kind.ROIS if path.suffix.lower() == ".csv" and _is_roi_table(path) else None
    kind = occupant_of(path).kind
    if kind is None and path.suffix.lower() == LAYOUTS[Kind.ALIGNMENT].suffix:
        return Kind.ALIGNMENT
    return kind


def manifest_path(folder: Path) -> Path | None:
    """Return the manifest that counts in a folder; None where there is none.

    A session's members get their new manifests before the session is committed, under another
    name: from then on that one counts, though it may not have taken its place yet.
    """
    if pending := pending_manifest(folder):
        return pending
    return next((folder / name for name in MANIFESTS if (folder / name).is_file()), None)


def pending_manifest(folder: Path) -> Path | None:
    """Return the manifest of a member that is committed, but not called run.json yet."""
    session = session_of(folder)
    for member in () if session is None else session.members:
        path = folder / member.manifest
        if member.folder == folder.name and member.manifest != RUN and path.is_file():
            return path
    return None


def session_of(folder: Path) -> Manifest | None:
    """Return the manifest of the session that a folder belongs to; None where there is none."""
    above = folder.parent / SESSION
    if not above.is_file():
        return None
    try:
        session = read_manifest(above)
    except (InputError, FileNotFoundError):
        return None  # it is damaged; its members are read by themselves
    return session if folder.name in {member.folder for member in session.members} else None


def others_in(folder: Path) -> list[Path]:
    """Return what is in a folder and isn't what a stopped save left."""
    try:
        return [path for path in folder.iterdir() if not is_left_over(path)]
    except FileNotFoundError:  # a save has removed it just now
        return []


def is_left_over(path: Path) -> bool:
    """Whether a stopped save left a file, or a folder in which there is nothing else."""
    if path.is_dir() and not path.is_symlink():
        return manifest_path(path) is None and not others_in(path)
    return is_temporary(path.name) or bool(generation_of(path.name))


def _recordings(number: int) -> str:
    return f"{number} recording" + ("" if number == 1 else "s")


def _old_session_traces(folder: Path) -> bool:
    """Whether all that is in a folder are traces, as several were saved up to schema 1."""
    inside = list(folder.iterdir())
    return bool(inside) and all((each / OLD_TRACES).is_file() for each in inside)


def _may_be_ours(path: Path) -> bool:
    """Whether a manifest that can't be read may be one of ours, and not another program's."""
    try:
        facts = parse_json(path, path.read_bytes())
    except InputError:
        names = {name for layout in LAYOUTS.values() for name in layout.files.values()}
        beside = [each.name for each in path.parent.iterdir() if each != path]
        suffix = LAYOUTS[Kind.ALIGNMENT].suffix
        return path.parent.name.endswith(suffix) or any(
            name in names or generation_of(name) or (path.parent / name / RUN).is_file()
            for name in beside
        )
    return "schema_version" in facts


def _kind_by_name(path: Path) -> Kind:
    """Return the most likely kind of a damaged manifest."""
    if path.name == SESSION:
        return Kind.SESSION
    beside = {each.name.partition("-")[0] for each in path.parent.iterdir()}
    if path.name == OLD_TRACES or "Fneu" in beside:
        return Kind.TRACES
    return Kind.ZSHIFT if "patch_z" in beside else Kind.ALIGNMENT


def _is_roi_table(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    return {name.strip() for name in names} >= ROI_COLUMNS
