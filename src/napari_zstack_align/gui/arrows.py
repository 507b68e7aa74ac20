"""The displacement of one frame as arrows on a grid."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment

SPACING_PX = 24
ARROW_LENGTH = 3.0
"""Arrows are drawn this many times as long as the displacement, to be seen at all."""


def arrow_grid(shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    """(N, 2) starting points (y, x), evenly spread over an image (Y, X)."""
    axes = [np.linspace(0, n - 1, max(1, round(n / SPACING_PX)) + 2)[1:-1] for n in shape]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)


def arrows(alignment: Alignment, frame: int | None) -> npt.NDArray[np.float32]:
    """Arrows from reference positions to where they lie in the raw frame.

    Returns
    -------
    numpy.ndarray
        (N, 2, 2) float32: start (y, x) and displacement (dy, dx) in px, as napari's Vectors
        layer wants them; all of length 0 where there is no frame.
    """
    start = arrow_grid(alignment.transforms.shape)
    end = start if frame is None else alignment.transforms.to_raw(start, frame)
    return np.stack([start, end - start], 1).astype(np.float32)
