"""Whether traces are still those of the frames, alignments and ROIs that there are now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from napari_zstack_align.cells import Rois
from napari_zstack_align.gui.cells.trace_set import TraceSet
from napari_zstack_align.gui.dataset import Movie
from napari_zstack_align.gui.outdated import (
    ALIGNED_OTHERWISE,
    closed_among,
    realigned_among,
)
from napari_zstack_align.remark import as_warnings

OUTDATED = "These traces are outdated"


def frames_changed(traces: TraceSet, now: Sequence[Movie]) -> str:
    """Say which frames that traces were read from have gone, or are aligned otherwise; '' for none.

    Those of a project may be known to have been outdated before it was saved.
    """
    if traces.outdated:
        return traces.outdated
    for movie in traces.movies:
        if closed := closed_among([movie], now):
            return f"{OUTDATED}: {closed} is no longer open. Read them again, or open it."
        if other := realigned_among([movie], now):
            return f"{OUTDATED}: {ALIGNED_OTHERWISE.format(other)}. Read them again."
    return ""


def rois_changed(traces: TraceSet, now: Rois) -> str:
    """Say which ROIs are others than those that traces were read with; '' for none.

    One that was moved changes the overlap with others, and their neuropil, too.
    """
    if not traces.recordings or (read := traces.recordings[0].rois) is now:
        return ""
    both, before, after = np.intersect1d(read.ids, now.ids, return_indices=True)
    same = np.all(read.circles[before] == now.circles[after], axis=1)
    same &= np.all(read.slices[before] == now.slices[after], axis=1)
    changes = (
        (both[~same], "has changed", "have changed"),
        (np.setdiff1d(read.ids, now.ids), "is gone", "are gone"),
        (np.setdiff1d(now.ids, read.ids), "is new", "are new"),
    )
    words = [
        f"ROI {ids[0]} {one}" if len(ids) == 1 else f"{len(ids):,} ROIs {several}"
        for ids, one, several in changes
        if len(ids)
    ]
    return f"{OUTDATED}: {', '.join(words)}. Read them again." if words else ""


def marked_outdated(traces: TraceSet, why: str) -> TraceSet:
    """The same traces, each with a remark on why they are outdated; '' for not."""
    if not why:
        return traces
    marked = [
        t if why in t.remarks else replace(t, remarks=(*t.remarks, *as_warnings(why)))
        for t in traces.recordings
    ]
    return replace(traces, recordings=tuple(marked))
