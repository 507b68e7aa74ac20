"""What a manifest says, as models: odd JSON becomes one sentence, never a traceback."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from napari_zstack_align.errors import InputError
from napari_zstack_align.remark import Remark, remark_from
from napari_zstack_align.saved.kinds import RECORDING, RUN, Kind
from napari_zstack_align.saved.origin import Origin, origin_of_files
from napari_zstack_align.saved.unit_file import FileStates

Facts = dict[str, Any]
AnyModel = TypeVar("AnyModel", bound=BaseModel)


def _in_its_folder(name: str) -> str:
    if name in ("", ".", "..") or any(mark in name for mark in "/\\\0") or not _encodable(name):
        raise ValueError("it is no name in this folder")
    return name


def _encodable(name: str) -> bool:
    """Whether the file system can hold a name: JSON may escape halves of characters."""
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return True


FileName = Annotated[str, AfterValidator(_in_its_folder)]
"""A manifest names nothing outside its own folder."""
SavedRemark = Annotated[Remark, PlainValidator(remark_from)]


class Part(BaseModel):
    """Base of what is read from a manifest: frozen; what it doesn't know is left to others."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class FileFacts(Part):
    """A file that a manifest lists: its name, SHA-256 and size in bytes."""

    name: FileName
    sha256: str = ""
    size: int = -1


class Subject(Part):
    """What was worked on.

    Attributes
    ----------
    what : str
        'z-stack' or 'recording'.
    name : str
        Of the stack, or of the first of several.
    frames : int
        Number of frames; of results that consist of several, of these.
    done : int
        How many of them were run; all of them make a result complete.
    origin : Origin
        Where the frames are from. A manifest says it elsewhere, and each kind in its own way.
    """

    what: str = RECORDING
    name: str = ""
    frames: int = 0
    done: int = 0
    origin: Origin = Field(default_factory=Origin, exclude=True, repr=False)

    @property
    def complete(self) -> bool:
        """Whether every frame was run."""
        return self.done >= self.frames

    def is_same_work(self, other: Subject) -> bool:
        """Whether both are of the same frames, as far as it is known."""
        same_name = (self.what, self.name) == (other.what, other.name)
        return same_name and self.origin.may_be_of(other.origin)


class InputFacts(Part):
    """Where a raw file is, from anywhere and from the folder of the result."""

    path: str
    relative_path: str
    size_bytes: int | None = None
    mtime_ns: int | None = None


class MemberFacts(Part):
    """One of several results that belong together, as their common manifest lists it.

    Attributes
    ----------
    name : str
        Of the recording.
    folder : str
        Its folder beside the common manifest.
    frames : int
        Number of frames.
    manifest : str
        Its own manifest, as it is called until it takes the place of the former ``run.json``.
    checksum : str
        What that says of itself; '' up to schema 1.
    fingerprint : str
        Of its frames; '' where it isn't known, and in results of earlier versions.
    """

    name: str = ""
    folder: FileName
    frames: int = 0
    manifest: FileName = RUN
    checksum: str = ""
    fingerprint: str = ""


class Removed(Part):
    """A member that an earlier save had and this one has not; its files may still be there.

    Attributes
    ----------
    folder : str
        Where it was.
    generation : str
        Its `Manifest.mark`.
    """

    folder: FileName
    generation: str


class Remarks(Part):
    """What a manifest remarks on its result."""

    remarks: tuple[SavedRemark, ...] | None = None


class _Provenance(Remarks):
    details: dict[str, Any] | None = None


class _Stack(Part):
    fingerprint: str = ""


class _Sources(Part):
    files: tuple[Any, ...] | None = None
    details: dict[str, Any] | None = None


class _RawFrames(Part):
    inputs: tuple[InputFacts, ...] = ()
    stack: _Stack = _Stack()
    provenance: _Sources = _Sources()


def origin_in(facts: Facts, folder: Path) -> Origin:
    """Find where the frames of a result in a folder are from.

    Results that are loaded with their raw frames list them as inputs, others in their provenance.
    """
    try:
        raw = _RawFrames.model_validate(facts)
    except ValidationError:
        return Origin()
    if raw.inputs:
        return origin_of_inputs(raw.inputs, folder, raw.stack.fingerprint)
    details = raw.provenance.details or {}
    return origin_of_files(raw.provenance.files or (), details.get("fingerprint"))


def origin_of_inputs(inputs: Sequence[InputFacts], folder: Path, fingerprint: str) -> Origin:
    """Return where frames are from that were described in a folder: it may have been moved."""
    files = tuple((Path(each.path), folder / each.relative_path) for each in inputs)
    return Origin(files, lambda: fingerprint, lambda: states_in(inputs))


def states_in(inputs: Sequence[InputFacts]) -> FileStates:
    """Size and time of modification of each raw file; () where they aren't all known."""
    known = [
        (each.size_bytes, each.mtime_ns)
        for each in inputs
        if each.size_bytes is not None and each.mtime_ns is not None
    ]
    return tuple(known) if len(known) == len(inputs) else ()


class Head(Part):
    """What every manifest says since schema 2."""

    kind: Kind
    state: str
    generation: str
    subject: Subject
    provenance: _Provenance
    files: dict[str, FileFacts] = Field(default_factory=dict)
    recordings: tuple[MemberFacts, ...] = ()
    replaces: tuple[FileFacts, ...] = ()
    removed: tuple[Removed, ...] = ()


def parse_json(path: Path, content: bytes) -> Facts:
    """Read a JSON object; InputError where the file holds none."""
    try:
        facts = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"it is no JSON ({error})") from None
    if not isinstance(facts, dict):
        raise damaged(path, "it holds no JSON object")
    return facts


def validated(model: type[AnyModel], facts: Any, path: Path) -> AnyModel:
    """Read what a manifest says into a model; InputError where it says something else."""
    try:
        return model.model_validate(facts)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        raise damaged(path, f"{where}: {first['msg']}") from None


def unreadable(path: Path, error: OSError) -> InputError:
    """Sentence for what the file system doesn't let us read."""
    return InputError(f"{path} can't be read: {error.strerror or error}.")


def damaged(path: Path, why: str) -> InputError:
    """Sentence for a file that can't be used as it is."""
    return InputError(
        f"{path} is damaged and can't be read ({why}): restore the file from a copy, or make the "
        f"result again."
    )
