"""A run whose copy other programs change or remove is not lost without a question."""

from __future__ import annotations

import os
import shutil
from threading import Event

import pytest
from driving import click
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QProgressDialog, QPushButton

from napari_zstack_align.gui import saved_runs, worker
from napari_zstack_align.gui.copies import Copy

from .test_saved_over import OfSession, OfStack, slow_to_answer


@pytest.fixture(params=[OfStack, OfSession])
def two_runs(request, qtbot, panel):
    return request.param(qtbot, panel)


def a_file_in(path):
    return next(path.rglob("transforms*.npz"))


def change_in_place(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, (1, 1))


HARM = {
    "deleted": shutil.rmtree,
    "cut": lambda path: a_file_in(path).write_bytes(b""),
    "changed in place": lambda path: change_in_place(a_file_in(path)),
}


def test_a_run_whose_copy_is_not_as_it_was_is_asked_about_before_it_is_removed(
    two_runs, qtbot, panel, monkeypatch, answer, tmp_path
):
    panel.open_tab("Align" if two_runs.name == "brain.zalign" else "Session")
    for number, (what, harm) in enumerate(HARM.items(), 1):
        path = tmp_path / f"{number} {two_runs.name}"
        two_runs.save(monkeypatch, path, 0)
        assert two_runs.saved() == [True, False]
        harm(path)
        answer("Keep it")
        click(qtbot, two_runs.box.remove_button)
        assert len(answer.asked) == number, what
        assert answer.asked[-1] == (
            "'run 1' is in no file any more, and would be lost: what was saved has been changed or "
            "removed."
        )
        assert two_runs.saved() == [False, False]


def test_a_mere_copy_of_it_is_removed_without_a_question(
    qtbot, panel, monkeypatch, answer, tmp_path
):
    of, path = OfStack(qtbot, panel), tmp_path / "brain.zalign"
    panel.open_tab("Align")
    of.save(monkeypatch, path, 0)
    path.rename(tmp_path / "before")
    shutil.copytree(tmp_path / "before", path, copy_function=shutil.copyfile)
    click(qtbot, of.box.remove_button)
    assert [run.name for run in of.runs.listed] == ["run 2"]
    assert not answer.asked


def test_a_run_whose_copy_was_deleted_outlives_its_layers_and_its_layout(
    qtbot, panel, monkeypatch, answer, tmp_path
):
    of = OfStack(qtbot, panel)
    for row in (0, 1):
        of.save(monkeypatch, tmp_path / f"{row}.zalign", row)
    shutil.rmtree(tmp_path / "1.zalign")
    tab = panel.zstack.load_tab
    panel.open_tab("Load")
    tab.details.repeats.setValue(1)
    answer("Keep it")
    click(qtbot, tab.apply_button)
    assert answer.asked[0] == (
        "'run 2' is in no file any more, and would be lost: what was saved has been changed or "
        "removed."
    )
    assert len(of.runs) == 2
    panel.viewer.layers.select_all()
    panel.viewer.layers.remove_selected()
    assert [each.runs for each in panel.workspace.kept] == [of.runs]


def test_the_window_goes_on_while_a_drive_is_waited_for(
    qtbot, panel, monkeypatch, answer, tmp_path
):
    of, woken = OfStack(qtbot, panel), Event()
    panel.open_tab("Align")
    of.save(monkeypatch, tmp_path / "brain.zalign", 0)
    there = Copy.is_there
    monkeypatch.setattr(Copy, "is_there", lambda copy: woken.wait() and there(copy))
    QTimer.singleShot(worker.A_MOMENT_MS, woken.set)
    click(qtbot, of.box.remove_button)
    assert [run.name for run in of.runs.listed] == ["run 2"]
    assert not answer.asked


def test_a_drive_need_not_be_waited_for(qtbot, panel, monkeypatch, answer, tmp_path):
    of, woken = OfStack(qtbot, panel), Event()
    panel.open_tab("Align")
    of.save(monkeypatch, tmp_path / "brain.zalign", 0)
    monkeypatch.setattr(Copy, "is_there", lambda _: woken.wait())
    timer = QTimer()

    def look():
        dialog = QApplication.activeModalWidget()
        if isinstance(dialog, QProgressDialog):
            timer.stop()
            click(qtbot, dialog.findChild(QPushButton))

    timer.timeout.connect(look)
    timer.start(20)
    answer("Keep it")
    click(qtbot, of.box.remove_button)
    woken.set()
    assert "'run 1' may be in no file any more" in answer.asked[0]


def test_a_drive_that_says_nothing_is_asked_about(qtbot, panel, monkeypatch, answer, tmp_path):
    of = OfStack(qtbot, panel)
    panel.open_tab("Align")
    of.save(monkeypatch, tmp_path / "brain.zalign", 0)
    slow_to_answer(monkeypatch, 0.3)
    monkeypatch.setattr(saved_runs, "PATIENCE_MS", 50)
    answer("Keep it")
    click(qtbot, of.box.remove_button)
    assert "'run 1' may be in no file any more" in answer.asked[0]
    assert of.saved() == [True, False]
