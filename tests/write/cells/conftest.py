"""Traces made by hand: what goes in is known to the digit."""

from pathlib import Path

import numpy as np
import pytest

from napari_zstack_align.cells.rois import Rois
from napari_zstack_align.cells.traces import DarkLevel, Traces
from napari_zstack_align.cells.traces.traces import FRAMES
from napari_zstack_align.params import TraceParams

CIRCLES = [(10.0, 12.0, 3.0), (20.25, 30.5, 4.5), (22.0, 34.0, 2.5)]


@pytest.fixture
def rois():
    """Three circles with ids that are no row numbers; the last two overlap."""
    return Rois.of(CIRCLES, ids=[3, 7, 12], features={"strength": [0.5, 0.25, 0.75]})


@pytest.fixture
def make_traces(rois):
    """Make traces of three ROIs: frame 2 is flagged, ROI 7 is out of view in frame 4."""

    def make(recording="larva_1", n_channels=1, n_frames=9, times=True, rois=rois, rate=10.0):
        n_rois = len(rois)
        random = np.random.default_rng(0)
        raw = random.uniform(900, 1000, (2, n_channels, n_rois, n_frames)).astype(np.float32)
        raw[:, :, 1:2, 4:5] = np.nan
        frames = np.zeros(n_frames, FRAMES)
        frames["frame"] = np.arange(n_frames)
        frames["time_s"] = np.arange(n_frames) / rate if times else np.nan
        frames["confidence"], frames["used"] = 0.75, True
        frames["flag"][2:3] = "jump: 3,5 px"
        return Traces(
            F=raw[0],
            Fneu=raw[1],
            corrected=raw[0] - np.float32(0.7) * (raw[1] - np.float32(950)),
            dff=raw[0] / np.float32(950) - 1,
            rois=rois,
            frames=frames,
            motion_explained=np.full((n_channels, n_rois), 0.01, np.float32),
            recording=recording,
            channel_names=("green", "red")[:n_channels],
            dark=DarkLevel(np.full(n_channels, 100.0), "given", True),
            params=TraceParams(),
            frame_shape=(40, 48),
            pixel_size_um=(0.8, 0.5),
        )

    return make


@pytest.fixture
def traces(make_traces):
    return make_traces()


@pytest.fixture
def no_leftovers(tmp_path):
    """Say what stands in the folder, hidden files too."""

    def names():
        return sorted(path.name for path in Path(tmp_path).iterdir())

    return names
