"""What is written into the chunk table, and what follows from it for the chunks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.chunks import CHUNK_DTYPE
from napari_zstack_align.counting import decimal
from napari_zstack_align.flags import Fault, Flag, mark
from napari_zstack_align.register.recordings.chunks import Range
from napari_zstack_align.register.recordings.geometry import Matrix, neighbours_differ
from napari_zstack_align.register.recordings.matching import Match
from napari_zstack_align.register.recordings.state import RecordingState

MATCHED = (
    "n_keypoints",
    "n_matches",
    "n_inliers",
    "coverage",
    "correlation_before",
    "correlation_after",
    "residual_px",
    "matrix",
    "method",
    "flag",
    "detail",
)
"""Columns of the chunk table that a match fills."""
LARGEST_TURN_DEG = 3.0
LARGEST_SCALE_CHANGE = 0.02
"""Chunks that differ by more from the next are shortened: matrices are interpolated linearly."""
SHORTEST_HALF = 10
LEAST_LIKENESS = 0.6
FEWEST_TO_JUDGE = 3


def matched_row(match: Match, method: str, expected: Matrix) -> npt.NDArray[np.void]:
    """(1,) what a match says of its chunk, the columns `MATCHED` of the chunk table.

    The transform is the expected one where that of the match isn't to be believed.
    """
    (row,) = rows = np.zeros(1, [(name, CHUNK_DTYPE[name]) for name in MATCHED])
    row["n_keypoints"] = int(match.in_mask.sum())
    row["n_matches"], row["n_inliers"] = len(match.source), match.n_inliers
    row["coverage"], row["residual_px"] = match.coverage, match.residual_px
    row["correlation_before"], row["correlation_after"] = match.before, match.after
    row["method"] = "bridged" if match.fault else method
    mark(row, match.fault)
    row["matrix"] = match.matrix if match.is_believed else expected
    return rows


def write_match(row: np.void, found: np.void) -> None:
    """Write what `matched_row` says into the row of its chunk."""
    for name in MATCHED:
        row[name] = found[name]


def drop_unlike(state: RecordingState) -> int:
    """Flag chunks that resemble the others far less than chunks of the recording do.

    Returns
    -------
    int
        How many.
    """
    good = state.good
    after = state.chunks["correlation_after"][good]
    known = after[np.isfinite(after)]
    if len(known) < FEWEST_TO_JUDGE:
        return 0
    usual = float(np.median(known))
    unlike = good[after < LEAST_LIKENESS * usual]
    for chunk in unlike:
        row = state.chunks[chunk]
        text = (
            f"a correlation of {decimal(row['correlation_after'])}, where {decimal(usual)} is usual"
        )
        mark(row, Fault(Flag.LOW_CORRELATION, text))
        row["method"] = "bridged"
    return len(unlike)


def halved(state: RecordingState) -> list[Range] | None:
    """Ranges with those chunks halved that differ too much from the next; None where none does."""
    good = state.chunks[state.good]
    halve: set[int] = set()
    if len(good) > 1:  # across jumps too: a fast turn may pass for one
        turn, scale = neighbours_differ(good["matrix"])
        for i in np.flatnonzero((turn > LARGEST_TURN_DEG) | (scale > LARGEST_SCALE_CHANGE)):
            halve |= {int(good["chunk"][i]), int(good["chunk"][i + 1])}
    ranges: list[Range] = []
    for row in state.chunks:
        start, stop = int(row["start"]), int(row["stop"])
        if int(row["chunk"]) in halve and stop - start >= 2 * SHORTEST_HALF:
            middle = (start + stop) // 2
            ranges += [(start, middle), (middle, stop)]
        else:
            ranges.append((start, stop))
    return ranges if len(ranges) > len(state.chunks) else None
