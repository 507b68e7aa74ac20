"""Rolling means of raw and of aligned frames, each frame read and aligned once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.mean import RunningMean
from napari_zstack_align.levels import counts_dtype

Image = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.bool_]
Frames = npt.NDArray[np.intp]


def rolling_means(
    alignment: Alignment, windows: Sequence[Frames], channel: int
) -> Iterator[tuple[Image, Image]]:
    """Yield the means (Y', X') of the raw and (Y, X) of the aligned frames of each window.

    Parameters
    ----------
    alignment : Alignment
    windows : sequence of numpy.ndarray
        The frames of each, those of the later ones further on.
    channel : int

    Raises
    ------
    InputError
        Where a raw frame can't be read.
    """
    means = RunningMean(alignment.raw_shape), RunningMean(alignment.transforms.shape)
    inside: dict[int, list[tuple[npt.NDArray[np.floating], Pixels]]] = {}
    for window in windows:
        for t in sorted(set(inside) - set(map(int, window))):
            for mean, (image, valid) in zip(means, inside.pop(t), strict=True):
                mean.remove(image, valid)
        new = np.array([t for t in window if t not in inside], np.intp)
        for t, frame in alignment.raw_frames(new, channel):
            raw = frame.astype(counts_dtype(frame.dtype))
            inside[t] = [(raw, np.isfinite(raw)), alignment.resample_measured(frame, t)]
            for mean, (image, valid) in zip(means, inside[t], strict=True):
                mean.add(np.where(valid, image, 0), valid)
        yield means[0].image_or_nan(), means[1].image_or_nan()
