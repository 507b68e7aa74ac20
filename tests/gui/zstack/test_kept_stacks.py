"""A stack whose layers are removed in napari's list keeps the runs that are in no file."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from driving import click, run, run_to_end, settled, show, status
from stacks import slow_zstack, small_zstack

import napari_zstack_align as nza


def remove_all(viewer):
    """As a person does it: all layers are selected and deleted."""
    viewer.layers.select_all()
    viewer.layers.remove_selected()


def row_of(panel):
    row = panel.zstack.kept_row
    return "" if row.isHidden() else row.words.text()


@pytest.fixture
def aligned(qtbot, panel):
    shown = show(qtbot, panel, small_zstack(name="brain"))
    run_to_end(qtbot, panel)
    return shown


def questions(panel, monkeypatch):
    """What would be asked if napari were closed now."""
    asked = []
    monkeypatch.setattr(
        "napari_zstack_align.gui.project.keeper.choice",
        lambda _parent, _title, question, _answers: asked.append(question) or "Keep open",
    )
    panel.keeper.make_safe("Close napari?", "Keep open", print)
    return asked


def test_a_finished_run_is_kept_asked_about_and_shown_again(
    qtbot, viewer, panel, aligned, monkeypatch
):
    names, alignment = sorted(layer.name for layer in viewer.layers), aligned.alignment
    panel.zstack.new_mask()
    mask = panel.zstack.align_tab.mask_combo.layer
    mask.data[10:50, 10:50] = 1
    for layer in aligned.layers():
        viewer.layers.remove(layer)
    assert panel.zstack.shown is None
    assert row_of(panel) == "Removed from napari, runs kept: brain ('run 1')"
    assert "slices aligned" not in status(panel)
    assert "'run 1' is kept" in status(panel)
    assert questions(panel, monkeypatch) == ["1 run and 1 painted mask are in no file yet."]
    click(qtbot, panel.zstack.kept_row.button)
    assert panel.zstack.shown is aligned
    assert aligned.alignment is alignment
    assert panel.zstack.align_tab.mask_combo.layer is mask
    assert sorted(each.name for each in viewer.layers if each is not mask) == names
    assert row_of(panel) == ""
    qtbot.waitUntil(lambda: not panel.zstack.runs.busy)
    assert np.any(aligned.volume[0].data[0])
    panel.zstack.align_tab.button_clicked.emit("toggle")
    run_to_end(qtbot, panel)
    assert [each.name for each in aligned.runs.listed] == ["run 1", "run 2"]


@pytest.mark.thorough
def test_what_a_run_has_found_is_kept_when_its_stack_goes(qtbot, viewer, panel, monkeypatch):
    shown = show(qtbot, panel, slow_zstack(fast_reads=1))
    run(qtbot, panel)
    qtbot.waitUntil(lambda: shown.alignment is not None)
    remove_all(viewer)
    settled(qtbot, panel)
    (kept,) = shown.runs.listed
    assert kept.state.startswith("partial")
    assert "'run 1'" in row_of(panel)
    assert "slices aligned" not in status(panel)
    assert questions(panel, monkeypatch) == ["1 run is in no file yet."]


def test_a_run_that_has_found_nothing_leaves_nothing(qtbot, viewer, panel, monkeypatch):
    shown = show(qtbot, panel, slow_zstack(fast_reads=0))
    run(qtbot, panel)
    qtbot.wait(100)
    assert shown.alignment is None
    remove_all(viewer)
    settled(qtbot, panel)
    assert row_of(panel) == ""
    assert "the run is stopped" in status(panel)
    assert questions(panel, monkeypatch) == []


def test_a_saved_run_goes_with_its_layers(qtbot, viewer, panel, aligned, tmp_path, monkeypatch):
    panel.zstack.result.save(tmp_path / "brain")
    settled(qtbot, panel)
    remove_all(viewer)
    assert row_of(panel) == ""
    assert questions(panel, monkeypatch) == []


@pytest.mark.thorough
def test_several_stacks_are_kept_beside_another(qtbot, viewer, panel, aligned):
    second = show(qtbot, panel, small_zstack(name="fish"))
    run_to_end(qtbot, panel)
    remove_all(viewer)
    third = show(qtbot, panel, small_zstack(name="larva"))
    start, names = row_of(panel).split(": ")  # napari removes a selection in any order
    assert start == "Removed from napari, runs kept"
    assert sorted(names.split(", ")) == ["brain ('run 1')", "fish ('run 1')"]
    project = panel.keeper.snapshot()
    assert sorted(stack.name for stack in project.stacks) == ["brain", "fish", "larva"]
    assert len(project.runs) == 2
    click(qtbot, panel.zstack.kept_row.button)
    assert set(panel.workspace.stacks) == {aligned, second, third}


@pytest.mark.thorough
def test_another_layout_keeps_nothing(qtbot, panel, aligned, answer):
    answer("Change it")
    panel.zstack.load_tab.details.repeats.setValue(2)
    assert panel.zstack.load_tab.apply()
    assert panel.zstack.shown is not aligned
    assert row_of(panel) == ""


@pytest.mark.thorough
def test_a_project_has_it_too_and_opening_one_lets_go_of_it(
    qtbot, viewer, panel, tmp_path, monkeypatch
):
    path = tmp_path / "brain.tif"
    tifffile.imwrite(path, small_zstack().read(0, 12)[:, 0])
    show(qtbot, panel, nza.open_stack(path, frames_per_slice=4, order="repeats"))
    run_to_end(qtbot, panel)
    folder, other = tmp_path / "a.zproject", nza.Project().save(tmp_path / "b.zproject")
    remove_all(viewer)
    panel.keeper.save(folder)
    qtbot.waitUntil(lambda: not panel.keeper.busy)
    assert [run.name for run in nza.load(folder).runs] == ["run 1"]
    monkeypatch.setattr("napari_zstack_align.gui.project.keeper.confirmed", lambda *_, **__: True)
    panel.keeper.open(other)
    qtbot.waitUntil(lambda: panel.keeper.path == other and not panel.keeper.busy)
    assert row_of(panel) == ""
    panel.keeper.open(folder)
    qtbot.waitUntil(lambda: panel.keeper.path == folder and not panel.keeper.busy)
    assert panel.zstack.shown.runs.shown.name == "run 1"


def opened(path):
    return nza.open_stack(path, frames_per_slice=4, order="repeats")


@pytest.fixture
def kept(qtbot, viewer, panel, tmp_path):
    """Path of a stack that is kept without layers, with a run."""
    path = tmp_path / "brain.tif"
    tifffile.imwrite(path, small_zstack().read(0, 12)[:, 0])
    show(qtbot, panel, opened(path))
    run_to_end(qtbot, panel)
    remove_all(viewer)
    return path


@pytest.mark.parametrize("says_layout", [False, True])
def test_the_same_file_opened_again_is_the_stack_that_was_kept(qtbot, panel, kept, says_layout):
    (before,) = panel.workspace.kept
    show(qtbot, panel, opened(kept) if says_layout else nza.open_stack(kept))
    assert panel.workspace.stacks == [before]
    assert before.runs.shown.name == "run 1"
    assert row_of(panel) == ""
    assert "brain is shown again" in panel.zstack.load_tab.run_bar.status.text()


@pytest.mark.thorough
def test_a_file_that_has_changed_since_is_another_stack(qtbot, panel, kept):
    (before,) = panel.workspace.kept
    tifffile.imwrite(kept, small_zstack().read(0, 12)[::-1, 0])
    show(qtbot, panel, opened(kept))
    assert panel.zstack.shown is not before
    assert "'run 1'" in row_of(panel)


@pytest.mark.thorough
def test_another_layout_of_it_is_another_stack(qtbot, panel, kept):
    show(qtbot, panel, nza.open_stack(kept, frames_per_slice=2, order="repeats"))
    assert not panel.zstack.shown.runs.listed
    assert "'run 1'" in row_of(panel)


@pytest.mark.parametrize("said", ["Discard", "Keep"])
def test_kept_runs_can_be_discarded(qtbot, panel, kept, answer, monkeypatch, said):
    answer(said)
    click(qtbot, panel.zstack.kept_row.discard_button)
    assert answer.asked == ["'run 1' of brain is in no file, and can't be brought back."]
    assert bool(row_of(panel)) == (said == "Keep")
    assert bool(questions(panel, monkeypatch)) == (said == "Keep")


# -- painted masks -------------------------------------------------------------------------------


@pytest.fixture
def mask(panel, aligned):
    """A painted mask over a stack with a run."""
    panel.zstack.new_mask()
    layer = panel.zstack.align_tab.mask_combo.layer
    layer.data[10:50, 10:50] = 1
    return layer


@pytest.mark.thorough
def test_a_painted_mask_goes_and_comes_with_its_stack(
    qtbot, viewer, panel, aligned, mask, monkeypatch
):
    painted = mask.data.copy()
    remove_all(viewer)
    qtbot.waitUntil(lambda: "mask" in row_of(panel))
    assert row_of(panel) == "Removed from napari, kept: brain ('run 1'), mask 'brain mask'"
    assert questions(panel, monkeypatch) == ["1 run and 1 painted mask are in no file yet."]
    project = panel.keeper.snapshot()
    assert [(each.name, each.belongs_to) for each in project.masks] == [("brain mask", "brain")]
    np.testing.assert_array_equal(project.masks[0].labels, painted)
    click(qtbot, panel.zstack.kept_row.button)
    assert mask in viewer.layers
    np.testing.assert_array_equal(mask.data, painted)
    assert panel.zstack.align_tab.mask_combo.layer is mask
    assert viewer.layers.index(mask) > viewer.layers.index(aligned.raw[0])
    assert row_of(panel) == ""
    assert len(panel.keeper.snapshot().masks) == 1


@pytest.mark.thorough
def test_so_it_does_where_the_run_is_saved(qtbot, viewer, panel, aligned, mask, tmp_path, answer):
    panel.zstack.result.save(tmp_path / "brain")
    settled(qtbot, panel)
    remove_all(viewer)
    qtbot.waitUntil(lambda: "mask 'brain mask'" in row_of(panel))
    assert panel.workspace.kept == [aligned]
    show(qtbot, panel, small_zstack(name="larva"))
    viewer.add_labels(np.ones((8, 8), np.uint8), name="brain mask")
    names = {each.name for each in panel.keeper.snapshot().masks}
    assert names == {"brain mask", "brain mask of before"}
    answer("Discard")
    click(qtbot, panel.zstack.kept_row.discard_button)
    assert "The mask 'brain mask' can't be brought back." in answer.asked[0]
    assert row_of(panel) == ""
    assert len(panel.keeper.snapshot().masks) == 1


def test_a_mask_that_is_deleted_alone_is_gone(qtbot, viewer, panel, aligned, mask):
    viewer.layers.remove(mask)
    qtbot.wait(20)
    remove_all(viewer)
    qtbot.wait(20)
    assert "mask" not in row_of(panel)
    assert panel.keeper.snapshot().masks == ()
