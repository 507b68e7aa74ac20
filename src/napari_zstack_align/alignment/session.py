"""The files of a session: a folder with ``session.json`` and one ``.zalign`` per recording."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_zstack_align import saved
from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.raw_frames import subject_of
from napari_zstack_align.alignment.storage import load_alignment, read_alignment, result_of
from napari_zstack_align.errors import InputError
from napari_zstack_align.saved import Group, Kind
from napari_zstack_align.stack import Stack

SUFFIX = ".zalign"
LONGEST_STEM = 200
"""Bytes of the name of a recording that are kept in names of files; most systems take 255."""


def save_session(
    alignments: Sequence[Alignment], folder: str | Path, overwrite: bool = True
) -> Path:
    """Write the alignments of a session, in their order and in one step.

    Whatever stops the program, the folder holds the session that was there before, or all of this.

    Parameters
    ----------
    alignments : sequence of Alignment
        One a recording, complete or partial, in the coordinates of one reference.
    folder : str or pathlib.Path
        A new folder, or an earlier session, whose place this one takes; other files in it stay. A
        folder of other files is refused: it would open as the session from then on.
    overwrite : bool
        Whether a complete session there is replaced. An unfinished one never replaces it.

    Returns
    -------
    pathlib.Path
        The folder that was written: where the one that was asked for must not be replaced, one
        beside it (``NAME-partial``, ``NAME-2``).

    Raises
    ------
    InputError
        Where there is no alignment, they have several references, or the folder can't be written
        or holds something else.
    """
    if not alignments:
        raise InputError("There is nothing to save: the session has no recordings.")
    if not share_reference(alignments):
        raise InputError(
            "These recordings are not in the coordinates of one reference: register them together, "
            "or save each alignment by itself."
        )
    folder = saved.target_of(folder, Kind.SESSION)
    names = folders_of([alignment.stack for alignment in alignments])
    members = {
        name: result_of(alignment, folder / name)
        for name, alignment in zip(names, alignments, strict=True)
    }
    group = Group(Kind.SESSION, members, len(members), alignments[0].provenance)
    written = saved.save_group(group, folder, overwrite)
    if all(alignment.complete for alignment in alignments):
        saved.discard_journal(written, alignments[0].provenance.get("journal", ""))
    return written


def check_session_target(
    folder: Path, stacks: Sequence[Stack], overwrite: bool, make_parents: bool = False
) -> None:
    """Find out before the work whether a session of recordings can be saved.

    Raises
    ------
    InputError
        Where the folder is taken; the sentence says by what.
    """
    subjects = [subject_of(stack, stack.n_frames) for stack in stacks]
    group = subjects[0].model_copy(update={"frames": len(stacks)})
    members = dict(zip(folders_of(stacks), subjects, strict=True))
    saved.check_target(
        folder, Kind.SESSION, group, members, overwrite=overwrite, make_parents=make_parents
    )


def folders_of(stacks: Sequence[Stack]) -> list[str]:
    """Names of the folders of recordings in a session."""
    return [name + SUFFIX for name in unique_names([stack.name for stack in stacks])]


def share_reference(alignments: Sequence[Alignment]) -> bool:
    """Whether alignments are in the coordinates of one and the same reference image."""
    first = alignments[0].reference
    return all(
        each.reference is first or np.array_equal(each.reference, first, equal_nan=True)
        for each in alignments[1:]
    )


def load_session(folder: str | Path) -> list[Alignment]:
    """Read the alignments of a session, in their order.

    Raises
    ------
    InputError
        Where the folder is no session, one of its alignments is missing or damaged, or they don't
        share one reference.
    """
    alignments = saved.read_group(folder, Kind.SESSION, read_alignment)
    if not share_reference(alignments):
        raise InputError(
            f"{folder} is damaged: its recordings are not in the coordinates of one reference. "
            f"Load each .zalign by itself, or register them together again."
        )
    return alignments


def load_saved(folder: str | Path, stack: Stack | None = None) -> Alignment | list[Alignment]:
    """Read an alignment (``NAME.zalign``), or all those of a session (a folder of them).

    Parameters
    ----------
    folder : str or pathlib.Path
        What ``Alignment.save`` or ``save_session`` wrote.
    stack : Stack, optional
        The raw frames of one alignment, or of a session of one recording; by default they are
        opened from where they were. Where they are gone, the transforms and the quality table can
        be used all the same, and asking for pixels says what is missing.

    Returns
    -------
    Alignment or list of Alignment

    Raises
    ------
    InputError
        Where the folder is neither, is damaged, or ``stack`` is not the one that was aligned.
    """
    if saved.kind_of(folder) is not Kind.SESSION:
        return load_alignment(folder, stack)
    alignments = load_session(folder)
    if stack is None:
        return alignments
    if len(alignments) > 1:
        members = ", ".join(str(Path(folder) / name) for name in _members(folder))
        raise InputError(
            f"{folder} is a session of {len(alignments)} recordings, and `stack` holds the raw "
            f"frames of one: give the alignment of that one instead ({members})."
        )
    return [alignments[0].with_stack(stack)]


def _members(folder: str | Path) -> list[str]:
    """Names of the folders of the recordings, in their order."""
    manifest = saved.occupant_of(Path(folder)).manifest
    return [] if manifest is None else [member.folder for member in manifest.members]


def unique_names(names: Sequence[str]) -> list[str]:
    """Names for files: what a file system refuses becomes '_', and a clash gets _2, _3, ..."""
    unique: list[str] = []
    taken: set[str] = set()
    for name in names:
        stem = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", name)
        stem = _shortened(stem).strip(" .") or "recording"
        number, candidate = 1, stem
        while as_compared(candidate) in taken:
            number += 1
            candidate = f"{stem}_{number}"
        taken.add(as_compared(candidate))
        unique.append(candidate)
    return unique


def _shortened(name: str) -> str:
    """Return as much of a name as a file system takes, with room for what is added to it."""
    while len(os.fsencode(name)) > LONGEST_STEM:
        name = name[:-1]
    return name


def as_compared(name: str) -> str:
    """Return what is the same for names that some file systems take for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
