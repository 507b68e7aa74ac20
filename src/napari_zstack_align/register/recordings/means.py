"""Means and common fields of aligned recordings, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.mean import RunningMean
from napari_zstack_align.alignment.warp import warp_with_valid
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import Job, Progress

FRAMES = 200


def aligned_mean(
    alignment: Alignment, channel: int = 0, *, max_frames: int = FRAMES, moved: bool = True
) -> Job[npt.NDArray[np.float32]]:
    """Mean of the aligned frames of a recording.

    Parameters
    ----------
    alignment : Alignment
    channel : int
        Channel, counted from 0.
    max_frames : int
        Of a longer recording so many frames are taken, evenly spread over the used ones.
    moved : bool
        False: the mean of the raw frames instead, at the size of the reference.

    Returns
    -------
    generator of Progress
        Returns (Y, X) float32; NaN where no frame shows anything.
    """
    used = np.flatnonzero(alignment.quality["used"])
    frames = used if len(used) else np.arange(alignment.stack.n_frames)
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(max_frames, len(frames))).astype(int))
    mean = RunningMean(alignment.transforms.shape)
    still = np.zeros((2, *alignment.transforms.shape), np.float32)

    def resample(raw: npt.NDArray[Any], t: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
        return alignment.resample_measured(raw, t) if moved else warp_with_valid(raw, still)

    for done, t in enumerate(map(int, frames[chosen])):
        yield Progress("Averaging", done, len(chosen))
        raw = alignment.stack.read(t, t + 1)[0, channel]
        mean.add(*resample(raw, t))
    return mean.image_or_nan()


def session_fov(alignments: Sequence[Alignment]) -> npt.NDArray[np.bool_]:
    """(Y, X) bool: pixels that are valid in every unflagged frame of every recording.

    Raises
    ------
    InputError
        Where there are no alignments, or they have references of different shapes.
    """
    shapes = {alignment.transforms.shape for alignment in alignments}
    if len(shapes) != 1:
        raise InputError(
            "A common field of view needs at least one alignment, and all of them in the "
            "coordinates of one reference."
        )
    fields = [alignment.common_fov() for alignment in alignments]
    return np.asarray(np.logical_and.reduce(fields), bool)
