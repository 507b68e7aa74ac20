"""Rows of a frame that were struck by light, or gated: they don't show the tissue.

Light from outside (a lamp, a stimulus) falls into some rows of some frames, or the detector is off
for them, and the frames that show such a band resemble one another by it, whatever their slices.
Such a row is brighter or darker over its whole width, so that the middle half of its pixels is,
too, whereas cells are few of them. What the tissue shows there is unknown: the rows are filled from
those beside them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation, median_filter

from napari_zstack_align.spread import spread_of

Image = npt.NDArray[np.float32]

LEAST_SPREADS = 8.0
"""Struck rows differ from those around them by this many times what rows usually do."""
LEAST_PART = 0.5
"""... and by this part of the spread of a frame's pixels."""
MOST_ROWS = 0.25
"""Of the rows, so many are struck at most: where there are more, it is the tissue."""


def without_struck_rows(image: Image) -> Image:
    """Fill struck and gated rows (Y, X) from those beside them.

    Returns
    -------
    numpy.ndarray
        The same image where there are none.
    """
    n_rows = len(image)
    struck = struck_rows(image)
    if not struck.any():
        return image
    # The rows at its edges may be so in part.
    known = np.flatnonzero(~binary_dilation(struck))
    if not len(known):
        return image
    filled = image.copy()
    for row in np.setdiff1d(np.arange(n_rows), known):
        after = min(int(np.searchsorted(known, row)), len(known) - 1)
        above, below = known[max(after - 1, 0)], known[after]
        share = (row - above) / (below - above) if above < row < below else 0.5
        filled[row] = (1 - share) * image[above] + share * image[below]
    return filled


def struck_rows(image: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """(Y,) bool: rows of an image (Y, X) of finite numbers that were struck by light, or gated."""
    n_rows, n_columns = image.shape
    middle = np.sort(image, axis=1)[:, n_columns // 4 : max(n_columns - n_columns // 4, 1)]
    level = middle.mean(axis=1, dtype=np.float64)
    width = 2 * int(MOST_ROWS * n_rows) + 1
    excess = level - median_filter(level, min(width, n_rows), mode="reflect")
    pixels = float(np.median(np.std(image, axis=1, dtype=np.float64)))
    struck = np.abs(excess) > max(LEAST_SPREADS * spread_of(excess), LEAST_PART * pixels)
    return struck if struck.mean() <= MOST_ROWS else np.zeros(n_rows, bool)
