"""ROIs that ride the raw movie: one small Points layer that follows the frame in view.

A layer with a row per ROI *and frame* takes seconds a step and grows with the movie. This one has
a row per ROI, whose place and size are written anew for every frame. They are written into the
layer's own arrays, followed by one refresh without extent, thumbnail and highlight: a new
``layer.data`` costs three times as much, for its events make napari look at all of it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from threading import Thread
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from napari.layers import Image, Points
from qtpy.QtCore import QObject, QTimer, Signal

from napari_zstack_align.cells.on_raw import rois_to_reference
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.cells import place as pixels
from napari_zstack_align.gui.cells.roi_keys import bind
from napari_zstack_align.gui.cells.roi_model import RoiModel
from napari_zstack_align.gui.cells.roi_places import Circles, place
from napari_zstack_align.gui.compat import grid
from napari_zstack_align.gui.dataset import FrameInView
from napari_zstack_align.gui.layer_group import KEY
from napari_zstack_align.gui.listening import Listening

NAME = "ROIs"
RING = "#ffe060"
RING_WIDTH_PX = 0.8
"""Width of a ring, in image pixels."""
NEW_RADIUS_PX = 5.0
LOST = "This place can't be mapped back to the reference on this frame: use another frame."


class Views(Protocol):
    """A viewer, and what is in view there: a `Workspace`, or what stands for one."""

    viewer: Any
    view_changed: Any
    """Signal that gives a `FrameInView` or None."""

    @property
    def in_view(self) -> FrameInView | None:
        """What is in view now."""


class RoisOnFrames(QObject):
    """Shows the ROIs of a model where they lie on the frame in view, and takes edits back.

    Parameters
    ----------
    views : Views
        The viewer that the layer goes to, and what is in view there.
    model : RoiModel
        The ROIs, in reference coordinates.
    parent : QObject, optional
        Its owner.
    """

    failed = Signal(str)
    """A sentence: an edit that can't be."""
    made = Signal(object)
    """The layer, when it was made."""

    def __init__(
        self,
        views: Views,
        model: RoiModel,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.viewer = viewer = views.viewer
        self.model = model
        self.layer: Points | None = None
        self.in_view: FrameInView | None = None
        """What the places were last written for."""
        self.circles: Circles = np.empty((0, 3))
        """(N, 3) y, x, radius of each ROI on what is in view, whether it is seen or not."""
        self.seen: npt.NDArray[np.bool_] = np.empty(0, bool)
        """(N,) which ROIs are drawn."""
        self._views = views
        self._ids: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self._quiet = False
        self._listening = Listening()
        self._back = QTimer(self)
        self._back.setSingleShot(True)
        self._back.timeout.connect(self._on_new_layer)
        # napari needs it for its first layer of points: the wait is better spent beside the rest
        Thread(target=import_module, args=("pandas",), daemon=True).start()
        model.changed.connect(self.show_rois)
        model.selection_changed.connect(self._select)
        views.view_changed.connect(self.follow)
        self._listening.to(viewer.layers.events.inserted, self._on_inserted)
        self._listening.to(viewer.layers.events.removed, self._on_removed)

    # -- showing -------------------------------------------------------------------------------

    def show_rois(self) -> None:
        """Show the ROIs that the model has now; the layer is made with the first of them."""
        if self.layer is None and not len(self.model.rois):
            return
        layer = self.layer or self._add_layer()
        self._ids = self.model.rois.ids
        if len(layer.data) != len(self._ids):
            with self._quietly():
                layer.selected_data = set()  # rows that may be gone
                layer.data = self.model.rois.circles[:, :2].copy()
        layer.features = {"id": self._ids}
        self.follow(self._views.in_view)
        self._select()

    def follow(self, view: FrameInView | None) -> None:
        """Write the places of the ROIs on the frame in view to the layer."""
        layer = self.layer
        if layer is None or not layer.visible:
            return
        before = self.seen
        self.in_view = view
        self.circles, self.seen = place(self.model.rois, self.in_view)
        if self.viewer.dims.ndisplay != 2:
            self.seen = np.zeros(len(self.seen), bool)
        if len(layer.data) != len(self.circles):
            return  # in the middle of an edit
        if not self.seen.any() and not before.any():
            return
        rows, columns = (np.inf, np.inf) if self.in_view is None else self.in_view.shape
        # what is hidden stays inside, for the extent of the layer counts all rows
        layer.data[:] = np.clip(np.nan_to_num(self.circles[:, :2]), 0, (rows - 1, columns - 1))
        layer.data[self.seen] = self.circles[self.seen, :2]
        layer.size[:] = np.where(self.seen, 2 * self.circles[:, 2], 0)
        if self.in_view is not None:
            pixels.put(layer, self.in_view.layer)
        layer.refresh(extent=False, thumbnail=False, highlight=False)

    def paint(self, colors: dict[int, str]) -> None:
        """Give some ROIs, by id, another colour than the rest."""
        if self.layer is not None and 0 < len(self.layer.data) == len(self._ids):
            self.layer.border_color = [colors.get(int(i), RING) for i in self._ids]

    def roi_at(self, world: Sequence[float]) -> int | None:
        """Id of the ROI at a place in the viewer; of several, that with the nearest centre."""
        if self.layer is None or not self.layer.visible or not len(self.circles):
            return None
        y, x = self.layer.world_to_data(np.asarray(world)[-2:])
        distance = np.hypot(self.circles[:, 0] - y, self.circles[:, 1] - x)
        hit = self.seen & (distance <= self.circles[:, 2])
        return int(self._ids[np.where(hit, distance, np.inf).argmin()]) if hit.any() else None

    def stop(self) -> None:
        """Let go of the viewer."""
        self._back.stop()
        self._listening.stop()
        self._views.view_changed.disconnect(self.follow)

    # -- edits ---------------------------------------------------------------------------------

    def _on_data(self, event: Any) -> None:
        """Take an edit of the layer to the model; where it can't be, show the ROIs as they are."""
        if self._quiet:
            return
        action = str(event.action)
        indices = [int(i) for i in event.data_indices]
        with self._undone_if_refused():
            if action == "changed":
                self._move(indices)
            elif action == "added":
                self._add(indices)
            elif action == "removed":
                self.model.delete(int(self._ids[i]) for i in indices)

    def _on_size(self, _: Any = None) -> None:
        """The size of the selected points was changed in napari's own controls."""
        if self._quiet or self.layer is None:
            return
        rows = [i for i in self.layer.selected_data if i < len(self._ids) and self.seen[i]]
        changed = [i for i in rows if not np.isclose(self.layer.size[i], 2 * self.circles[i, 2])]
        if changed:
            with self._undone_if_refused():
                self._move(changed)

    def _move(self, rows: Sequence[int]) -> None:
        """Take the places and sizes of some rows over."""
        circles = self._to_reference(self._drawn(rows))
        moved = zip(rows, circles, strict=True)
        self.model.move_many({int(self._ids[i]): circle for i, circle in moved})

    def _add(self, rows: Sequence[int]) -> None:
        slices = None if self.in_view is None else self.in_view.slice
        where = None if slices is None else (slices, slices)
        for circle in self._to_reference(self._drawn(rows)):
            self.model.add(circle, where)

    def _drawn(self, rows: Sequence[int]) -> Circles:
        """(n, 3) circles as they stand in the layer."""
        assert self.layer is not None
        chosen = list(rows)
        return np.column_stack([self.layer.data[chosen], self.layer.size[chosen] / 2])

    def _to_reference(self, circles: Circles) -> Circles:
        through = None if self.in_view is None else self.in_view.through
        if through is None or self.in_view is None or self.in_view.frame is None:
            return circles
        found = rois_to_reference(circles, through.transforms, self.in_view.frame)
        if not np.isfinite(found).all():
            raise InputError(LOST)
        return found

    # -- inside --------------------------------------------------------------------------------

    def make_layer(self) -> Points:
        """Return the layer, with the ROIs there are where it had been removed from the viewer."""
        if self.layer is None:
            layer = self._add_layer()
            self.show_rois()
            return layer
        return self.layer

    def _add_layer(self) -> Points:
        """Add the layer, empty; it takes napari a moment, so it is done once."""
        active, view = self.viewer.layers.selection.active, self._views.in_view
        self.layer = layer = Points(
            np.empty((0, 2)),
            ndim=2,
            name=NAME,
            face_color="transparent",
            border_color=RING,
            border_width=RING_WIDTH_PX,
            border_width_is_relative=False,
            canvas_size_limits=(0, 10_000),  # a hidden ROI has no size, not the least one
            metadata={KEY: self},
            **pixels.place(None if view is None else view.layer),
        )
        layer.current_size = 2 * NEW_RADIUS_PX
        self.viewer.add_layer(layer)
        bind(layer, self.model)
        layer.events.data.connect(self._on_data)
        layer.events.size.connect(self._on_size)
        layer.selected_data.events.items_changed.connect(self._on_selected)
        if active is not None:
            self.viewer.layers.selection.active = active
        self.made.emit(layer)
        return layer

    def _select(self) -> None:
        """Select in the layer what is selected in the model."""
        if self.layer is None:
            return
        rows = set(np.flatnonzero(np.isin(self._ids, self.model.selected)).tolist())
        if rows != set(self.layer.selected_data):
            with self._quietly():
                self.layer.selected_data = rows

    def _on_selected(self, _: Any = None) -> None:
        if not self._quiet and self.layer is not None:
            rows = [i for i in self.layer.selected_data if i < len(self._ids)]
            self.model.select(int(self._ids[i]) for i in rows if self.seen[i])

    def _on_inserted(self, event: Any) -> None:
        if self.layer is None or isinstance(event.value, Image):
            self._back.start(0)

    def _on_new_layer(self) -> None:
        """ROIs that were removed come back with whatever comes, and no new image covers them."""
        self.show_rois()
        layers = self.viewer.layers
        if self.layer is None or grid(self.viewer).enabled:
            return
        index = layers.index(self.layer)
        if any(isinstance(above, Image) for above in list(layers)[index + 1 :]):
            layers.move(index, len(layers))

    def _on_removed(self, event: Any) -> None:
        if event.value is self.layer:
            self.layer = None  # the ROIs are in the model

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """What the layer tells meanwhile was done here, not by the user."""
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    @contextmanager
    def _undone_if_refused(self) -> Iterator[None]:
        try:
            yield
        except InputError as error:
            self.show_rois()
            self.failed.emit(str(error))
