"""Chunks that resemble the others less after alignment than before, as single frames are judged.

A transform that lowers the correlation is refused: the chunk is bridged. Where the bridge lowers it
too, the frames keep their raw place.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.quality import comparison_factor
from napari_zstack_align.alignment.transforms import AffineLink
from napari_zstack_align.counting import decimal
from napari_zstack_align.flags import Fault, Flag, mark
from napari_zstack_align.register.closing import worse_than_before
from napari_zstack_align.register.recordings.consensus import Consensus, chunk_correlations
from napari_zstack_align.register.recordings.geometry import Matrix
from napari_zstack_align.register.recordings.state import (
    RAW_PLACE,
    RecordingState,
    displacement_lengths,
)


def drop_worse(state: RecordingState) -> int:
    """Flag chunks whose own transform lowers their correlation; they are bridged.

    Returns
    -------
    int
        How many.
    """
    good = state.good
    rows = state.chunks[good]
    before, after = rows["correlation_before"], rows["correlation_after"]
    worse = good[worse_than_before(before, after, _n_pixels(state))]
    for chunk in worse:
        row = state.chunks[chunk]
        mark(row, Fault(Flag.NOT_IMPROVED, f"not improved: {_correlations(row)}"))
        row["method"] = "bridged"
    return len(worse)


def keep_raw_places(state: RecordingState, consensus: Consensus) -> Iterator[int]:
    """Put chunks into their raw place that are worse off where they are bridged to.

    Also writes the correlations of where each bridged chunk lies into the chunk table. Yields each
    chunk that was looked at.
    """
    if not state.matched:  # nothing to bridge from: all are in their raw place
        return
    places = _places(state)
    bridged = np.setdiff1d(np.arange(len(state.chunks)), state.good)
    for chunk in map(int, bridged):
        row = state.chunks[chunk]
        found = _correlations_there(state, consensus, chunk, places)
        if np.isfinite(found).all():
            row["correlation_before"], row["correlation_after"] = found
            before, after = np.array(found)[:, np.newaxis]
            if worse_than_before(before, after, _n_pixels(state))[0]:
                _put_back(state, row)
        yield chunk


def _places(state: RecordingState) -> Matrix:
    """(T, 3, 3) maps of all frames, with the motion of single ones where it is a shift."""
    matrices, _ = state.frame_matrices()
    return matrices @ state.extra.matrices if isinstance(state.extra, AffineLink) else matrices


def _correlations_there(
    state: RecordingState, consensus: Consensus, chunk: int, places: Matrix
) -> tuple[float, float]:
    """Correlation of a chunk before, and where its frames lie: their own where they have one."""
    row = state.chunks[chunk]
    if state.frame_rows is None:
        middle = int(np.clip(round(float(row["midpoint"])), row["start"], row["stop"] - 1))
        return chunk_correlations(consensus, state, chunk, places[middle])
    part = slice(int(row["start"]), int(row["stop"]))
    both = [state.frame_rows[f"correlation_{when}"][part] for when in ("before", "after")]
    known = np.isfinite(both).all(axis=0)
    if not known.any():
        return float("nan"), float("nan")
    before, after = (float(values[known].mean()) for values in both)
    return before, after


def _put_back(state: RecordingState, row: np.void) -> None:
    """Give a chunk, and its frames, their raw place."""
    reason = f"{row['detail']}; " if row["flag"] != Flag.NOT_IMPROVED else ""
    text = f"{reason}not improved: bridged, {_correlations(row)}: it keeps its raw place"
    mark(row, Fault(Flag.NOT_IMPROVED, text))
    row["method"], row["matrix"] = RAW_PLACE, state.expected
    row["correlation_after"] = row["correlation_before"]
    frames = int(row["start"]), int(row["stop"])
    unlike = state.frame_flags.having(Flag.LOW_CORRELATION, *frames)
    state.frame_flags.mark(unlike, None)  # of where they were bridged to
    if state.frame_rows is None:
        return
    part, rows = slice(*frames), state.frame_rows
    rows["correlation_after"][part] = rows["correlation_before"][part]
    rows["residual_px"][part] = 0
    shape = (state.stack.shape[2], state.stack.shape[3])
    mean, largest = displacement_lengths(state.expected[np.newaxis], shape)
    rows["mean_displacement_px"][part], rows["max_displacement_px"][part] = mean, largest


def _correlations(row: np.void) -> str:
    after, before = row["correlation_after"], row["correlation_before"]
    return f"correlation {decimal(after)} after, {decimal(before)} before"


def _n_pixels(state: RecordingState) -> int:
    """Pixels that are compared."""
    sides: npt.NDArray[np.intp] = np.array(state.stack.shape[2:])
    return int(np.prod(sides // comparison_factor(tuple(state.stack.shape[2:]))))
