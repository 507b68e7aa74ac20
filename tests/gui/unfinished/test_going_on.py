"""A run that was interrupted is offered at the next start, and goes on to the same result."""

from __future__ import annotations

import os
import shutil
import time

import numpy as np
import pytest
from driving import click, run, run_to_end, settled, show
from stacks import SlowSource

import napari_zstack_align as nza
from napari_zstack_align.gui.unfinished import found
from napari_zstack_align.gui.unfinished.run_folder import RunFolder
from napari_zstack_align.params import AdaptiveParams
from napari_zstack_align.saved.lock import locked_alone

from .conftest import N_SLICES, assert_same, go_on, offered, run_folders


def set_up(qtbot, panel, larva, alpha=3.5):
    """Show the stack, with a mask and a parameter of its own."""
    shown = show(qtbot, panel, larva)
    click(qtbot, panel.zstack.mask_tab.new_button)
    panel.zstack.align_tab.mask_combo.layer.data[5:60, 8:50] = 1
    panel.zstack.align_tab.form.set_values(AdaptiveParams(alpha=alpha))
    return shown


def said_by(panel):
    """All that the status line of the Align tab says from now on."""
    said, bar = [], panel.zstack.align_tab.run_bar
    say = bar.say
    bar.say = lambda text, **more: (said.append(text), say(text, **more))
    return said


@pytest.fixture(scope="module")
def once():
    """What `interrupted` has made for the first test that asked."""
    return {}


@pytest.fixture
def interrupted(once, qtbot, open_panels, larva, kill, state_folder, tmp_path_factory):
    """The result of a run, and the state as a kill in its middle left it."""
    if once:
        shutil.copytree(once["state"], state_folder, dirs_exist_ok=True)
        return once["whole"]
    kill.after = 4
    panel = open_panels()
    shown = set_up(qtbot, panel, larva)
    run_to_end(qtbot, panel)
    whole = shown.alignment
    open_panels.end()
    kill.restore()
    state = shutil.copytree(state_folder, tmp_path_factory.mktemp("interrupted") / "state")
    once.update(whole=whole, state=state)
    return whole


def test_a_killed_run_goes_on_to_the_same_result(interrupted, qtbot, open_panels, computed):
    panel = open_panels()
    words = offered(qtbot, panel)
    assert words.startswith("A run on larva.tif was interrupted on ")
    assert f"of {N_SLICES} slices finished)." in words
    assert panel.offers.row.count.text() == ""
    notes = said_by(panel)
    go_on(qtbot, panel)
    assert panel.tabs.tabText(panel.tabs.currentIndex()) == "Align"
    assert any(note.startswith("Going on with what was kept: ") for note in notes)
    shown = panel.zstack.shown
    assert shown.stack.z_step_um == 3.0
    assert shown.alignment.complete
    assert_same(shown.alignment, interrupted)
    assert panel.zstack.align_tab.mask_combo.layer.name == "larva mask"
    assert shown.alignment.params.alpha == 3.5
    assert 0 < len(computed) < 2 * N_SLICES
    assert panel.offers.row.isHidden()


@pytest.mark.thorough
def test_the_open_stack_of_the_same_file_is_used(interrupted, qtbot, open_panels, larva):
    panel = open_panels()
    shown = show(qtbot, panel, larva)
    offered(qtbot, panel)
    go_on(qtbot, panel)
    assert panel.workspace.stacks == [shown]
    assert_same(shown.alignment, interrupted)


@pytest.mark.thorough
def test_a_touched_file_goes_on_too(interrupted, qtbot, open_panels, larva, computed, state_folder):
    os.utime(larva.paths[0], ns=(1, 10**18))
    panel = open_panels()
    offered(qtbot, panel)
    go_on(qtbot, panel)
    assert_same(panel.zstack.shown.alignment, interrupted)
    assert len(run_folders(state_folder)) == 1
    assert len(computed) < 2 * N_SLICES


@pytest.mark.thorough
def test_a_missing_file_is_named_and_the_offer_stays(interrupted, qtbot, open_panels, larva):
    path = larva.paths[0]
    away = path.rename(path.with_name("away.tif"))
    panel = open_panels()
    offered(qtbot, panel)
    go_on(qtbot, panel)
    words = panel.offers.row.run_bar.status.text()
    assert str(path) in words
    assert "bring it back" in words
    assert panel.workspace.stacks == []
    away.rename(path)
    go_on(qtbot, panel)
    assert_same(panel.zstack.shown.alignment, interrupted)


def test_forget_asks_and_removes_what_was_kept_and_nothing_else(
    interrupted, qtbot, open_panels, larva, state_folder, answer
):
    (folder,) = run_folders(state_folder)
    (folder / "notes.txt").write_text("mine")
    panel = open_panels()
    words = offered(qtbot, panel)
    answer("Keep it")
    click(qtbot, panel.offers.row.forget_button)
    assert panel.offers.row.words.text() == words
    answer("Forget")
    click(qtbot, panel.offers.row.forget_button)
    assert all(question.startswith(words) for question in answer.asked)
    assert panel.offers.row.isHidden()
    qtbot.waitUntil(lambda: [path.name for path in folder.iterdir()] == ["notes.txt"])
    assert larva.paths[0].is_file()
    assert offered(qtbot, open_panels()) == ""


@pytest.mark.thorough
def test_two_runs_are_offered_the_newest_first(
    interrupted, qtbot, open_panels, larva, kill, answer
):
    state = run_folders(kill.state)
    for path in state[0].rglob("*"):
        os.utime(path, (time.time() - 3600, time.time() - 3600))
    panel = open_panels()
    set_up(qtbot, panel, larva, alpha=2.0)
    kill.after = 2
    run_to_end(qtbot, panel)
    open_panels.end()
    kill.restore()
    panel = open_panels()
    assert offered(qtbot, panel)
    row = panel.offers.row
    assert row.count.text() == "1 of 2"
    first = row.words.text()
    answer("Forget")
    click(qtbot, row.forget_button)
    assert row.words.text() != first
    assert not row.isHidden()
    assert row.count.text() == ""
    go_on(qtbot, panel)
    assert_same(panel.zstack.shown.alignment, interrupted)


def test_a_run_that_is_worked_on_is_not_offered(interrupted, qtbot, open_panels, state_folder):
    (folder,) = run_folders(state_folder)
    with locked_alone(folder / ".zstack-align.lock", ""):
        assert offered(qtbot, open_panels()) == ""
    assert offered(qtbot, open_panels())


def test_runs_that_are_too_old_go(interrupted, qtbot, open_panels, state_folder):
    (folder,) = run_folders(state_folder)
    long_ago = time.time() - 31 * 24 * 3600
    for path in folder.glob("run.unfinished/*"):
        os.utime(path, (long_ago, long_ago))
    assert offered(qtbot, open_panels()) == ""
    assert run_folders(state_folder) == []


def test_what_takes_too_much_room_goes(interrupted, qtbot, open_panels, state_folder, monkeypatch):
    monkeypatch.setattr(found, "MOST_BYTES", 1000)
    assert offered(qtbot, open_panels()) == ""
    assert run_folders(state_folder) == []


# -- while napari is open --------------------------------------------------------------------------


def test_a_cancelled_run_goes_on_by_itself(qtbot, open_panels, larva, computed, state_folder):
    panel = open_panels()
    shown = set_up(qtbot, panel, larva)
    run(qtbot, panel)
    qtbot.waitUntil(lambda: len(computed) > 3 or not panel.zstack.align_tab.run_bar.busy)
    click(qtbot, panel.zstack.align_tab.run_bar.cancel_button)
    settled(qtbot, panel)
    assert shown.runs.shown is None or not shown.runs.shown.complete
    n_before = len(computed)
    run_to_end(qtbot, panel)
    assert shown.alignment.complete
    assert set(computed[:n_before]).isdisjoint(computed[n_before:])
    fresh = nza.run(nza.align_adaptive(larva, shown.alignment.params, shown.alignment.mask))
    assert_same(shown.alignment, fresh)


@pytest.mark.thorough
def test_a_run_that_finished_nothing_leaves_nothing(qtbot, open_panels, larva, state_folder):
    panel = open_panels()
    show(qtbot, panel, larva.replace(source=SlowSource(larva.source, 0.5)))
    run(qtbot, panel)
    qtbot.waitUntil(lambda: len(run_folders(state_folder)) == 1)
    qtbot.waitUntil(lambda: (run_folders(state_folder)[0] / "setup.zproject/project.json").exists())
    click(qtbot, panel.zstack.align_tab.run_bar.cancel_button)
    settled(qtbot, panel)
    assert run_folders(state_folder) == []


@pytest.mark.thorough
def test_a_partial_result_that_is_saved_keeps_the_journal(
    qtbot, open_panels, larva, computed, state_folder, tmp_path
):
    panel = open_panels()
    shown = show(qtbot, panel, larva.replace(source=SlowSource(larva.source, 0.05)))
    run(qtbot, panel)
    qtbot.waitUntil(lambda: shown.runs.shown is not None)
    click(qtbot, panel.zstack.align_tab.run_bar.cancel_button)
    settled(qtbot, panel)
    assert not shown.alignment.complete
    panel.zstack.result.save(tmp_path / "larva.zalign")
    settled(qtbot, panel)
    assert (tmp_path / "larva.zalign").is_dir()
    assert len(run_folders(state_folder)) == 1
    assert "slices finished" in offered(qtbot, open_panels())


def test_the_journal_goes_when_the_result_is_saved(
    qtbot, open_panels, larva, state_folder, tmp_path
):
    panel = open_panels()
    show(qtbot, panel, larva)
    run_to_end(qtbot, panel)
    assert len(run_folders(state_folder)) == 1
    panel.zstack.result.save(tmp_path / "larva.zalign")
    settled(qtbot, panel)
    qtbot.waitUntil(lambda: run_folders(state_folder) == [])


@pytest.mark.thorough
def test_the_journal_goes_when_the_project_is_saved(
    qtbot, open_panels, larva, state_folder, tmp_path
):
    panel = open_panels()
    show(qtbot, panel, larva)
    run_to_end(qtbot, panel)
    panel.keeper.save(tmp_path / "larva.zproject")
    qtbot.waitUntil(lambda: run_folders(state_folder) == [] and not panel.keeper.busy)


def test_a_result_that_nobody_was_asked_about_is_offered(qtbot, open_panels, larva):
    """As after a crash when the run had ended; a panel that is shown has it still."""
    panel = open_panels()
    shown = show(qtbot, panel, larva)
    run_to_end(qtbot, panel)
    whole = shown.alignment
    panel = open_panels()
    words = offered(qtbot, panel)
    assert words.startswith("A run on larva.tif is complete (")
    assert words.endswith("but in no file: 'Go on' shows its result.")
    go_on(qtbot, panel)
    assert_same(panel.zstack.shown.alignment, whole)


@pytest.mark.thorough
def test_a_run_that_ended_and_is_interrupted_when_it_is_run_again_is_interrupted(
    qtbot, open_panels, larva, state_folder
):
    panel = open_panels()
    show(qtbot, panel, larva)
    run_to_end(qtbot, panel)
    open_panels.end()
    (folder,) = run_folders(state_folder)
    again = RunFolder(folder)
    assert again.has_ended
    panel = open_panels()
    offered(qtbot, panel)
    go_on(qtbot, panel)
    assert again.has_ended
    again.note_begun()
    open_panels.end()
    assert "slices finished" in offered(qtbot, open_panels())


def test_a_folder_that_cannot_be_written_fails_no_run(
    qtbot, open_panels, larva, tmp_path, monkeypatch
):
    (tmp_path / "a file").write_text("in the way")
    monkeypatch.setenv("ZSTACK_ALIGN_STATE", str(tmp_path / "a file"))
    panel = open_panels()
    show(qtbot, panel, larva)
    notes = said_by(panel)
    run_to_end(qtbot, panel)
    assert any("can't be kept on disk" in note for note in notes)
    assert panel.zstack.shown.alignment.complete
    assert offered(qtbot, panel) == ""


@pytest.mark.thorough
def test_a_disk_that_is_full_in_mid_run_fails_no_run(qtbot, open_panels, larva, monkeypatch):
    from napari_zstack_align.saved import journal

    written = []

    def full(path, unit):
        written.append(path)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal, "write_unit", full)
    panel = open_panels()
    show(qtbot, panel, larva)
    notes = said_by(panel)
    run_to_end(qtbot, panel)
    assert panel.zstack.shown.alignment.complete
    assert len(written) == 1
    assert any("No space left on device" in note for note in notes)


@pytest.mark.thorough
def test_a_run_that_another_napari_works_on_runs_by_itself(qtbot, open_panels, larva, state_folder):
    panel = open_panels()
    show(qtbot, panel, larva)
    run_to_end(qtbot, panel)
    (folder,) = run_folders(state_folder)
    panel.workspace.kept_runs.let_go()
    notes = said_by(panel)
    with locked_alone(folder / ".zstack-align.lock", ""):
        run_to_end(qtbot, panel)
    assert any(note.startswith("The same run is being worked on") for note in notes)
    assert [run.complete for run in panel.zstack.shown.runs.listed] == [True, True]


@pytest.mark.thorough
def test_a_stack_in_memory_keeps_nothing(qtbot, open_panels, larva, state_folder):
    panel = open_panels()
    frames = np.asarray(larva.read(0, larva.n_frames))
    show(qtbot, panel, nza.Stack.from_array(frames, "TCYX", frames_per_slice=4, name="mine"))
    run_to_end(qtbot, panel)
    assert panel.zstack.shown.alignment.complete
    assert run_folders(state_folder) == []
