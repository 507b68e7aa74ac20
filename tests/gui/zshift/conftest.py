"""A recording that drifts out of a z-stack, with known depth, and a panel to drive."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication

import napari_zstack_align as nza
from napari_zstack_align.gui.open import open_panel
from napari_zstack_align.gui.zshift.view import ZShiftView
from napari_zstack_align.params import ZShiftParams
from napari_zstack_align.samples import recording_with_zshift

Z = np.linspace(-2, 7, 24)
"""Depths of the frames in a stack of 9 slices, 2 µm apart: the first ones lie above it."""
PARAMS = ZShiftParams(patch_px=48)


@pytest.fixture(scope="session")
def sample():
    return recording_with_zshift(n_slices=9, size=64, z=Z, tilt_slices=0.5, seed=3)


@pytest.fixture(scope="session")
def recording(sample):
    return sample.recording.replace(name="larva", frame_times_s=np.arange(len(Z)) / 10)


@pytest.fixture(scope="session")
def zshift(sample, recording):
    return nza.run(nza.estimate_zshift(recording, sample.reference, PARAMS))


@pytest.fixture(scope="session")
def view(zshift):
    return ZShiftView.of(zshift)


@pytest.fixture
def viewer(shared_viewer):
    return shared_viewer


@pytest.fixture
def panel(viewer):
    panel = open_panel(viewer, "Z-shift")
    yield panel
    viewer.window.remove_dock_widget(panel)
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    viewer.layers.clear()
