"""What was done, in a few words."""

from __future__ import annotations

from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.counting import counted


def size_of(traces: Traces) -> str:
    """'3 ROIs, 900 frames', and the channels where there are several."""
    n_channels, n_rois, n_frames = traces.F.shape
    text = f"{counted(n_rois, 'ROI')}, {counted(n_frames, 'frame')}"
    return text + (f", {counted(n_channels, 'channel')}" if n_channels > 1 else "")
