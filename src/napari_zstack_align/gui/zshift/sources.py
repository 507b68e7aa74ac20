"""What can be a recording, and what a reference: stacks, recordings, layers and files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.session import load_saved
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.stack_layers import StackLayers
from napari_zstack_align.gui.taking import guess_axes, plain_images, stack_of_layer
from napari_zstack_align.gui.workspace import Workspace
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.read import open_stack
from napari_zstack_align.saved import kind_of
from napari_zstack_align.stack import Stack

FramesAndAlignment = tuple[Stack, Alignment | None]
"""Frames, and how they are aligned."""

RECORDING_AXES, SLICES_AXES = "TYX", "ZYX"


@dataclass(frozen=True, eq=False)
class FramesEntry:
    """One entry of a list; belongs to the main thread.

    Attributes
    ----------
    name : str
        What the list says.
    owner : object
        What it is of; of two entries with one owner, the newer replaces the other.
    frames : Stack, optional
        Its frames, where they are known already.
    alignment : Alignment, optional
        Of the frames.
    layer : napari.layers.Image, optional
        Somebody's image of frames or slices.
    """

    name: str
    owner: Any
    frames: Stack | None = None
    alignment: Alignment | None = None
    layer: Any = None

    def opened(self, axes: str) -> FramesAndAlignment:
        """Frames and alignment; a layer's image has these axes.

        That its images are slices, only the names of its axes say.

        Raises
        ------
        InputError
            Where a layer can't be read so.
        """
        stack = self.stack(axes)
        if self.layer is not None and not _has_slices(self.layer):
            stack = stack.replace(frames_per_slice=None)
        return stack, self.alignment

    def stack(self, axes: str) -> Stack:
        """Frames; a layer's image has these axes."""
        return stack_of_layer(self.layer, axes) if self.frames is None else self.frames


def opening(path: Path) -> Job[FramesEntry]:
    """Open a file, a folder of images, or a saved alignment."""
    yield Progress("Opening", 0, 1)
    if kind_of(path) is None:
        stack = open_stack(path)
        return FramesEntry(f"File: {path.name}", path, stack)
    saved = load_saved(path)
    if not isinstance(saved, Alignment):
        raise InputError(
            f"{path} is a session of {counted(len(saved), 'recording')}: choose one .zalign of it."
        )
    return FramesEntry(f"Alignment: {path.name}", path, saved.stack, saved)


def recordings_of(workspace: Workspace) -> list[FramesEntry]:
    """What can be a recording, the most likely first."""
    found = [
        FramesEntry(_named(r.stack, r.alignment), r, r.stack, r.alignment)
        for r in workspace.session.recordings
    ]
    shown = sorted(workspace.stacks, key=lambda each: each.grid.is_zstack)
    layers = sorted(_plain(workspace), key=lambda each: (_has_slices(each), -each.data.shape[0]))
    return [*found, *map(_of_shown, shown), *map(_of_layer, layers)]


def references_of(workspace: Workspace) -> list[FramesEntry]:
    """What can be a reference, the most likely first."""
    shown = workspace.stacks
    layers = sorted(_plain(workspace), key=lambda each: (not _has_slices(each), each.data.shape[0]))
    return [
        *(_of_shown(each) for each in shown if each.grid.is_zstack),
        *map(_of_layer, layers),
        *(_of_shown(each) for each in shown if not each.grid.is_zstack),
    ]


def best(sources: Sequence[FramesEntry], other: FramesEntry | None) -> int:
    """Index of the first that isn't the other one; 0 where there is none."""
    taken = owner_of(other)
    return next((k for k, source in enumerate(sources) if source.owner != taken), 0)


def owner_of(source: FramesEntry | None) -> Any:
    """What a source is of; None for none."""
    return None if source is None else source.owner


def _of_shown(shown: StackLayers) -> FramesEntry:
    stack, alignment = shown.stack, shown.alignment
    name = _named(stack, alignment)
    return FramesEntry(
        f"Volume of {stack.name}" if _is_volume(shown) else name, shown, stack, alignment
    )


def _is_volume(shown: StackLayers) -> bool:
    return shown.grid.is_zstack and shown.alignment is not None


def _named(stack: Stack, alignment: Alignment | None) -> str:
    return stack.name if alignment is not None else f"{stack.name} (raw)"


def _of_layer(layer: Any) -> FramesEntry:
    return FramesEntry(f"Layer: {layer.name}", layer, layer=layer)


def _plain(workspace: Workspace) -> list[Any]:
    """Image layers (frame, y, x) or (slice, y, x) of others."""
    return [layer for layer in plain_images(workspace.viewer.layers) if layer.ndim == 3]


def _has_slices(layer: Any) -> bool:
    return guess_axes(layer).startswith("Z")
