"""The raw frames of a saved alignment: described, found again, and told from others."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import (
    Field,
    FiniteFloat,
    NonNegativeInt,
    PositiveInt,
    field_validator,
    model_validator,
)

from napari_zstack_align.acquisition import started_from
from napari_zstack_align.alignment.changed_frames import with_unchanged_frames
from napari_zstack_align.alignment.fingerprint import fingerprint
from napari_zstack_align.errors import InputError
from napari_zstack_align.layout import Order
from napari_zstack_align.read import collect, open_stack
from napari_zstack_align.remark import as_warnings
from napari_zstack_align.said import Said
from napari_zstack_align.saved import (
    RECORDING,
    Z_STACK,
    FrameDigests,
    Part,
    Reading,
    Subject,
    read_npy,
)
from napari_zstack_align.saved.facts import InputFacts, origin_of_inputs, states_in
from napari_zstack_align.saved.origin import Origin
from napari_zstack_align.saved.unit_file import FileStates
from napari_zstack_align.saved.watched import GONE, states_of
from napari_zstack_align.stack import Stack

_SHORT_NAME = re.compile(r"[<>=|]?[a-z]+[0-9]{0,3}")
DIGESTS = "frame_digests"
"""Role of the file (.npy) that holds a digest of each frame."""


class StackFacts(Part):
    """What a manifest says of a stack.

    Attributes
    ----------
    name : str
    shape : tuple of int
        (T, C, Y, X).
    dtype : str
        Of a pixel, as numpy writes it.
    frames_per_slice, order, pixel_size_um, z_step_um, channel_names, frames_in_turn, \
    z_positions_um, dropped
        As of `Stack`.
    said : dict
        What was said at opening, `Said.arguments`.
    started_at : str, optional
        As of `Stack`, in ISO 8601.
    fingerprint : str
        Of the raw frames, `fingerprint.fingerprint`; '' where they couldn't be read.
    """

    name: str
    shape: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt]
    dtype: str
    frames_per_slice: PositiveInt | tuple[PositiveInt, ...] | None
    order: Order | None
    pixel_size_um: tuple[float, float] | None
    z_step_um: float | None
    channel_names: tuple[str, ...]
    fingerprint: str
    frames_in_turn: PositiveInt = 1
    z_positions_um: tuple[FiniteFloat, ...] | None = None
    dropped: tuple[NonNegativeInt, ...] = ()
    said: dict[str, Any] = Field(default_factory=dict)
    started_at: str | None = None

    @model_validator(mode="after")
    def _dropped_frames_are_there(self) -> Self:
        n_frames = self.shape[0]
        if max(self.dropped, default=-1) >= n_frames or len(self.dropped) >= n_frames:
            raise ValueError("it drops frames that aren't there, or all")
        return self

    @field_validator("said")
    @classmethod
    def _known_arguments(cls, said: dict[str, Any]) -> dict[str, Any]:
        return Said.from_facts(said).arguments()

    @field_validator("started_at")
    @classmethod
    def _date(cls, text: str | None) -> str | None:
        started_from(text)
        return text

    @field_validator("dtype")
    @classmethod
    def _known_dtype(cls, name: str) -> str:
        try:
            # What else numpy takes for a type is a list, or is evaluated.
            is_number = _SHORT_NAME.fullmatch(name) and np.dtype(name).kind in "uif"
        except TypeError:
            is_number = False
        if not is_number:
            raise ValueError(f"{name[:40]!r} is no type of pixels")
        return name


class StackAndInputs(Part):
    """What a manifest says of the raw frames."""

    stack: StackFacts
    inputs: tuple[InputFacts, ...]

    @property
    def files(self) -> FileStates:
        """Size and time of modification of each raw file; () where they aren't all known."""
        return states_in(self.inputs)


GIVEN_AT_OPENING = (
    "when you open the result (--stack in the terminal, stack=... in Python; in napari, open that "
    "file first)."
)


@dataclass(frozen=True)
class MissingSource:
    """Stands for frames that are not where they were; asking for pixels says so."""

    shape: tuple[int, int, int, int]
    dtype: np.dtype[Any]
    message: str
    raw: StackAndInputs | None = None
    """What was known of them, for the next save."""
    folder: Path = Path()
    """Where that was read: what its relative paths start from."""

    @property
    def why(self) -> str:
        """What is the matter, without what to do about it when a result is opened."""
        advice = rf": give (it|its new place) {re.escape(GIVEN_AT_OPENING)}"
        return re.sub(advice, ".", self.message)

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Raise InputError: there are no pixels."""
        raise InputError(self.message)


def raw_facts(stack: Stack, folder: Path, seen: FrameDigests | None = None) -> dict[str, Any]:
    """Describe a stack for the manifest of a result in a folder; see `StackAndInputs`.

    Of frames that are gone, all that was known of them is kept: they may come back.

    Parameters
    ----------
    stack : Stack
    folder : pathlib.Path
    seen : FrameDigests, optional
        What the raw files were when they were read; by default, as they are now.
    """
    described = StackFacts(
        name=stack.name,
        shape=stack.shape,
        dtype=stack.dtype.str,
        frames_per_slice=stack.frames_per_slice,
        order=stack.order,
        pixel_size_um=stack.pixel_size_um,
        z_step_um=stack.z_step_um,
        channel_names=stack.channel_names,
        fingerprint=origin_of(stack).fingerprint,
        frames_in_turn=stack.frames_in_turn,
        z_positions_um=stack.z_positions_um,
        dropped=stack.dropped,
        said=stack.said.arguments(),
        started_at=None if stack.started_at is None else stack.started_at.isoformat(),
    )
    return {
        "stack": described.model_dump(),
        "inputs": [each.model_dump() for each in _inputs(stack, folder, seen)],
    }


def origin_of(stack: Stack) -> Origin:
    """Return where the frames of a stack are from, or were, where they are gone."""
    source = stack.source
    if isinstance(source, MissingSource) and source.raw is not None:
        raw = source.raw
        return origin_of_inputs(raw.inputs, source.folder, raw.stack.fingerprint)
    files = tuple((path,) for path in stack.paths)
    return Origin(files, partial(fingerprint, stack), partial(states_of, stack.paths))


def origin_on_disk(path: Path) -> Origin:
    """Return where the frames of a file or a folder of files are from, without opening it."""
    files, _ = collect(path)
    return Origin(tuple((file,) for file in files), read_states=partial(states_of, files))


def _inputs(stack: Stack, folder: Path, seen: FrameDigests | None) -> list[InputFacts]:
    source = stack.source
    if not isinstance(source, MissingSource) or source.raw is None:
        known = seen is not None and len(seen.files) == len(stack.paths)
        states = seen.files if seen is not None and known else states_of(stack.paths)
        return [
            _input_facts(path, state, folder)
            for path, state in zip(stack.paths, states, strict=True)
        ]
    return [
        each.model_copy(
            update={"relative_path": _relative(source.folder / each.relative_path, folder)}
        )
        for each in source.raw.inputs
    ]


def subject_of(stack: Stack, done: int) -> Subject:
    """Describe what was worked on.

    Parameters
    ----------
    stack : Stack
    done : int
        Number of frames that were run.
    """
    what = RECORDING if stack.frames_per_slice is None else Z_STACK
    return Subject(
        what=what, name=stack.name, frames=stack.n_frames, done=done, origin=origin_of(stack)
    )


def _input_facts(path: Path, state: tuple[int, int], folder: Path) -> InputFacts:
    size, mtime = state if state != GONE else (None, None)
    return InputFacts(
        path=str(_place(path) if ".." in path.parts else path.absolute()),
        relative_path=_relative(path, folder),
        size_bytes=size,
        mtime_ns=mtime,
    )


def _relative(path: Path, folder: Path) -> str:
    """Path from one place to another as the system goes it, whatever links led to them."""
    try:
        return os.path.relpath(_place(path), folder.resolve())
    except ValueError:  # another drive
        return str(path)


def _place(path: Path) -> Path:
    """Return a path without links and '..' above its name, which may be a link of the user's."""
    return path.resolve() if path.name in ("", "..") else path.parent.resolve() / path.name


def read_digests(reading: Reading, raw: StackAndInputs) -> FrameDigests | None:
    """What the frames of a saved result were; None where it wasn't noted."""
    if not reading.has(DIGESTS):
        return None
    digests = reading.file(DIGESTS, read_npy)
    if digests.shape != raw.stack.shape[:1] or digests.dtype != np.uint32:
        raise reading.refused(DIGESTS, "it doesn't hold a uint32 for each frame")
    return FrameDigests(digests, raw.files)


def find_stack(folder: Path, raw: StackAndInputs, seen: FrameDigests | None = None) -> Stack:
    """Open the raw frames where they were; a stack without pixels where they are gone or changed.

    Parameters are those of `check_stack`.
    """
    described, inputs = raw.stack, raw.inputs
    if not inputs:
        return missing_stack(folder, raw, f"was an array in memory: give it {GIVEN_AT_OPENING}")
    why = ""
    for paths in openable(folder, inputs):
        try:
            return check_stack(open_as_said(paths, described), described, seen)
        except InputError as error:  # another recording may have this name by now
            why = why or f"can't be used any more. {error}"
    gone = f"is not at {inputs[0].path} any more: give its new place {GIVEN_AT_OPENING}"
    return missing_stack(folder, raw, why or gone)


def open_as_said(paths: Path | list[Path], described: StackFacts) -> Stack:
    """Open raw files as they were opened for a result."""
    return open_stack(paths, **described.said)


def places_of(folder: Path, inputs: Sequence[InputFacts]) -> Iterator[Path | list[Path]]:
    """Find where the raw files of a result in a folder are: where they were, or moved with it."""
    for paths in (
        [Path(each.path) for each in inputs],
        [_place(folder / each.relative_path) for each in inputs],
    ):
        if paths and all(path.exists() for path in paths):
            yield paths if len(paths) > 1 else paths[0]


def openable(folder: Path, inputs: Sequence[InputFacts]) -> Iterator[Path | list[Path]]:
    """What may open the raw files of a result in a folder, the likeliest first.

    Of several files, the first one alone comes last: a file of a set that lacked another one opens
    that one, too, once it is there.
    """
    for paths in places_of(folder, inputs):
        yield paths
        if isinstance(paths, list):
            yield paths[0]


def check_stack(stack: Stack, described: StackFacts, seen: FrameDigests | None = None) -> Stack:
    """Return the stack with what was known of it; InputError where it is another one.

    Files that were opened otherwise are opened again as it was said when they were aligned.

    Parameters
    ----------
    stack : Stack
    described : StackFacts
        What was known of it.
    seen : FrameDigests, optional
        What its frames were; None for results of earlier versions, which didn't note it.
    """
    then = Said.from_facts(described.said)
    if stack.paths and stack.said.decides_frames() != then.decides_frames():
        paths = list(stack.paths)
        stack = open_as_said(paths if len(paths) > 1 else paths[0], described)
    if difference := _difference(stack, described):
        raise InputError(f"{difference}: give the raw frames as they were, or align anew.")
    return as_described(with_unchanged_frames(stack, seen), described)


def _difference(stack: Stack, described: StackFacts) -> str:
    """What shows that a stack isn't the one that was aligned; '' where nothing does."""
    if stack.shape != described.shape:
        return (
            f"{stack.name} {stack.shape} is not the stack that was aligned "
            f"({described.name}, {described.shape})"
        )
    if not described.fingerprint or fingerprint(stack) == described.fingerprint:
        return ""
    if stack.dtype != (aligned := np.dtype(described.dtype)):
        return f"{stack.name} is {stack.dtype} now, and was {aligned} when it was aligned"
    return (
        f"{stack.name} is not the stack that was aligned ({described.name}), or its pixels have "
        f"changed"
    )


def missing_stack(folder: Path, raw: StackAndInputs, what: str) -> Stack:
    """Make a stack without pixels; ``what`` ends the sentence that says why."""
    described = raw.stack
    message = f"The raw stack {described.name} {what}"
    source = MissingSource(described.shape, np.dtype(described.dtype), message, raw, folder)
    return as_described(Stack(source, remarks=as_warnings(message)), described)


def as_described(stack: Stack, described: StackFacts) -> Stack:
    """Return a stack with the layout, sizes and names that it had."""
    if isinstance(stack.source, MissingSource):
        stack = replace(stack, dropped=described.dropped)  # none has pixels: it stays what it is
    elif stack.dropped != described.dropped:
        stack = stack.without(described.dropped)
    return stack.replace(
        frames_per_slice=described.frames_per_slice,
        order=described.order,
        frames_in_turn=described.frames_in_turn,
        pixel_size_um=described.pixel_size_um,
        z_step_um=described.z_step_um,
        z_positions_um=described.z_positions_um,
        channel_names=described.channel_names,
        name=described.name,
        said=Said.from_facts(described.said),
        started_at=started_from(described.started_at) or stack.started_at,
    )
