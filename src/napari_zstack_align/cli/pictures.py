"""Pictures of a result, as PNG files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.errors import InputError
from napari_zstack_align.write.grey import contrast_of, in_grey

GAP_PX = 8


def write_before_after(path: Path, alignment: Alignment, slice_index: int) -> Path:
    """Write the mean of a slice's raw repeats and its slice of the volume, side by side.

    Raises
    ------
    InputError
        Where the file can't be written.
    """
    frames = alignment.stack.frames_of_slice(slice_index)
    before = np.mean([alignment.stack.read(int(t), int(t) + 1)[0, 0] for t in frames], axis=0)
    after = alignment.volume_slice(slice_index)
    limits = contrast_of(after)
    gap = np.full((len(after), GAP_PX), limits[1])
    picture = in_grey(np.hstack([before, gap, after]), limits)
    if not cv2.imwrite(str(path), picture):
        raise InputError(f"{path} can't be written.")
    return path
