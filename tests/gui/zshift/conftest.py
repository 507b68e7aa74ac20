"""A recording that drifts out of a z-stack, with known depth, and a panel to drive."""

from __future__ import annotations

import numpy as np
import pytest
from driving import settled

import napari_zstack_align as nza
from napari_zstack_align.gui.recordings.recording import Recording
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
def first_tab():
    return "Z-shift"


@pytest.fixture
def loaded(qtbot, panel, sample, recording):
    """Recording and reference in the viewer, and a small patch."""
    panel.zstack.load_stack(sample.reference.replace(name="zstack"))
    settled(qtbot, panel)
    panel.recordings.show([Recording(recording, [(100.0, 800.0)])])
    panel.zshift.tab.form.set_values(PARAMS)
    return panel.zshift
