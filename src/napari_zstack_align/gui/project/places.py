"""Which stack of a project something belongs to: by keys and raw files, whatever names these have.

Many stacks are called 'stack', and their order changes when one is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from napari_zstack_align.alignment.raw_frames import MissingSource, origin_of
from napari_zstack_align.project import Project
from napari_zstack_align.saved.origin import Origin, share_a_place
from napari_zstack_align.stack import Stack


class Places:
    """The stacks, or the recordings, of a project that is being opened.

    Parameters
    ----------
    stacks : sequence of Stack
    key_of : callable
        Returns the key of a stack.
    """

    def __init__(self, stacks: Sequence[Stack], key_of: Callable[[Stack], str]) -> None:
        self.stacks = list(stacks)
        self._key_of = key_of

    def at(self, key: object) -> int | None:
        """Position of the stack with a key."""
        return next((k for k, each in enumerate(self.stacks) if self._key_of(each) == key), None)

    def of(self, result: Stack, key: object, taken: Container[int] = ()) -> int | None:
        """Position of the stack that a result is of: by its key, or else by files and pixels.

        Those that are ``taken`` are left out. None where there is none.
        """
        layout = _layout(result)
        free = [
            k for k, each in enumerate(self.stacks) if k not in taken and _layout(each) == layout
        ]
        for k in free:
            if self._key_of(self.stacks[k]) == key:
                return k
        mine = origin_of(result)
        origins = {k: origin_of(self.stacks[k]) for k in free}
        same_files = (k for k in free if _share_files(mine, origins[k]))
        same_pixels = (
            k for k in free if mine.fingerprint and mine.fingerprint == origins[k].fingerprint
        )
        return next(same_files, next(same_pixels, None))

    def add(self, stack: Stack) -> int:
        """Add a stack that a result has brought along; returns its position."""
        self.stacks.append(stack)
        return len(self.stacks) - 1


def is_gone(stack: Stack) -> bool:
    """Whether the frames of a stack aren't where they were."""
    return isinstance(stack.source, MissingSource)


def named(stack: Stack) -> str:
    """Name of a stack, and where its file is, or was: 'stack (/data/a/stack.tif)'."""
    origin = str(origin_of(stack))
    return f"{stack.name} ({origin})" if origin else stack.name


def with_keys(project: Project) -> Project:
    """Return a project in which all that is to be shown again knows its stacks by their keys.

    Projects of earlier versions know them by position, and scripts give masks just a name.
    """
    stacks = [project.home.key_of(stack) for stack in project.stacks]
    recordings = [project.home.key_of(stack) for stack in project.recordings]
    view = dict(project.view)
    view["runs"] = {
        name: _run_facts(facts, stacks, recordings) for name, facts in view.get("runs", {}).items()
    }
    masks = {name: dict(facts) for name, facts in view.get("masks", {}).items()}
    for mask in project.masks:
        facts = masks.setdefault(mask.name, {})
        like = [key for key, s in zip(stacks, project.stacks, strict=True) if _is_named(s, mask)]
        if "stack" not in facts:
            facts["stack"] = like[0] if len(like) == 1 else None
        elif isinstance(facts["stack"], int):
            key = _key(facts["stack"], stacks)
            facts["stack"] = key if key in like else None
    view["masks"] = masks
    if "stack" in view:
        view["stack"] = _key(view["stack"], stacks)
    if isinstance(modes := view.get("modes"), list):
        view["modes"] = dict(zip(stacks, modes, strict=False))
    if movies := view.get("traces", {}).get("movies"):
        keys = {"stack": stacks, "recording": recordings}
        found = [[what, _key(k, keys[what]), run] for what, k, run in movies]
        view["traces"] = {**view["traces"], "movies": found}
    return project.replace(view=view)


def _run_facts(
    facts: Mapping[str, Any], stacks: Sequence[str], recordings: Sequence[str]
) -> dict[str, Any]:
    of_stack = {"stack": _key(facts["stack"], stacks)} if "stack" in facts else {}
    of = [] if of_stack else [_key(k, recordings) for k in facts.get("of", ())]
    return {**facts, "of": of, **of_stack}


def _key(known: Any, keys: Sequence[str]) -> Any:
    """The key of what was known by its position."""
    if not isinstance(known, int):
        return known
    return keys[known] if known < len(keys) else None


def _is_named(stack: Stack, mask: Any) -> bool:
    return bool(mask.belongs_to) and stack.name == mask.belongs_to


def _layout(stack: Stack) -> tuple[Any, ...]:
    return (stack.shape, stack.frames_per_slice, stack.order)


def _share_files(first: Origin, second: Origin) -> bool:
    """Whether each file of one may be that of the other."""
    return len(first.files) == len(second.files) > 0 and all(
        share_a_place(mine, theirs) for mine, theirs in zip(first.files, second.files, strict=True)
    )
