"""Drift that is too fast for the chunks: it smears their means, which are what is matched."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.flags import Flag
from napari_zstack_align.params import SHORTEST_CHUNK
from napari_zstack_align.register.recordings.geometry import apply
from napari_zstack_align.remark import Remark

MOST_PX = 12.0
"""Within a chunk. Below, errors stay a fraction of a pixel; far above they are several pixels."""
WANTED_PX = 5.0


def with_fast_drift_told(alignment: Alignment) -> Alignment:
    """Return a recording's alignment with a warning where chunks are too long for its drift."""
    chunks = alignment.chunks
    if chunks is None:
        return alignment
    speed = speeds(chunks, alignment.raw_shape)
    moved = speed * (chunks["stop"] - chunks["start"])
    if not len(moved) or not np.nanmax(moved, initial=0) > MOST_PX:
        return alignment
    worst = int(np.nanargmax(moved))
    length = int(chunks["stop"][worst] - chunks["start"][worst])
    fewer = max(int(WANTED_PX / speed[worst]), SHORTEST_CHUNK)
    return alignment.with_remarks(
        Remark(
            f"Frames {chunks['start'][worst]} to {chunks['stop'][worst] - 1}, a chunk, move by "
            f"{moved[worst]:.0f} px, which smears their mean: frames may lie px off. Give shorter "
            f"chunks (chunk_frames {fewer} instead of {length})."
        )
    )


def speeds(chunks: npt.NDArray[np.void], shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    """(n,) px a frame by which the middle of the image moves at each chunk's midpoint.

    The larger of the two sides; NaN where no neighbour in the same segment was matched.
    """
    centre = (np.array([shape], float) - 1) / 2
    middle = np.array([apply(matrix, centre)[0] for matrix in chunks["matrix"]]).reshape(-1, 2)
    good = chunks["flag"] == Flag.GOOD
    both = good[1:] & good[:-1] & (chunks["segment"][1:] == chunks["segment"][:-1])
    step = np.linalg.norm(np.diff(middle, axis=0), axis=1) / np.diff(chunks["midpoint"])
    step = np.where(both, step, np.nan)
    around = np.stack([np.append(step, np.nan), np.append(np.nan, step)])
    return np.asarray(np.fmax(*around))
