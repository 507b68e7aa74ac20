"""A session of three generated recordings of one field of view, and a panel to drive."""

from __future__ import annotations

import numpy as np
import pytest
from driving import click, settled
from stacks import SlowSource

import napari_zstack_align as nza
from napari_zstack_align.cells import Rois
from napari_zstack_align.gui.recordings import run
from napari_zstack_align.samples import recording_with_motion
from napari_zstack_align.stack import Stack

N_FRAMES = 60
SIZE = 144
CHUNK_FRAMES = 20


CELLS = np.array([[45.0, 45, 5], [75, 90, 5], [98, 60, 5]])
"""(y, x, radius) of ROIs on the reference, in px."""


@pytest.fixture(scope="session")
def movie():
    """One movie with slow drift, to be cut into recordings: (180, SIZE, SIZE)."""
    sample = recording_with_motion(n_frames=3 * N_FRAMES, size=SIZE, photons=80.0, seed=4)
    return np.asarray(sample.stack.read(0, 3 * N_FRAMES))[:, 0]


@pytest.fixture(scope="session")
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
def first_tab():
    return "Recordings"


def add(qtbot, panel, stacks):
    session = panel.recordings
    session.add_stacks(stacks)
    settled(qtbot, panel)
    session.tab.form.fields["chunk_frames"].set(CHUNK_FRAMES)
    return session


def run_to_end(qtbot, panel):
    panel.open_tab("Recordings")
    click(qtbot, panel.recordings.tab.run_bar.run_button)
    settled(qtbot, panel)


def press(qtbot, panel, name):
    tab = panel.recordings.tab
    buttons = tab.buttons if name in tab.buttons else panel.recordings.results_tab.buttons
    click(qtbot, buttons[name])
    settled(qtbot, panel)


def slow(stacks, seconds=0.01, fast_reads=0):
    return [stack.replace(source=SlowSource(stack.source, seconds, fast_reads)) for stack in stacks]


@pytest.fixture
def session(qtbot, panel, stacks):
    return add(qtbot, panel, stacks)


@pytest.fixture(scope="session")
def registered(stacks):
    """The recordings' alignments, made once for all tests that need some."""
    return nza.run(nza.register_recordings(stacks, nza.KeypointParams(chunk_frames=CHUNK_FRAMES)))


@pytest.fixture
def registered_session(qtbot, panel, session, registered, monkeypatch):
    """A session after a run whose worker returns what was registered before."""

    def register(*_arguments, **_options):
        yield nza.Progress("Registering", 1, 1, partial=registered)
        return registered

    with monkeypatch.context() as patched:
        patched.setattr(run.engine, "register_recordings", register)
        run_to_end(qtbot, panel)
    return session


@pytest.fixture
def aligned(panel, registered_session):
    """The same, with its tab in front."""
    panel.open_tab("Session")
    return registered_session


@pytest.fixture
def session_with_rois(qtbot, panel, registered_session):
    """The same, with some ROIs on its reference."""
    panel.rois.set(Rois.of(CELLS))
    qtbot.waitUntil(lambda: not panel.carrier.busy)
    return registered_session
