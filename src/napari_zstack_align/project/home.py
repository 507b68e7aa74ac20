"""What is known of the folder that a project is kept in."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

from napari_zstack_align.project.facts import Item, StackEntry
from napari_zstack_align.project.sizes import are_there, sizes_of
from napari_zstack_align.saved.facts import FileFacts
from napari_zstack_align.stack import Stack


@dataclass(frozen=True)
class Unread:
    """A part of a saved project that couldn't be read: later saves keep it as it is.

    Attributes
    ----------
    section : str
        'masks', 'runs', 'rois', 'traces', 'zshifts' or 'params'.
    item : Item
        Of which it is a part; the members are those that couldn't be read.
    position : int
        Of the member in the item.
    problem : str
        Why it couldn't be read, in one sentence.
    """

    section: str
    item: Item
    position: int
    problem: str

    @property
    def name(self) -> str:
        """Name of what it is a part of."""
        return self.item.name


@dataclass
class Home:
    """Where a project is kept: shared by all its versions, and brought up to date by each save.

    Attributes
    ----------
    folder : pathlib.Path, optional
        None: it has not been saved yet.
    mark : str
        Generation of the ``project.json`` that was read or written last.
    kept : dict
        The member of each object, by its id (of a mask, by a digest of its pixels). The object is
        held, so that no other one gets its id.
    stacks : dict
        What ``project.json`` says of each stack, likewise.
    keys : dict
        The key of each stack, by the id of its source, likewise: names and places in a list may be
        those of another stack.
    sizes : dict
        Sizes of the files of each member that was read or written, by their names in it.
    unread : tuple of Unread
    """

    folder: Path | None = None
    mark: str = ""
    kept: dict[int | str, tuple[Any, FileFacts]] = field(default_factory=dict)
    stacks: dict[int, tuple[Stack, StackEntry]] = field(default_factory=dict)
    keys: dict[int, tuple[Any, str]] = field(default_factory=dict)
    sizes: dict[str, dict[str, int]] = field(default_factory=dict)
    unread: tuple[Unread, ...] = ()

    def key_of(self, stack: Stack) -> str:
        """Return the key of a stack, which one that is new gets here."""
        new = stack.source, token_hex(4)
        return self.keys.setdefault(id(stack.source), new)[1]

    def known_key(self, stack: Stack) -> str | None:
        """Return the key of a stack that has one."""
        _, key = self.keys.get(id(stack.source), (None, None))
        return key

    def set_key(self, stack: Stack, key: str) -> None:
        """Let a stack be known by a key, as the one that had it before."""
        self.keys[id(stack.source)] = stack.source, key

    def renew(self, old: Any, new: Any) -> None:
        """Know a new object as the saved one that it describes: it isn't written again."""
        if id(old) in self.kept:
            self.kept[id(new)] = new, self.kept[id(old)][1]

    def note_sizes(self, member: FileFacts) -> None:
        """Remember how long the files of a member are, which is in the folder."""
        if self.folder is not None:
            self.sizes[member.name] = sizes_of(self.folder / member.name)

    def has_in(self, folder: Path, member: FileFacts) -> bool:
        """Whether a member is in a folder, with all files that were read or written."""
        return are_there(folder / member.name, self.sizes.get(member.name, {}))

    def take(self, other: Home) -> None:
        """Become what another one is."""
        self.folder, self.mark, self.unread = other.folder, other.mark, other.unread
        self.kept, self.stacks, self.keys = other.kept, other.stacks, other.keys
        self.sizes = other.sizes
