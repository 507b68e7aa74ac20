"""Reading in small portions, so that a cancelled run needn't wait for the frames to come."""

from __future__ import annotations

from threading import Event
from time import monotonic
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import Cancelled
from napari_zstack_align.sources import FrameSource, SourceOf

PORTION_S = 0.1
"""How long reading takes, at most, before it may be given up: a frame, where one takes longer."""


class PacedSource(SourceOf):
    """A source that is read in as many frames at once as come in a moment, until it is closed.

    Fast sources are soon read as if it weren't there.

    Parameters
    ----------
    source : FrameSource
    """

    def __init__(self, source: FrameSource) -> None:
        super().__init__(source)
        self._at_once = 1
        self._closed = Event()

    def close(self) -> None:
        """Let whoever reads, in any thread, give up before the next portion."""
        self._closed.set()

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Frames ``start`` to ``stop`` (exclusive) as (stop - start, C, Y, X).

        Raises
        ------
        Cancelled
            Where it is closed before they are there.
        """
        end = min(start + self._at_once, stop)
        portions = [self._portion(start, end)]
        while end < stop:
            start, end = end, min(end + self._at_once, stop)
            portions.append(self._portion(start, end))
        if len(portions) == 1:
            return portions[0]
        return np.concatenate(portions, dtype=portions[0].dtype)  # keeps the order of its bytes

    def _portion(self, start: int, stop: int) -> npt.NDArray[Any]:
        if self._closed.is_set():
            raise Cancelled
        begun = monotonic()
        frames = self.source.read(start, stop)
        frame_s = (monotonic() - begun) / max(stop - start, 1)
        self._at_once = int(np.clip(PORTION_S / max(frame_s, 1e-9), 1, 2 * max(stop - start, 1)))
        return frames
