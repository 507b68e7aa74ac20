"""What cells can be looked for in: the session, its recordings, stacks, and other image layers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from napari.layers import Image

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.counting import counted
from napari_zstack_align.gui.layer_group import KEY
from napari_zstack_align.gui.recordings.layers import SessionLayers
from napari_zstack_align.gui.stack_layers import StackLayers
from napari_zstack_align.gui.workspace import Workspace
from napari_zstack_align.stack import Stack

SLICE, ALL_SLICES = "slice", "volume"
KINDS = {
    SLICE: ("Slice in view", "The mean of the aligned repeats of the slice in view"),
    "mean": ("Mean", "Mean of the frames: steady cells, little noise"),
    "max": ("Maximum", "Largest value of each pixel: cells that were active once, more noise"),
    "std": ("Standard deviation", "How much each pixel changes: active cells"),
    "correlation": (
        "Local correlation",
        "Correlation of each pixel with its neighbours in time: active cells, whatever their "
        "brightness",
    ),
    "image": ("Image as it is", "The layer's own image"),
}
"""Images that cells are looked for in: title and tooltip."""
OUTDATED = (
    "The image was made of another alignment than the one there is now: press 'Find blobs' to make "
    "it anew."
)
OVER_TIME = ("mean", "max", "std", "correlation")
PLAIN_NDIMS = (2, 3)


@dataclass(frozen=True, eq=False)
class ImagesEntry:
    """One entry of the list 'Look in'.

    Attributes
    ----------
    name : str
        What the list says.
    owner : object
        What it is of: the session, a recording, a stack in view or a layer.
    kinds : tuple of str
        Images that can be made of it, the default first; keys of ``KINDS``.
    stacks : tuple of Stack
        Frames; empty for a layer.
    alignments : tuple of Alignment or None
        One a stack; None where a stack isn't aligned.
    image : array-like, optional
        A layer's own image (Y, X) or volume (Z, Y, X).
    """

    name: str
    owner: Any
    kinds: tuple[str, ...]
    stacks: tuple[Stack, ...] = ()
    alignments: tuple[Alignment | None, ...] = ()
    image: Any = None

    @property
    def stack(self) -> Stack | None:
        """The first stack, whose pixels the images have."""
        return self.stacks[0] if self.stacks else None

    @property
    def made_of(self) -> Alignment | Stack | None:
        """In whose coordinates the images are: the alignments', or those of one stack."""
        aligned = (each for each in self.alignments if each is not None)
        return next(aligned, self.stacks[0] if len(self.stacks) == 1 else None)

    @property
    def pixels(self) -> Any:
        """Whose pixels the images have: the first stack, or the layer."""
        return self.stacks[0] if self.stacks else self.owner

    @property
    def n_frames(self) -> int:
        """Frames of which a range can be chosen; 0 where it can't."""
        alone = len(self.stacks) == 1 and SLICE not in self.kinds
        return self.stacks[0].n_frames if alone else 0

    @property
    def n_slices(self) -> int:
        """Slices; 0 where there are none."""
        if SLICE not in self.kinds:
            return 0
        return len(self.image) if self.image is not None else self.stacks[0].n_slices

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels."""
        return tuple(self.stacks[0].channel_names) if self.stacks else ()

    def is_like(self, other: ImagesEntry | None) -> bool:
        """Whether another one is of the same frames or layer, with the same alignments."""
        if other is None or self.owner is not other.owner or self.kinds != other.kinds:
            return False
        pairs = zip(self.alignments, other.alignments, strict=False)
        return len(self.stacks) == len(other.stacks) and all(a is b for a, b in pairs)


def sources_of(workspace: Workspace) -> list[ImagesEntry]:
    """What there is to look in now, the most likely first."""
    found = [*_of_session(workspace.session), *map(_of_stack, workspace.stacks)]
    return [*found, *_of_layers(workspace.viewer.layers)]


def slice_in_view(source: ImagesEntry, dims: Any) -> int | None:
    """Slice that the sliders stand at; None where what is looked in has none."""
    if not source.n_slices:
        return None
    if source.image is None:
        position = source.owner.position()
        z = position[-1] if position else 0
    elif dims.ndim < source.owner.ndim:
        z = 0
    else:
        z = round(float(source.owner.world_to_data(dims.point)[-3]))
    return min(max(int(z), 0), source.n_slices - 1)


def _of_session(session: SessionLayers) -> list[ImagesEntry]:
    aligned = [recording for recording in session.recordings if recording.alignment is not None]
    found = []
    if len(aligned) > 1:
        stacks = tuple(r.stack for r in aligned)
        alignments = tuple(r.alignment for r in aligned)
        name = f"Session: {counted(len(aligned), 'recording')}"
        found.append(ImagesEntry(name, session, OVER_TIME, stacks, alignments))
    for recording in session.recordings:
        name = recording.name if recording.alignment is not None else f"{recording.name} (raw)"
        found.append(
            ImagesEntry(name, recording, OVER_TIME, (recording.stack,), (recording.alignment,))
        )
    return found


def _of_stack(shown: StackLayers) -> ImagesEntry:
    kinds = (SLICE,) if shown.grid.is_zstack else OVER_TIME
    name = shown.stack.name if shown.alignment is not None else f"{shown.stack.name} (raw)"
    return ImagesEntry(name, shown, kinds, (shown.stack,), (shown.alignment,))


def _of_layers(layers: Iterable[Any]) -> list[ImagesEntry]:
    return [
        ImagesEntry(
            f"Layer: {layer.name}",
            layer,
            ("image",) if layer.ndim == 2 else (SLICE,),
            image=layer.data,
        )
        for layer in layers
        if isinstance(layer, Image)
        and KEY not in layer.metadata
        and layer.ndim in PLAIN_NDIMS
        and not layer.rgb
        and not layer.multiscale
    ]
