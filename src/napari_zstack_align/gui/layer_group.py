"""`LayerGroup`: layers in the viewer that belong together, and which of them are in view."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from napari.layers import Image, Layer

KEY = "napari_zstack_align"
"""Where a layer's metadata keep the `LayerGroup` it belongs to."""

RAW, ALIGNED = "raw", "aligned"


class LayerGroup:
    """Adds, shows, hides and forgets the layers of one owner; main thread only.

    Layers are made once and then given new data, because making one stalls napari. Every layer is
    of a kind. It reports when it is shown or hidden, also by hand in napari's list, so the group
    knows what is in view without asking.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers go.

    Attributes
    ----------
    mode : str
        Which mode is in view, the first one in ``MODES`` of several; '' for none.
    """

    MODES: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Kinds of layers that make up each mode; only one mode is to be in view at a time."""

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer
        self.mode = ""
        self._of_kind: dict[str, list[Any]] = {}
        self._in_view: set[Layer] = set()
        self._hidden: list[Layer] = []

    # -- coming and going ----------------------------------------------------------------------

    def of_kind(self, kind: str) -> list[Any]:
        """The layers of a kind: always the same list."""
        return self._of_kind.setdefault(kind, [])

    def first(self, *kinds: str) -> Any:
        """The first layer of some kinds; None where there is none."""
        return next((layer for kind in kinds for layer in self.of_kind(kind)), None)

    def layers(self) -> list[Layer]:
        """All layers of the group."""
        return [layer for group in self._of_kind.values() for layer in group]

    def add(self, kind: str, layer: Any, index: int | None = None) -> Any:
        """Add a layer to the group and to the viewer, by default on top."""
        self.take(kind, layer)
        self.viewer.layers.insert(len(self.viewer.layers) if index is None else index, layer)
        return layer

    def take(self, kind: str, layer: Any) -> None:
        """Make a layer, which may be in the viewer already, one of the group."""
        layer.metadata[KEY] = self
        self.of_kind(kind).append(layer)
        layer.events.visible.connect(self._on_visible)
        self._note(layer)

    def forget(self, layer: Layer) -> None:
        """Drop a layer that was removed from the viewer, and remove those of its kind with it.

        So a kind is whole, with a layer of each channel, or not there.
        """
        for group in self._of_kind.values():
            if layer in group:
                self._take_out(group)

    def remove(self) -> None:
        """Take all layers out of the viewer."""
        for _ in self.removing():
            pass

    def removing(self) -> Iterator[None]:
        """Do so kind by kind, the newest first: as long as there are layers, those below are."""
        for group in reversed(list(self._of_kind.values())):  # a kind may be asked for meanwhile
            if group:
                self._take_out(group)
                yield

    def _take_out(self, group: list[Any], start: int = 0) -> None:
        """Remove the layers of a kind, from the one of channel ``start`` on."""
        gone = group[start:]
        del group[start:]
        self._in_view.difference_update(gone)
        self._set_mode()
        for layer in gone:
            if layer in self.viewer.layers:
                self.viewer.layers.remove(layer)

    # -- what is in view -----------------------------------------------------------------------

    def is_in_view(self, layer: Layer | None) -> bool:
        """Whether a layer is one of the group and visible."""
        return layer in self._in_view

    def show(self, layer: Layer, on: bool) -> None:
        """Show or hide a layer of the group; napari draws anew even for no change."""
        if (layer in self._in_view) != on:
            layer.visible = on

    def shown_in(self, mode: str) -> list[Any]:
        """The layers that are in view in a mode."""
        return [layer for kind in self.MODES.get(mode, ()) for layer in self.of_kind(kind)]

    def look_at(self, mode: str) -> None:
        """Show one mode and hide the others; layers that are of no mode stay."""
        shown = self.shown_in(mode)
        for other in self.MODES:
            for layer in self.shown_in(other):
                self.show(layer, layer in shown)

    def hide(self) -> None:
        """Hide all layers of the group."""
        for layer in self.layers():
            self.show(layer, False)

    def hide_others(self) -> None:
        """Hide what is not of the group, until `show_others`."""
        own = self.layers()
        others = [layer for layer in self.viewer.layers if layer.visible and layer not in own]
        for layer in others:
            layer.visible = False
        self._hidden += others

    def show_others(self) -> None:
        """Show again what `hide_others` has hidden."""
        hidden, self._hidden = self._hidden, []
        for layer in hidden:
            if layer in self.viewer.layers and not layer.visible:
                layer.visible = True

    def _on_visible(self, event: Any) -> None:
        self._note(event.source)

    def _note(self, layer: Layer) -> None:
        own = layer.visible and any(layer in group for group in self._of_kind.values())
        (self._in_view.add if own else self._in_view.discard)(layer)
        self._set_mode()

    def _set_mode(self) -> None:
        self.mode = ""
        for mode, kinds in self.MODES.items():
            if any(self._in_view.intersection(self.of_kind(kind)) for kind in kinds):
                self.mode = mode
                return

    # -- sliders -------------------------------------------------------------------------------

    def at_sliders(self, layer: Any, shape: Sequence[int]) -> tuple[int, ...] | None:
        """Where the sliders stand along the leading axes of a layer; None where they have none."""
        if layer is None or not all(shape) or self.viewer.dims.ndim < layer.ndim:
            return None
        place = layer.world_to_data(self.viewer.dims.point)[-layer.ndim : -2]
        return tuple(
            [min(max(round(float(at)), 0), n - 1) for at, n in zip(place, shape, strict=True)]
        )

    def move_sliders(self, layer: Any, position: Sequence[int]) -> None:
        """Move the sliders to a position along the leading axes of a layer; None: nowhere."""
        if layer is not None:
            world = layer.data_to_world((*position, 0, 0))[: len(position)]
            first = self.viewer.dims.ndim - layer.ndim
            self.viewer.dims.set_point([first + k for k in range(len(position))], list(world))

    def label_sliders(self, labels: Sequence[str]) -> None:
        """Let the sliders read 'slice' and 'repeat', say, instead of 0 and 1."""
        found = list(self.viewer.dims.axis_labels)
        own = labels[-len(found) :]
        found[-len(own) :] = own
        self.viewer.dims.axis_labels = tuple(found)


class FrameLayers(LayerGroup):
    """Raw and aligned frames, a layer a channel: what the layers of a stack and a session share."""

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.raw, self.aligned = self.of_kind(RAW), self.of_kind(ALIGNED)

    @property
    def with_sliders(self) -> Any:
        """The layer whose leading axes the sliders are; None while there is none."""
        return next(iter(self.raw or self.aligned), None)

    def above_frames(self) -> int | None:
        """Where a new image goes: over the frames, and so below masks, as these are over both."""
        own = [k for k, layer in enumerate(self.viewer.layers) if layer in self.layers()]
        images = [k for k in own if isinstance(self.viewer.layers[k], Image)]
        return max(images) + 1 if images else None

    def link(self, channel: int) -> None:
        """Let raw and aligned frames of a channel have one contrast, whichever it is set for."""
        pair = [*self.raw[channel : channel + 1], *self.aligned[channel : channel + 1]]
        if len(pair) > 1:
            self.viewer.layers.link_layers(pair, ("contrast_limits", "gamma"))

    def toggle(self) -> None:
        """From aligned to raw, from anything else to aligned."""
        flatten(self.viewer)
        if self.aligned:
            self.look_at(RAW if self.mode == ALIGNED else ALIGNED)


def flatten(viewer: Any) -> None:
    """Go back from 3-D to 2-D at the same frame; napari would move the slider to the middle."""
    dims = viewer.dims
    if dims.ndisplay != 2:
        point = dims.point
        dims.ndisplay = 2
        dims.set_point(list(range(len(point))), point)
