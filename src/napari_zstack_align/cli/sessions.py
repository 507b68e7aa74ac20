"""What the commands for recordings share: register, keep what is done, save, tell."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.identity import identity_of_alignment
from napari_zstack_align.alignment.session import (
    check_session_target,
    load_saved,
)
from napari_zstack_align.cli.inputs import read_image
from napari_zstack_align.cli.kept import make_parents as make_folders_above
from napari_zstack_align.cli.kept import was_saved
from napari_zstack_align.cli.opening import opening
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.read import describe, open_stack
from napari_zstack_align.register.recordings.reading import first_windows
from napari_zstack_align.saved import Kind, about_run, beside_note, check_room, kind_of
from napari_zstack_align.settings import in_flags
from napari_zstack_align.stack import Stack


def read_reference(path: Path | None) -> Alignment | npt.NDArray[Any] | None:
    """Read what recordings shall join: a saved alignment or session, or an image (Y, X)."""
    if path is None:
        return None
    if kind_of(path) is None:
        return read_image(path, "reference")
    return first_alignment(path)


def first_alignment(path: Path) -> Alignment:
    """Read an alignment, or the first one of a session, whose recordings share one reference."""
    saved = load_saved(path)
    return saved if isinstance(saved, Alignment) else saved[0]


def about_session(
    stacks: Sequence[Stack],
    params: KeypointParams,
    mask: npt.NDArray[Any] | None,
    reference: Alignment | npt.NDArray[Any] | None = None,
) -> dict[str, Any]:
    """What the journal of a registration says of it."""
    given = identity_of_alignment(reference) if isinstance(reference, Alignment) else reference
    return about_run("register_recordings", params, *stacks, mask=mask, reference=given)


def check_session(
    out: Path,
    stacks: Sequence[Stack],
    params: KeypointParams,
    about: Mapping[str, Any],
    overwrite: bool,
    make_parents: bool = False,
) -> bool:
    """Find out before the work what can't be written.

    Returns
    -------
    bool
        Whether a complete session there may be replaced: where that is asked for, or where this
        very run saved it and was killed before its journal was gone.

    Raises
    ------
    InputError
        Where the session or its journal can't be written there, or there is no room.
    """
    overwrite = overwrite or was_saved(out, Kind.SESSION, about)
    check_session_target(out, stacks, overwrite, make_parents=make_parents)
    if make_parents:
        make_folders_above(out)
    check_room(out, sum(_bytes_needed(stack, params) for stack in stacks))
    return overwrite


def _bytes_needed(stack: Stack, params: KeypointParams) -> int:
    """Size of the result and of its journal: two images a window of frames, some kB a frame."""
    frame_bytes = 4 * stack.shape[2] * stack.shape[3]
    return (2 * len(first_windows(stack, params)) + 4) * frame_bytes + 2000 * stack.n_frames


def tell_opened(stacks: Sequence[Stack]) -> None:
    """Print what each recording is, and what was odd in its files."""
    for stack in stacks:
        print(f"{stack.name}: {describe(stack)}")
        for remark in stack.remarks:
            print(f"  {in_flags(remark.labelled)}")


def tell_written(written: Path, target: Path, more: str = "") -> None:
    """Print where a result was written, and why it isn't where it was to be."""
    print(f"Wrote {written}{more}")
    if note := beside_note(written, target):
        print(f"  Note: {note}")


def n_recordings(alignments: Sequence[Alignment]) -> str:
    """'1 recording', '2 recordings'."""
    return counted(len(alignments), "recording")


def with_all_planes(paths: Sequence[Path], args: argparse.Namespace) -> list[Stack]:
    """Open recordings of several planes with all of them."""
    whole = argparse.Namespace(**{**vars(args), "plane": None})
    return [open_stack(path, **opening(whole)) for path in paths]


def n_planes(stacks: Sequence[Stack]) -> int:
    """Planes that all recordings have."""
    for stack in stacks:
        if stack.frames_per_slice is None:
            raise InputError(
                f"{stack.name} doesn't say that it holds several planes: give the number of "
                f"volumes as `frames_per_slice`, and `order='slices'`."
            )
    numbers = {stack.n_slices: stack.name for stack in stacks}
    if len(numbers) > 1:
        (one, first), (other, second) = sorted(numbers.items())[:2]
        raise InputError(
            f"{first} has {counted(one, 'plane')} and {second} {other}: register those with the "
            f"same planes together."
        )
    return next(iter(numbers))
