"""Mean images of recordings, as jobs: the mask's background, and overlays before and after."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.filling import filled
from napari_zstack_align.gui.raw_mean import mean_of_frames
from napari_zstack_align.gui.recordings.frames import largest, on_canvas
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.progress import Job
from napari_zstack_align.register import recordings as engine
from napari_zstack_align.stack import Stack

Mean = npt.NDArray[np.float32]

MAX_FRAMES = 200


def evenly(n_frames: int) -> npt.NDArray[np.intp]:
    """Indices of at most ``MAX_FRAMES`` frames, evenly spread."""
    chosen = np.linspace(0, n_frames - 1, min(n_frames, MAX_FRAMES))
    return chosen.round().astype(np.intp)


def reference_mean(stacks: list[Stack], params: KeypointParams) -> Job[tuple[int, Mean]]:
    """Recording and mean of the frames that the reference is made of by default."""
    if params.reference_recording is None and params.reference_frames is None:
        recording = yield from engine.find_reference_recording(stacks, params)
        params = params.replace(reference_recording=recording)
    recording, start, stop = engine.find_reference_frames(stacks, params)
    stack = stacks[recording]
    frames = start + evenly(stop - start)
    return recording, filled((yield from mean_of_frames(stack, frames, params.channel)))


def overlay_means(
    pair: tuple[Alignment, Alignment], aligned: bool, channel: int
) -> Job[list[Mean]]:
    """Means of two recordings, aligned or raw, on one canvas; NaN turns dark."""
    images = []
    for alignment in pair:
        known = min(channel, alignment.stack.shape[1] - 1)
        images.append((yield from engine.aligned_mean(alignment, known, moved=aligned)))
    canvas = largest([image.shape for image in images])
    return [on_canvas(image, canvas, np.dtype(np.float32)) for image in images]
