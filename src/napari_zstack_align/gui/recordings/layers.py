"""The layers of a session: one sequence of all recordings, overlay of two, common field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from napari.layers import Image, Layer, Shapes
from qtpy.QtCore import QTimer

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.gui.compat import fit_view
from napari_zstack_align.gui.dataset import FrameInView, Movie
from napari_zstack_align.gui.jobs import Limits, limits
from napari_zstack_align.gui.recordings.frames import AlignedSession, RawSession, Sequence1D
from napari_zstack_align.gui.recordings.match_view import MatchView, set_place
from napari_zstack_align.gui.recordings.point_pairs import PointPairs
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.gui.shown import KEY, colormap_of, forget_channel, units_of
from napari_zstack_align.gui.words import flag_words
from napari_zstack_align.stack import Stack

AXIS_LABELS = ("frame", "y", "x")
OVERLAY_COLORS = ("magenta", "green")
FIELD_COLOR = "#f5c542"
RAW, ALIGNED, OVERLAY, MATCH, POINTS = "raw", "aligned", "overlay", "match", "points"


class SessionLayers:
    """Layers are made once and then given new data, because making one stalls napari.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers go.
    """

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer
        self.recordings: list[Recording] = []
        self.sequence = Sequence1D([])
        self.raw: list[Image] = []
        self.aligned: list[Image] = []
        self.overlay: list[Image] = []
        self.field: Any = None
        self.match = MatchView(viewer)
        self.points = PointPairs(viewer)
        self.caption = ""
        """What is in view, where that is no frame of the sequence."""
        self._fitted = False
        """Whether the view was fitted to two images beside each other."""

    # -- the sequence --------------------------------------------------------------------------

    def set_recordings(self, recordings: Sequence[Recording]) -> None:
        """Let the layers show these recordings, in this order."""
        self.recordings = list(recordings)
        self.sequence = Sequence1D([r.stack.n_frames for r in self.recordings])
        if not self.recordings:
            self.remove()
            return
        is_first = not self.raw
        self.flatten()
        for channel in range(self.n_channels):
            self._put(self.raw, channel, RawSession(self.recordings, channel), "raw")
        self._cut(self.raw)
        if self.aligned:
            self.add_aligned()
        if is_first:
            self.viewer.layers.selection.active = self.raw[0]
            self.go_to(0)

    def add_aligned(self) -> None:
        """Make the aligned layers, or let them show the recordings there are now."""
        for channel in range(self.n_channels):
            self._put(self.aligned, channel, AlignedSession(self.recordings, channel), "aligned")
        self._cut(self.aligned)

    def refresh_aligned(self) -> None:
        """Evaluate the newest alignments."""
        for layer in self.aligned:
            if layer.data.canvas() != tuple(layer.data.shape[-2:]):
                self.add_aligned()  # the reference has another size than what was there
                return
            layer.data.refresh()
            if layer.visible:
                layer.refresh(extent=False)

    @property
    def n_channels(self) -> int:
        """Most channels that a recording has."""
        return max((r.stack.shape[1] for r in self.recordings), default=0)

    def contrast(self, channel: int) -> Limits:
        """Contrast limits that hold all recordings."""
        found = [r.contrast[channel] for r in self.recordings if channel < len(r.contrast)]
        return min(low for low, _ in found), max(high for _, high in found)

    # -- sliders -------------------------------------------------------------------------------

    def position(self) -> int | None:
        """Where the slider stands in the sequence; None where the sequence isn't there."""
        layer = next(iter(self.raw + self.aligned), None)
        if layer is None or not len(self.sequence) or self.viewer.dims.ndim < layer.ndim:
            return None
        found = layer.world_to_data(self.viewer.dims.point)[-layer.ndim]
        return int(np.clip(round(float(found)), 0, len(self.sequence) - 1))

    def go_to(self, position: int) -> None:
        """Move the slider to a position in the sequence."""
        layer = next(iter(self.raw + self.aligned), None)
        if layer is not None:
            world = layer.data_to_world((position, 0, 0))[0]
            self.viewer.dims.set_point(self.viewer.dims.ndim - layer.ndim, world)

    def flatten(self) -> None:
        """Go back from 3-D to frames; napari would move the slider to the middle."""
        if self.viewer.dims.ndisplay != 2:
            position = self.position()
            self.viewer.dims.ndisplay = 2
            self.go_to(position or 0)

    def name_sliders(self) -> None:
        """Let the slider read 'frame'."""
        labels = list(self.viewer.dims.axis_labels)
        labels[-3:] = AXIS_LABELS[-len(labels) :]
        self.viewer.dims.axis_labels = tuple(labels)

    # -- what is in view -----------------------------------------------------------------------

    @property
    def stacks(self) -> tuple[Stack, ...]:
        """The raw frames of each recording."""
        return tuple(recording.stack for recording in self.recordings)

    @property
    def alignments(self) -> list[Alignment]:
        """Alignments of the recordings that have one."""
        return [r.alignment for r in self.recordings if r.alignment is not None]

    def movies(self) -> list[Movie]:
        """The recordings that traces would be read from: where some are aligned, only those."""
        found = [Movie(r.stack, r.alignment) for r in self.recordings]
        return [movie for movie in found if movie.alignment is not None] or found

    def view_of(self, layer: Layer) -> FrameInView | None:
        """What one of its images shows at the slider."""
        position = self.position()
        if layer not in (*self.raw, *self.aligned, *self.overlay) or position is None:
            return None
        index, frame = self.sequence.locate(position)
        alignment = self.recordings[index].alignment
        raw = layer in self.raw
        others = any(recording.alignment is not None for recording in self.recordings)
        return FrameInView(
            layer,
            raw=raw,
            dataset=self,
            position=(position,),
            alignment=alignment,
            recording=index,
            frame=frame,
            lost=raw and alignment is None and others,
        )

    def words(self, view: FrameInView) -> str:
        """'recording_2, frame 17', and what is the matter with that frame; or what lies over it."""
        if view.layer in self.overlay:
            return self.caption
        recording = self.recordings[view.recording]
        return f"{recording.name}, frame {view.frame}{flag_words(view.alignment, view.frame)}"

    def go_to_frame(self, recording: int, frame: int) -> None:
        """Move the slider to a frame of a recording, with the frames in view."""
        if self.looked_at not in (RAW, ALIGNED):
            self.look_at(ALIGNED if self.recordings[recording].alignment else RAW)
        self.go_to(self.sequence.position_of(recording, frame))

    def toggle(self) -> None:
        """From aligned to raw, from anything else to aligned."""
        self.flatten()
        if self.aligned:
            self.look_at(RAW if self.looked_at == ALIGNED else ALIGNED)

    # -- overlay and field ---------------------------------------------------------------------

    def show_overlay(self, names: Sequence[str], images: Sequence[npt.NDArray[Any]]) -> None:
        """Show two images (Y, X) in magenta and green, added up."""
        for index, (name, image) in enumerate(zip(names, images, strict=True)):
            if len(self.overlay) <= index:
                self.overlay.append(self._overlay_layer(index, image))
            layer = self.overlay[index]
            layer.data = np.nan_to_num(image, nan=0.0).astype(np.float32)
            layer.contrast_limits = limits(image)
            layer.name = f"mean {name}"
            set_place(layer, self.place(2))
        self.caption = " | ".join(f"{n} {c}" for n, c in zip(names, OVERLAY_COLORS, strict=True))
        self.look_at(OVERLAY)

    def show_field(self, field: npt.NDArray[np.bool_]) -> None:
        """Draw the outline of the common field of view (Y, X)."""
        shown = self.field is None or self.field.visible
        if self.field is None:
            self.field = self._add(
                Shapes(None, ndim=2, name="common field of view", **self._described(2))
            )
        self.field.data = []
        self.field.add_polygons(
            outlines(field), edge_width=2, edge_color=FIELD_COLOR, face_color="transparent"
        )
        self.field.editable = False
        set_place(self.field, self.place(2))
        self.field.visible = shown

    # -- what is seen --------------------------------------------------------------------------

    @property
    def looked_at(self) -> str:
        """Which group is visible, or ''."""
        if any(layer.visible for layer in self.points.layers()):
            return POINTS
        for name in (MATCH, OVERLAY, ALIGNED, RAW):
            if any(layer.visible for layer in self._group(name)):
                return name
        return ""

    def look_at(self, what: str) -> None:
        """Show one group and hide the others; the view is fitted where their sizes differ."""
        shown = self._group(what)
        for layer in self.layers():
            keep = layer is self.field and what not in (MATCH, POINTS)
            if not keep and layer.visible != (layer in shown):  # napari draws even for no change
                layer.visible = layer in shown
        if shown and self._fitted != (what in (MATCH, POINTS)):
            self._fitted = what in (MATCH, POINTS)
            fit_view(self.viewer, shown[:1])
        if what == POINTS:
            self.points.ready()
        elif shown:
            # in a turn of the event loop of its own: both together take napari too long
            QTimer.singleShot(0, partial(self._select, shown[0]))

    # -- all of them ---------------------------------------------------------------------------

    def layers(self) -> Iterator[Layer]:
        """All layers that belong to the session."""
        yield from (*self.raw, *self.aligned, *self.overlay)
        yield from (*self.match.layers(), *self.points.layers())
        if self.field is not None:
            yield self.field

    def forget(self, layer: Layer) -> None:
        """Drop a layer that was removed from the viewer, with those of the other channels."""
        forget_channel(self.viewer, (self.raw, self.aligned, self.overlay), layer)
        if layer is self.field:
            self.field = None
        self.match.forget(layer)
        self.points.forget(layer)

    def remove(self) -> None:
        """Take all layers out of the viewer."""
        for layer in list(self.layers()):
            if layer in self.viewer.layers:
                self.viewer.layers.remove(layer)
            self.forget(layer)

    def place(self, ndim: int) -> dict[str, Any]:
        """Scale and units of a layer with the pixels of the first recording."""
        return place_of(self.recordings[0].stack, ndim)

    # -- inside --------------------------------------------------------------------------------

    def _group(self, what: str) -> list[Any]:
        image = [] if self.match.image is None else [self.match.image]
        return {
            RAW: self.raw,
            ALIGNED: self.aligned,
            OVERLAY: self.overlay,
            MATCH: self.match.layers(),
            POINTS: [*image, *self.points.layers()],
        }[what]

    def _put(self, group: list[Image], channel: int, data: Any, what: str) -> None:
        """Give a channel's layer new data, or make the layer."""
        if channel < len(group):
            if not group[channel].data.is_like(data):
                group[channel].data = data
                set_place(group[channel], self.place(3))
            return
        names = self.recordings[0].stack.channel_names
        channel_name = names[channel] if channel < len(names) else f"channel {channel}"
        words = ["session", what, channel_name if self.n_channels > 1 else ""]
        layer = Image(
            data,
            name=" ".join(word for word in words if word),
            contrast_limits=self.contrast(channel),
            visible=what == RAW,
            axis_labels=AXIS_LABELS,
            **colormap_of(self.recordings[0].stack, channel),
            **self._described(3),
        )
        group.append(self._add(layer))

    def _select(self, layer: Layer) -> None:
        if layer in self.viewer.layers:
            self.viewer.layers.selection.active = layer

    def _cut(self, group: list[Image]) -> None:
        """Take away the layers of channels that no recording has any more."""
        while len(group) > self.n_channels:
            self.viewer.layers.remove(group.pop())

    def _overlay_layer(self, index: int, image: npt.NDArray[Any]) -> Image:
        return self._add(
            Image(
                np.zeros(image.shape, np.float32),
                colormap=OVERLAY_COLORS[index],
                blending="additive",
                contrast_limits=(0, 1),
                visible=False,
                **self._described(2),
            )
        )

    def _described(self, ndim: int) -> dict[str, Any]:
        return {"metadata": {KEY: self}, **self.place(ndim)}

    def _add(self, layer: Any) -> Any:
        return self.viewer.add_layer(layer)


def place_of(stack: Stack, ndim: int) -> dict[str, Any]:
    """Scale and units of a layer (y, x) or (frame, y, x) with the pixels of a stack."""
    pixel = stack.pixel_size_um or (1.0, 1.0)
    return {"scale": (1.0, *pixel)[-ndim:], "units": units_of(stack)[-ndim:]}


def outlines(field: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.float64]]:
    """Polygons (n, 2) of (y, x) around the parts of a field (Y, X), to half a pixel."""
    found, _ = cv2.findContours(
        np.ascontiguousarray(field, np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    simple = [cv2.approxPolyDP(contour, 0.7, closed=True)[:, 0, ::-1] for contour in found]
    return [polygon.astype(float) for polygon in simple if len(polygon) >= 3]
