"""What dask needs of an array whose frames are read or computed by a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt


class LazyFrames:
    """Array along whose first axis blocks of frames are made on demand.

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
        block: Callable[[int, int], npt.NDArray[Any]],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
    ) -> None:
        self._block = block
        self.shape = shape
        self.dtype = dtype
        self.ndim = len(shape)

    def __getitem__(self, index: Any) -> npt.NDArray[Any]:
        """Make the frames that an index asks for (one, a slice or a list of them)."""
        first, *rest = index if isinstance(index, tuple) else (index,)
        frames = np.arange(self.shape[0])[first]
        if frames.ndim == 0:
            return self._block(int(frames), int(frames) + 1)[0][tuple(rest)]
        if frames.size == 0:
            return np.empty((0, *self.shape[1:]), self.dtype)[(slice(None), *rest)]
        start = int(frames.min())
        block = self._block(start, int(frames.max()) + 1)
        if len(block) != len(frames) or np.any(np.diff(frames) != 1):
            block = block[frames - start]
        return block[(slice(None), *rest)]

    def as_dask(self, frames_per_chunk: int, name: str | None = None) -> da.Array:
        """Lazy array with chunks of whole frames."""
        return da.from_array(
            self,
            chunks=(frames_per_chunk, *self.shape[1:]),
            name=False if name is None else name,
            asarray=False,
            inline_array=True,
            meta=np.empty((0,) * self.ndim, self.dtype),
        )
