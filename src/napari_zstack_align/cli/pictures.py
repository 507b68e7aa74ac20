"""Pictures of a result, as PNG files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.errors import InputError

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
    low, high = np.nanpercentile(after, (1, 99.8))
    gap = np.full((len(after), GAP_PX), high)
    picture = _grey(np.hstack([before, gap, after]), low, high)
    if not cv2.imwrite(str(path), picture):
        raise InputError(f"{path} can't be written.")
    return path


def _grey(image: npt.NDArray[Any], low: float, high: float) -> npt.NDArray[np.uint8]:
    scaled = (np.nan_to_num(image, nan=low) - low) / max(high - low, 1e-9)
    return np.asarray(np.clip(scaled, 0, 1) * 255, np.uint8)
