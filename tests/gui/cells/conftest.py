"""A session with known motion, ROIs and traces, and a panel to drive."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.cells import Rois
from napari_zstack_align.cells.traces import DarkLevel, Traces
from napari_zstack_align.cells.traces.traces import FRAMES
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.params import KeypointParams, TraceParams
from napari_zstack_align.stack import Stack

SIZE = 64
LENGTHS = (40, 30)
CELLS = np.array([[20.0, 20, 4], [40, 44, 5], [30, 12, 3]])
DARK = 100
EVENTS = ((0, 10), (1, 20), (2, 33))
"""ROI's row and frame of its transient, in the first recording."""


def shifts(n_frames, seed):
    """(T, 2) known motion in whole px."""
    return np.random.default_rng(seed).integers(-4, 5, (n_frames, 2))


def movie(n_frames, seed):
    """Frames of moving discs that light up, and the alignment that undoes the motion."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((SIZE, SIZE))
    still = np.full((n_frames, SIZE, SIZE), 150.0)
    for row, (cy, cx, radius) in enumerate(CELLS):
        inside = np.hypot(y - cy, x - cx) <= radius
        level = np.full(n_frames, 200.0)
        for cell, frame in EVENTS:
            if cell == row:
                level[frame : frame + 5] += 400
        still[:, inside] += level[:, None]
    moved = shifts(n_frames, seed)
    frames = np.stack([np.roll(f, tuple(s), (0, 1)) for f, s in zip(still, moved, strict=True)])
    frames = DARK + rng.poisson(frames - DARK)
    matrices = np.tile(np.eye(3), (n_frames, 1, 1))
    matrices[:, :2, 2] = moved
    return frames.astype(np.uint16), matrices


def recording(number):
    frames, matrices = movie(LENGTHS[number], seed=number)
    stack = Stack.from_array(
        frames,
        frame_times_s=np.arange(len(frames)) / 10,
        pixel_size_um=(0.8, 0.8),
        name=f"part {number + 1}",
    )
    table = empty_table(len(frames), "chunk")
    table["used"], table["correlation_after"] = True, 0.8
    alignment = Alignment(
        stack,
        Transforms((SIZE, SIZE), (AffineLink(matrices),)),
        np.asarray(frames.mean(0), np.float32),
        table,
        KeypointParams(),
    )
    return Recording(stack, [(100.0, 800.0)], alignment=alignment)


def traces_of(recording, n_channels=1):
    """Traces as if they were read: a step of 1 at each event, NaN in one frame."""
    n_frames = recording.stack.n_frames
    dff = np.zeros((n_channels, len(CELLS), n_frames), np.float32)
    for row, frame in EVENTS:
        dff[:, row, frame : frame + 5] = 1 + row
    dff[:, 1, 3] = np.nan
    frames = np.zeros(n_frames, FRAMES)
    frames["frame"] = frames["raw_frame"] = np.arange(n_frames)
    frames["time_s"] = frames["frame"] / 10
    frames["confidence"], frames["used"] = 0.8, True
    frames["confidence"][5:8] = 0.1
    return Traces(
        F=200 + 200 * dff,
        Fneu=np.full_like(dff, 150),
        corrected=200 + 150 * dff,
        dff=dff,
        rois=Rois.of(CELLS),
        frames=frames,
        motion_explained=np.zeros((n_channels, len(CELLS)), np.float32),
        recording=recording.name,
        channel_names=("green", "red")[:n_channels],
        dark=DarkLevel(np.full(n_channels, 100.0), "file", True),
        params=TraceParams(),
        frame_shape=(SIZE, SIZE),
        pixel_size_um=(0.8, 0.8),
    )


@pytest.fixture
def first_tab():
    return "Traces"


@pytest.fixture
def recordings():
    return [recording(0), recording(1)]


@pytest.fixture
def session(panel, recordings):
    """The session in the viewer, aligned, with its ROIs."""
    panel.recordings.show(recordings)
    panel.rois.set(Rois.of(CELLS))
    QApplication.processEvents()
    return panel.recordings
