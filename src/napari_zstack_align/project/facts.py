"""What ``project.json`` says, as models."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from napari_zstack_align.alignment.raw_frames import StackAndInputs
from napari_zstack_align.saved import Part
from napari_zstack_align.saved.facts import FileFacts

SECTIONS = ("masks", "runs", "rois", "traces", "zshifts")
"""Parts of a project whose items have members, in the order in which they are saved."""


class StackEntry(StackAndInputs):
    """A stack of a project: where its raw files are, and how it was described.

    Attributes
    ----------
    times : FileFacts, optional
        File (.npy) with the time of each frame.
    key : str
        By which the rest of the project knows it, whatever its name, place and file; '' in
        projects of earlier versions.
    """

    times: FileFacts | None = None
    key: str = ""


class Item(Part):
    """Something of a project that has a name.

    Attributes
    ----------
    name : str
    members : tuple of FileFacts
        Folders and files beside ``project.json``; of folders only the name is given.
    facts : dict
        What else is known of it.
    """

    name: str
    members: tuple[FileFacts, ...] = ()
    facts: dict[str, Any] = Field(default_factory=dict)


class ProjectFacts(Part):
    """What the manifest of a project says besides; see `project.Project`."""

    stacks: tuple[StackEntry, ...] = ()
    recordings: tuple[StackEntry, ...] = ()
    masks: tuple[Item, ...] = ()
    runs: tuple[Item, ...] = ()
    rois: tuple[Item, ...] = ()
    traces: tuple[Item, ...] = ()
    zshifts: tuple[Item, ...] = ()
    params: tuple[Item, ...] = ()
    in_view: tuple[str, ...] = ()
    view: dict[str, Any] = Field(default_factory=dict)

    def items(self) -> dict[str, tuple[Item, ...]]:
        """Items of each of the `SECTIONS`."""
        return {section: getattr(self, section) for section in SECTIONS}

    def files(self) -> set[str]:
        """Names of all members."""
        of_items = {
            m.name for items in self.items().values() for each in items for m in each.members
        }
        entries = (*self.stacks, *self.recordings)
        return of_items | {entry.times.name for entry in entries if entry.times is not None}


class Saved(Part):
    """The part of ``project.json`` that no other manifest has."""

    project: ProjectFacts
