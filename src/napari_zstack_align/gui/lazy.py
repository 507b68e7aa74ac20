"""Thin arrays for napari layers: they evaluate one image when it is looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from napari.viewer import current_viewer

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.gui.drawn import DrawnImages
from napari_zstack_align.gui.grid import FrameGrid
from napari_zstack_align.lazy import Image, Position
from napari_zstack_align.stack import Stack

CACHE_BYTES = 64 * 2**20
VOLUME_BYTES = 2 * 2**30


class SliderImages(DrawnImages):
    """Images along napari's sliders; those of a recording are no volume.

    In 3-D napari asks for all that lies along the last three axes, which would be every frame of a
    recording, before anyone can bring it back to 2-D. It gets the frame of before, one pixel deep.

    Attributes
    ----------
    in_time : bool
        Whether the slider before (y, x) is time.
    """

    in_time = True
    _latest = 0

    def images(self, index: Any) -> Image:
        """Make the images that an index asks for."""
        first = index[0] if isinstance(index, tuple) and index else None
        if isinstance(first, slice) and first.start is not None:
            self._latest = first.start
        elif self.in_time and isinstance(first, slice) and self._is_of_3d(index):
            return super().images(slice(self._latest, self._latest + 1))
        return super().images(index)

    def _is_of_3d(self, index: tuple[Any, ...]) -> bool:
        """Whether napari asks so in 3-D: for all of each axis, one by one."""
        everything = [i for i in index if isinstance(i, slice) and i == slice(None)]
        return len(everything) == len(index) == self.ndim and _in_3d()


def _in_3d() -> bool:
    viewer = current_viewer()
    return viewer is not None and viewer.dims.ndisplay == 3


def is_in_time(layer: Any) -> bool:
    """Whether a layer's images are frames of a recording."""
    return isinstance(layer.data, SliderImages) and layer.data.in_time


class RawFrames(SliderImages):
    """Raw frames of one channel along the sliders; zeros where a short slice has no repeat."""

    def __init__(self, stack: Stack, grid: FrameGrid, channel: int) -> None:
        super().__init__(grid.shape, stack.shape[2:], stack.dtype, CACHE_BYTES)
        self._stack, self._grid, self._channel = stack, grid, channel
        self.in_time = not grid.is_zstack

    def compute(self, position: Position) -> Image:
        """Read one frame."""
        frame = self._grid.frame_at(position)
        if frame is None:
            return np.zeros(self.image_shape, self.dtype)
        return self._stack.read(frame, frame + 1)[0, self._channel]


class AlignedFrames(SliderImages):
    """Aligned frames of one channel along the sliders, from the newest alignment it was given.

    The images have the size of the alignment's reference, which need not be that of the raw
    frames; before there is an alignment they are dark raw frames.
    """

    def __init__(
        self, stack: Stack, grid: FrameGrid, channel: int, alignment: Alignment | None = None
    ) -> None:
        super().__init__(grid.shape, stack.shape[2:], stack.dtype, CACHE_BYTES)
        self._grid, self._channel = grid, channel
        self.in_time = not grid.is_zstack
        self._alignment: Alignment | None = None
        if alignment is not None:
            self.show(alignment)

    def show(self, alignment: Alignment | None) -> bool:
        """Evaluate this alignment from now on; returns whether the images changed their size.

        None: there is no alignment any more.
        """
        before, self._alignment = self.image_shape, alignment
        if alignment is not None:
            self.resize(alignment.transforms.shape)
        self.forget()
        return self.image_shape != before

    def compute(self, position: Position) -> Image:
        """Warp one frame."""
        frame = self._grid.frame_at(position)
        if frame is None or self._alignment is None:
            return np.zeros(self.image_shape, self.dtype)
        return self._alignment.aligned_frame(frame, self._channel)


class GrowingVolume(DrawnImages):
    """The volume (slice, Y, X) of one channel: a worker puts slices in as they are finished.

    Slices that aren't there yet are dark. ``recompute`` serves those that the bounded cache had to
    drop.
    """

    def __init__(self, n_slices: int, image_shape: tuple[int, int]) -> None:
        super().__init__((n_slices,), image_shape, np.float32, VOLUME_BYTES)
        self._recompute: dict[int, Callable[[], Image]] = {}

    def put(self, slice_index: int, image: Image, again: Callable[[], Image]) -> None:
        """Keep a finished slice; pixels without data turn dark for display."""
        self._recompute[slice_index] = again
        self.cache.put(self.key((slice_index,)), np.nan_to_num(image, nan=0.0))

    def empty(self) -> None:
        """Make every slice dark again."""
        self._recompute.clear()
        self.forget()

    def compute(self, position: Position) -> Image:
        """Make a slice that the cache doesn't hold."""
        again = self._recompute.get(position[0])
        if again is None:
            return np.zeros(self.image_shape, self.dtype)
        return np.nan_to_num(again(), nan=0.0)

    def made(self, position: Position) -> Image:
        """Return a slice, dark while it isn't there."""
        if position[0] not in self._recompute:  # not to be kept: a worker may put it any time
            return np.zeros(self.image_shape, self.dtype)
        return super().made(position)
