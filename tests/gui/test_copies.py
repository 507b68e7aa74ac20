"""What is saved or opened is described in the worker that does it: a drive may be slow."""

from __future__ import annotations

import threading

import pytest
from driving import settled, show
from stacks import small_zstack

import napari_zstack_align as nza
from napari_zstack_align.cells import Rois
from napari_zstack_align.gui.copies import opening
from napari_zstack_align.progress import Progress
from napari_zstack_align.saved.as_kept import KeptFiles


@pytest.fixture
def threads(monkeypatch):
    """Threads in which files are described."""
    found, init = [], KeptFiles.__init__

    def noted(self, path):
        found.append(threading.get_ident())
        init(self, path)

    monkeypatch.setattr(KeptFiles, "__init__", noted)
    return found


def save_and_open_rois(qtbot, panel, path):
    panel.rois.set(Rois.of([[20.0, 20.0, 4.0]]))
    panel.cells.rois.save(path / "rois.csv")
    settled(qtbot, panel)
    saved = panel.rois.rois
    panel.cells.rois.load(path / "rois.csv")
    settled(qtbot, panel)
    assert saved in panel.workspace.in_files
    assert panel.rois.rois in panel.workspace.in_files


def save_and_open_a_run(qtbot, panel, path):
    stack = small_zstack()
    shown = show(qtbot, panel, stack)
    panel.zstack.result.show(nza.run(nza.align_adaptive(stack)))
    settled(qtbot, panel)
    panel.zstack.result.save(path / "brain.zalign")
    settled(qtbot, panel)
    panel.zstack.result.load(path / "brain.zalign")
    settled(qtbot, panel)
    runs = [run for each in panel.workspace.stacks for run in each.runs.listed]
    assert all(run.saved and run.copies for run in runs)
    assert len(runs) == 2
    assert shown.runs.listed[0] in runs


@pytest.mark.parametrize("save_and_open", [save_and_open_rois, save_and_open_a_run])
def test_the_window_waits_for_no_description(qtbot, panel, threads, tmp_path, save_and_open):
    save_and_open(qtbot, panel, tmp_path)
    assert len(threads) == 2
    assert threading.get_ident() not in threads


def test_a_result_that_changes_while_it_is_opened_is_not_there(tmp_path):
    path = Rois.of([[20.0, 20.0, 4.0]]).save(tmp_path / "rois.csv")

    def changes():
        yield Progress("Opening", 0, 1)
        Rois.of([[20.0, 20.0, 5.0]]).save(path, overwrite=True)

    _, copy = nza.run(opening(path, changes))
    assert not copy.is_there()
