"""`StackLayers`: a stack in the viewer with its layers and its alignment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from napari.layers import Image, Labels, Layer, Vectors

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.arrows import ARROW_LENGTH, arrows
from napari_zstack_align.gui.dataset import FrameInView, Movie
from napari_zstack_align.gui.grid import FrameGrid
from napari_zstack_align.gui.into_view import bounds, bring_into_view, fill_the_same, fit
from napari_zstack_align.gui.jobs import Limits
from napari_zstack_align.gui.layer_group import ALIGNED, KEY, RAW, FrameLayers, flatten
from napari_zstack_align.gui.layer_look import channel_image, geometry, name_of, put
from napari_zstack_align.gui.lazy import AlignedFrames, GrowingVolume, RawFrames
from napari_zstack_align.gui.run_volumes import RunVolumes
from napari_zstack_align.gui.runs import Runs
from napari_zstack_align.gui.words import flag_words, raw_or_aligned
from napari_zstack_align.stack import Stack

VOLUME, ARROWS, COMPARED = "volume", "arrows", "compared"


class StackLayers(FrameLayers):
    """A stack in the viewer: one raw, aligned and volume layer a channel, and arrows.

    All of this belongs to the main thread; workers get the stack, the alignment and the thin
    arrays.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers go.
    stack : Stack
        What is shown.
    contrast : list of (float, float)
        Contrast limits of each channel.

    Attributes
    ----------
    runs : Runs
        All results that were made or loaded for it.
    alignment : Alignment, optional
        That of the run that is shown.
    mask : napari.layers.Labels, optional
        The mask that is chosen for it, wherever that is from.
    paints : bool
        Whether its mask is being painted, and so is in view over the volume, too.
    """

    MODES: ClassVar = {
        COMPARED: (COMPARED,),
        VOLUME: (VOLUME,),
        ALIGNED: (ALIGNED,),
        RAW: (RAW,),
    }

    def __init__(self, viewer: Any, stack: Stack, contrast: list[Limits]) -> None:
        super().__init__(viewer)
        self.stack = stack
        self.contrast = contrast
        self.grid = FrameGrid(stack)
        self.alignment: Alignment | None = None
        self.mask: Layer | None = None
        self.paints = False
        self._put_aside: list[Layer] = []
        self._compared: Sequence[Layer] = ()
        self._compared_with_masks = True
        self.runs = Runs()
        self.run_volumes = RunVolumes(stack)
        self.volume = self.of_kind(VOLUME)

    @property
    def arrows(self) -> Any:
        """The layer of arrows, or None."""
        return self.first(ARROWS)

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
            self._add_image(RAW, RawFrames(self.stack, self.grid, channel), channel)
        self.name_sliders()
        self.viewer.layers.selection.active = self.raw[0]
        self.go_to(0)
        bring_into_view(self.viewer, self.raw)

    def adopt(self, layers: list[Image]) -> None:
        """Take over raw layers that napari made of the reader's data."""
        for layer in layers:
            self.take(RAW, layer)
        self.name_sliders()
        bring_into_view(self.viewer, self.raw)

    def add_results(self, volumes: list[GrowingVolume]) -> bool:
        """Add the layers of results that aren't there; a new volume layer shows ``volumes``.

        Returns whether there was one to add.
        """
        n_layers = len(self.layers())
        for _ in self.adding_results(volumes):
            pass
        return len(self.layers()) > n_layers

    def adding_results(self, volumes: list[GrowingVolume]) -> Iterator[None]:
        """Do so layer by layer."""
        n_layers, channels = len(self.layers()), range(self.stack.shape[1])
        if not self.aligned:
            for channel in channels:
                data = AlignedFrames(self.stack, self.grid, channel, self.alignment)
                self._add_image(ALIGNED, data, channel)
                yield
        if not self.volume:
            for channel, volume in enumerate(volumes):
                self._add_image(VOLUME, volume, channel)
                yield
        if self.arrows is None:
            self._add_arrows()
            yield
        if self.volume and len(self.layers()) > n_layers:
            self.viewer.layers.selection.active = self.volume[0]

    def new_volumes(self) -> list[GrowingVolume]:
        """Make the volumes of a run that is to come, as large as the raw frames."""
        return self.run_volumes.new(self.stack.shape[2:])

    def show_run(self, number: int) -> bool:
        """Show a run in the layers; returns whether its volume is still to be averaged."""
        alignment = self.runs.show(number).results[self]
        volumes = self.run_volumes.of(number, alignment.transforms.shape)
        for layer, data in zip(self.volume, volumes, strict=False):
            if layer.data is not data:
                layer.data = data
        self._evaluate(alignment)
        return bool(self.volume) and self.run_volumes.is_to_be_filled(number)

    def show_alignment(self, alignment: Alignment) -> None:
        """Evaluate a newer, perhaps partial, alignment of the run that is shown."""
        self._evaluate(alignment)
        self.refresh_volume()

    def refresh_volume(self) -> None:
        """Draw the slices that a worker has put into the volume."""
        for layer in self.volume:
            if self.is_in_view(layer):
                layer.refresh(extent=False)

    def remove_results(self) -> None:
        """Take aligned, volume and arrows out of the viewer."""
        self.alignment = None
        for layer in self.layers():
            if layer not in self.raw:
                self.forget(layer)

    def update_description(self, stack: Stack) -> None:
        """Show other pixel sizes, z-step and names of the same frames."""
        self.stack = stack
        self.runs.map_results(lambda each: each.with_stack(stack, check_frames=False))
        if self.runs.shown is not None:
            self.alignment = self.runs.shown.results[self]
        shown = [layer for layer in self.layers() if self.is_in_view(layer)][:1]
        before = [bounds(layer) for layer in shown]
        for layer in self.layers():
            put(layer, self.geometry(layer.ndim))
        if shown and not fill_the_same(before[0], bounds(shown[0])):
            fit(self.viewer, shown)
        for name, layer in zip(stack.channel_names, self.raw, strict=False):
            layer.name = name_of(stack, "", name)

    def geometry(self, ndim: int) -> dict[str, Any]:
        """Scale, units and axis labels of a layer with the last ``ndim`` axes."""
        return geometry(self.stack, self.grid.axis_labels[-ndim:])

    # -- what is seen --------------------------------------------------------------------------

    def look_at(self, mode: str) -> None:
        """Show one mode and hide the others; masks and arrows come and go with the frames."""
        super().look_at(mode)
        for layer in self.of_kind(COMPARED):
            self.show(layer, mode == COMPARED and layer in self._compared)
        self.arrange(mode)

    def arrange(self, mode: str | None = None) -> None:
        """Put aside what lies over the frames while others are in view, and show it again."""
        mode = self.mode if mode is None else mode
        is_beside = mode == COMPARED and not self._compared_with_masks
        away = self._over_frames() if mode == VOLUME or is_beside else []
        for layer in [each for each in away if each.visible]:
            layer.visible = False
            self._put_aside.append(layer)
        back = [each for each in self._put_aside if each not in away]
        self._put_aside = [each for each in self._put_aside if each in away]
        for layer in back:
            if layer in self.viewer.layers and not layer.visible:
                layer.visible = True

    def look_at_compared(self, layers: Sequence[Layer], *, masks: bool) -> None:
        """Show some images that compare raw and aligned frames, with what lies over them or not."""
        self._compared, self._compared_with_masks = layers, masks
        self.look_at(COMPARED)

    def show_arrows(self, on: bool) -> None:
        """Show or hide the arrows, over the aligned frames where none are in view."""
        if self.arrows is None:
            return
        if on and self.mode == VOLUME:
            flatten(self.viewer)
            self.look_at(ALIGNED)
        self.show(self.arrows, on)

    def _over_frames(self) -> list[Layer]:
        """The arrows, which are those of one frame, and the masks unless they are painted."""
        masks = [
            layer
            for layer in self.viewer.layers
            if layer is self.mask or (isinstance(layer, Labels) and layer.metadata.get(KEY) is self)
        ]
        over = [] if self.paints else masks
        return over if self.arrows is None else [self.arrows, *over]

    def view_of(self, layer: Layer) -> FrameInView | None:
        """What one of its images shows at the sliders."""
        position = self.position()
        if not isinstance(layer, Image) or position is None:
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
        """'slice 12, repeat 3', and what is the matter with that frame; of a volume its slice."""
        if view.layer in self.volume:
            return self._words_of_volume(view.position[-1])
        words = self.grid.words(view.position) + flag_words(self.alignment, view.frame)
        return raw_or_aligned(view) + words

    # -- sliders -------------------------------------------------------------------------------

    def name_sliders(self) -> None:
        """Let the sliders read 'slice' and 'repeat'."""
        self.label_sliders(self.grid.axis_labels)

    def position(self) -> tuple[int, ...] | None:
        """Where the sliders stand in this stack; None while none of its layers is there."""
        return self.at_sliders(self.with_sliders, self.grid.shape)

    def go_to_frame(self, recording: int, frame: int) -> None:
        """Move the sliders to a frame; a stack is its only recording."""
        self.go_to(frame)

    def go_to(self, frame: int) -> None:
        """Move the sliders to a frame."""
        self.move_sliders(self.with_sliders, self.grid.position_of(frame))

    def update_arrows(self) -> None:
        """Let the arrows show the frame at the sliders; nothing is computed while hidden."""
        if self.alignment is None or not self.is_in_view(self.arrows):
            return
        position = self.position()
        frame = None if position is None else self.grid.frame_at(position)
        self.arrows.data = arrows(self.alignment, frame)

    # -- inside --------------------------------------------------------------------------------

    def _words_of_volume(self, z: int) -> str:
        """'slice 12, mean of 8 of 9 repeats'."""
        if self.viewer.dims.ndisplay == 3:
            return f"{counted(self.stack.n_slices, 'slice')} in 3-D"
        of_slice = self.stack.frames_of_slice(z)
        n_used, n_all = len(of_slice), counted(len(of_slice), "repeat")
        if self.alignment is not None:
            n_used = int(self.alignment.quality["used"][of_slice].sum())
        some = "" if n_used == len(of_slice) else f"{n_used} of "
        return f"slice {z}, mean of {some}{n_all}"

    def _evaluate(self, alignment: Alignment) -> None:
        self.alignment = alignment
        for layer in self.aligned:
            if layer.data.show(alignment):
                layer.data = layer.data  # napari takes the new extent
            elif self.is_in_view(layer):
                layer.refresh(extent=False)

    def _add_image(self, kind: str, data: Any, channel: int) -> None:
        what = "" if kind == RAW else kind
        limits = self.raw[channel].contrast_limits if self.raw[channel:] else self.contrast[channel]
        layer = channel_image(
            data,
            self.stack,
            channel,
            self.grid.axis_labels[-data.ndim :],
            name=name_of(self.stack, what, self.stack.channel_names[channel]),
            contrast_limits=limits,
            visible=kind == RAW,
        )
        self.add(kind, layer, self.above_frames())
        self.link(channel)

    def _add_arrows(self) -> None:
        layer = Vectors(
            np.zeros((1, 2, 2), np.float32),
            name=name_of(self.stack, "displacement"),
            ndim=2,
            edge_width=2,
            edge_color="yellow",
            length=ARROW_LENGTH,
            vector_style="arrow",
            visible=False,
            **self.geometry(2),
        )
        self.add(ARROWS, layer)

    def _on_visible(self, event: Any) -> None:
        super()._on_visible(event)
        if event.source is self.arrows:
            self.update_arrows()


def stack_of(layer: Layer | None) -> StackLayers | None:
    """Return the stack that a layer belongs to; None for a layer of someone else."""
    found = None if layer is None else layer.metadata.get(KEY)
    return found if isinstance(found, StackLayers) else None


def every_stack(layers: Iterable[Layer]) -> list[StackLayers]:
    """Return the stacks that layers belong to, in order of their first raw layer."""
    found: dict[int, StackLayers] = {}
    for layer in layers:
        stack = stack_of(layer)
        if stack is not None and layer in stack.raw:
            found.setdefault(id(stack), stack)
    return list(found.values())
