"""3-D never reads all frames of a recording."""

from __future__ import annotations

import numpy as np
import pytest
from driving import settled, show
from stacks import small_zstack

import napari_zstack_align.gui.workspace as workspace_module
from napari_zstack_align.stack import Stack

N_FRAMES = 40


class CountingSource:
    """Frames that are counted when they are read."""

    reads_singly = True
    dtype = np.dtype(np.uint16)
    shape = (N_FRAMES, 1, 32, 32)

    def __init__(self):
        self.n_read = 0

    def read(self, start, stop):
        self.n_read += stop - start
        return np.full((stop - start, *self.shape[1:]), start, self.dtype)


@pytest.fixture
def source():
    return CountingSource()


@pytest.fixture
def movie(source):
    return Stack(source, name="movie")


@pytest.fixture
def said(monkeypatch):
    words = []
    monkeypatch.setattr(workspace_module, "show_info", words.append)
    return words


def of_session(qtbot, panel, movie):
    panel.recordings.add_stacks([movie])
    settled(qtbot, panel)
    return panel.workspace.session


def of_load_tab(qtbot, panel, movie):
    return show(qtbot, panel, movie)


@pytest.mark.parametrize("opened", [of_session, of_load_tab])
def test_the_button_leads_back_to_2d_with_a_sentence(
    qtbot, viewer, panel, source, movie, said, opened
):
    group = opened(qtbot, panel, movie)
    group.go_to(7)
    before = source.n_read
    viewer.dims.ndisplay = 3
    assert viewer.dims.ndisplay == 2
    assert source.n_read - before <= 2
    assert said == [workspace_module.NO_VOLUME]
    assert np.ravel(group.position()).tolist() == [7]


def test_a_recording_that_comes_in_3d_is_shown_in_2d(qtbot, viewer, panel, source, movie, said):
    show(qtbot, panel, small_zstack())
    viewer.dims.ndisplay = 3
    of_load_tab(qtbot, panel, movie)
    assert viewer.dims.ndisplay == 2
    assert source.n_read < N_FRAMES / 2
    assert said == [workspace_module.NO_VOLUME]


def test_a_zstack_is_shown_in_3d_and_a_hidden_recording_stays_unread(
    qtbot, viewer, panel, source, movie, said
):
    session = of_session(qtbot, panel, movie)
    shown = show(qtbot, panel, small_zstack())
    session.hide()
    before = source.n_read
    viewer.dims.ndisplay = 3
    assert (viewer.dims.ndisplay, said) == (3, [])
    session.raw[0].visible = True
    assert (viewer.dims.ndisplay, said) == (2, [workspace_module.NO_VOLUME])
    assert session.mode == "raw"
    assert source.n_read - before <= 2
    assert shown.raw


def test_in_3d_the_frame_of_before_is_one_pixel_deep(qtbot, viewer, panel, movie, said):
    layer = of_session(qtbot, panel, movie).raw[0]
    viewer.dims.set_point(0, 7)
    panel.workspace.let_go()
    viewer.dims.ndisplay = 3
    shown = layer.data[:, :, :]
    assert (shown.shape, int(shown.max())) == ((1, 32, 32), 7)


def test_who_asks_for_all_frames_gets_them(qtbot, viewer, panel, movie):
    layer = of_session(qtbot, panel, movie).raw[0]
    for everything in (
        np.asarray(layer.data),
        layer.data[:],
        layer.data[:, :, :],
        layer.data[np.arange(N_FRAMES), :, :],
    ):
        assert everything[:, 0, 0].tolist() == list(range(N_FRAMES))
