"""The stacks of a project: described without a copy of their frames, and opened again."""

from __future__ import annotations

from pathlib import Path

from napari_zstack_align.alignment.fingerprint import fingerprint
from napari_zstack_align.alignment.raw_frames import (
    as_described,
    missing_stack,
    open_as_said,
    openable,
    raw_facts,
)
from napari_zstack_align.errors import InputError
from napari_zstack_align.project.facts import StackEntry
from napari_zstack_align.project.members import read_times
from napari_zstack_align.remark import as_warnings
from napari_zstack_align.saved.facts import FileFacts
from napari_zstack_align.stack import Stack

OPEN_IT = (
    "put it back, or open it from its new place ('File(s) …' on the Load tab): its runs come along."
)
OPEN_RECORDING = (
    "put it back, or open it from its new place ('Files …' on the Recordings tab): its runs come "
    "along."
)


def entry_of(stack: Stack, folder: Path, times: FileFacts | None) -> StackEntry:
    """Describe a stack for the project in a folder; it reads three of its frames."""
    return StackEntry.model_validate({**raw_facts(stack, folder), "times": times})


def reopened(entry: StackEntry, folder: Path, open_it: str) -> Stack:
    """Open a stack of a project in a folder.

    Where its raw files are gone, it has no pixels, but all that was known of it; a remark of the
    stack says so, and what to do (``open_it``). Frames that have changed are no hindrance for
    looking at them.
    """
    stack = _opened(entry, folder, open_it)
    if entry.times is None:
        return stack
    try:
        times = read_times(folder, entry.times, stack.n_frames)
    except InputError as error:
        return stack.replace(remarks=(*stack.remarks, *as_warnings(str(error))))
    return stack.replace(frame_times_s=times)


def _opened(entry: StackEntry, folder: Path, open_it: str) -> Stack:
    described = entry.stack
    if not entry.inputs:
        return missing_stack(folder, entry, "was in memory only: open it anew from where it came.")
    why = ""
    for paths in openable(folder, entry.inputs):
        try:
            stack = open_as_said(paths, described)
        except InputError as error:
            why = why or f"can't be opened any more. {error}"
            continue
        if stack.shape == described.shape:
            return _with_remark_of_change(as_described(stack, described), described.fingerprint)
        why = why or (
            f"has changed: its shape was {described.shape}, and is {stack.shape} now. Give the "
            f"file as it was, or open it anew."
        )
    gone = f"is not at {entry.inputs[0].path} any more: {open_it}"
    return missing_stack(folder, entry, why or gone)


def _with_remark_of_change(stack: Stack, before: str) -> Stack:
    now = fingerprint(stack)
    if not before or now in (before, ""):
        return stack
    remarks = as_warnings(
        f"The frames of {stack.name} have changed since the project was saved: results that were "
        f"made of them may not fit any more."
    )
    return stack.replace(remarks=(*stack.remarks, *remarks))
