"""A session of three generated recordings of one field of view, and a panel to drive."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication

from napari_zstack_align.gui.open import open_panel
from napari_zstack_align.samples import recording_with_motion
from napari_zstack_align.stack import Stack

N_FRAMES = 60
SIZE = 192


@pytest.fixture(scope="session")
def movie():
    """One movie with slow drift, to be cut into recordings: (180, 192, 192)."""
    sample = recording_with_motion(n_frames=3 * N_FRAMES, size=SIZE, photons=60.0, seed=4)
    return np.asarray(sample.stack.read(0, 3 * N_FRAMES))[:, 0]


@pytest.fixture
def stacks(movie):
    return [
        Stack.from_array(
            movie[start : start + N_FRAMES],
            frame_times_s=np.arange(N_FRAMES) / 10,
            pixel_size_um=(0.8, 0.8),
            name=f"part {number}",
        )
        for number, start in enumerate(range(0, len(movie), N_FRAMES), start=1)
    ]


@pytest.fixture
def viewer(shared_viewer):
    return shared_viewer


@pytest.fixture
def panel(viewer):
    panel = open_panel(viewer, "Recordings")
    yield panel
    viewer.window.remove_dock_widget(panel)
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    viewer.layers.clear()
    viewer.dims.ndisplay = 2
