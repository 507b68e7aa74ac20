"""What was done, in a sentence."""

from __future__ import annotations

import numpy as np

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.counting import counted
from napari_zstack_align.flags import Codes, Flag, count_by_flag


def size_of(traces: Traces) -> str:
    """'3 ROIs, 900 frames', and the channels where there are several."""
    n_channels, n_rois, n_frames = traces.F.shape
    text = f"{counted(n_rois, 'ROI')}, {counted(n_frames, 'frame')}"
    return text + (f", {counted(n_channels, 'channel')}" if n_channels > 1 else "")


def is_zstack(alignment: Alignment) -> bool:
    """Whether slices with repeats were aligned, and not a recording."""
    return alignment.stack.frames_per_slice is not None


def summary(alignment: Alignment) -> str:
    """Count the frames that were aligned, flagged and left out of the volume or the means."""
    flags = alignment.quality["flag"]
    not_run = int(np.count_nonzero(flags == Flag.NOT_RUN))
    ran = len(flags) - not_run
    text = f"{counted(ran, 'frame')} in {_groups(alignment)}: {flagged(flags)}"
    left_out = int(np.count_nonzero(~alignment.quality["used"] & (flags != Flag.NOT_RUN)))
    text += f", {left_out} left out of the {'volume' if is_zstack(alignment) else 'means'}"
    return text + (f", {not_run} not run." if not_run else ".")


def flagged(flags: Codes) -> str:
    """'3 flagged (1 saturated, 2 torn)'."""
    counts = count_by_flag(flags)
    each = ", ".join(f"{n} {flag}" for flag, n in counts.items())
    return f"{sum(counts.values())} flagged" + (f" ({each})" if each else "")


def _groups(alignment: Alignment) -> str:
    if is_zstack(alignment):
        return counted(alignment.stack.n_slices, "slice")
    return counted(len(np.unique(alignment.quality["chunk"])), "chunk")
