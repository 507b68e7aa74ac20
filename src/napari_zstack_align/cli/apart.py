"""What a command writes takes the place of nothing that it reads, and gets into none of it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from napari_zstack_align.errors import InputError
from napari_zstack_align.read.readers import folder_reader, named_like_image
from napari_zstack_align.saved import Kind, target_of
from napari_zstack_align.saved.origin import real_place

INPUTS = (
    "alignment", "files", "input", "inputs", "mask", "params", "recording", "reference", "rois",
    "saved", "stack", "table",
)  # fmt: skip
OUTPUTS = ("out", "volume", "corrected", "simulated", "transforms")
"""Arguments of all commands."""


def check_arguments_apart(args: argparse.Namespace, kind: Kind | None = None) -> None:
    """Raise InputError where an output of a command is one of its inputs, or inside one.

    The name of a result of a kind gets a suffix where it lacks.
    """
    inputs = [path for name in INPUTS for path in _paths_of(args, name)]
    for name in OUTPUTS:
        for path in _paths_of(args, name):
            written = target_of(path, kind) if name == "out" and kind is not None else path
            check_apart(written, inputs)


def check_apart(path: Path, inputs: Iterable[Path]) -> None:
    """Raise InputError where a path that is written is one that is read, or inside one.

    Results may lie in a folder of raw files, but no image, which would be taken for one of them.
    """
    place = Path(real_place(path))
    for each in inputs:
        read = Path(real_place(each))
        if place == read:
            raise InputError(f"{path} is read by this command: choose another name for the output.")
        if place.is_relative_to(read) and folder_reader(read) is not None:
            raise InputError(f"{path} is inside {each}, which is read: choose another folder.")
        if place.parent == read and _is_image_file(place):
            raise InputError(
                f"{path} would be taken for one of the raw files in {each}: choose another folder."
            )


def _is_image_file(path: Path) -> bool:
    reader = named_like_image(path)
    return reader is not None and not reader.is_folder


def _paths_of(args: argparse.Namespace, name: str) -> list[Path]:
    given = getattr(args, name, None)
    return [path for path in (given if isinstance(given, list) else [given]) if path is not None]
