"""Closing napari asks before results go that are in no file; a project is saved first."""

from __future__ import annotations

import errno
import os
from threading import Event

import numpy as np
import pytest
import tifffile
from driving import click, is_closed, settled, show
from napari._qt.qt_viewer import QtViewer
from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtWidgets import QApplication, QMessageBox

import napari_zstack_align as nza
from napari_zstack_align.cells import Rois
from napari_zstack_align.gui.open import open_panel
from napari_zstack_align.project import members

from .conftest import CELLS, at_rest, open_it, save_as

WRITE_NEW = "napari_zstack_align.project.members.write_new"


@pytest.fixture
def open_napari(make_napari_viewer):
    """A viewer whose window is closed as a person does it; napari keeps what was behind it."""
    viewer = make_napari_viewer(show=True)
    behind = viewer.window._qt_viewer
    yield viewer
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    del viewer.window._qt_window
    QtViewer._instances.discard(behind)


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


def test_the_first_save_is_waited_for(open_napari, qtbot, monkeypatch, answer, tmp_path):
    panel = open_panel(open_napari, "Cells")
    window, folder = panel.window(), tmp_path / "larva.zproject"
    panel.rois.set(Rois.of(CELLS))
    writes, may_write = members.write_new, Event()
    monkeypatch.setattr(WRITE_NEW, lambda *args: (may_write.wait(30), writes(*args))[1])
    monkeypatch.setattr(
        "napari_zstack_align.gui.file_dialogs.choose_name", lambda *_: (str(folder), "")
    )
    click(qtbot, panel.keeper.bar.save_button)
    assert panel.keeper.bar.words.words == "larva.zproject, saving …"
    window.close()
    assert window.isVisible()
    assert open_napari.status == "Saving the project; then napari closes."
    may_write.set()
    qtbot.waitUntil(lambda: is_closed(window))
    assert not answer.asked
    assert len(nza.load(folder).rois["ROIs"]) == 3


def test_what_is_discarded_is_not_asked_about_twice(open_napari, answer):
    panel = open_panel(open_napari, "Cells")
    window = panel.window()
    panel.rois.set(Rois.of(CELLS))
    answer("Discard")
    window.close()
    assert not window.isVisible()


@pytest.mark.thorough
def test_results_that_are_in_a_file_are_not_asked_about(open_napari, qtbot, answer, tmp_path):
    panel = open_panel(open_napari, "Cells")
    window = panel.window()
    panel.cells.rois.load(Rois.of(CELLS).save(tmp_path / "rois.csv"))
    settled(qtbot, panel)
    panel.rois.add((10, 10, 3))
    panel.cells.rois.save(tmp_path / "more.csv")
    settled(qtbot, panel)
    (tmp_path / "more.csv").unlink()
    answer("Keep open")
    window.close()
    qtbot.waitUntil(lambda: bool(answer.asked))
    panel.cells.rois.save(tmp_path / "more.csv")
    settled(qtbot, panel)
    window.close()
    qtbot.waitUntil(lambda: is_closed(window))
    assert answer.asked == ["4 ROIs are in no file yet."]


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
        patch.setattr(WRITE_NEW, refused)
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


@pytest.mark.thorough
def test_what_changes_while_a_project_is_saved_is_saved_before_napari_closes(
    open_napari, qtbot, monkeypatch, quick, zstack, tmp_path
):
    panel = open_panel(open_napari, "Load")
    window, folder = panel.window(), tmp_path / "larva.zproject"
    show(qtbot, panel, zstack)
    save_as(qtbot, monkeypatch, panel, folder)
    go_on, write = Event(), members.write_new
    monkeypatch.setattr(WRITE_NEW, lambda *args: (go_on.wait(60), write(*args))[1])
    panel.rois.set(Rois.of(CELLS[:1]))
    qtbot.waitUntil(lambda: panel.keeper.busy)  # it is saved by itself, on a slow disk
    panel.rois.set(Rois.of(CELLS))
    window.close()
    assert window.isVisible()
    go_on.set()
    qtbot.waitUntil(lambda: is_closed(window))
    assert len(nza.load(folder).rois["ROIs"]) == 3


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_mask_of_a_file_that_was_painted_on_is_asked_about(
    when, open_napari, qtbot, answer, tmp_path
):
    """Whether it was opened before the panel or after it."""
    path = tmp_path / "mask.tif"
    tifffile.imwrite(path, np.eye(64, dtype=np.uint8))
    if when == "after":
        panel = open_panel(open_napari, "Load")
    open_napari.open(path, plugin="napari", layer_type="labels")
    if when == "before":
        panel = open_panel(open_napari, "Load")
    window = panel.window()
    open_napari.layers["mask"].paint((30, 10), 1)
    answer("Keep open")
    window.close()
    assert window.isVisible()
    assert answer.asked == ["1 painted mask is in no file yet."]
    open_napari.layers["mask"].undo()
    window.close()  # it is as in its file again
    qtbot.waitUntil(lambda: is_closed(window))


HARM = {
    "deleted": lambda path: path.unlink(),
    "saved over": lambda path: tifffile.imwrite(path, np.ones((64, 64), np.uint8)),
}


@pytest.mark.thorough
@pytest.mark.parametrize("harm", HARM)
def test_a_mask_whose_file_is_gone_is_asked_about(harm, open_napari, qtbot, answer, tmp_path):
    path = tmp_path / "mask.tif"
    tifffile.imwrite(path, np.eye(64, dtype=np.uint8))
    panel = open_panel(open_napari, "Load")
    open_napari.open(path, plugin="napari", layer_type="labels")
    qtbot.waitUntil(lambda: bool(panel.workspace.in_files.copies()))
    HARM[harm](path)
    answer("Keep open")
    panel.window().close()
    qtbot.waitUntil(lambda: bool(answer.asked))
    assert panel.window().isVisible()
    assert answer.asked == ["1 painted mask is in no file yet."]


def test_a_mask_that_was_painted_on_before_the_panel_is_asked_about(open_napari, answer, tmp_path):
    path = tmp_path / "mask.tif"
    tifffile.imwrite(path, np.eye(64, dtype=np.uint8))
    open_napari.open(path, plugin="napari", layer_type="labels")
    open_napari.layers["mask"].paint((30, 10), 1)
    window = open_panel(open_napari, "Load").window()
    answer("Discard")
    window.close()
    assert answer.asked == ["1 painted mask is in no file yet."]


@pytest.mark.thorough
def test_of_a_project_that_is_open_elsewhere_only_what_is_new_is_asked_about(
    open_napari, qtbot, monkeypatch, answer, zstack, tmp_path
):
    folder = tmp_path / "larva.zproject"
    mask = nza.NamedMask("mask", np.eye(64, dtype=np.uint8), zstack.name)
    run = nza.NamedRun("run 1", nza.run(nza.align_adaptive(zstack)))
    whole = nza.Project(stacks=(zstack,), runs=(run,), masks=(mask,), rois={"ROIs": Rois.of(CELLS)})
    whole.save(folder)
    panel = open_panel(open_napari, "Load")
    window = panel.window()
    with nza.ProjectFolder(folder):
        open_it(qtbot, monkeypatch, panel, folder)
        qtbot.waitUntil(lambda: len(panel.rois.rois) == 3)
        at_rest(qtbot, panel)
    panel.rois.delete([1])
    answer("Keep open")
    window.close()
    assert answer.asked == ["2 ROIs are in no file yet."]
    panel.rois.undo()
    window.close()
    assert is_closed(window)


@pytest.fixture
def all_answers(qtbot):
    """Answer every question: 'Discard' where that is one, else the first; what was asked."""
    asked, timer = [], QTimer()

    def look():
        box = QApplication.activeModalWidget()
        if isinstance(box, QMessageBox):
            asked.append(box.windowTitle())
            buttons = {each.text().replace("&", ""): each for each in box.buttons()}
            qtbot.mouseClick(
                buttons.get("Discard") or buttons["Open it"], Qt.MouseButton.LeftButton
            )

    timer.timeout.connect(look)
    timer.start(20)
    yield asked
    timer.stop()


@pytest.mark.parametrize("what", ["close", "open another"])
def test_going_on_without_saving_is_asked_once(
    open_napari, qtbot, monkeypatch, all_answers, zstack, tmp_path, what
):
    other = tmp_path / "other.zproject"
    nza.Project(stacks=(zstack,), rois={"ROIs": Rois.of(CELLS[:1])}).save(other)
    panel = open_panel(open_napari, "Cells")
    window = panel.window()
    panel.rois.set(Rois.of(CELLS[:2]))
    save_as(qtbot, monkeypatch, panel, tmp_path / "larva.zproject")
    panel.rois.set(Rois.of(CELLS))

    def refused(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(WRITE_NEW, refused)
    if what == "close":
        window.close()
        qtbot.waitUntil(lambda: is_closed(window))
        assert all_answers == ["Go on without saving?"]
        return
    panel.open_saved(other)
    qtbot.waitUntil(lambda: len(panel.rois.rois) == 1)
    assert all_answers == ["Open another project?", "Go on without saving?"]
    monkeypatch.undo()
    at_rest(qtbot, panel)
