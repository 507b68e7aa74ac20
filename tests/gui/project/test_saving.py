"""A project saves itself after each result; what can't be saved is said, and tried again."""

from __future__ import annotations

import errno
import os
import shutil

import numpy as np
import pytest
from driving import click, run_to_end, settled, show
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication
from stacks import small_zstack

import napari_zstack_align as nza
from napari_zstack_align.cells import Rois
from napari_zstack_align.gui.open import open_panel, panel_of
from napari_zstack_align.params import AdaptiveParams
from napari_zstack_align.progress import Progress

from .conftest import CELLS, at_rest, open_it, save_as


@pytest.fixture
def saved(quick, qtbot, monkeypatch, viewer, open_panels, zstack, tmp_path):
    """A panel with a stack, saved as a project, and its folder."""
    panel = open_panels(viewer)
    show(qtbot, panel, zstack)
    folder = tmp_path / "larva.zproject"
    save_as(qtbot, monkeypatch, panel, folder)
    return panel, folder


def state(panel):
    return panel.keeper.bar.words.words


def said(panel):
    return panel.keeper.bar.run_bar.status.text()


def in_folder(folder):
    return nza.load(folder)


def test_nothing_is_saved_before_a_project_is_chosen(
    quick, qtbot, viewer, open_panels, zstack, tmp_path
):
    panel = open_panels(viewer)
    show(qtbot, panel, zstack)
    panel.rois.set(Rois.of(CELLS))
    qtbot.wait(300)
    assert state(panel) == "Not saved yet"
    assert {path.name for path in tmp_path.iterdir()} == {"brain.tif"}


@pytest.mark.thorough
def test_each_result_is_saved_by_itself(saved, qtbot):
    panel, folder = saved
    run_to_end(qtbot, panel)
    qtbot.waitUntil(lambda: len(in_folder(folder).runs) == 1)
    panel.rois.set(Rois.of(CELLS))
    qtbot.waitUntil(lambda: len(in_folder(folder).rois.get("ROIs", ())) == 3)
    click(qtbot, panel.zstack.mask_tab.new_button)
    panel.zstack.align_tab.mask_combo.layer.paint((30, 30), 1)
    qtbot.waitUntil(lambda: any(m.labels.any() for m in in_folder(folder).masks))
    at_rest(qtbot, panel)
    assert state(panel).startswith("larva.zproject, saved ")


def test_parameters_are_saved_within_a_minute(saved, qtbot, monkeypatch):
    panel, folder = saved
    panel.zstack.align_tab.form.set_values(AdaptiveParams(alpha=2.5))
    qtbot.wait(300)
    assert in_folder(folder).params["Align"].alpha != 2.5  # nothing to hurry for
    monkeypatch.setattr("napari_zstack_align.gui.project.keeper.SAVE_AFTER_S", 0.0)
    qtbot.waitUntil(lambda: in_folder(folder).params["Align"].alpha == 2.5)


@pytest.mark.parametrize("is_closed", [False, True])
def test_an_answer_on_its_way_while_the_panel_closes_is_not_heard(saved, qtbot, is_closed):
    keeper, heard = saved[0].keeper, []

    def job():
        yield Progress("Saving", 0, 1)
        return "saved"

    keeper._start(job, heard.append)
    assert keeper._worker.wait(5000)
    if is_closed:
        keeper.let_go()
    qtbot.wait(50)
    assert heard == ([] if is_closed else ["saved"])
    keeper._end()


@pytest.mark.parametrize(
    ("error", "words"),
    [(errno.ENOSPC, "No space left"), (errno.EROFS, "Read-only")],
    ids=["disk full", "read-only"],
)
def test_a_save_that_fails_is_one_sentence_and_the_next_one_works(
    saved, qtbot, monkeypatch, error, words
):
    panel, folder = saved

    def refused(*_):
        raise OSError(error, os.strerror(error))

    with monkeypatch.context() as patch:
        patch.setattr("napari_zstack_align.project.members.write_new", refused)
        panel.rois.set(Rois.of(CELLS))
        qtbot.waitUntil(lambda: "The project isn't saved." in said(panel))
        assert words in said(panel)
        assert "not saved" in state(panel)
        assert not in_folder(folder).rois
    qtbot.waitUntil(lambda: bool(in_folder(folder).rois))
    at_rest(qtbot, panel)
    assert said(panel) == ""
    assert state(panel).startswith("larva.zproject, saved ")


def test_a_copy_that_cannot_be_saved_leaves_the_project_as_it_is(
    saved, qtbot, monkeypatch, tmp_path
):
    panel, folder = saved
    (tmp_path / "file").write_text("mine")
    save_as(qtbot, monkeypatch, panel, tmp_path / "file" / "copy.zproject")
    assert "copy.zproject can't be written" in said(panel)
    assert said(panel).endswith("larva.zproject stays open, and is saved by itself as before.")
    assert state(panel).startswith("larva.zproject, saved ")
    panel.rois.set(Rois.of(CELLS))
    qtbot.waitUntil(lambda: bool(in_folder(folder).rois))


def test_another_program_that_has_it_open_is_named(saved, qtbot, monkeypatch, tmp_path, zstack):
    """And the project is shown all the same."""
    panel, _ = saved
    other = tmp_path / "other.zproject"
    nza.Project(stacks=(zstack,), rois={"neurons": Rois.of(CELLS)}).save(other)
    monkeypatch.setattr("napari_zstack_align.gui.project.keeper.confirmed", lambda *_, **__: True)
    with nza.ProjectFolder(other):
        open_it(qtbot, monkeypatch, panel, other)
    assert "is open in another program" in said(panel)
    assert len(panel.rois.rois) == 3
    assert panel.keeper.path is None
    name = tmp_path / "mine.zproject"
    save_as(qtbot, monkeypatch, panel, name)
    assert list(in_folder(name).rois) == ["neurons"]  # under the name that it has


@pytest.mark.thorough
def test_a_stack_removed_in_napari_takes_no_result_out_of_the_project(saved, qtbot, viewer):
    panel, folder = saved
    run_to_end(qtbot, panel)
    alignment = panel.zstack.shown.alignment
    qtbot.waitUntil(lambda: len(in_folder(folder).runs) == 1)
    panel.zstack.shown.remove()
    panel.rois.set(Rois.of(CELLS))  # so that it is saved again
    qtbot.waitUntil(lambda: len(in_folder(folder).rois) == 1)
    kept = in_folder(folder)
    np.testing.assert_array_equal(kept.runs[0].results[0].quality, alignment.quality)
    assert [stack.name for stack in kept.stacks] == ["brain"]


def test_a_stack_in_memory_says_that_it_cannot_be_opened_again(
    qtbot, monkeypatch, viewer, open_panels, tmp_path
):
    panel = open_panels(viewer)
    show(qtbot, panel, small_zstack())
    save_as(qtbot, monkeypatch, panel, tmp_path / "p.zproject")
    assert "is in memory only" in panel.keeper.bar.words.toolTip()


def test_what_cannot_be_read_is_said_and_kept(
    quick, qtbot, monkeypatch, viewer, open_panels, zstack, tmp_path
):
    folder = tmp_path / "p.zproject"
    alignment = nza.run(nza.align_adaptive(zstack))
    project = nza.Project(stacks=(zstack,), runs=(nza.NamedRun("alpha 2", alignment),))
    project.replace(rois={"ROIs": Rois.of(CELLS)}).save(folder)
    next(folder.glob("rois-*.csv")).unlink()
    (tmp_path / "brain.tif").rename(tmp_path / "elsewhere.tif")
    panel = open_panels(viewer)
    open_it(qtbot, monkeypatch, panel, folder)
    assert "ROIs is not shown" in said(panel)
    assert "alpha 2 is kept, not shown" in said(panel)
    panel.rois.set(Rois.of(CELLS[:1]))
    qtbot.waitUntil(lambda: len(list(folder.glob("rois-*.csv"))) == 1)
    at_rest(qtbot, panel)
    (tmp_path / "elsewhere.tif").rename(tmp_path / "brain.tif")
    again = in_folder(folder)
    assert [run.name for run in again.runs] == ["alpha 2"]
    assert again.stacks[0].frames_per_slice == 4


def test_a_closed_dock_changes_nothing(saved, qtbot, viewer):
    panel, folder = saved
    viewer.window.remove_dock_widget(panel.parent())
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    panel.rois.set(Rois.of(CELLS))
    qtbot.waitUntil(lambda: len(in_folder(folder).rois) == 1)
    assert panel_of(viewer) is panel
    open_panel(viewer)
    assert panel.keeper.path == folder


def test_a_project_that_is_open_is_nobody_elses(saved):
    _, folder = saved
    with pytest.raises(nza.InputError, match="open in another program"):
        nza.ProjectFolder(folder)


def test_an_opened_project_replaces_what_is_shown(saved, qtbot, monkeypatch, tmp_path, answer):
    panel, folder = saved
    panel.rois.set(Rois.of(CELLS))
    other = tmp_path / "other.zproject"
    nza.Project().save(other)
    answer("Keep this one")
    open_it(qtbot, monkeypatch, panel, other)
    assert panel.keeper.path == folder
    answer("Open it")
    open_it(qtbot, monkeypatch, panel, other)
    qtbot.waitUntil(lambda: panel.keeper.path == other)
    at_rest(qtbot, panel)
    assert panel.zstack.shown is None
    assert not len(panel.rois.rois)
    assert len(in_folder(folder).rois) == 1  # saved before it was closed
    nza.ProjectFolder(folder).close()  # and free for others


def test_unsaved_results_are_asked_about_before_a_project_is_opened(
    quick, qtbot, monkeypatch, viewer, open_panels, tmp_path, answer
):
    panel = open_panels(viewer)
    panel.rois.set(Rois.of(CELLS))
    other = tmp_path / "other.zproject"
    nza.Project().save(other)
    answer("Keep this")
    open_it(qtbot, monkeypatch, panel, other)
    assert len(panel.rois.rois) == 3
    assert "3 ROIs are in no file yet" in answer.asked[0]
    answer("Discard")
    open_it(qtbot, monkeypatch, panel, other)
    assert not len(panel.rois.rois)
    settled(qtbot, panel)


def saved_elsewhere(folder, copy, **changes):
    """Another program has saved the project, as a folder that is synchronised looks."""
    shutil.copytree(folder, copy)
    nza.load(copy).replace(**changes).save(copy)
    for path in copy.iterdir():
        if not (folder / path.name).exists() and path.is_file():
            shutil.copy(path, folder)
    shutil.copy(copy / "project.json", folder / "project.json")


def test_what_another_program_has_saved_is_opened_again(
    saved, qtbot, monkeypatch, tmp_path, answer
):
    panel, folder = saved
    theirs = Rois.of([[5.0, 5.0, 2.0]])
    saved_elsewhere(folder, tmp_path / "copy.zproject", rois={"ROIs": theirs})
    panel.rois.set(Rois.of(CELLS))
    qtbot.waitUntil(lambda: "by another program since it was opened here" in said(panel))
    answer("Keep this")
    open_it(qtbot, monkeypatch, panel, folder)
    np.testing.assert_array_equal(panel.rois.rois.circles, CELLS)
    qtbot.waitUntil(lambda: not panel.keeper.busy)
    answer("Open it again")
    open_it(qtbot, monkeypatch, panel, folder)
    assert "these changes are lost" in answer.asked[-1]
    np.testing.assert_array_equal(panel.rois.rois.circles, theirs.circles)
    assert state(panel) == "larva.zproject, opened"
    assert said(panel) == ""
    panel.rois.set(Rois.of(CELLS))  # it saves itself again
    qtbot.waitUntil(lambda: len(in_folder(folder).rois["ROIs"]) == 3)


def test_without_changes_a_project_is_opened_again_unasked(saved, qtbot, monkeypatch, tmp_path):
    panel, folder = saved
    saved_elsewhere(folder, tmp_path / "copy.zproject", rois={"ROIs": Rois.of(CELLS)})
    at_rest(qtbot, panel)
    open_it(qtbot, monkeypatch, panel, folder)
    assert len(panel.rois.rois) == 3
    assert len(panel.workspace.stacks) == 1


def test_a_project_that_cannot_be_read_again_stays_open(saved, qtbot, answer):
    panel, folder = saved
    answer("Open it again")
    whole = (folder / "project.json").read_bytes()
    (folder / "project.json").write_bytes(whole[:-20])
    panel.keeper.open(folder)
    at_rest(qtbot, panel)
    assert "damaged" in said(panel)
    assert len(panel.workspace.stacks) == 1
    (folder / "project.json").write_bytes(whole)
    panel.rois.set(Rois.of(CELLS))
    qtbot.waitUntil(lambda: len(in_folder(folder).rois.get("ROIs", ())) == 3)


@pytest.mark.thorough
def test_a_project_whose_folder_was_deleted_is_saved_under_its_name(saved, qtbot, monkeypatch):
    panel, folder = saved
    run_to_end(qtbot, panel)
    at_rest(qtbot, panel)
    shutil.rmtree(folder)
    panel.rois.set(Rois.of(CELLS))
    qtbot.waitUntil(lambda: "not saved" in state(panel))
    qtbot.waitUntil(lambda: not panel.keeper.busy)
    save_as(qtbot, monkeypatch, panel, folder)
    assert state(panel).startswith("larva.zproject, saved ")
    project = in_folder(folder)
    assert [run.name for run in project.runs] == ["run 1"]
    assert project.remarks == ()
    panel.rois.delete([1])
    qtbot.waitUntil(lambda: len(in_folder(folder).rois["ROIs"]) == 2)


def test_a_first_save_that_failed_is_forgotten_once_it_works(
    quick, qtbot, monkeypatch, viewer, open_panels, zstack, tmp_path
):
    panel = open_panels(viewer)
    show(qtbot, panel, zstack)
    (tmp_path / "a file").touch()
    save_as(qtbot, monkeypatch, panel, tmp_path / "a file" / "larva.zproject")
    assert said(panel)
    save_as(qtbot, monkeypatch, panel, tmp_path / "larva.zproject")
    assert said(panel) == ""
