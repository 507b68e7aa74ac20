"""What is known of the folder that a project is kept in."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

from napari_zstack_align.project.facts import Item, StackEntry
from napari_zstack_align.saved.as_kept import KeptFiles
from napari_zstack_align.saved.facts import FileFacts
from napari_zstack_align.stack import Stack

TABLE = ".csv"


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
    files : dict
        The files of each member as they were read or written, by its name.
    unread : tuple of Unread
    """

    folder: Path | None = None
    mark: str = ""
    kept: dict[int | str, tuple[Any, FileFacts]] = field(default_factory=dict)
    stacks: dict[int, tuple[Stack, StackEntry]] = field(default_factory=dict)
    keys: dict[int, tuple[Any, str]] = field(default_factory=dict)
    files: dict[str, KeptFiles] = field(default_factory=dict)
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

    def note_files(self, member: FileFacts) -> None:
        """Remember what the files of a member are now, which is in the folder."""
        if self.folder is not None:
            self.files[member.name] = KeptFiles(self.folder / member.name)

    def has_in(self, folder: Path, name: str, *, edited: bool = True) -> bool:
        """Whether a member is in a folder, with all files as they were read or written.

        A table of ROIs may be ``edited`` by hand: it counts as long as there is something in it.
        """
        if edited and name.endswith(TABLE):
            return _holds_something(folder / name)
        return name in self.files and self.files[name].are_in(folder / name)

    def take(self, other: Home) -> None:
        """Become what another one is."""
        self.folder, self.mark, self.unread = other.folder, other.mark, other.unread
        self.kept, self.stacks, self.keys = other.kept, other.stacks, other.keys
        self.files = other.files


def _holds_something(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False
