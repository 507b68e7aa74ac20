"""The raw frames of a saved alignment: described, found again, and told from others."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.fingerprint import fingerprint
from napari_zstack_align.errors import InputError
from napari_zstack_align.read import open_stack
from napari_zstack_align.stack import Stack

Facts = dict[str, Any]


@dataclass(frozen=True)
class MissingSource:
    """Stands for frames that are not where they were; asking for pixels says so."""

    shape: tuple[int, int, int, int]
    dtype: np.dtype[Any]
    message: str

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Raise InputError: there are no pixels."""
        raise InputError(self.message)


def stack_facts(stack: Stack) -> Facts:
    """What is known of a stack, for JSON."""
    return {
        "name": stack.name,
        "shape": stack.shape,
        "dtype": stack.dtype.str,
        "frames_per_slice": stack.frames_per_slice,
        "order": stack.order,
        "pixel_size_um": stack.pixel_size_um,
        "z_step_um": stack.z_step_um,
        "channel_names": stack.channel_names,
        "fingerprint": fingerprint(stack),
    }


def input_facts(path: Path, folder: Path) -> Facts:
    """Where a file of the stack is, from anywhere and from the alignment's folder."""
    path = path.absolute()
    try:
        relative = os.path.relpath(path, folder.absolute())
    except ValueError:  # another drive
        relative = str(path)
    size = path.stat().st_size if path.is_file() else None
    return {"path": str(path), "relative_path": relative, "size_bytes": size}


def find_stack(folder: Path, described: Facts, inputs: list[Facts]) -> Stack:
    """Open the raw frames where they were; a stack without pixels where they are gone."""
    if not inputs:
        return _missing(described, "was an array in memory")
    for key in ("path", "relative_path"):
        paths = [folder / item[key] for item in inputs]
        if all(path.exists() for path in paths):
            try:
                stack = open_stack(paths if len(paths) > 1 else paths[0])
                return check_stack(stack, described)
            except InputError as error:
                return _missing(described, f"can't be used any more ({error})")
    return _missing(described, f"is not at {inputs[0]['path']} any more")


def check_stack(stack: Stack, described: Facts) -> Stack:
    """Return the stack with what was known of it; InputError where it is another one."""
    expected = described["fingerprint"]
    same_shape = list(stack.shape) == list(described["shape"])
    if not same_shape or (expected and fingerprint(stack) != expected):
        raise InputError(
            f"{stack.name} {stack.shape} is not the stack that was aligned "
            f"({described['name']}, {tuple(described['shape'])}), or its pixels have changed: give "
            f"that one, or align anew."
        )
    return _described(stack, described)


def _missing(described: Facts, what: str) -> Stack:
    message = (
        f"The raw stack {described['name']} {what}: give it with load_alignment(folder, stack=...)."
    )
    source = MissingSource(tuple(described["shape"]), np.dtype(described["dtype"]), message)
    return _described(Stack(source), described)


def _described(stack: Stack, described: Facts) -> Stack:
    pixel_size = described["pixel_size_um"]
    return stack.replace(
        frames_per_slice=described["frames_per_slice"],
        order=described["order"],
        pixel_size_um=None if pixel_size is None else tuple(pixel_size),
        z_step_um=described["z_step_um"],
        channel_names=tuple(described["channel_names"]),
        name=described["name"],
    )
