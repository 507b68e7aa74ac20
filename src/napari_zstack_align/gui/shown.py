"""`Shown`: a stack in the viewer with its layers and its alignment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from napari.layers import Image, Layer, Vectors

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.arrows import ARROW_LENGTH, arrows
from napari_zstack_align.gui.dataset import FrameInView, Movie
from napari_zstack_align.gui.grid import FrameGrid
from napari_zstack_align.gui.jobs import Limits
from napari_zstack_align.gui.lazy import AlignedFrames, GrowingVolume, RawFrames
from napari_zstack_align.gui.words import flag_words
from napari_zstack_align.stack import Stack

KEY = "napari_zstack_align"
"""Where a layer's metadata keep the `Shown` it belongs to."""

COLORMAPS = ("green", "magenta", "cyan", "yellow")


class Shown:
    """A stack in the viewer: one raw, aligned and volume layer a channel, and arrows.

    Layers are made once and then given new data, because making one stalls napari. All of this
    belongs to the main thread; workers get the stack, the alignment and the thin arrays.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers go.
    stack : Stack
        What is shown.
    contrast : list of (float, float)
        Contrast limits of each channel.
    """

    def __init__(self, viewer: Any, stack: Stack, contrast: list[Limits]) -> None:
        self.viewer = viewer
        self.stack = stack
        self.contrast = contrast
        self.grid = FrameGrid(stack)
        self.alignment: Alignment | None = None
        self.volumes: list[GrowingVolume] = []
        self.raw: list[Image] = []
        self.aligned: list[Image] = []
        self.volume: list[Image] = []
        self.arrows: Vectors | None = None

    @property
    def stacks(self) -> tuple[Stack, ...]:
        """The one stack."""
        return (self.stack,)

    def movies(self) -> list[Movie]:
        """The one recording that traces would be read from."""
        if self.grid.is_zstack:
            raise InputError(
                f"{self.stack.name} is a z-stack: traces are read from recordings (on the Load "
                f"tab, Repeats per slice: none)."
            )
        return [Movie(self.stack, self.alignment)]

    # -- layers --------------------------------------------------------------------------------

    def add_raw(self) -> None:
        """Add the raw layers, and name the sliders."""
        for channel in range(self.stack.shape[1]):
            data = RawFrames(self.stack, self.grid, channel)
            self.raw.append(self._add_image(data, "", channel))
        self.name_sliders()
        self.viewer.layers.selection.active = self.raw[0]
        self.go_to(0)

    def adopt(self, layers: list[Image]) -> None:
        """Take over raw layers that napari made of the reader's data."""
        self.raw = layers
        for layer in layers:
            layer.metadata[KEY] = self
        self.name_sliders()

    def add_results(self, image_shape: tuple[int, int] | None = None) -> None:
        """Add layers for a result that is still to come, or to come anew.

        ``image_shape`` is (Y, X) of its reference; None: that of the raw frames.
        """
        channels = range(self.stack.shape[1])
        size = image_shape or self.stack.shape[2:]
        self.volumes = [GrowingVolume(self.stack.n_slices, size) for _ in channels]
        if not self.aligned:
            aligned = [AlignedFrames(self.stack, self.grid, channel) for channel in channels]
            self.aligned = self._add_images(aligned, "aligned")
        if self.volume:
            for layer, data in zip(self.volume, self.volumes, strict=True):
                layer.data = data
        else:
            self.volume = self._add_images(self.volumes, "volume")
        if self.arrows is None:
            self.arrows = self._add_arrows()
        self.viewer.layers.selection.active = self.volume[0]

    def show_alignment(self, alignment: Alignment) -> None:
        """Evaluate a new, perhaps partial, alignment in the layers."""
        self.alignment = alignment
        for layer in self.aligned:
            if layer.data.show(alignment):
                layer.data = layer.data  # napari takes the new extent
            elif layer.visible:
                layer.refresh(extent=False)
        self.refresh_volume()

    def refresh_volume(self) -> None:
        """Draw the slices that a worker has put into the volume."""
        for layer in self.volume:
            if layer.visible:
                layer.refresh(extent=False)

    def remove_results(self) -> None:
        """Take aligned, volume and arrows out of the viewer."""
        self.alignment = None
        for layer in [layer for layer in self.layers() if layer not in self.raw]:
            if layer in self.viewer.layers:
                self.viewer.layers.remove(layer)

    def layers(self) -> Iterator[Layer]:
        """All layers that belong to the stack."""
        yield from (*self.raw, *self.aligned, *self.volume)
        if self.arrows is not None:
            yield self.arrows

    def forget(self, layer: Layer) -> None:
        """Drop a layer that was removed from the viewer."""
        forget_channel(self.viewer, (self.raw, self.aligned, self.volume), layer)
        if layer is self.arrows:
            self.arrows = None

    def remove(self) -> None:
        """Take all layers out of the viewer."""
        for layer in list(self.layers()):
            if layer in self.viewer.layers:
                self.viewer.layers.remove(layer)

    def update_description(self, stack: Stack) -> None:
        """Show other pixel sizes, z-step and names of the same frames."""
        self.stack = stack
        if self.alignment is not None:
            self.alignment = self.alignment.with_stack(stack, check_frames=False)
        for layer in self.layers():
            place = geometry(stack, self.grid, layer.ndim)
            layer.scale, layer.units = place["scale"], place["units"]
        for name, layer in zip(stack.channel_names, self.raw, strict=False):
            layer.name = name_of(stack, "", name)

    # -- what is seen --------------------------------------------------------------------------

    def look_at(self, what: str) -> None:
        """Show one of 'raw', 'aligned' and 'volume', and hide the others."""
        groups = {"raw": self.raw, "aligned": self.aligned, "volume": self.volume}
        for name, group in groups.items():
            for layer in group:
                layer.visible = name == what

    @property
    def looked_at(self) -> str:
        """The uppermost of 'volume', 'aligned' and 'raw' that is visible, or ''."""
        for name, group in (("volume", self.volume), ("aligned", self.aligned), ("raw", self.raw)):
            if any(layer.visible for layer in group):
                return name
        return ""

    def toggle(self) -> None:
        """From aligned to raw, from anything else to aligned."""
        self.viewer.dims.ndisplay = 2
        if self.aligned:
            self.look_at("raw" if self.looked_at == "aligned" else "aligned")

    def view_of(self, layer: Layer) -> FrameInView | None:
        """What one of its images shows at the sliders."""
        position = self.position()
        if layer not in (*self.raw, *self.aligned, *self.volume) or position is None:
            return None
        return FrameInView(
            layer,
            raw=layer in self.raw,
            dataset=self,
            position=position,
            alignment=self.alignment,
            frame=self.grid.frame_at(position),
            slice=position[-1] if self.grid.is_zstack else None,
        )

    def words(self, view: FrameInView) -> str:
        """'slice 12, repeat 3', and what is the matter with that frame."""
        return self.grid.words(view.position) + flag_words(self.alignment, view.frame)

    def name_sliders(self) -> None:
        """Let the sliders read 'slice' and 'repeat' instead of 0 and 1."""
        labels = list(self.viewer.dims.axis_labels)
        own = self.grid.axis_labels[-len(labels) :]
        labels[-len(own) :] = own
        self.viewer.dims.axis_labels = tuple(labels)

    # -- sliders -------------------------------------------------------------------------------

    def position(self) -> tuple[int, ...] | None:
        """Where the sliders stand in this stack; None while none of its layers is there."""
        layer = next(iter(self.raw + self.aligned), None)
        if layer is None or self.viewer.dims.ndim < layer.ndim:
            return None
        data = layer.world_to_data(self.viewer.dims.point)
        found = [round(float(value)) for value in data[-layer.ndim : -2]]
        return tuple(int(np.clip(p, 0, n - 1)) for p, n in zip(found, self.grid.shape, strict=True))

    def go_to_frame(self, recording: int, frame: int) -> None:
        """Move the sliders to a frame; a stack is its only recording."""
        self.go_to(frame)

    def go_to(self, frame: int) -> None:
        """Move the sliders to a frame."""
        layer = next(iter(self.raw + self.aligned), None)
        if layer is None:
            return
        position = (*self.grid.position_of(frame), 0, 0)
        world = layer.data_to_world(position)
        first = self.viewer.dims.ndim - layer.ndim
        axes = range(len(self.grid.shape))
        self.viewer.dims.set_point([first + k for k in axes], [world[k] for k in axes])

    def update_arrows(self) -> None:
        """Let the arrows show the frame at the sliders; nothing is computed while hidden."""
        if self.arrows is None or not self.arrows.visible or self.alignment is None:
            return
        position = self.position()
        frame = None if position is None else self.grid.frame_at(position)
        self.arrows.data = arrows(self.alignment, frame)

    # -- inside --------------------------------------------------------------------------------

    def _add_images(self, arrays: list[Any], what: str) -> list[Image]:
        return [self._add_image(data, what, channel) for channel, data in enumerate(arrays)]

    def _add_image(self, data: Any, what: str, channel: int) -> Image:
        layer = Image(
            data,
            name=name_of(self.stack, what, self.stack.channel_names[channel]),
            contrast_limits=self.contrast[channel],
            visible=not what,
            **colormap_of(self.stack, channel),
            **self._geometry(data.ndim),
        )
        return self.viewer.add_layer(layer)

    def _add_arrows(self) -> Vectors:
        layer = Vectors(
            np.zeros((1, 2, 2), np.float32),
            name=name_of(self.stack, "displacement"),
            ndim=2,
            edge_width=2,
            edge_color="yellow",
            length=ARROW_LENGTH,
            vector_style="arrow",
            visible=False,
            **self._geometry(2),
        )
        layer.events.visible.connect(lambda _: self.update_arrows())
        return self.viewer.add_layer(layer)

    def _geometry(self, ndim: int) -> dict[str, Any]:
        return geometry(self.stack, self.grid, ndim) | {"metadata": {KEY: self}}


def forget_channel(viewer: Any, groups: Sequence[list[Any]], layer: Layer) -> None:
    """Empty the group of channels that a removed layer was of, and remove the others with it.

    So a group is whole or not there.
    """
    for group in groups:
        if layer in group:
            others = [other for other in group if other is not layer]
            group.clear()
            for other in others:
                if other in viewer.layers:
                    viewer.layers.remove(other)


def geometry(stack: Stack, grid: FrameGrid, ndim: int) -> dict[str, Any]:
    """Scale, units and axis labels of a layer with the last ``ndim`` axes of a stack."""
    return {
        "scale": scale_of(stack, grid)[-ndim:],
        "units": units_of(stack)[-ndim:],
        "axis_labels": grid.axis_labels[-ndim:],
    }


def name_of(stack: Stack, what: str, channel: str = "") -> str:
    """Name of a layer: 'brain', 'brain aligned', 'brain aligned red'."""
    words = [stack.name, what, channel if stack.shape[1] > 1 else ""]
    return " ".join(word for word in words if word)


def colormap_of(stack: Stack, channel: int) -> dict[str, str]:
    """Gray for one channel, colours that add up for several."""
    if stack.shape[1] == 1:
        return {"colormap": "gray", "blending": "translucent"}
    return {"colormap": COLORMAPS[channel % len(COLORMAPS)], "blending": "additive"}


def scale_of(stack: Stack, grid: FrameGrid) -> tuple[float, ...]:
    """Scale of a layer; where the z-step is unknown, voxels look like cubes."""
    pixel = stack.pixel_size_um or (1.0, 1.0)
    if grid.is_zstack:
        return (1.0, stack.z_step_um or pixel[0], *pixel)
    return (1.0, *pixel)


def units_of(stack: Stack) -> tuple[str, str, str, str]:
    """Units of the last four axes of a layer: µm where the pixel size is known.

    A recording's frames, which have no unit, get the one of slices: napari lays both on one slider,
    and warns at every change of the layers where their units differ.
    """
    unit = "pixel" if stack.pixel_size_um is None else "um"
    return ("pixel", unit, unit, unit)


def shown_of(layer: Layer | None) -> Shown | None:
    """Return what a layer belongs to; None for a layer of someone else."""
    found = None if layer is None else layer.metadata.get(KEY)
    return found if isinstance(found, Shown) else None


def every_shown(layers: Iterable[Layer]) -> list[Shown]:
    """Return the stacks that layers belong to, in order of their first raw layer."""
    found: dict[int, Shown] = {}
    for layer in layers:
        shown = shown_of(layer)
        if shown is not None and layer in shown.raw:
            found.setdefault(id(shown), shown)
    return list(found.values())
