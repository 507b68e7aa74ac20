"""Files, folders and layers become recordings; what can't is told, and the others are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from napari.layers import Image

from napari_zstack_align.alignment.checks import check_one_plane
from napari_zstack_align.alignment.fingerprint import fingerprint
from napari_zstack_align.errors import BrokenOffError, InputError, SeveralPlanesError
from napari_zstack_align.gui.jobs import sample_contrast
from napari_zstack_align.gui.layer_group import KEY
from napari_zstack_align.gui.project.places import is_gone
from napari_zstack_align.gui.project.put_back import described_as, same_frames_in
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.gui.recordings.rows_reading import ALL, SIZES
from napari_zstack_align.gui.stack_layers import stack_of
from napari_zstack_align.gui.taking import guess_axes, stack_of_layer
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.read import images_in, open_stack, started_at
from napari_zstack_align.read.natural_order import in_natural_order
from napari_zstack_align.read.readers import folder_reader, known_formats, named_like_image
from napari_zstack_align.stack import Stack

Place: TypeAlias = tuple[tuple[Path, ...], int | None, int | str]


@dataclass(frozen=True)
class OpenedRecordings:
    """What became a recording, and a sentence for each thing that didn't.

    Attributes
    ----------
    recordings : tuple of Recording
    problems : tuple of str
    back : tuple of (Stack, Recording)
        Recordings whose frames were missing, and the same with them.
    broken_off : tuple of pathlib.Path
        Files that break off, whose whole frames can be opened.
    of_planes : tuple of (pathlib.Path, int)
        Files of several planes, and how many, of which each can be opened by itself.
    """

    recordings: tuple[Recording, ...]
    problems: tuple[str, ...]
    back: tuple[tuple[Stack, Recording], ...] = ()
    broken_off: tuple[Path, ...] = ()
    of_planes: tuple[tuple[Path, int], ...] = ()


def opening(
    paths: Sequence[Path], there: Sequence[Stack] = (), **said: Any
) -> Job[OpenedRecordings]:
    """Open every file, and every file of a folder, as a recording of its own.

    A file that is ``there`` already isn't added again; one that holds the same frames is, with a
    word. Where those are missing, it takes their place.

    Parameters
    ----------
    paths : sequence of pathlib.Path
    there : sequence of Stack
        Recordings that are in the list.
    **said : dict
        As of `open_stack`, for all files; ``plane='all'`` makes a recording of each plane.
    """
    yield Progress("Opening", 0, 0)
    recordings: list[Recording] = []
    problems: list[str] = []
    known, back = _Known(there), list[tuple[Stack, Recording]]()
    gone = [each for each in there if is_gone(each)]
    broken_off: list[Path] = []
    of_planes: list[tuple[Path, int]] = []
    files = [file for path in paths for file in files_of(path)]
    for done, file in enumerate(files):
        yield Progress("Opening", done, len(files))
        try:
            for stack in recordings_in(file, **said):
                known.check_new(stack)
                contrast = yield from sample_contrast(stack)
                started, missing = started_at(stack.paths[0]), same_frames_in(stack, gone)
                if missing is not None:
                    gone.remove(missing)
                    found = Recording(described_as(stack, missing), contrast, started)
                    back.append((missing, found))
                else:
                    recordings.append(Recording(stack, contrast, started))
                problems += known.take(stack)
        except InputError as error:
            problems.append(str(error))
            if isinstance(error, BrokenOffError):
                broken_off.append(file)
            elif isinstance(error, SeveralPlanesError):
                of_planes.append((file, error.n_planes))
    if not files:
        problems.append(
            f"There are no image files ({known_formats()}) in {', '.join(map(str, paths))}."
        )
    return OpenedRecordings(
        tuple(recordings), tuple(problems), tuple(back), tuple(broken_off), tuple(of_planes)
    )


def recordings_in(paths: Path | Sequence[Path], **said: Any) -> list[Stack]:
    """Open files as a recording; ``plane='all'`` gives a recording of each plane.

    Raises
    ------
    InputError
        As `open_stack` and `as_recording`.
    """
    if said.get("plane") != ALL:
        return [as_recording(open_stack(paths, **said))]
    stack = open_stack(paths, **{name: value for name, value in said.items() if name != "plane"})
    return [as_recording(plane) for plane in stack.planes()]


def taking(stacks: Sequence[Stack]) -> Job[OpenedRecordings]:
    """Take stacks that are in napari already."""
    recordings: list[Recording] = []
    problems: list[str] = []
    for stack in stacks:
        try:
            recording = as_recording(stack)
            contrast = yield from sample_contrast(recording)
        except InputError as error:
            problems.append(str(error))
        else:
            recordings.append(Recording(recording, contrast))
    return OpenedRecordings(tuple(recordings), tuple(problems))


class _Known:
    """Recordings that are there, to find what is added twice.

    Parameters
    ----------
    stacks : sequence of Stack
    """

    def __init__(self, stacks: Sequence[Stack]) -> None:
        self._files = {_place(stack): stack.name for stack in stacks if stack.paths}
        self._frames = {fingerprint(stack): stack.name for stack in stacks}

    def check_new(self, stack: Stack) -> None:
        """Raise InputError where these files are there already."""
        name = self._files.get(_place(stack))
        if name is not None:
            raise InputError(f"{stack.paths[0]} is in the list already ({name}): it isn't added.")

    def take(self, stack: Stack) -> list[str]:
        """Take note of a recording that is added; a sentence where its frames are there already."""
        self._files[_place(stack)] = stack.name
        frames = fingerprint(stack)
        other = self._frames.get(frames)
        if not frames or other is None:
            self._frames[frames] = stack.name
            return []
        return [
            f"{stack.name} holds the same frames as {other}: if it is a copy, remove one of them."
        ]


def _place(stack: Stack) -> Place:
    """Where frames are: files, and which plane and image of them."""
    return tuple(path.resolve() for path in stack.paths), stack.said.plane, stack.said.image


def files_of(path: Path) -> list[Path]:
    """Files of a folder in natural order; a folder of single frames, and a file, is itself."""
    if not path.is_dir() or folder_reader(path) is not None:
        return [path]
    files = images_in(path)
    files = in_natural_order([p for p in files if not _may_be_table(p)] or files)
    some = {files[0], files[len(files) // 2], files[-1]} if len(files) > 1 else set()
    return [path] if some and all(map(is_one_frame, some)) else files


def _may_be_table(path: Path) -> bool:
    reader = named_like_image(path)
    return reader is not None and reader.is_often_a_table


def is_one_frame(file: Path) -> bool:
    """Whether a file holds a single frame: then its folder is one recording."""
    try:
        return open_stack(file).n_frames == 1
    except InputError:
        return False


def as_recording(stack: Stack) -> Stack:
    """Return the stack as a recording; one frame a slice is taken for time saved as Z.

    Raises
    ------
    InputError
        Where it is a single image, or a z-stack with repeats.
    """
    if stack.n_frames == 1:
        raise InputError(f"{stack.name} is a single image, not a recording: choose a movie.")
    check_one_plane(stack)
    return stack.replace(frames_per_slice=None)


def stacks_of_layers(layers: Iterable[Any]) -> tuple[list[Stack], list[str]]:
    """Stacks behind layers, each once, and a sentence for each layer without one."""
    stacks: list[Stack] = []
    problems: list[str] = []
    for layer in layers:
        try:
            stack = stack_behind(layer)
        except InputError as error:
            problems.append(str(error))
            continue
        if stack is not None and all(stack is not other for other in stacks):
            stacks.append(stack)
    return stacks, problems


def stack_behind(layer: Any) -> Stack | None:
    """Stack that a layer shows; None for a layer of a session, which is there already."""
    shown = stack_of(layer)
    if shown is not None:
        return shown.stack
    if KEY in layer.metadata:
        return None
    if not isinstance(layer, Image) or layer.ndim < 3:
        raise InputError(f"'{layer.name}' is no image layer with frames: choose another layer.")
    return stack_of_layer(layer, guess_axes(layer))


@dataclass(frozen=True, eq=False)
class OpenedAgain:
    """Recordings that were opened as it was said, beside those whose rows they take.

    Attributes
    ----------
    instead : tuple of (Recording, tuple of Recording)
        What takes the place of each; several for several planes.
    problems : tuple of str
        A sentence for each that stays as it was.
    """

    instead: tuple[tuple[Recording, tuple[Recording, ...]], ...]
    problems: tuple[str, ...]


def opening_again(chosen: Sequence[Recording], changes: Mapping[str, Any]) -> Job[OpenedAgain]:
    """Open recordings as they were, but for some changes; sizes and times stay else.

    Parameters
    ----------
    chosen : sequence of Recording
    changes : mapping
        As `RowsReading.changes`.
    """
    instead: list[tuple[Recording, tuple[Recording, ...]]] = []
    problems: list[str] = []
    for done, recording in enumerate(chosen):
        yield Progress("Opening", done, len(chosen))
        try:
            made = []
            for stack in _again(recording.stack, changes):
                contrast = yield from sample_contrast(stack)
                made.append(Recording(stack, contrast, recording.started))
        except InputError as error:
            problems.append(str(error))
        else:
            instead.append((recording, tuple(made)))
    return OpenedAgain(tuple(instead), tuple(problems))


def _again(stack: Stack, changes: Mapping[str, Any]) -> list[Stack]:
    if not stack.paths:
        raise InputError(
            f"{stack.name} was taken from a layer: add its file to say how that is read."
        )
    said = {**stack.said.arguments(), **changes}
    given = {name: said.pop(name) for name in SIZES if name in said}
    if "pixel_size_um" not in given and stack.pixel_size_um is not None:
        given["pixel_size_um"] = stack.pixel_size_um
    wanted = {name: value for name, value in {**said, **given}.items() if value is not None}
    paths = stack.paths[0] if len(stack.paths) == 1 else list(stack.paths)
    opened = recordings_in(paths, **wanted)
    if "frame_rate_hz" in given:
        return opened
    return [_with_times_of(stack, each) for each in opened]


def _with_times_of(before: Stack, stack: Stack) -> Stack:
    """Keep times that were there, where the same frames are opened."""
    same = before.n_frames == stack.n_frames and np.array_equal(before.numbers, stack.numbers)
    times = before.frame_times_s
    return stack.replace(frame_times_s=times) if same and times is not None else stack


def is_of_sizes(changes: Mapping[str, Any]) -> bool:
    """Whether changes can be made to frames that are open."""
    return all(name in SIZES and value is not None for name, value in changes.items())
