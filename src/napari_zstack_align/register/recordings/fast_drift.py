"""Drift that is too fast for the chunks: it smears their means, which are what is matched."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.counting import decimal
from napari_zstack_align.flags import Flag
from napari_zstack_align.params import SHORTEST_CHUNK
from napari_zstack_align.register.recordings.chunks import Range
from napari_zstack_align.register.recordings.geometry import apply
from napari_zstack_align.remark import Remark

MOST_PX = 12.0
"""Within a chunk. Below, errors stay a fraction of a pixel; far above they are several pixels."""
WANTED_PX = 5.0
THIRDS_APART_PX = 3.0
"""From the first to the last third of a chunk, where no other chunk shows the drift."""


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


def with_lone_drift_told(
    alignment: Alignment, shift: npt.NDArray[np.float64], stretches: Iterable[Range]
) -> Alignment:
    """Return a recording's alignment with a warning where a chunk drifts and no other shows it.

    Parameters
    ----------
    alignment : Alignment
        In chunks whose length a person chose.
    shift : numpy.ndarray
        (T, 2) motion of the frames that the first reading saw, in px; NaN where unknown.
    stretches : iterable of tuple of int
        Frames (start, stop) between jumps.
    """
    chunks = alignment.chunks
    if chunks is None:
        return alignment
    ranges = {(int(c["start"]), int(c["stop"])) for c in chunks if c["flag"] == Flag.GOOD}
    lone = [(_thirds_apart(shift[slice(*each)]), each) for each in ranges & set(stretches)]
    moved, (start, stop) = max(lone, default=(0.0, (0, 0)))
    if moved <= THIRDS_APART_PX:
        return alignment
    fewer = max(int((stop - start) * WANTED_PX / (1.5 * moved)), SHORTEST_CHUNK)
    shorter = min(fewer, max((stop - start) // 3, SHORTEST_CHUNK))
    return alignment.with_remarks(
        Remark(
            f"Frames {start} to {stop - 1} are one chunk and drift within it: the mean of its last "
            f"third lies {decimal(moved, 1)} px from that of the first. Shorter chunks follow it "
            f"(chunk_frames {shorter} instead of {stop - start})."
        )
    )


def _thirds_apart(shift: npt.NDArray[np.float64]) -> float:
    """How far the last third of some frames lies from the first, in px; 0 where unknown."""
    known = shift[np.isfinite(shift).all(axis=1)]
    third = len(known) // 3
    if not third:
        return 0.0
    return float(np.hypot(*(known[-third:].mean(axis=0) - known[:third].mean(axis=0))))


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
