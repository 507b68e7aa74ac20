"""Thin arrays for napari layers: they evaluate one image when it is looked at.

dask with a task a frame takes napari 107 ms a step where these take 43, and a dask chunk of many
frames would be read whole for one of them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.gui.grid import FrameGrid
from napari_zstack_align.stack import Stack

Image = npt.NDArray[Any]
Position = tuple[int, ...]

CACHE_BYTES = 64 * 2**20
VOLUME_BYTES = 2 * 2**30


class ImageCache:
    """The images used last, up to a number of bytes; safe between threads."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._images: OrderedDict[Position, Image] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Position) -> Image | None:
        """Return an image, or None where it isn't kept."""
        with self._lock:
            if key in self._images:
                self._images.move_to_end(key)
            return self._images.get(key)

    def put(self, key: Position, image: Image) -> None:
        """Keep an image, and drop the oldest ones where that is too much."""
        with self._lock:
            self._drop(key)
            self._images[key] = image
            self._bytes += image.nbytes
            while self._bytes > self._max_bytes and len(self._images) > 1:
                self._drop(next(iter(self._images)))

    def clear(self) -> None:
        """Forget all images."""
        with self._lock:
            self._images.clear()
            self._bytes = 0

    def _drop(self, key: Position) -> None:
        image = self._images.pop(key, None)
        if image is not None:
            self._bytes -= image.nbytes


class LazyImages:
    """An array (..., Y, X) whose images are made by a function when they are looked at.

    Parameters
    ----------
    leading : tuple of int
        Shape of the leading axes.
    image_shape : tuple of int
        (Y, X).
    dtype : numpy.dtype
        Of the images.
    cache_bytes : int
        How much of what was looked at last is kept.
    """

    def __init__(
        self,
        leading: tuple[int, ...],
        image_shape: tuple[int, int],
        dtype: npt.DTypeLike,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.shape = (*leading, *image_shape)
        self.dtype = np.dtype(dtype)
        self.ndim = len(self.shape)
        self.cache = ImageCache(cache_bytes)

    @property
    def size(self) -> int:
        """Number of pixels."""
        return int(np.prod(self.shape, dtype=np.int64))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Image:
        index = self._full(index)
        lead, rest = index[:-2], index[-2:]
        ranges = [np.atleast_1d(np.arange(n)[i]) for n, i in zip(self.shape, lead, strict=False)]
        images = [self._image(position)[rest] for position in product(*ranges)]
        kept = [len(r) for r, i in zip(ranges, lead, strict=True) if isinstance(i, slice)]
        if not images:
            return np.empty((*kept, *np.empty(self.shape[-2:])[rest].shape), self.dtype)
        return np.stack(images).reshape(*kept, *images[0].shape)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Image:
        return np.asarray(self[...], dtype=dtype)

    def compute(self, position: Position) -> Image:
        """Make one image (Y, X)."""
        raise NotImplementedError

    def _image(self, position: Position) -> Image:
        position = tuple(map(int, position))
        image = self.cache.get(position)
        if image is None:
            image = self.compute(position)
            self.cache.put(position, image)
        return image

    def _full(self, index: Any) -> tuple[Any, ...]:
        """One index an axis, without Ellipsis."""
        index = index if isinstance(index, tuple) else (index,)
        where = next((k for k, i in enumerate(index) if i is Ellipsis), len(index))
        tail = index[where + 1 :]
        missing = self.ndim - where - len(tail)
        full = (*index[:where], *[slice(None)] * missing, *tail)
        return tuple(i if isinstance(i, slice) else int(i) for i in full)


class RawFrames(LazyImages):
    """Raw frames of one channel along the sliders; zeros where a short slice has no repeat."""

    def __init__(self, stack: Stack, grid: FrameGrid, channel: int) -> None:
        super().__init__(grid.shape, stack.shape[2:], stack.dtype)
        self._stack, self._grid, self._channel = stack, grid, channel

    def compute(self, position: Position) -> Image:
        """Read one frame."""
        frame = self._grid.frame_at(position)
        if frame is None:
            return np.zeros(self.shape[-2:], self.dtype)
        return self._stack.read(frame, frame + 1)[0, self._channel]


class AlignedFrames(LazyImages):
    """Aligned frames of one channel along the sliders, from the newest alignment it was given."""

    def __init__(self, stack: Stack, grid: FrameGrid, channel: int) -> None:
        super().__init__(grid.shape, stack.shape[2:], stack.dtype)
        self._grid, self._channel = grid, channel
        self._alignment: Alignment | None = None

    def show(self, alignment: Alignment) -> None:
        """Evaluate this alignment from now on."""
        self._alignment = alignment
        self.cache.clear()

    def compute(self, position: Position) -> Image:
        """Warp one frame."""
        frame = self._grid.frame_at(position)
        if frame is None or self._alignment is None:
            return np.zeros(self.shape[-2:], self.dtype)
        return self._alignment.aligned_frame(frame, self._channel)


class GrowingVolume(LazyImages):
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
        self.cache.put((slice_index,), np.nan_to_num(image, nan=0.0))

    def empty(self) -> None:
        """Make every slice dark again."""
        self._recompute.clear()
        self.cache.clear()

    def compute(self, position: Position) -> Image:
        """Make a slice that the cache doesn't hold."""
        again = self._recompute.get(position[0])
        if again is None:
            return np.zeros(self.shape[-2:], self.dtype)
        return np.nan_to_num(again(), nan=0.0)

    def _image(self, position: Position) -> Image:
        if position[0] not in self._recompute:  # not to be kept: a worker may put it any time
            return np.zeros(self.shape[-2:], self.dtype)
        return super()._image(position)
