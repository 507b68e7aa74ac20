"""Whether kept units were made of the frames that a stack holds, whatever its files are called."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from napari_zstack_align.errors import InputError
from napari_zstack_align.saved.checksum import crc32c
from napari_zstack_align.saved.unit_file import Unit
from napari_zstack_align.stack import Stack

if TYPE_CHECKING:
    from napari_zstack_align.saved.journal import UnitStore

COMPARED = 6
"""Units of which a frame is compared, evenly spread: all of them must be of the stacks."""


def are_of_copies(store: UnitStore, stacks: Sequence[Stack], begin: str = "") -> bool:
    """Whether the units of a store, whose names begin so, were made of frames of these stacks.

    Parameters
    ----------
    store : UnitStore
    stacks : sequence of Stack
        A frame of a few units is read from them.
    begin : str
        Of the names of the units.
    """
    names = [name for name in store.names() if name.startswith(begin)]
    step = max(len(names) // COMPARED, 1)
    spread = (name for start in range(step) for name in names[start::step])
    with_frames = (unit for unit in map(store.read, spread) if unit and len(unit.frames))
    some = [*islice(with_frames, COMPARED)]
    return bool(some) and all(any(_is_of(unit, stack) for stack in stacks) for unit in some)


def prefixes_of(store: UnitStore, stacks: Sequence[Stack], usual: Sequence[str]) -> list[str]:
    """What the names of each stack's units begin with: as usual, or as those of its copy.

    Parameters
    ----------
    store : UnitStore
    stacks : sequence of Stack
    usual : sequence of str
        A prefix a stack, all of one length.
    """
    there = {name[: len(usual[0])] for name in store.names()}
    free = sorted(there - {*usual})
    prefixes = []
    for stack, own in zip(stacks, usual, strict=True):
        prefixes.append(own if own in there else _of_copy(store, stack, free) or own)
        free = [each for each in free if each not in prefixes]
    return prefixes


def _of_copy(store: UnitStore, stack: Stack, prefixes: Collection[str]) -> str | None:
    return next((each for each in prefixes if are_of_copies(store, [stack], each)), None)


def _is_of(unit: Unit, stack: Stack) -> bool:
    """Whether the first frame that a unit read is one of a stack.

    Size and time of its files don't show it: recordings of one protocol share the size.
    """
    t = int(unit.frames[0])
    if t >= stack.n_frames:
        return False
    try:
        frame = stack.read(t, t + 1)[0]
    except (OSError, InputError):
        return False
    return crc32c(frame.astype(stack.dtype, copy=False)) == unit.digests[0]
