"""Traces: what each cell's circle holds in every raw frame, and ΔF/F made of it."""

from napari_zstack_align.cells.traces.dark import (
    DarkLevel,
    dark_level,
    dark_levels,
    measured_dark_level,
)
from napari_zstack_align.cells.traces.extract import extract_session_traces, extract_traces
from napari_zstack_align.cells.traces.stimuli import Stimuli, read_stimuli, with_stimuli
from napari_zstack_align.cells.traces.storage import load_traces, save_session_traces
from napari_zstack_align.cells.traces.traces import Traces

__all__ = [
    "DarkLevel",
    "Stimuli",
    "Traces",
    "dark_level",
    "dark_levels",
    "extract_session_traces",
    "extract_traces",
    "load_traces",
    "measured_dark_level",
    "read_stimuli",
    "save_session_traces",
    "with_stimuli",
]
