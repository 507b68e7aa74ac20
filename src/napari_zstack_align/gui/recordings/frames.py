"""All recordings of a session as one sequence (frame, y, x): thin arrays for napari."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.raw_frames import MissingSource
from napari_zstack_align.gui.lazy import CACHE_BYTES, SliderImages
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.lazy import Position

Array = npt.NDArray[Any]


class Sequence1D:
    """Where the frames of recordings stand when they follow each other.

    Parameters
    ----------
    lengths : sequence of int
        Frames of each recording.

    Attributes
    ----------
    starts : numpy.ndarray
        (n + 1,) position of the first frame of each recording, and of the end.
    shape : tuple of int
        (frames,) of all recordings.
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        self.starts = np.concatenate([[0], np.cumsum(lengths, dtype=int)])
        self.shape = (int(self.starts[-1]),)

    def locate(self, position: int) -> tuple[int, int]:
        """Recording and frame at a position."""
        recording = int(np.searchsorted(self.starts, position, side="right")) - 1
        return recording, position - int(self.starts[recording])

    def position_of(self, recording: int, frame: int) -> int:
        """Position of a frame of a recording."""
        return int(self.starts[recording]) + frame


class SessionFrames(SliderImages):
    """Frames of one channel of all recordings, on one canvas; what is smaller is padded.

    Parameters
    ----------
    recordings : sequence of Recording
        At least one.
    channel : int
        A recording without this channel is dark.
    """

    def __init__(self, recordings: Sequence[Recording], channel: int) -> None:
        self.recordings = tuple(recordings)
        self.sequence = Sequence1D([r.stack.n_frames for r in recordings])
        self._channel = channel
        dtype = np.result_type(*(r.stack.dtype for r in recordings))
        super().__init__(self.sequence.shape, self.canvas(), dtype, CACHE_BYTES)

    def is_like(self, other: SessionFrames) -> bool:
        """Whether another array shows the same recordings on a canvas of the same size."""
        return (self.recordings, self.shape) == (other.recordings, other.shape)

    def canvas(self) -> tuple[int, int]:
        """(Y, X) that holds the images of all recordings."""
        raise NotImplementedError

    def frame(self, recording: Recording, t: int, channel: int) -> Array | None:
        """Make one image (Y, X), at most as large as the canvas; None for a dark one."""
        raise NotImplementedError

    def compute(self, position: Position) -> Array:
        """Make the image at one position of the sequence."""
        index, t = self.sequence.locate(position[0])
        recording = self.recordings[index]
        stack = recording.stack
        gone = isinstance(stack.source, MissingSource)  # was told when it was opened
        known = self._channel < stack.shape[1] and not gone
        image = self.frame(recording, t, self._channel) if known else None
        return on_canvas(image, self.image_shape, self.dtype)


class RawSession(SessionFrames):
    """Raw frames; pixel (0, 0) stays where it is."""

    def canvas(self) -> tuple[int, int]:
        """Largest height and width of the raw frames."""
        return largest([r.stack.shape[2:] for r in self.recordings])

    def frame(self, recording: Recording, t: int, channel: int) -> Array | None:
        """Read one frame."""
        return recording.stack.read(t, t + 1)[0, channel]


class AlignedSession(SessionFrames):
    """Aligned frames in the coordinates of the common reference; dark where there are none."""

    def canvas(self) -> tuple[int, int]:
        """(Y, X) of the reference; before a run, of the raw frames."""
        aligned = [r.alignment.transforms.shape for r in self.recordings if r.alignment is not None]
        return largest(aligned or [r.stack.shape[2:] for r in self.recordings])

    def refresh(self) -> None:
        """Evaluate the alignments that the recordings have now."""
        self.forget()

    def frame(self, recording: Recording, t: int, channel: int) -> Array | None:
        """Warp one frame."""
        alignment = recording.alignment
        return None if alignment is None else alignment.aligned_frame(t, channel)


def largest(shapes: Sequence[tuple[int, ...]]) -> tuple[int, int]:
    """(Y, X) that holds all of some images."""
    rows, columns = np.max([shape[-2:] for shape in shapes], axis=0)
    return int(rows), int(columns)


def on_canvas(image: Array | None, canvas: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Put an image (Y, X) into the upper left corner of a dark canvas; NaN turns dark."""
    if image is not None and image.shape == tuple(canvas) and image.dtype == dtype:
        return image if dtype.kind != "f" else np.nan_to_num(image, nan=0.0)
    full = np.zeros(canvas, dtype)
    if image is not None:
        rows, columns = (min(a, b) for a, b in zip(image.shape, canvas, strict=True))
        part = image[:rows, :columns]
        full[:rows, :columns] = np.nan_to_num(part, nan=0.0) if part.dtype.kind == "f" else part
    return full
