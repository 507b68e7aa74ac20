"""Arrays whose images are read or computed when they are asked for.

napari shows them as they are: dask with a task a frame takes it far longer for each step, and a
dask chunk of many frames would be read whole for one of them. `LazyImages.as_dask` makes a
dask array of them for everything else.
"""

from __future__ import annotations

import operator
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, TypeAlias

import dask.array as da
import numpy as np
import numpy.typing as npt

Image: TypeAlias = npt.NDArray[Any]
Position: TypeAlias = tuple[int, ...]


class LazyImages:
    """An array (..., Y, X) whose images are made when an index asks for them.

    What makes an image stands in a subclass: `compute`, or `cut_out` where several are made faster
    together.

    Parameters
    ----------
    leading : tuple of int
        Shape of the leading axes.
    image_shape : tuple of int
        (Y, X), or (C, Y, X) for images of all channels.
    dtype : numpy.dtype
        Of the images.
    cache_bytes : int
        How much of what was made last is kept.
    """

    def __init__(
        self,
        leading: tuple[int, ...],
        image_shape: tuple[int, ...],
        dtype: npt.DTypeLike,
        cache_bytes: int = 0,
    ) -> None:
        self.leading = leading
        self.dtype = np.dtype(dtype)
        self.cache = ImageCache(cache_bytes)
        self._version = 0
        self.resize(tuple(image_shape))

    def resize(self, image_shape: tuple[int, ...]) -> None:
        """Make images of another size from now on."""
        self.image_shape = image_shape
        self.shape = (*self.leading, *image_shape)
        self.ndim = len(self.shape)

    @property
    def size(self) -> int:
        """Number of pixels."""
        return int(np.prod(self.shape, dtype=np.int64))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Image:
        """Make the images that an index asks for: numbers, slices, a list along one axis."""
        index = self._full(index)
        lead, rest = index[: len(self.leading)], index[len(self.leading) :]
        chosen, kept = [], []
        for n, i in zip(self.leading, lead, strict=True):
            chosen.append(np.atleast_1d(np.arange(n)[i]).tolist())
            if not isinstance(i, int):
                kept.append(len(chosen[-1]))
        positions = list(product(*chosen))
        if positions:
            images = self.cut_out(positions, rest)
        else:
            images = np.empty((0, *self.image_shape), self.dtype)[(slice(None), *rest)]
        return images.reshape(*kept, *images.shape[1:])

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Image:
        return np.asarray(self[...], dtype=dtype)

    def as_dask(self, frames_per_chunk: int, name: str | None = None) -> da.Array:
        """Lazy array with chunks of whole images along the first axis."""
        return da.from_array(
            self,
            chunks=(frames_per_chunk, *self.shape[1:]),
            name=False if name is None else name,
            asarray=False,
            inline_array=True,
            meta=np.empty((0,) * self.ndim, self.dtype),
        )

    def compute(self, position: Position) -> Image:
        """Make one image."""
        raise NotImplementedError

    def cut_out(self, positions: Sequence[Position], part: tuple[Any, ...]) -> Image:
        """Make at least one image, and index each by ``part``: (n, ...)."""
        return np.stack(list(map(operator.itemgetter(part), map(self.at, positions))))

    def at(self, position: Position) -> Image:
        """Return one image, made or kept."""
        key = self.key(position)
        image = self.cache.get(key)
        if image is None:
            image = self.compute(position)
            self.cache.put(key, image)
        return image

    def key(self, position: Position) -> Position:
        """By what the cache knows an image: what was made before `forget` is none of these."""
        return (self._version, *position)

    def forget(self) -> None:
        """Make every image anew from now on, also those that other threads are making just now."""
        self._version += 1
        self.cache.clear()

    def _full(self, index: Any) -> tuple[Any, ...]:
        """One index an axis, without Ellipsis: whole numbers, slices and arrays."""
        full: list[Any] = []
        given = index if isinstance(index, tuple) else (index,)
        for i in given:
            if i is Ellipsis:
                full += [slice(None)] * (self.ndim - len(given) + 1)
            else:
                full.append(i if type(i) in (int, slice) else _plain(i))
        return (*full, *[slice(None)] * (self.ndim - len(full)))


class LazyFrames(LazyImages):
    """Frames that are made in blocks, as they are read fastest.

    Parameters
    ----------
    block : callable
        Called with ``start, stop``; returns the frames ``start`` to ``stop`` (exclusive).
    shape : tuple of int
        Of the whole array, frames first.
    dtype : numpy.dtype
        Data type of a pixel.
    """

    def __init__(
        self,
        block: Callable[[int, int], Image],
        shape: tuple[int, ...],
        dtype: npt.DTypeLike,
    ) -> None:
        super().__init__(shape[:1], shape[1:], dtype)
        self._block = block

    def cut_out(self, positions: Sequence[Position], part: tuple[Any, ...]) -> Image:
        """Make the block that holds all of some frames, and index each by ``part``."""
        frames = np.array(positions)[:, 0]
        start = int(frames.min())
        block = self._block(start, int(frames.max()) + 1)
        if len(block) != len(frames) or np.any(np.diff(frames) != 1):
            block = block[frames - start]
        return block[(slice(None), *part)]


class ImageCache:
    """The images used last, up to a number of bytes; safe between threads, pickled empty."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._images: OrderedDict[Position, Image] = OrderedDict()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[ImageCache], tuple[int]]:
        return ImageCache, (self._max_bytes,)

    def get(self, key: Position) -> Image | None:
        """Return an image, or None where it isn't kept."""
        with self._lock:
            if key in self._images:
                self._images.move_to_end(key)
            return self._images.get(key)

    def put(self, key: Position, image: Image) -> None:
        """Keep an image, and drop the oldest ones where that is too much."""
        with self._lock:
            replaced = self._images.pop(key, None)
            self._bytes += image.nbytes - (0 if replaced is None else replaced.nbytes)
            self._images[key] = image
            while self._bytes > self._max_bytes and len(self._images) > 1:
                self._bytes -= self._images.popitem(last=False)[1].nbytes

    def clear(self) -> None:
        """Forget all images."""
        with self._lock:
            self._images.clear()
            self._bytes = 0


def _plain(index: Any) -> Any:
    """A whole number as int, a list as an array."""
    array = np.asarray(index)
    return int(array) if array.ndim == 0 and array.dtype != bool else array
