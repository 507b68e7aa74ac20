"""`WindowOf`: a rectangle of the frames of another source."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.sources import FrameSource, SourceOf


class WindowOf(SourceOf):
    """A rectangle of each frame, from its left edge.

    Parameters
    ----------
    source : FrameSource
        The other source.
    rows : numpy.ndarray
        (T,) first row in each frame.
    height, width : int
        Of the rectangle.
    """

    def __init__(
        self, source: FrameSource, rows: npt.NDArray[np.intp], height: int, width: int
    ) -> None:
        super().__init__(source)
        self._rows = rows
        self._height = height
        self._width = width

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, C, Y, X)."""
        return *self.source.shape[:2], self._height, self._width

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Frames ``start`` to ``stop`` as (stop - start, C, Y, X)."""
        whole = self.source.read(start, stop)
        out = np.empty((len(whole), *self.shape[1:]), self.dtype)
        for row in np.unique(self._rows[start:stop]):
            here = self._rows[start:stop] == row
            out[here] = whole[here, :, row : row + self._height, : self._width]
        return out
