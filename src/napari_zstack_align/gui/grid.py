"""Where a frame stands on napari's sliders, and back."""

from __future__ import annotations

import numpy as np

from napari_zstack_align.stack import Stack


class FrameGrid:
    """Frames of a stack laid out along sliders.

    A z-stack with repeats has the sliders repeat and slice, so that the volume (slice, y, x) lines
    up with its trailing axes; a recording has the slider frame.

    Parameters
    ----------
    stack : Stack
        Its layout is read, no frame.

    Attributes
    ----------
    shape : tuple of int
        (repeats, slices), or (frames,) for a recording.
    axis_labels : tuple of str
        Names of all axes of a layer, with 'y' and 'x'.
    """

    def __init__(self, stack: Stack) -> None:
        self.is_zstack = stack.frames_per_slice is not None
        frames = np.arange(stack.n_frames)
        if self.is_zstack:
            self._columns: tuple[np.ndarray, ...] = (stack.repeat_of_frame, stack.slice_of_frame)
            self.axis_labels: tuple[str, ...] = ("repeat", "slice", "y", "x")
        else:
            self._columns = (frames,)
            self.axis_labels = ("frame", "y", "x")
        self.shape = tuple(int(column.max()) + 1 for column in self._columns)
        self._frames = np.full(self.shape, -1)
        self._frames[self._columns] = frames

    def frame_at(self, position: tuple[int, ...]) -> int | None:
        """Frame at a slider position; None where a short slice has no such repeat."""
        frame = int(self._frames[position])
        return None if frame < 0 else frame

    def position_of(self, frame: int) -> tuple[int, ...]:
        """Slider position of a frame."""
        return tuple(int(column[frame]) for column in self._columns)

    def words(self, position: tuple[int, ...]) -> str:
        """'slice 12, repeat 3', counted from 0 like the sliders."""
        pairs = zip(self.axis_labels, position, strict=False)
        words = [f"{label} {index}" for label, index in pairs]
        return ", ".join(reversed(words))
