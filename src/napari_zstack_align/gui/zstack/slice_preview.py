"""`SlicePreview`: a slice before and after the alignment, in layers that go when it is closed."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image, Vectors

from napari_zstack_align.gui.arrows import ARROW_LENGTH, arrows
from napari_zstack_align.gui.layer_group import LayerGroup, flatten
from napari_zstack_align.gui.stack_layers import StackLayers
from napari_zstack_align.gui.zstack.tried_slice import TriedSlice

IMAGE, ARROWS = "image", "arrows"
BEFORE, AFTER = "BEFORE", "AFTER, alpha {:g}"
MEAN_OF = "{}\nslice {}, mean of {}"


class SlicePreview(LayerGroup):
    """Shows the mean of a slice's repeats, raw or aligned, alone and in one contrast.

    Both are shown by one layer, so that whatever is set in its controls holds for both. Main
    thread only.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers go.

    Attributes
    ----------
    is_after : bool
        Whether the aligned mean is shown.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.is_after = False
        self._tried: TriedSlice | None = None
        self._k = 0

    @property
    def is_open(self) -> bool:
        """Whether its image is in the viewer."""
        return self.first(IMAGE) is not None

    @property
    def has_arrows(self) -> bool:
        """Whether the arrows are shown."""
        return self.is_in_view(self.first(ARROWS))

    @property
    def words(self) -> str:
        """Which of both is shown, for the canvas; '' for nothing."""
        if self._tried is None or not self.is_open:
            return ""
        found = self._tried.found
        which = AFTER.format(found.tried[self._k].alpha) if self.is_after else BEFORE
        return MEAN_OF.format(which, found.slice_index, self._tried.repeats_in_words)

    def show_slice(self, shown: StackLayers, tried: TriedSlice, k: int) -> None:
        """Show how a slice of a stack comes out with the alpha of number ``k``, after first."""
        is_new = self._tried is not tried
        self._tried, self._k, self.is_after = tried, k, True
        flatten(self.viewer)
        if not self.is_open:
            self.hide_others()
            self.add(IMAGE, _new_image(tried, shown))
        image = self.first(IMAGE)
        if is_new:
            image.name = _name_of(tried)
            if self.first(ARROWS) is not None:
                self.first(ARROWS).name = _name_of(tried, "arrows")
            image.contrast_limits = tried.contrast
        self._draw()

    def flip(self) -> None:
        """From after to before, or back."""
        self.is_after = not self.is_after
        self._draw()

    def show_arrows(self, shown: StackLayers, on: bool) -> None:
        """Show or hide how far each part of the frame in view was moved."""
        if self._tried is None or not self.is_open:
            return
        if on and self.first(ARROWS) is None:
            self.add(ARROWS, _new_arrows(self._tried, shown))
            self.viewer.layers.selection.active = self.first(IMAGE)
        if self.first(ARROWS) is not None:
            self.show(self.first(ARROWS), on)
        self.follow(shown)

    def follow(self, shown: StackLayers) -> None:
        """Let the arrows be those of the repeat at the sliders; of the first where it has none."""
        if self._tried is None or not self.has_arrows:
            return
        found, position = self._tried.found, shown.position()
        frame = None
        if position is not None:
            frame = shown.grid.frame_at((*position[:-1], found.slice_index))
        among = np.flatnonzero(found.frames == frame)
        repeat = int(among[0]) if len(among) else 0
        self.first(ARROWS).data = arrows(found.tried[self._k].alignment, repeat)

    def close(self) -> None:
        """Take the layers away, and show again what was shown before."""
        self._tried = None
        self.remove()
        self.show_others()

    def _draw(self) -> None:
        if self._tried is None or not self.is_open:
            return
        found = self._tried.found
        image = found.tried[self._k].image if self.is_after else found.raw
        self.first(IMAGE).data = np.nan_to_num(image)


def _name_of(tried: TriedSlice, what: str = "preview") -> str:
    return f"{tried.basis.stack.name} slice {tried.found.slice_index} {what}"


def _new_image(tried: TriedSlice, shown: StackLayers) -> Image:
    return Image(
        np.nan_to_num(tried.found.raw),
        name=_name_of(tried),
        contrast_limits=tried.contrast,
        colormap="gray",
        **shown.geometry(2),
    )


def _new_arrows(tried: TriedSlice, shown: StackLayers) -> Vectors:
    return Vectors(
        np.zeros((1, 2, 2), np.float32),
        name=_name_of(tried, "arrows"),
        ndim=2,
        edge_width=2,
        edge_color="yellow",
        length=ARROW_LENGTH,
        vector_style="arrow",
        **shown.geometry(2),
    )
