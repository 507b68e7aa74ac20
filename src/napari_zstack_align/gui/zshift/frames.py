"""Images (frame, y, x) of a z-shift: thin arrays for napari, made one by one when looked at."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.raw_frames import MissingSource
from napari_zstack_align.gui.lazy import CACHE_BYTES, SliderImages
from napari_zstack_align.gui.zshift.view import ZShiftView
from napari_zstack_align.lazy import Position
from napari_zstack_align.zshift.movies import compared_frame

Image = npt.NDArray[Any]

HATCH_PX, HATCH_PART = 12, 4
"""Distance and width of the dark stripes over a slice that doesn't match."""


class ZShiftFrames(SliderImages):
    """One image a frame of the recording, on the pixels that were compared; dark where unknown."""

    def __init__(self, view: ZShiftView) -> None:
        super().__init__((view.n_frames,), view.zshift.frame_shape, np.float32, CACHE_BYTES)
        self.view = view

    def compute(self, position: Position) -> Image:
        """Make the image of one frame."""
        return np.nan_to_num(self.image(position[0]), nan=0.0).astype(np.float32, copy=False)

    def image(self, t: int) -> Image:
        """Make the image (Y, X) of frame t; NaN where unknown."""
        raise NotImplementedError

    @property
    def dark(self) -> Image:
        """What is shown where there is nothing."""
        return np.zeros(self.shape[1:], np.float32)

    @property
    def frames_are_gone(self) -> bool:
        """Whether the recording's pixels can't be read any more, which was said already."""
        return isinstance(self.view.zshift.stack.source, MissingSource)


class ComparedFrames(ZShiftFrames):
    """The recording's frames, aligned where there is an alignment."""

    def image(self, t: int) -> Image:
        """Read a frame."""
        zshift = self.view.zshift
        return (
            self.dark if self.frames_are_gone else compared_frame(zshift, t, zshift.params.channel)
        )


class MatchingSlices(ZShiftFrames):
    """The slice of the reference nearest to each frame; hatched where the frame lies outside."""

    def image(self, t: int) -> Image:
        """Take a slice."""
        if not self.view.has_slice(t):
            return self.dark
        k = self.view.zshift.matching_slice(t)
        found = self.view.zshift.reference.read(k, k + 1)[0, 0]
        return hatched(found, self.view.slice_limits[0]) if self.view.is_outside(t) else found


class CorrectedFrames(ZShiftFrames):
    """Frames with the baseline's change by z taken out."""

    def __init__(self, view: ZShiftView) -> None:
        super().__init__(view)
        self._movie = view.zshift.corrected(view.zshift.params.channel)

    def image(self, t: int) -> Image:
        """Evaluate a frame of the movie."""
        return self.dark if self.frames_are_gone else one_frame(self._movie, t)


class SimulatedFrames(ZShiftFrames):
    """What the recording would look like if only z had changed."""

    def __init__(self, view: ZShiftView) -> None:
        super().__init__(view)
        self._movie = view.zshift.simulate()

    def image(self, t: int) -> Image:
        """Evaluate a frame of the movie."""
        return one_frame(self._movie, t)


def one_frame(movie: da.Array, t: int) -> Image:
    """Evaluate frame t here and now: dask's threads would only be waited for."""
    return np.asarray(movie[t].compute(scheduler="synchronous"))


def hatched(image: Image, dark: float) -> Image:
    """Draw dark diagonal stripes over an image (Y, X)."""
    y, x = np.ogrid[: image.shape[0], : image.shape[1]]
    return np.where((y + x) % HATCH_PX < HATCH_PART, np.float32(dark), image)
