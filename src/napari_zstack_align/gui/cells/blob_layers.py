"""Layers of the three methods: an image and its blobs each, one in view or side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from napari.layers import Image, Layer, Points

from napari_zstack_align.cells.blobs import BlobResult
from napari_zstack_align.cells.scale_space import Region
from napari_zstack_align.counting import counted
from napari_zstack_align.gui.cells.circles import LINE_PX, circles_layer, set_line, show_circles
from napari_zstack_align.gui.cells.place import Pixels, place, put
from napari_zstack_align.gui.compat import camera, fit_view, grid
from napari_zstack_align.gui.dataset import FrameInView
from napari_zstack_align.gui.jobs import Limits, limits
from napari_zstack_align.gui.layer_group import LayerGroup

TITLES = {"log": "LoG", "dog": "DoG", "doh": "DoH"}
COLORS = {"log": "#ffd23f", "dog": "#3fd0ff", "doh": "#ff7bd5"}
SMALL_PIXELS = 1024**2
"""Images up to this size are looked at as a whole at once."""
GRID_SPACING = 4
"""Screen pixels between the views."""
OUTDATED = ", outdated"
"""End of the name of an image whose alignment has changed."""
LINE_SCREEN_PX = 1.5
"""Least width of a circle's line on the screen."""


@dataclass(frozen=True, eq=False)
class Content:
    """The image that all methods are shown on.

    Attributes
    ----------
    image : numpy.ndarray
        (Y, X) finite.
    pixels : Stack or Layer, optional
        Whose pixels it has.
    name : str
        Of the layers.
    contrast : (float, float)
        Contrast limits.
    """

    image: npt.NDArray[Any]
    pixels: Pixels
    name: str
    contrast: Limits


class BlobLayers(LayerGroup):
    """An image and its blobs a method.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers go.
    """

    MODES: ClassVar = {method: (method,) for method in TITLES}

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        for method in TITLES:
            self.of_kind(method)  # from below in this order
        self.method = "log"
        self.slice: int | None = None
        """Slice of a z-stack that the image is of."""
        self.side_by_side = False
        self._content: Content | None = None
        self._shown: dict[str, Content] = {}
        self._results: dict[str, BlobResult] = {}
        self._blobs_hidden = False

    @property
    def images(self) -> dict[str, Image]:
        """The image of each method that was looked at."""
        return {method: group[0] for method, group in self._of_kind.items() if group}

    @property
    def points(self) -> dict[str, Points]:
        """The blobs of each method that was looked at."""
        return {method: group[1] for method, group in self._of_kind.items() if group}

    @property
    def there(self) -> bool:
        """Whether there is an image to show."""
        return bool(self.layers())

    @property
    def image_layer(self) -> Image | None:
        """The image in view; the first of them side by side."""
        return self.first(self.method)

    @property
    def image_in_view(self) -> bool:
        """Whether the image is visible."""
        return bool(self._in_view) and self.image_layer in self._in_view

    def view_of(self, layer: Layer) -> FrameInView | None:
        """What one of its images shows: an image of cells, in reference coordinates."""
        if not isinstance(layer, Image):
            return None
        return FrameInView(layer, raw=False, slice=self.slice)

    def visible_region(self) -> Region | None:
        """(rows, columns) of a large image that are in view; None for all of a small one."""
        layer = self.image_layer
        if layer is None or np.prod(layer.data.shape) <= SMALL_PIXELS:
            return None
        low, high = np.asarray(layer.corner_pixels)[:, -2:].astype(int)
        if np.any(high - low < 2):
            return None
        return slice(low[0], high[0] + 1), slice(low[1], high[1] + 1)

    # -- what is shown -------------------------------------------------------------------------

    def show_image(self, image: npt.NDArray[Any], pixels: Pixels, name: str) -> None:
        """Take another image (Y, X), with the pixels of something, and no blobs yet."""
        shown = image
        if image.dtype.kind == "f":
            shown = np.nan_to_num(image, nan=limits(image)[0])
        self._content = Content(shown, pixels, name, limits(image))
        self._results.clear()
        if not self.there:
            self._make(self.method)
            self.viewer.layers.selection.active = self.images[self.method]

    def mark_outdated(self, on: bool) -> None:
        """Say in the name whether what the image is of has changed; where it has, hide it."""
        if self._content is None or not self.there:
            return
        name = self._content.name.removesuffix(OUTDATED)
        self._content = replace(self._content, name=f"{name}{OUTDATED}" if on else name)
        for method in self.images:
            self._make(method)
        if on:
            self.set_visible(False)

    def show_blobs(self, method: str, result: BlobResult) -> None:
        """Draw the blobs of a method."""
        self._results[method] = result
        if method in self.points:
            show_circles(self.points[method], result.circles)
            if self.side_by_side:
                self._tell_count(method)

    def hide_blobs(self) -> None:
        """Hide the blobs, but not side by side, until they are wanted again."""
        self._blobs_hidden = True
        if self.method in self.points and not self.side_by_side:
            self.show(self.points[self.method], False)

    def want_blobs(self, method: str = "") -> None:
        """Show hidden blobs again: at once those of a method in view."""
        self._blobs_hidden = False
        if method in self.points and (self.side_by_side or method == self.method):
            self.show(self.points[method], True)

    def to_front(self) -> bool:
        """Lie above images that came later, which would cover them; whether there were some."""
        layers, own = self.viewer.layers, self.layers()
        top = max((layers.index(layer) for layer in own), default=len(layers))
        if not any(isinstance(above, Image) for above in list(layers)[top + 1 :]):
            return False
        layers.move_multiple([layers.index(layer) for layer in own], len(layers))
        return True

    def look_at(self, mode: str) -> None:
        """Bring one method into view."""
        self.method = mode
        if self.there and not self.side_by_side:
            self.arrange()

    def set_visible(self, on: bool) -> None:
        """Show or hide what is there of the chosen method, or of all three side by side."""
        for method in TITLES:
            mine = on and (self.side_by_side or method == self.method)
            if mine:
                self._make(method)
            tucked = self._blobs_hidden and not self.side_by_side
            for layer in self.of_kind(method):
                self.show(layer, mine and not (tucked and isinstance(layer, Points)))

    def arrange(self) -> None:
        """Show the chosen method, or all of them side by side, with its image in front."""
        self.set_visible(True)
        self.viewer.layers.selection.active = self.images[self.method]

    # -- side by side --------------------------------------------------------------------------

    def set_side_by_side(self, on: bool) -> None:
        """Show three views with one camera, or go back to one."""
        if on == self.side_by_side or not self.there:
            return
        self.side_by_side = on
        if on:
            self.hide_others()
        else:
            self.show_others()
        view = grid(self.viewer)
        if on:
            for method in TITLES:
                self._make(method)
            self._bring_to_top()
            view.shape, view.stride = (1, len(TITLES)), -2  # from the top, an image and its blobs
            view.spacing = GRID_SPACING
        for method, layer in self.points.items():
            overlay = getattr(layer, "name_overlay", None)
            if overlay is not None:
                overlay.position, overlay.visible = "bottom_center", on
            self._tell_count(method)
        self.arrange()
        view.enabled = on
        if not on:
            view.shape, view.stride, view.spacing = (-1, -1), 1, 0
        fit_view(self.viewer, [self.images[self.method]], part=1 / len(TITLES) if on else 1.0)
        self._draw_lines()

    def _tell_count(self, method: str) -> None:
        """Side by side the layer's name stands below its view."""
        result = self._results.get(method)
        name = _name(method)
        if self.side_by_side:
            name = f"{TITLES[method]}: {'…' if result is None else counted(len(result), 'blob')}"
        if self.points[method].name != name:
            self.points[method].name = name

    def _draw_lines(self) -> None:
        """Circles are drawn so wide that they are seen at this zoom."""
        for method, layer in self.points.items():
            on_screen = camera(self.viewer).zoom * float(layer.scale[-1])
            set_line(layer, max(LINE_PX, LINE_SCREEN_PX / max(on_screen, 1e-6)))
            show_circles(layer, _circles(self._results.get(method)))

    def _bring_to_top(self) -> None:
        """From the top: LoG, DoG and DoH, each with its blobs above its image."""
        layers = self.viewer.layers
        wanted = [layer for method in reversed(TITLES) for layer in self.of_kind(method)]
        if list(layers)[-len(wanted) :] != wanted:
            layers.move_multiple([layers.index(x) for x in wanted], len(layers))

    # -- coming and going ----------------------------------------------------------------------

    def forget(self, layer: Layer) -> None:
        """Take all of them away when one of them was removed from the viewer."""
        if layer not in self.layers():
            return
        was_grid, self.side_by_side = self.side_by_side, False
        self._shown.clear()
        self._results.clear()
        self.remove()
        if was_grid:
            grid(self.viewer).enabled = False
            self.show_others()

    def _make(self, method: str) -> None:
        """Let the layers of a method show what there is; napari needs a moment to make them."""
        content = self._content
        if content is None or self._shown.get(method) is content:
            return
        self._shown[method] = content
        if not self.of_kind(method):
            self._add(method, content)
        image, points = self.of_kind(method)
        image.data = content.image
        image.contrast_limits = content.contrast
        image.name = f"{content.name} ({TITLES[method]})"
        for layer in (image, points):
            put(layer, content.pixels)
        show_circles(points, _circles(self._results.get(method)))

    def _add(self, method: str, content: Content) -> None:
        """Add image and blobs above those of the other methods, but below ROIs and masks."""
        layers = self.viewer.layers
        index = max(map(layers.index, self.layers()), default=len(layers) - 1) + 1
        described = {"visible": False, **place(content.pixels)}
        self.add(method, Image(content.image, colormap="gray", **described), index)
        blobs = circles_layer(_name(method), COLORS[method], **described)
        blobs.editable = False
        self.add(method, blobs, index + 1)


def _circles(result: BlobResult | None) -> npt.NDArray[np.float64]:
    return np.empty((0, 3)) if result is None else result.circles


def _name(method: str) -> str:
    return f"{TITLES[method]} blobs"
