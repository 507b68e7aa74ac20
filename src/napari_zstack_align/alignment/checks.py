"""What every job on raw frames checks of what it is given."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.raw_frames import MissingSource
from napari_zstack_align.alignment.same_frames import check_frames_of
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError, SeveralPlanesError
from napari_zstack_align.stack import Stack, check_is_stack


def check_frames_at_hand(stack: Stack) -> None:
    """Raise InputError for anything but a Stack, and where its files are gone."""
    check_is_stack(stack)
    if isinstance(stack.source, MissingSource):
        raise InputError(stack.source.message)


def check_aligned_frames_at_hand(alignment: Alignment) -> None:
    """Raise InputError for anything but an Alignment, and where its raw files are gone."""
    if not isinstance(alignment, Alignment):
        raise InputError(
            f"Give an Alignment, not {type(alignment).__name__}: load it with load_alignment."
        )
    check_frames_at_hand(alignment.stack)


def check_alignment_of(stack: Stack, alignment: Alignment, check_frames: bool = True) -> None:
    """Raise InputError where an alignment was not made of these frames.

    Without ``check_frames``, others of the same number and size will do.
    """
    if not isinstance(alignment, Alignment):
        raise InputError("Give the Alignment of the recording, or None: nothing moves.")
    check_same_frames(stack, len(alignment.transforms), alignment.raw_shape, "alignment")
    if check_frames:
        check_frames_of(stack, alignment)


def check_same_frames(stack: Stack, n_frames: int, frame_shape: tuple[int, int], made: str) -> None:
    """Raise InputError unless a stack has as many frames, of the size (Y, X), as ``made``."""
    check_is_stack(stack)
    if stack.n_frames != n_frames:
        raise InputError(
            f"{stack.name} has {counted(stack.n_frames, 'frame')}, but the {made} "
            f"{counted(n_frames, 'frame')}: give the one that was made of these frames."
        )
    if stack.shape[2:] != tuple(frame_shape):
        raise InputError(
            f"The frames of {stack.name} are {stack.shape[2]} × {stack.shape[3]} px, but those of "
            f"the {made} {frame_shape[0]} × {frame_shape[1]}: give the one that was made of these "
            f"frames."
        )


def check_one_plane(stack: Stack) -> None:
    """Raise InputError where a stack is known to hold several planes at several times.

    One frame a slice may be time that was saved as z, which many programs do.
    """
    repeats = stack.frames_per_slice
    if repeats is None or repeats == 1 or stack.n_slices == 1:
        return
    raise SeveralPlanesError(
        f"{stack.name} holds {stack.n_slices} planes × {stack.most_repeats} "
        f"{'volumes' if stack.order == 'slices' else 'repeats'}, but a recording is of one plane: "
        f"open the plane you want, `plane=0` to `plane={stack.n_slices - 1}`, or align a z-stack "
        f"as one.",
        stack.n_slices,
    )


def check_raw_files_stay(path: Path, raw: Iterable[Path]) -> None:
    """Raise InputError where an export would be written over raw frames, by whatever name.

    Overwriting is for earlier exports alone. Raw frames may be a folder: nothing is written there,
    nor is a folder replaced that holds them.
    """
    place = path.resolve()
    places = {each.resolve() for each in raw}
    if place in places or any(place in each.parents for each in places):
        raise InputError(f"{path} holds the raw frames themselves: choose another name.")
    if not places.isdisjoint(place.parents):
        raise InputError(f"{path} is inside the raw frames: choose another folder.")
