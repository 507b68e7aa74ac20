"""Two images beside each other in one layer: the reference on the left, a chunk on the right."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.gui.jobs import limits

Image = npt.NDArray[np.float32]

GAP_PX = 8


def stretched(image: Image) -> Image:
    """Bring an image to 0 … 1 by its percentiles, so that two detectors' levels look alike."""
    low, high = limits(image)
    return np.clip((np.nan_to_num(image, nan=low) - low) / (high - low), 0, 1).astype(np.float32)


def offset_of(reference: Image) -> int:
    """Columns by which the right image is moved."""
    return int(reference.shape[1]) + GAP_PX


def side_by_side(left: Image, right: Image) -> Image:
    """One image (max Y, X + gap + X) float32 of both; the gap is bright enough to be seen."""
    rows = max(left.shape[0], right.shape[0])
    both = np.full((rows, offset_of(left) + right.shape[1]), 0.15, np.float32)
    both[: left.shape[0], : left.shape[1]] = stretched(left)
    both[: right.shape[0], offset_of(left) :] = stretched(right)
    return both
