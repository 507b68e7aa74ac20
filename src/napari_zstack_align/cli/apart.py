"""What a command writes takes the place of nothing that it reads, and gets into none of it.

Arguments are marked at the parser, as `Reads` or `Writes`: every command is held to this before it
begins. What a command finds out later (a name by default, a row of a table) it asks about itself.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, combinations
from pathlib import Path
from typing import Any

from napari_zstack_align.errors import InputError
from napari_zstack_align.read import collect, images_in
from napari_zstack_align.read.readers import Reader, folder_reader, named_like_image
from napari_zstack_align.saved import Kind, occupant_of, session_of, target_of
from napari_zstack_align.saved.manifest import Manifest
from napari_zstack_align.saved.origin import real_place
from napari_zstack_align.write.writers import target_named

READ, WRITTEN = "paths_read", "paths_written"
"""Where the arguments of a command note what they were given."""


def _path(text: str) -> Path:
    """A path as it is given; an empty one, as from an unset variable, is not the folder here."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty, no name of a file or folder")
    return Path(text)


class _PathArgument(argparse.Action):
    """An argument that is a path, or several; it is given once."""

    noted_in: str

    def __init__(self, option_strings: Sequence[str], dest: str, **given: Any) -> None:
        super().__init__(option_strings, dest, type=_path, **given)

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        if option_string and self.dest in getattr(namespace, self.noted_in, {}):
            raise argparse.ArgumentError(self, "it is given twice: leave one of them out")
        setattr(namespace, self.dest, values)
        paths = values if isinstance(values, list) else [values]
        noting = [*chain.from_iterable(map(self.note, paths))]
        noted = {**getattr(namespace, self.noted_in, {}), self.dest: noting}
        setattr(namespace, self.noted_in, noted)

    def note(self, path: Path) -> list[Any]:
        """What is kept of a path."""
        return [path]


class Reads(_PathArgument):
    """Marks an argument that is read: ``add_argument(..., action=Reads)``."""

    noted_in = READ


class Writes(_PathArgument):
    """Marks an argument that is written: ``add_argument(..., action=Writes, kind=...)``.

    Parameters
    ----------
    option_strings, dest, **given
        As of `argparse.Action`.
    kind : Kind, optional
        Of the saved result; None for an export, or where ``beside`` others.
    beside : bool
        Whether it is a folder in which results get places of their own.
    found_out_later : bool
        Whether the command must load something first to know what is written under this name; it
        then asks `check_outputs_apart` itself.
    """

    noted_in = WRITTEN

    def __init__(
        self,
        option_strings: Sequence[str],
        dest: str,
        kind: Kind | None = None,
        beside: bool = False,
        found_out_later: bool = False,
        **given: Any,
    ) -> None:
        super().__init__(option_strings, dest, **given)
        self._kind, self._beside, self._later = kind, beside, found_out_later

    def note(self, path: Path) -> list[Output]:
        """What is written under a name."""
        _check_name(path, may_be_here=self._beside or self._kind is not None)
        if self._later:
            return []
        if self._kind is not None:
            return [Output(target_of(path, self._kind))]
        return [Output(path) if self._beside else Output(target_named(path), is_whole=True)]


def _check_name(path: Path, may_be_here: bool) -> None:
    """Raise InputError where nothing can get this name: '.' is one of a folder alone."""
    name = Path(os.path.abspath(path)).name if may_be_here else path.name
    if name in ("", ".."):
        raise InputError(f"'{path}' is no name for a result: give the name of a file or folder.")
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise InputError(f"{path} is neither a file nor a folder: choose another name.")


@dataclass(frozen=True)
class Output:
    """What is written.

    Attributes
    ----------
    path : pathlib.Path
        With its suffix.
    is_whole : bool
        Whether all that a folder of this name holds goes when it is replaced, as of an export. Of
        a saved result go its own files, and the folders of those that it consists of.
    """

    path: Path
    is_whole: bool = False

    @cached_property
    def place(self) -> Path:
        """Where it is, without links."""
        return Path(real_place(self.path))

    @cached_property
    def replaced(self) -> list[Path]:
        """Files and folders that are there now and won't be as they are."""
        if self.is_whole:
            return [self.place]
        there = occupant_of(self.place).manifest
        if there is None:
            return []
        names = [each.folder for each in there.members] or [
            there.path.name,
            *(each.name for each in there.files.values()),
        ]
        return [Path(real_place(self.place / name)) for name in names]


@dataclass(frozen=True)
class Inputs:
    """What a command reads.

    Attributes
    ----------
    paths : tuple of pathlib.Path
        As they are given; behind those that are saved results are raw files.
    together : tuple of list of pathlib.Path
        Those of them that one argument names: files of one stack, perhaps.
    """

    paths: tuple[Path, ...]
    together: tuple[list[Path], ...] = ()
    _places: dict[Path, Path] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def recordings(self) -> list[list[Path]]:
        """Raw files of each recording, those that the saved results among them are of, too."""
        behind = [files for path in self.paths for files in _recordings_behind(path)]
        return [*self.together, *behind]

    def check(self, output: Output) -> None:
        """Raise InputError where an output would replace an input, or get into one.

        Results may lie in a folder of raw files, but no image, which would be taken for one of
        them.
        """
        for path in self.paths:
            _check_apart(output, path, self._place(path))
        for files in self.recordings:
            self._check_raw(output, files)
        _check_outside_images(output)

    def _check_raw(self, output: Output, files: list[Path]) -> None:
        places = {self._place(path): path for path in files}
        if output.place in places:
            raise InputError(f"{output.path} holds the raw frames themselves: choose another name.")
        above = (each for each in places if output.place.is_relative_to(each))
        if inside := next((each for each in above if _is_image(each)), None):
            raise InputError(
                f"{output.path} is inside the raw frames {places[inside]}: choose another folder."
            )
        if output.place.parent in {place.parent for place in places} and _is_folder_of(files):
            _check_no_image(output, files[0].parent)

    def _place(self, path: Path) -> Path:
        if path not in self._places:
            self._places[path] = Path(real_place(path))
        return self._places[path]


def check_arguments_apart(args: argparse.Namespace) -> None:
    """Raise InputError where the arguments of a command don't keep apart what is written."""
    check_outputs_apart(args, [*chain(*getattr(args, WRITTEN, {}).values())])


def check_outputs_apart(args: argparse.Namespace, outputs: Sequence[Output]) -> None:
    """Check all that a command is going to write, where it found out later what that is."""
    inputs = inputs_of(args)
    for output in outputs:
        inputs.check(output)
    for one, other in combinations(outputs, 2):
        _check_two(one, other)


def check_output_apart(args: argparse.Namespace, path: Path) -> None:
    """Check a saved result whose name isn't among the arguments, as that by default."""
    inputs_of(args).check(Output(path))


def inputs_of(args: argparse.Namespace, more: Iterable[Path] = ()) -> Inputs:
    """What the arguments of a command say that it reads, and more that it found."""
    given: list[list[Path]] = list(getattr(args, READ, {}).values())
    return Inputs((*chain(*given), *more), tuple(each for each in given if len(each) > 1))


def _check_apart(output: Output, path: Path, read: Path) -> None:
    """Raise InputError where an output and an input, which is at ``read``, are in the way."""
    if output.place == read:
        raise InputError(
            f"{output.path} is read by this command: choose another name for the output."
        )
    if any(read.is_relative_to(each) for each in output.replaced):
        raise InputError(
            f"{path} is read by this command, and is part of {output.path}, which it would "
            f"replace: choose another name for the output."
        )
    if output.place.is_relative_to(read) and _is_image(read):
        raise InputError(f"{output.path} is inside {path}, which is read: choose another folder.")
    if output.place.parent == read and occupant_of(path).kind is None:
        _check_no_image(output, path)


def _check_two(one: Output, other: Output) -> None:
    """Raise InputError where two outputs would be written into one another."""
    for outer, inner in ((one, other), (other, one)):
        same = outer.place == inner.place
        if same or (outer.is_whole and inner.place.is_relative_to(outer.place)):
            where = "the same file or folder as" if same else "inside"
            raise InputError(
                f"{inner.path} is {where} {outer.path}, and both would be written: give each "
                f"output a name of its own."
            )


def _check_no_image(output: Output, folder: Path) -> None:
    reader = named_like_image(output.place)
    if reader is not None and reader.is_file and not _is_left_out(reader, folder):
        raise InputError(
            f"{output.path} would be taken for one of the raw files in {folder}: choose another "
            f"folder."
        )


def _is_left_out(reader: Reader, folder: Path) -> bool:
    """Whether files of a format are left out where a folder is opened, as it holds images."""
    if not reader.stands_alone:
        return False
    others = map(named_like_image, images_in(folder))
    return any(other is not None and not other.stands_alone for other in others)


def _check_outside_images(output: Output) -> None:
    """Raise InputError where a folder above is an image, whoever's it is."""
    for folder in output.place.parents:
        if _is_image(folder):
            raise InputError(
                f"{output.path} is inside {folder}, which is an image: choose another folder."
            )


def _is_image(folder: Path) -> bool:
    try:
        return folder_reader(folder) is not None
    except OSError:  # nothing can be written there either
        return False


def _recordings_behind(path: Path) -> Iterator[list[Path]]:
    """Raw files of what a saved result is of, and of the others of its session."""
    for manifest in _results_behind(path):
        files = [place for places in manifest.subject.origin.files for place in places]
        if found := [file for file in dict.fromkeys(files) if os.path.lexists(file)]:
            yield found


def _results_behind(path: Path) -> Iterator[Manifest]:
    there = occupant_of(path).manifest
    if there is None:
        return
    group = there if there.members else session_of(path)
    if group is None or not group.members:
        yield there
        return
    for member in group.members:
        inside = occupant_of(group.folder / member.folder).manifest
        if inside is not None:
            yield inside


def _is_folder_of(files: Sequence[Path]) -> bool:
    """Whether several raw files are all those of a folder: it may be opened as the recording."""
    places = {*map(real_place, files)}  # a file is named by several ways to it
    if len(places) < 2:
        return False
    try:
        found, _ = collect(files[0].parent)
    except InputError:
        return False
    return {*map(real_place, found)} == places
