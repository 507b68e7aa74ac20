"""A z-stack and two recordings in files, opened in a panel as a person does it."""

from __future__ import annotations

import driving
import numpy as np
import pytest
import tifffile
from driving import click, settled
from stacks import small_zstack

import napari_zstack_align as nza
from napari_zstack_align.gui.open import open_panel
from napari_zstack_align.gui.project import keeper as keeper_module
from napari_zstack_align.samples import recording_with_motion

CELLS = [[20.0, 20.0, 4.0], [30.0, 40.0, 5.5], [44.0, 18.0, 3.25]]


@pytest.fixture
def zstack(tmp_path):
    """A z-stack in a file."""
    frames = small_zstack().read(0, 12)[:, 0]
    path = tmp_path / "brain.tif"
    tifffile.imwrite(path, frames)
    return nza.open_stack(path, frames_per_slice=4, order="repeats")


@pytest.fixture
def recordings(tmp_path):
    """Two recordings in files, the second one's name before that of the first."""
    movie = recording_with_motion(n_frames=60, size=160, photons=200.0, seed=4).stack
    frames = movie.read(0, 60)[:, 0]
    paths = [tmp_path / "session 2.tif", tmp_path / "session 1.tif"]
    for path, part in zip(paths, (frames[:30], frames[30:]), strict=True):
        tifffile.imwrite(path, part)
    return paths


@pytest.fixture
def quick(monkeypatch):
    """The keeper looks often."""
    monkeypatch.setattr(keeper_module, "LOOK_EVERY_MS", 50)
    monkeypatch.setattr(keeper_module, "RETRY_AFTER_S", 0.3)


@pytest.fixture
def open_panels(qtbot):
    """Panels of viewers that are ended with the test."""
    opened = []

    def open_in(viewer, tab="Load"):
        opened.append((viewer, open_panel(viewer, tab)))
        return opened[-1][1]

    yield open_in
    for viewer, panel in opened:
        if panel.is_of(viewer):
            end(viewer, panel)


def end(viewer, panel):
    driving.end(viewer, panel)
    viewer.layers.clear()


def at_rest(qtbot, panel):
    settled(qtbot, panel)
    qtbot.waitUntil(lambda: not panel.keeper.busy and not panel.carrier.busy)


def save_as(qtbot, monkeypatch, panel, path):
    """Press 'Save project …', and type a name."""
    monkeypatch.setattr(
        "napari_zstack_align.gui.file_dialogs.choose_name", lambda *_: (str(path), "")
    )
    click(qtbot, panel.keeper.bar.save_button)
    at_rest(qtbot, panel)


def open_it(qtbot, monkeypatch, panel, path):
    """Press 'Open …', and choose a folder."""
    monkeypatch.setattr("qtpy.QtWidgets.QFileDialog.getExistingDirectory", lambda *_: str(path))
    click(qtbot, panel.keeper.bar.open_button)
    at_rest(qtbot, panel)


def arrays_of(alignment):
    """What of an alignment must come back bit for bit."""
    frames = range(alignment.stack.n_frames)
    return [
        *(alignment.quality[name] for name in alignment.quality.dtype.names),
        alignment.reference,
        *(alignment.transforms.displacement(t) for t in frames[:3]),
    ]


def assert_same_alignment(first, second):
    for one, other in zip(arrays_of(first), arrays_of(second), strict=True):
        np.testing.assert_array_equal(one, other)
