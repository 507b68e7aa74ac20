"""Files to run on, panels to run them in, and a napari that is killed in mid-run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from driving import click, settled
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication
from stacks import small_zstack

import napari_zstack_align as nza
from napari_zstack_align.gui.open import open_panel
from napari_zstack_align.gui.unfinished import kept_run

N_SLICES = 6
WRITTEN_NS = 1_500_000_000_000_000_000


@pytest.fixture(scope="session")
def larva_frames():
    return small_zstack(n_slices=N_SLICES).read(0, N_SLICES * 4)[:, 0]


@pytest.fixture(scope="session")
def larva_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("larva")


@pytest.fixture
def larva(larva_folder, larva_frames):
    """A z-stack in a file, opened as a person describes it: the same file in each test."""
    path, new = larva_folder / "larva.tif", larva_folder / "new.tif"
    tifffile.imwrite(new, larva_frames)
    os.utime(new, ns=(WRITTEN_NS, WRITTEN_NS))
    new.replace(path)
    stack = nza.open_stack(path, frames_per_slice=4, order="repeats")
    return stack.replace(z_step_um=3.0)


class Panels:
    """Opens the panel of a viewer anew, as a new start of napari does."""

    def __init__(self, viewer):
        self._viewer, self._panel = viewer, None

    def __call__(self, tab="Load"):
        self.end()
        self._panel = open_panel(self._viewer, tab)
        return self._panel

    def end(self):
        if self._panel is not None:
            end(self._viewer, self._panel)
        self._panel = None


@pytest.fixture
def open_panels(viewer):
    panels = Panels(viewer)
    yield panels
    panels.end()


def end(viewer, panel):
    frame = panel.parent()
    panel.end()
    viewer.window.remove_dock_widget(frame)
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    viewer.layers.clear()
    viewer.dims.ndisplay = 2


class Kill:
    """Copies the state of a run after some units, as a napari that is killed then leaves it."""

    def __init__(self, state: Path, copy: Path) -> None:
        self.state, self.copy = state, copy
        self.after = 0
        self.count = 0

    def write(self, store, name, unit):
        self.original(store, name, unit)
        self.count += 1
        if self.count == self.after:
            # What other threads are writing goes while it is copied.
            shutil.copytree(self.state, self.copy, ignore=shutil.ignore_patterns(".~*"))

    def restore(self):
        """Let the state be as it was then, for the next start."""
        shutil.rmtree(self.state)
        shutil.copytree(self.copy, self.state)
        shutil.rmtree(self.copy)
        self.count = 0


@pytest.fixture
def kill(state_folder, tmp_path, monkeypatch):
    kill = Kill(state_folder, tmp_path / "as it was")
    kill.original = kept_run._Store.write
    monkeypatch.setattr(kept_run._Store, "write", lambda *given: kill.write(*given))
    return kill


@pytest.fixture
def computed(monkeypatch):
    """Names of the units that were computed, not found."""
    names = []
    write = kept_run._Store.write

    def noted(store, name, unit):
        names.append(name)
        write(store, name, unit)

    monkeypatch.setattr(kept_run._Store, "write", noted)
    return names


def offered(qtbot, panel):
    """Wait for the row; its sentence."""
    qtbot.waitUntil(lambda: panel.offers._has_looked and not panel.offers._later.isActive())
    qtbot.waitUntil(lambda: panel.offers._worker is None)
    row = panel.offers.row
    return row.words.text() if not row.isHidden() else ""


def go_on(qtbot, panel):
    click(qtbot, panel.offers.row.go_on_button)
    settled(qtbot, panel)


def run_folders(state):
    return sorted(state.glob("unfinished runs/*"))


def as_arrays(alignment):
    frames = range(alignment.stack.n_frames)
    return {
        **{name: alignment.quality[name] for name in alignment.quality.dtype.names},
        "reference": alignment.reference,
        "mask": alignment.mask,
        "motion": np.stack([alignment.transforms.displacement(t) for t in frames]),
    }


def assert_same(first, second):
    one, other = as_arrays(first), as_arrays(second)
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)
    assert first.params == second.params
