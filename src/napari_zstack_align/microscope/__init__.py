"""What a microscope does to pixels: lines displaced in turn, light of one channel in another."""

from napari_zstack_align.microscope.line_phase import (
    LinePhase,
    SegmentPhase,
    estimate_line_phase,
    phase_of,
    what_was_done,
)
from napari_zstack_align.microscope.line_shift import LineShift, ShiftedLines, as_line_shift
from napari_zstack_align.microscope.look import PixelsReport, check_pixels, glance_at_lines
from napari_zstack_align.microscope.segments import Segment, mean_segments

__all__ = [
    "LinePhase",
    "LineShift",
    "PixelsReport",
    "Segment",
    "SegmentPhase",
    "ShiftedLines",
    "as_line_shift",
    "check_pixels",
    "estimate_line_phase",
    "glance_at_lines",
    "mean_segments",
    "phase_of",
    "what_was_done",
]
