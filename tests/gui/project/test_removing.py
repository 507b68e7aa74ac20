"""What is asked before runs and recordings are removed: what would go, and from where."""

from __future__ import annotations

from dataclasses import replace

import pytest
from driving import click, settled, show

import napari_zstack_align as nza
from napari_zstack_align.gui import worker as worker_module
from napari_zstack_align.gui.project import keeper as keeper_module
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.project import ProjectFolder

from .conftest import at_rest, open_it, save_as

PROJECT = "larva.zproject"


@pytest.fixture
def two_runs(qtbot, panel, zstack):
    """A z-stack with two runs."""
    shown = show(qtbot, panel, zstack)
    found = nza.run(nza.align_adaptive(zstack))
    panel.open_tab("Align")
    for note in ("one", "other"):
        panel.zstack.result.show(replace(found, provenance={"note": note}))
        settled(qtbot, panel)
    return shown


@pytest.fixture
def session(qtbot, panel, recordings):
    """Two recordings with a run."""
    panel.open_tab("Recordings")
    panel.recordings.add_paths(recordings)
    settled(qtbot, panel)
    panel.recordings.tab.form.set_values(KeypointParams(chunk_frames=15, residual="none", passes=1))
    click(qtbot, panel.recordings.tab.run_bar.run_button)
    settled(qtbot, panel)
    return panel.recordings


def remove_run(qtbot, panel):
    click(qtbot, panel.zstack.align_tab.runs_box.remove_button)
    at_rest(qtbot, panel)


def test_a_run_that_is_in_the_project_alone_is_said_to_go_from_there(
    quick, qtbot, monkeypatch, panel, two_runs, answer, tmp_path
):
    save_as(qtbot, monkeypatch, panel, tmp_path / PROJECT)
    answer("Keep it")
    remove_run(qtbot, panel)
    assert answer.asked == [
        f"'run 2' is in no file but {PROJECT}, and would be removed from there."
    ]
    assert len(two_runs.runs) == 2
    answer("Remove it")
    remove_run(qtbot, panel)
    qtbot.waitUntil(lambda: len(nza.load(tmp_path / PROJECT).runs) == 1)  # it was true


def test_a_run_that_is_new_since_the_project_was_saved_is_not_saved(
    qtbot, monkeypatch, panel, two_runs, answer, tmp_path
):
    monkeypatch.setattr(keeper_module, "LOOK_EVERY_MS", 10**6)
    save_as(qtbot, monkeypatch, panel, tmp_path / PROJECT)
    found = two_runs.runs.shown.results[two_runs]
    panel.zstack.result.show(replace(found, provenance={"note": "newest"}))
    settled(qtbot, panel)
    answer("Keep it")
    remove_run(qtbot, panel)
    assert answer.asked == ["'run 3' isn't saved and would be lost."]


def test_a_run_that_is_in_a_file_too_is_removed_without_a_question(
    qtbot, monkeypatch, panel, two_runs, answer, tmp_path
):
    panel.zstack.result.save(tmp_path / "second.zalign")
    settled(qtbot, panel)
    save_as(qtbot, monkeypatch, panel, tmp_path / PROJECT)
    remove_run(qtbot, panel)
    assert answer.asked == []
    assert len(two_runs.runs) == 1


@pytest.mark.thorough
def test_runs_of_a_project_that_stays_as_it_is_are_removed_without_a_question(
    qtbot, monkeypatch, panel, two_runs, answer, tmp_path
):
    folder = tmp_path / PROJECT
    save_as(qtbot, monkeypatch, panel, folder)
    monkeypatch.setattr(worker_module, "A_MOMENT_MS", 10_000)  # it may be a slow disk
    panel.keeper.leave()
    with ProjectFolder(folder):  # another program has it open
        open_it(qtbot, monkeypatch, panel, folder)
        assert len(panel.zstack.shown.runs) == 2
        panel.open_tab("Align")
        remove_run(qtbot, panel)
    assert answer.asked == []
    assert len(panel.zstack.shown.runs) == 1
    assert len(nza.load(folder).runs) == 2


def test_another_layout_asks_for_what_goes_from_the_project(
    qtbot, monkeypatch, panel, two_runs, answer, tmp_path
):
    save_as(qtbot, monkeypatch, panel, tmp_path / PROJECT)
    answer("Keep it")
    panel.zstack._may_change(two_runs.stack.replace(frames_per_slice=3))
    assert answer.asked == [
        f"'run 1', 'run 2' are in no file but {PROJECT}, and would be removed from there."
    ]


@pytest.mark.thorough
def test_a_recording_of_a_project_goes_from_there(
    quick, qtbot, monkeypatch, panel, session, answer, tmp_path
):
    name = session.recordings[0].name
    session.tab.list.go_to(0)
    answer("Keep the recording")
    click(qtbot, session.tab.buttons["remove"])
    save_as(qtbot, monkeypatch, panel, tmp_path / PROJECT)
    panel.open_tab("Recordings")
    answer("Remove")
    click(qtbot, session.tab.buttons["remove"])
    assert answer.asked == [
        f"Alignments of {name} in 'run 1' aren't saved and would be lost.",
        f"Alignments of {name} in 'run 1' are in no file but {PROJECT}, and would be removed from "
        f"there.",
    ]
    qtbot.waitUntil(lambda: len(nza.load(tmp_path / PROJECT).runs[0].results) == 1)
