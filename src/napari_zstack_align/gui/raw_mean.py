"""Mean of raw frames, as a job: what masks are painted over, or made of."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.mean import RunningMean
from napari_zstack_align.alignment.readable import read_each
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.stack import Stack

Mean = npt.NDArray[np.float32]


def mean_of_frames(stack: Stack, frames: npt.NDArray[np.intp], channel: int) -> Job[Mean]:
    """Mean (Y, X) float32 of some raw frames, without those that can't be read.

    It is that of the numbers there are; NaN where there is none.

    Raises
    ------
    InputError
        Where no frame can be read.
    """
    mean, n_read = RunningMean((stack.shape[2], stack.shape[3])), 0
    for done, t in enumerate(map(int, frames)):
        yield Progress("Averaging frames", done, len(frames))
        (frame, _), *_ = read_each(stack, t, t + 1)
        if frame is not None:
            image, n_read = frame[channel], n_read + 1
            mean.add(image, np.isfinite(image))
    if not n_read:
        raise InputError(f"None of the frames of {stack.name} that were looked at can be read.")
    return mean.image_or_nan()
