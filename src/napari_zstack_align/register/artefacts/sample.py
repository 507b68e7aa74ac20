"""A few frames, spread over a stack, by which artefacts are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.filling import filled
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import ChannelParams
from napari_zstack_align.register.driving import check_range, driving_image, offset_of
from napari_zstack_align.stack import Stack

Image = npt.NDArray[np.float32]
Frames = npt.NDArray[np.intp]

MOST_FRAMES = 60
FEWEST_OF_SLICES, FEWEST_OF_RECORDING = 24, 16
"""Of a short stack so many; slices differ more than the frames of one plane."""
PART = 1 / 8
"""No larger part of a long stack's frames, so that the search takes little of a run's time."""
MOST_SLICES = 12
FEWEST_REPEATS = 4
"""Frames of a slice are compared with one another: of fewer slices rather than fewer of each."""
GOLDEN = (5**0.5 - 1) / 2
LEAST_KNOWN = 0.5
"""More than this part of a frame must be numbers."""
MOST_BYTES = 128 * 2**20


@dataclass(frozen=True)
class Sample:
    """Driving images of a few frames.

    Attributes
    ----------
    images : numpy.ndarray
        (n, Y, X) float32 driving images, the offset taken off; all numbers are finite.
    groups : numpy.ndarray
        (n,) slice of each, or 0 in a recording: frames of a group show the same tissue.
    offset : float
        What is taken off every pixel before it becomes a float32.
    """

    images: Image
    groups: Frames
    offset: float

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X)."""
        return self.images.shape[1], self.images.shape[2]


def chosen_frames(stack: Stack) -> Frames:
    """Frames that are looked at: some repeats of slices spread over the stack, or of a recording.

    The choice depends on the layout of the stack alone.
    """
    repeats = stack.most_repeats
    fewest = FEWEST_OF_RECORDING if not repeats else FEWEST_OF_SLICES
    most = int(np.clip(PART * stack.n_frames, fewest, MOST_FRAMES))
    most = min(most, max(MOST_BYTES // (4 * stack.shape[2] * stack.shape[3]), 12))
    if not repeats:
        return spread(np.arange(stack.n_frames), most)
    n_slices = most if repeats == 1 else min(most // min(repeats, FEWEST_REPEATS), MOST_SLICES)
    slices = spread(np.arange(stack.n_slices), n_slices)
    each = max(most // len(slices), 1)
    return np.concatenate([scattered(stack.frames_of_slice(int(z)), each) for z in slices])


def spread(items: Frames, most: int) -> Frames:
    """At most so many of some items, evenly spread."""
    if len(items) <= most:
        return items
    return items[np.linspace(0, len(items) - 1, most).round().astype(int)]


def scattered(items: Frames, most: int) -> Frames:
    """At most so many of some items, one somewhere in each of as many equal parts.

    Evenly spread ones would all be struck by a light that flashes in every n-th frame.
    """
    if len(items) <= most:
        return items
    parts = np.arange(most)
    within = (parts + 1) * GOLDEN % 1
    return items[((parts + within) * len(items) / most).astype(int)]


def read_sample(
    stack: Stack, params: ChannelParams, offset: float | None = None
) -> Iterator[Sample | None]:
    """Read the chosen frames; yields None between them, the sample last.

    Frames that can't be read are passed over, and those of which less than half are numbers. Of the
    others, pixels without one (a border that an earlier motion correction left) continue what is
    around them. The offset is told by the first frame where it isn't given.

    Raises
    ------
    InputError
        Where the pixel values are too large, or too close together, to be reckoned with.
    """
    frames = chosen_frames(stack)
    groups = np.zeros(stack.n_frames, int) if stack.order is None else stack.slice_of_frame
    images = np.empty((len(frames), *stack.shape[2:]), np.float32)
    kept: list[int] = []
    was_checked = False
    for t in map(int, frames):
        try:
            channels = stack.read(t, t + 1)[0]
        except (OSError, InputError):
            continue  # the run itself says so
        was_checked = was_checked or check_range(channels, params, stack.name)
        offset = offset_of(channels, params) if offset is None else offset
        image = driving_image(channels, params, offset)
        if np.isfinite(image).mean() > LEAST_KNOWN:
            images[len(kept)] = filled(image)
            kept.append(t)
        yield None
    yield Sample(images[: len(kept)], groups[np.array(kept, int)], offset or 0.0)
