"""Rows of single frames that don't come from tissue, as a table that goes with an alignment."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Table = npt.NDArray[np.void]
RowKinds = npt.NDArray[np.uint8]

ROWS = np.dtype(
    [("frame", np.int32), ("first_row", np.int32), ("last_row", np.int32), ("kind", "U6")]
)
"""``last_row`` is the last one that is left out; rows are those of the raw frame."""


NO_ROWS = np.zeros(0, ROWS)


class RowKind(IntEnum):
    """What became of a row of a frame; the name in lower case stands in the table."""

    TISSUE = 0
    DARK = 1
    BRIGHT = 2


NAMES = {kind.name.lower(): kind for kind in (RowKind.DARK, RowKind.BRIGHT)}


def rows_of_frame(t: int, kinds: RowKinds | None) -> Table:
    """Table of the rows (Y,) of a frame that aren't tissue; None: all of them are."""
    if kinds is None:
        return NO_ROWS
    edges = np.flatnonzero(np.diff(kinds.astype(np.int16), prepend=0, append=0))
    runs = [(a, b) for a, b in pairwise(edges.tolist()) if kinds[a]]
    rows = [(t, a, b - 1, RowKind(kinds[a]).name.lower()) for a, b in runs]
    return np.array(rows, ROWS)


def joined_rows(tables: Iterable[Table]) -> Table:
    """One table of many, in the order of the frames."""
    table = np.concatenate([NO_ROWS, *tables])
    return table[np.argsort(table["frame"], kind="stable")]


def rows_of_frames(table: Table | None, start: int, stop: int) -> Table:
    """Part of a table in the order of the frames that some frames have."""
    if table is None:
        return NO_ROWS
    return table[slice(*np.searchsorted(table["frame"], (start, stop)))]


def left_out(rows: Table, n_rows: int) -> npt.NDArray[np.bool_]:
    """(Y,) bool: which rows of a frame a table of that frame leaves out."""
    out = np.zeros(n_rows, bool)
    for row in rows:
        out[row["first_row"] : row["last_row"] + 1] = True
    return out


def fault_of_rows(table: Table, n_frames: int, n_rows: int) -> str:
    """Say what is wrong with a table that was read; '' for nothing."""
    frame, first, last = (table[name] for name in ("frame", "first_row", "last_row"))
    if (np.diff(frame) < 0).any() or (frame < 0).any() or (frame >= n_frames).any():
        return f"its frames must be numbers from 0 to {n_frames - 1}, in order"
    if (first < 0).any() or (last >= n_rows).any() or (first > last).any():
        return f"its rows must be numbers from 0 to {n_rows - 1}, the first before the last"
    if not np.isin(table["kind"], list(NAMES)).all():
        return f"the kind of its rows must be {' or '.join(NAMES)}"
    return ""
