"""`WindowOf`: a rectangle of the frames of another source."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.sources import FrameSource, reads_singly


class WindowOf:
    """Some rows and columns of all frames.

    Parameters
    ----------
    source : FrameSource
        The other source.
    rows, columns : slice
        With start and stop inside its frames.
    """

    def __init__(self, source: FrameSource, rows: slice, columns: slice) -> None:
        self._source = source
        self._rows = rows
        self._columns = columns
        self.reads_singly = reads_singly(source)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, C, Y, X)."""
        rows, columns = self._rows, self._columns
        return *self._source.shape[:2], rows.stop - rows.start, columns.stop - columns.start

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of a pixel."""
        return self._source.dtype

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Frames ``start`` to ``stop`` as (stop - start, C, Y, X)."""
        whole = self._source.read(start, stop)
        return np.ascontiguousarray(whole[:, :, self._rows, self._columns])
