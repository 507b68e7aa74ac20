"""Closing napari asks before results go that are in no file; a project is saved first."""

from __future__ import annotations

import errno
import os

import pytest
from driving import settled, show
from napari._qt.qt_viewer import QtViewer
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication

import napari_zstack_align as nza
from napari_zstack_align.cells import Rois
from napari_zstack_align.gui.open import open_panel

from .conftest import CELLS, save_as


@pytest.fixture
def open_napari(make_napari_viewer):
    """A viewer whose window is closed as a person does it; napari keeps what was behind it."""
    viewer = make_napari_viewer(show=True)
    behind = viewer.window._qt_viewer
    yield viewer
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    del viewer.window._qt_window
    QtViewer._instances.discard(behind)


def is_closed(window):
    try:
        return not window.isVisible()
    except RuntimeError:  # it is gone already
        return True


def test_unsaved_results_are_asked_about(open_napari, qtbot, monkeypatch, answer, tmp_path):
    panel = open_panel(open_napari, "Cells")
    window = panel.window()
    panel.rois.set(Rois.of(CELLS))
    answer("Keep open")
    window.close()
    assert window.isVisible()
    assert "3 ROIs are in no file yet" in answer.asked[0]
    folder = tmp_path / "larva.zproject"
    monkeypatch.setattr("napari_zstack_align.gui.file_dialogs.choose_name", lambda *_: ("", ""))
    answer("Save")
    window.close()  # and no name is chosen
    assert window.isVisible()
    monkeypatch.setattr(
        "napari_zstack_align.gui.file_dialogs.choose_name", lambda *_: (str(folder), "")
    )
    answer("Save")
    window.close()
    qtbot.waitUntil(lambda: is_closed(window))
    assert len(nza.load(folder).rois["ROIs"]) == 3


def test_what_is_discarded_is_not_asked_about_twice(open_napari, answer):
    panel = open_panel(open_napari, "Cells")
    window = panel.window()
    panel.rois.set(Rois.of(CELLS))
    answer("Discard")
    window.close()
    assert not window.isVisible()


def test_results_that_are_in_a_file_are_not_asked_about(open_napari, qtbot, answer, tmp_path):
    panel = open_panel(open_napari, "Cells")
    window = panel.window()
    panel.cells.rois.load(Rois.of(CELLS).save(tmp_path / "rois.csv"))
    settled(qtbot, panel)
    panel.rois.add((10, 10, 3))
    panel.cells.rois.save(tmp_path / "more.csv")
    settled(qtbot, panel)
    window.close()
    assert not window.isVisible()
    assert answer.asked == []


def test_a_project_is_saved_before_napari_closes(
    open_napari, qtbot, monkeypatch, answer, zstack, tmp_path
):
    panel = open_panel(open_napari, "Load")
    window, folder = panel.window(), tmp_path / "larva.zproject"
    show(qtbot, panel, zstack)
    save_as(qtbot, monkeypatch, panel, folder)
    panel.rois.set(Rois.of(CELLS))

    def refused(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("napari_zstack_align.project.members.write_new", refused)
        answer("Keep open")
        window.close()
        qtbot.waitUntil(lambda: bool(answer.asked))
    assert window.isVisible()
    window.close()  # there is room again
    qtbot.waitUntil(lambda: is_closed(window))
    assert len(answer.asked) == 1
    assert len(nza.load(folder).rois["ROIs"]) == 3
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    nza.ProjectFolder(folder).close()  # free for others
