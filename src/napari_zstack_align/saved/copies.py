"""Whether kept units were made of the frames that a stack holds, whatever its files are called."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from napari_zstack_align.errors import InputError
from napari_zstack_align.saved.checksum import crc32c
from napari_zstack_align.saved.places import place_of
from napari_zstack_align.saved.unit_file import Unit
from napari_zstack_align.saved.watched import states_of
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
    some = _some_units(store, begin)
    return bool(some) and all(any(_is_of(unit, stack) for stack in stacks) for unit in some)


def prefixes_of(store: UnitStore, stacks: Sequence[Stack], usual: Sequence[str]) -> list[str]:
    """What the names of each stack's units begin with: as usual, or as those of its copy.

    Parameters
    ----------
    store : UnitStore
    stacks : sequence of Stack
    usual : sequence of str
        A prefix a stack, all of one length. Where stacks bear the same name, these go by their
        order, so that the units may be those of another one.
    """
    there = {name[: len(usual[0])] for name in store.names()}
    found = {
        i: own
        for i, (stack, own) in enumerate(zip(stacks, usual, strict=True))
        if own in there and _are_own(store, stack, own)
    }
    for i, stack in enumerate(stacks):
        if i not in found and (copy := _of_copy(store, stack, sorted(there - {*found.values()}))):
            found[i] = copy
    # New or changed stacks: as usual, or where that is another one's by now, any that is left.
    for i, own in enumerate(usual):
        if i not in found and own not in found.values():
            found[i] = own
    left = (own for own in usual if own not in found.values())
    return [found[i] if i in found else next(left) for i in range(len(usual))]


def _some_units(store: UnitStore, begin: str) -> list[Unit]:
    names = [name for name in store.names() if name.startswith(begin)]
    step = max(len(names) // COMPARED, 1)
    spread = (name for start in range(step) for name in names[start::step])
    with_frames = (unit for unit in map(store.read, spread) if unit and len(unit.frames))
    return [*islice(with_frames, COMPARED)]


def _are_own(store: UnitStore, stack: Stack, prefix: str) -> bool:
    """Whether units of a stack's name are its own: no frame is read where its files say so."""
    now = (place_of(stack.paths), states_of(stack.paths))
    some = _some_units(store, prefix)
    by_files = bool(now[0]) and all((unit.place, unit.files) == now for unit in some)
    return by_files or are_of_copies(store, [stack], prefix)


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
