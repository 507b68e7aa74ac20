"""What was done, in a sentence."""

from __future__ import annotations

import numpy as np

from napari_zstack_align.alignment.alignment import NOT_RUN, Alignment
from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.counting import counted


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
    not_run = int(np.count_nonzero(flags == NOT_RUN))
    flagged = [str(flag).split(":")[0] for flag in flags if flag not in ("", NOT_RUN)]
    kinds, counts = np.unique(flagged, return_counts=True)
    ran = len(flags) - not_run
    text = f"{counted(ran, 'frame')} in {_groups(alignment)}: "
    text += f"{counts.sum()} flagged"
    if len(kinds):
        text += f" ({', '.join(f'{n} {kind}' for kind, n in zip(kinds, counts, strict=True))})"
    left_out = int(np.count_nonzero(~alignment.quality["used"] & (flags != NOT_RUN)))
    text += f", {left_out} left out of the {'volume' if is_zstack(alignment) else 'means'}"
    return text + (f", {not_run} not run." if not_run else ".")


def _groups(alignment: Alignment) -> str:
    if is_zstack(alignment):
        return counted(alignment.stack.n_slices, "slice")
    return counted(len(np.unique(alignment.quality["chunk"])), "chunk")
