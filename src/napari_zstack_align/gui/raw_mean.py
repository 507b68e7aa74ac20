"""Mean of raw frames, as a job: what masks are painted over, or made of."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.readable import read_each
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.stack import Stack

Mean = npt.NDArray[np.float32]


def mean_of_frames(stack: Stack, frames: npt.NDArray[np.intp], channel: int) -> Job[Mean]:
    """Mean (Y, X) float32 of some raw frames, without those that can't be read."""
    total, n_read = np.zeros(stack.shape[2:], np.float64), 0
    for done, t in enumerate(map(int, frames)):
        yield Progress("Averaging frames", done, len(frames))
        (frame, _), *_ = read_each(stack, t, t + 1)
        if frame is not None:
            total += frame[channel]
            n_read += 1
    return (total / max(n_read, 1)).astype(np.float32)
