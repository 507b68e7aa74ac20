"""The layers of a session: one sequence of all recordings, overlay of two, common field."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import cv2
import numpy as np
import numpy.typing as npt
from napari.layers import Image, Layer, Shapes
from qtpy.QtCore import QTimer

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.gui.compat import fit_view
from napari_zstack_align.gui.dataset import FrameInView, Movie
from napari_zstack_align.gui.into_view import bounds, bring_into_view, fill_the_same, fit
from napari_zstack_align.gui.jobs import Limits, limits
from napari_zstack_align.gui.layer_group import ALIGNED, RAW, FrameLayers, flatten
from napari_zstack_align.gui.layer_look import (
    FRAME_AXES,
    IMAGE_AXES,
    channel_image,
    colormap_of,
    geometry,
    put,
)
from napari_zstack_align.gui.recordings.frames import AlignedSession, RawSession, Sequence1D
from napari_zstack_align.gui.recordings.match_view import KINDS as MATCH_KINDS
from napari_zstack_align.gui.recordings.match_view import MatchView
from napari_zstack_align.gui.recordings.point_pairs import KINDS as POINT_KINDS
from napari_zstack_align.gui.recordings.point_pairs import PointPairs
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.gui.runs import Runs
from napari_zstack_align.gui.words import flag_words, raw_or_aligned
from napari_zstack_align.stack import Stack

OVERLAY_COLORS = ("magenta", "green")
FIELD_COLOR = "#f5c542"
OVERLAY, MATCH, POINTS, FIELD = "overlay", "match", "points", "field"
COMPARED = (MATCH, POINTS)
"""Two images beside each other."""


class SessionLayers(FrameLayers):
    """The recordings of a session in the viewer, as one sequence of frames.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers go.
    """

    MODES: ClassVar = {
        POINTS: POINT_KINDS,
        MATCH: MATCH_KINDS,
        OVERLAY: (OVERLAY,),
        ALIGNED: (ALIGNED,),
        RAW: (RAW,),
    }

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.recordings: list[Recording] = []
        self.runs = Runs()
        self.sequence = Sequence1D([])
        self.overlay = self.of_kind(OVERLAY)
        self.match = MatchView(self)
        self.points = PointPairs(self)
        self.caption = ""
        """What is in view, where that is no frame of the sequence."""
        self._fitted = False
        """Whether the view was fitted to two images beside each other."""

    @property
    def field(self) -> Any:
        """The outline of the common field of view, or None."""
        return self.first(FIELD)

    # -- the sequence --------------------------------------------------------------------------

    def set_recordings(self, recordings: Sequence[Recording]) -> None:
        """Let the layers show these recordings, in this order."""
        self.recordings = list(recordings)
        self.sequence = Sequence1D([r.stack.n_frames for r in self.recordings])
        if not self.recordings:
            self.remove()
            return
        is_first = not self.raw
        before = [bounds(layer) for layer in self.raw[:1]]
        flatten(self.viewer)
        self._fill(RAW, RawSession)
        if self.aligned:
            self.add_aligned()
        if is_first:
            self.viewer.layers.selection.active = self.raw[0]
            self.go_to(0)
            bring_into_view(self.viewer, self.raw)
        elif self.is_in_view(self.raw[0]) and not fill_the_same(before[0], bounds(self.raw[0])):
            fit(self.viewer, self.raw[:1])

    def show_frames_again(self) -> None:
        """Frames that were missing are there now: read them, and take their contrast."""
        for channel, layer in enumerate(self.raw):
            layer.data.forget()
            layer.refresh(extent=False)
            for each in (layer, *self.aligned[channel : channel + 1]):
                each.contrast_limits = self.contrast(channel)

    def add_aligned(self) -> None:
        """Make the aligned layers, or let them show the recordings there are now."""
        self._fill(ALIGNED, AlignedSession)

    def refresh_aligned(self) -> None:
        """Evaluate the newest alignments."""
        for layer in self.aligned:
            if layer.data.canvas() != tuple(layer.data.shape[-2:]):
                self.add_aligned()  # the reference has another size than what was there
                return
            layer.data.refresh()
            if self.is_in_view(layer):
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
        found = self.at_sliders(self.with_sliders, self.sequence.shape)
        return None if found is None else found[0]

    def go_to(self, position: int) -> None:
        """Move the slider to a position in the sequence."""
        self.move_sliders(self.with_sliders, (position,))

    def name_sliders(self) -> None:
        """Let the slider read 'frame'."""
        self.label_sliders(FRAME_AXES)

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
        position, raw = self.position(), layer in self.raw
        if not (raw or layer in self.aligned or layer in self.overlay) or position is None:
            return None
        index, frame = self.sequence.locate(position)
        alignment = self.recordings[index].alignment
        return FrameInView(
            layer,
            raw=raw,
            dataset=self,
            position=(position,),
            alignment=alignment,
            recording=index,
            frame=frame,
            lost=raw and alignment is None and bool(self.alignments),
        )

    def words(self, view: FrameInView) -> str:
        """'recording_2, frame 17', and what is the matter with that frame; or what lies over it."""
        if view.layer in self.overlay:
            return self.caption
        recording = self.recordings[view.recording]
        frame = "" if view.frame is None else recording.stack.acquisition.words(view.frame)
        words = f"{recording.name}, {frame}{flag_words(view.alignment, view.frame)}"
        return raw_or_aligned(view) + words

    def go_to_frame(self, recording: int, frame: int) -> None:
        """Move the slider to a frame of a recording, with the frames in view."""
        if self.mode not in (RAW, ALIGNED):
            self.look_at(ALIGNED if self.recordings[recording].alignment else RAW)
        self.go_to(self.sequence.position_of(recording, frame))

    # -- overlay and field ---------------------------------------------------------------------

    def show_overlay(self, names: Sequence[str], images: Sequence[npt.NDArray[Any]]) -> None:
        """Show two images (Y, X) in magenta and green, added up."""
        for index, (name, image) in enumerate(zip(names, images, strict=True)):
            if len(self.overlay) <= index:
                self._add_overlay(image, OVERLAY_COLORS[index])
            layer = self.overlay[index]
            layer.data = np.nan_to_num(image, nan=0.0).astype(np.float32)
            layer.contrast_limits = limits(image)
            layer.name = f"mean {name}"
            put(layer, self.place)
        self.caption = " | ".join(f"{n} {c}" for n, c in zip(names, OVERLAY_COLORS, strict=True))
        self.look_at(OVERLAY)

    def show_field(self, field: npt.NDArray[np.bool_]) -> None:
        """Draw the outline of the common field of view (Y, X)."""
        layer = self.field or self.add(
            FIELD, Shapes(None, ndim=2, name="common field of view", **self.place)
        )
        layer.data = []
        layer.add_polygons(
            outlines(field), edge_width=2, edge_color=FIELD_COLOR, face_color="transparent"
        )
        layer.editable = False
        put(layer, self.place)
        self.show(layer, True)

    def hide_field(self) -> None:
        """Hide the outline of the common field of view."""
        if self.field is not None:
            self.show(self.field, False)

    # -- what is seen --------------------------------------------------------------------------

    def shown_in(self, mode: str) -> list[Any]:
        """The layers that are in view in a mode; points are set over the two images."""
        image = [self.match.image] if mode == POINTS and self.match.image is not None else []
        return [*image, *super().shown_in(mode)]

    def look_at(self, mode: str) -> None:
        """Show one mode and hide the others; the view is fitted where their sizes differ."""
        super().look_at(mode)
        if mode in COMPARED:
            self.hide_field()
        shown = self.shown_in(mode)
        if shown and self._fitted != (mode in COMPARED):
            self._fitted = mode in COMPARED
            fit_view(self.viewer, shown[:1])
        if mode == POINTS:
            self.points.ready()
        elif shown:
            # in a turn of the event loop of its own: both together take napari too long
            QTimer.singleShot(0, partial(self._select, shown[0]))

    @property
    def place(self) -> dict[str, Any]:
        """Scale, units and axes of an image with the pixels of the first recording."""
        return geometry(self.recordings[0].stack, IMAGE_AXES)

    # -- inside --------------------------------------------------------------------------------

    def _fill(self, kind: str, frames: type[RawSession | AlignedSession]) -> None:
        """Give each channel's layer new data, or make it; those that no recording has go."""
        group = self.of_kind(kind)
        if len(group) != self.n_channels:
            self._look_as_one_of_several(group)
        for channel in range(self.n_channels):
            data = frames(self.recordings, channel)
            if channel == len(group):
                self._add_channel(kind, channel, data)
            elif not group[channel].data.is_like(data):
                group[channel].data = data
                put(group[channel], geometry(self.recordings[0].stack, FRAME_AXES))
        self._take_out(group, self.n_channels)

    def _look_as_one_of_several(self, group: list[Any]) -> None:
        """Give layers the colours that they have beside more channels, or beside fewer."""
        for channel, layer in enumerate(group[: self.n_channels]):
            for name, value in colormap_of(self.n_channels, channel).items():
                setattr(layer, name, value)

    def _add_channel(self, kind: str, channel: int, data: RawSession | AlignedSession) -> None:
        stack = self.recordings[0].stack
        names = stack.channel_names
        name = names[channel] if channel < len(names) else f"channel {channel}"
        words = ["session", kind, name if self.n_channels > 1 else ""]
        layer = channel_image(
            data,
            stack,
            channel,
            FRAME_AXES,
            self.n_channels,
            name=" ".join(word for word in words if word),
            contrast_limits=self.contrast(channel),
            visible=kind == RAW,
        )
        self.add(kind, layer, self.above_frames())
        self.link(channel)

    def _select(self, layer: Layer) -> None:
        if layer in self.viewer.layers:
            self.viewer.layers.selection.active = layer

    def _add_overlay(self, image: npt.NDArray[Any], color: str) -> None:
        layer = Image(
            np.zeros(image.shape, np.float32),
            colormap=color,
            blending="additive",
            contrast_limits=(0, 1),
            visible=False,
            **self.place,
        )
        self.add(OVERLAY, layer)


def outlines(field: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.float64]]:
    """Polygons (n, 2) of (y, x) around the parts of a field (Y, X), to half a pixel."""
    found, _ = cv2.findContours(
        np.ascontiguousarray(field, np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    simple = [cv2.approxPolyDP(contour, 0.7, closed=True)[:, 0, ::-1] for contour in found]
    return [polygon.astype(float) for polygon in simple if len(polygon) >= 3]
