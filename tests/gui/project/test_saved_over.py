"""A run whose folder another result is saved over, or is deleted, is in no file any more."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import cache
from time import monotonic, sleep

import pytest
from driving import is_closed, settled, show
from napari._qt.qt_viewer import QtViewer
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication
from stacks import small_zstack

import napari_zstack_align as nza
from napari_zstack_align.gui import saved_runs
from napari_zstack_align.gui.copies import Copy
from napari_zstack_align.gui.open import open_panel
from napari_zstack_align.samples import recording_with_motion
from napari_zstack_align.stack import Stack

CHOOSE = "napari_zstack_align.gui.file_dialogs.choose_name"


@pytest.fixture
def panel(make_napari_viewer):
    """A panel in a window that is closed as a person does it; napari keeps what was behind it."""
    viewer = make_napari_viewer(show=True)
    behind = viewer.window._qt_viewer
    yield open_panel(viewer)
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    del viewer.window._qt_window
    QtViewer._instances.discard(behind)


@cache
def of_stack():
    return nza.run(nza.align_adaptive(small_zstack(), nza.AdaptiveParams()))


@cache
def of_session():
    movie = recording_with_motion(n_frames=60, size=128, photons=200.0, seed=4).stack
    frames = movie.read(0, 60)[:, 0]
    stacks = [Stack.from_array(frames[30 * k :][:30], name=name) for k, name in enumerate("ab")]
    return nza.run(nza.register_recordings(stacks, nza.KeypointParams(chunk_frames=10)))


class OfStack:
    """Two runs of a z-stack."""

    name, words = "brain.zalign", "the alignment of"

    def __init__(self, qtbot, panel):
        self.qtbot, self.panel = qtbot, panel
        found = of_stack()
        shown = show(qtbot, panel, found.stack)
        self.runs, self.part = shown.runs, panel.zstack
        self.box = panel.zstack.align_tab.runs_box
        self.tab, self.files = panel.zstack.align_tab, panel.zstack.result
        for note in ("one", "other"):
            self.files.show(replace(found, provenance={"note": note}))
            settled(qtbot, panel)

    def save(self, monkeypatch, path, row):
        """Press 'Save …' while a run is shown, and type a name."""
        self.part.runs.show(self.runs.listed[row].number)
        settled(self.qtbot, self.panel)
        monkeypatch.setattr(CHOOSE, lambda *_: (str(path), ""))
        self.files.do("save")
        settled(self.qtbot, self.panel)

    def tips(self):
        rows = self.box.list
        return [rows.topLevelItem(row).toolTip(0) for row in range(rows.topLevelItemCount())]

    def saved(self):
        assert ["\nnot saved\n" not in tip for tip in self.tips()] == [
            run.saved for run in self.runs.listed
        ]
        return [run.saved for run in self.runs.listed]


class OfSession(OfStack):
    """Two runs of two recordings."""

    name, words = "session", "a session of 2 recordings"

    def __init__(self, qtbot, panel):
        self.qtbot, self.panel, self.part = qtbot, panel, panel.recordings
        self.runs, self.files = panel.recordings.layers.runs, panel.recordings.results
        self.box = panel.recordings.results_tab.runs_box
        for note in ("one", "other"):
            self.files.show([replace(each, provenance={"note": note}) for each in of_session()])
            settled(qtbot, panel)


def close(qtbot, panel, answer, said):
    """Close napari, and answer its question, which may come once the disk has answered."""
    before = len(answer.asked)
    answer(said)
    panel.window().close()
    qtbot.waitUntil(lambda: len(answer.asked) > before)


@pytest.fixture(params=[OfStack, OfSession])
def two_runs(request, qtbot, panel):
    return request.param(qtbot, panel)


@pytest.mark.thorough
def test_a_run_that_is_saved_over_is_in_no_file_and_asked_about(
    two_runs, qtbot, panel, monkeypatch, answer, tmp_path
):
    path = tmp_path / two_runs.name
    two_runs.save(monkeypatch, path, 0)
    assert two_runs.saved() == [True, False]
    answer("Keep")
    two_runs.save(monkeypatch, path, 1)
    assert two_runs.saved() == [True, False]
    answer("Replace")
    two_runs.save(monkeypatch, path, 1)
    assert two_runs.saved() == [False, True]
    for question in answer.asked:
        assert two_runs.words in question
        assert "It holds 'run 1' of the list, which would be in no file any more." in question
    close(qtbot, panel, answer, "Keep open")
    assert panel.window().isVisible()
    assert "1 run is in no file yet" in answer.asked[-1]
    close(qtbot, panel, answer, "Discard")


@pytest.mark.thorough
def test_a_run_that_is_saved_elsewhere_too_stays_saved(two_runs, monkeypatch, answer, tmp_path):
    path = tmp_path / two_runs.name
    two_runs.save(monkeypatch, path, 0)
    two_runs.save(monkeypatch, tmp_path / f"copy of {two_runs.name}", 0)
    for row in (1, 1):  # the second time, it is its own
        answer("Replace")
        two_runs.save(monkeypatch, path, row)
    assert two_runs.saved() == [True, True]
    assert not any("of the list" in question for question in answer.asked)


@pytest.mark.thorough
def test_a_run_that_was_opened_is_in_its_folder_until_it_is_saved_over(
    two_runs, qtbot, panel, monkeypatch, answer, tmp_path
):
    path = tmp_path / two_runs.name
    two_runs.save(monkeypatch, path, 0)
    two_runs.runs.remove(two_runs.runs.listed[0].number)
    panel.open_saved(path)
    settled(qtbot, panel)
    assert two_runs.saved() == [False, True]
    answer("Replace")
    two_runs.save(monkeypatch, path, 0)
    assert two_runs.saved() == [True, False]
    assert f"It holds '{path.stem}' of the list" in answer.asked[0]


def test_a_run_whose_folder_was_deleted_is_asked_about(
    two_runs, qtbot, panel, monkeypatch, answer, tmp_path
):
    for row in (0, 1):
        two_runs.save(monkeypatch, tmp_path / f"{row} {two_runs.name}", row)
    assert two_runs.saved() == [True, True]
    shutil.rmtree(tmp_path / f"1 {two_runs.name}")
    close(qtbot, panel, answer, "Keep open")
    assert panel.window().isVisible()
    assert two_runs.saved() == [True, False]
    assert "1 run is in no file yet" in answer.asked[-1]
    close(qtbot, panel, answer, "Discard")


def test_runs_that_are_where_they_were_saved_are_not_asked_about(
    two_runs, qtbot, panel, monkeypatch, answer, tmp_path
):
    for row in (0, 1):
        two_runs.save(monkeypatch, tmp_path / f"{row} {two_runs.name}", row)
    window = panel.window()
    window.close()
    qtbot.waitUntil(lambda: is_closed(window))
    assert not answer.asked


def slow_to_answer(monkeypatch, seconds):
    there = Copy.is_there
    monkeypatch.setattr(Copy, "is_there", lambda copy: (sleep(seconds), there(copy))[1])


def closes_slowly(qtbot, monkeypatch, window, seconds):
    """Close napari while a drive answers after so long; return whether the window stood still."""
    slow_to_answer(monkeypatch, seconds)
    began = monotonic()
    window.close()
    return monotonic() - began >= seconds


@pytest.mark.thorough
def test_a_drive_that_answers_late_keeps_no_window_still(
    qtbot, panel, monkeypatch, answer, tmp_path
):
    of = OfStack(qtbot, panel)
    for row in (0, 1):
        of.save(monkeypatch, tmp_path / f"{row}.zalign", row)
    window = panel.window()
    assert not closes_slowly(qtbot, monkeypatch, window, 0.4)
    assert window.isVisible()
    qtbot.waitUntil(lambda: is_closed(window))
    assert not answer.asked


@pytest.mark.thorough
def test_a_run_that_a_late_drive_has_lost_is_asked_about(
    qtbot, panel, monkeypatch, answer, tmp_path
):
    of = OfStack(qtbot, panel)
    for row in (0, 1):
        of.save(monkeypatch, tmp_path / f"{row}.zalign", row)
    shutil.rmtree(tmp_path / "1.zalign")
    answer("Keep open")
    assert not closes_slowly(qtbot, monkeypatch, panel.window(), 0.4)
    qtbot.waitUntil(lambda: bool(answer.asked))
    assert of.saved() == [True, False]
    assert "1 run is in no file yet" in answer.asked[-1]
    assert panel.window().isVisible()
    answer("Discard")
    closes_slowly(qtbot, monkeypatch, panel.window(), 0.0)
    qtbot.waitUntil(lambda: len(answer.asked) == 2)


@pytest.mark.thorough
def test_a_drive_that_never_answers_lets_napari_be_closed(
    qtbot, panel, monkeypatch, answer, tmp_path
):
    of = OfStack(qtbot, panel)
    for row in (0, 1):
        of.save(monkeypatch, tmp_path / f"{row}.zalign", row)
    window = panel.window()
    monkeypatch.setattr(saved_runs, "PATIENCE_MS", 200)
    answer("Discard")
    assert not closes_slowly(qtbot, monkeypatch, window, 1.5)
    qtbot.waitUntil(lambda: is_closed(window))
    assert "2 runs are in no file yet" in answer.asked[-1]


@pytest.mark.thorough
def test_a_run_from_a_member_of_a_session_goes_with_it(qtbot, panel, monkeypatch, answer, tmp_path):
    session = OfSession(qtbot, panel)
    session.save(monkeypatch, tmp_path / "session", 0)
    session.files.show(of_session()[1:], tmp_path / "session" / "b.zalign")
    settled(qtbot, panel)
    assert session.saved() == [True, False, True]
    answer("Replace")
    session.save(monkeypatch, tmp_path / "session", 1)
    assert session.saved() == [False, True, False]
    assert "It holds 'run 1', 'b' of the list" in answer.asked[0]
