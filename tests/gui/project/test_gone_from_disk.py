"""What is called saved is on the disk, whatever other programs do to the folder of the project."""

from __future__ import annotations

import os
import shutil
from time import monotonic, sleep

import numpy as np
import pytest
from driving import is_closed, run_to_end, show

import napari_zstack_align as nza
from napari_zstack_align.cells import Rois
from napari_zstack_align.saved.as_kept import KeptFiles

from .conftest import CELLS, assert_same_alignment, at_rest, open_it, save_as
from .test_closing_unsaved import open_napari  # noqa: F401
from .test_saving import said, state


def member(folder):
    return next(folder.glob("alignment-*.zalign"))


def empty(folder):
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def shorten(path):
    path.write_bytes(path.read_bytes()[:50])


def change_in_place(path):
    """Only the time of the file tells that it isn't as it was."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, (1, 1))


def edit(table):
    """Take the last ROI out of a table."""
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))


HARM = {
    "emptied": empty,
    "a member deleted": lambda folder: shutil.rmtree(member(folder)),
    "a member emptied": lambda folder: empty(member(folder)),
    "a file of a member deleted": lambda folder: next(member(folder).glob("transf*")).unlink(),
    "a file of a member shortened": lambda folder: shorten(next(member(folder).glob("transf*"))),
    "ROIs deleted": lambda folder: next(folder.glob("rois-*.csv")).unlink(),
    "ROIs cut to nothing": lambda folder: next(folder.glob("rois-*.csv")).write_bytes(b""),
    "a mask changed in place": lambda folder: change_in_place(next(folder.glob("mask-*.tif"))),
    "list of contents deleted": lambda folder: (folder / "project.json").unlink(),
}
"""The folder stays: what is missing can be written again."""
TAKE = {
    "deleted": shutil.rmtree,
    "moved": lambda folder: folder.rename(folder.with_name("moved.zproject")),
}
each_harm = pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
each_taking = pytest.mark.parametrize("take", TAKE.values(), ids=TAKE)


@pytest.fixture
def make(qtbot, monkeypatch, open_panels, zstack, tmp_path):
    """A panel with a run, ROIs and a mask, saved as a project, and its folder."""

    def in_viewer(viewer):
        panel = open_panels(viewer)
        show(qtbot, panel, zstack)
        run_to_end(qtbot, panel)
        panel.rois.set(Rois.of(CELLS))
        panel.zstack.new_mask()
        panel.zstack.align_tab.mask_combo.layer.data[10:50, 10:50] = 1
        folder = tmp_path / "larva.zproject"
        save_as(qtbot, monkeypatch, panel, folder)
        return panel, folder

    return in_viewer


def slow_down(monkeypatch, seconds):
    """Each member is looked for on a drive that takes its time."""
    there = KeptFiles.are_in
    monkeypatch.setattr(KeptFiles, "are_in", lambda *args: (sleep(seconds), there(*args))[1])


def assert_all_in(folder, panel):
    project = nza.load(folder)
    assert project.remarks == ()
    assert_same_alignment(project.runs[0].results[0], panel.zstack.shown.alignment)
    np.testing.assert_array_equal(project.rois["ROIs"].circles, CELLS)
    assert project.masks[0].labels.any()


@pytest.mark.thorough
@each_harm
def test_what_is_missing_is_saved_again(harm, quick, qtbot, viewer, make):
    panel, folder = make(viewer)
    before = (folder / "project.json").read_bytes()
    harm(folder)
    there = folder / "project.json"
    qtbot.waitUntil(lambda: there.exists() and there.read_bytes() != before)
    at_rest(qtbot, panel)
    assert_all_in(folder, panel)
    assert state(panel).startswith("larva.zproject, saved ")


@each_harm
@pytest.mark.thorough
def test_what_is_missing_is_saved_before_napari_closes(harm, open_napari, qtbot, make, answer):  # noqa: F811
    panel, folder = make(open_napari)
    window, alignment = panel.window(), panel.zstack.shown.alignment
    harm(folder)
    window.close()  # before the keeper has looked
    qtbot.waitUntil(lambda: is_closed(window))
    assert answer.asked == []
    project = nza.load(folder)
    assert project.remarks == ()
    assert_same_alignment(project.runs[0].results[0], alignment)
    assert len(project.rois["ROIs"]) == 3
    assert project.masks[0].labels.any()


@each_taking
@pytest.mark.thorough
def test_a_folder_that_is_gone_is_said(take, quick, qtbot, monkeypatch, viewer, make):
    panel, folder = make(viewer)
    take(folder)
    qtbot.waitUntil(lambda: "not saved" in state(panel))
    assert f"{folder} is gone: move it back" in said(panel)
    at_rest(qtbot, panel)
    save_as(qtbot, monkeypatch, panel, folder)
    assert_all_in(folder, panel)
    assert said(panel) == ""


@pytest.mark.thorough
def test_a_folder_that_is_back_is_saved_again(quick, qtbot, viewer, make):
    panel, folder = make(viewer)
    TAKE["moved"](folder)
    qtbot.waitUntil(lambda: "not saved" in state(panel))
    folder.with_name("moved.zproject").rename(folder)
    qtbot.waitUntil(lambda: state(panel).startswith("larva.zproject, saved "))
    assert_all_in(folder, panel)


@pytest.mark.thorough
@each_taking
def test_a_folder_that_is_gone_is_asked_about_before_napari_closes(
    take,
    open_napari,  # noqa: F811
    qtbot,
    make,
    answer,
):
    panel, folder = make(open_napari)
    window = panel.window()
    take(folder)
    answer("Keep open")
    window.close()
    qtbot.waitUntil(lambda: bool(answer.asked))
    assert window.isVisible()
    assert "is gone" in answer.asked[0]
    answer("Discard")
    window.close()
    qtbot.waitUntil(lambda: is_closed(window))
    assert len(answer.asked) == 2


@pytest.mark.thorough
def test_a_list_of_contents_that_is_damaged_is_asked_about(open_napari, qtbot, make, answer):  # noqa: F811
    panel, folder = make(open_napari)
    window = panel.window()
    shorten(folder / "project.json")
    answer("Keep open")
    window.close()
    qtbot.waitUntil(lambda: bool(answer.asked))
    assert window.isVisible()
    assert "damaged" in answer.asked[0]
    answer("Discard")
    window.close()
    qtbot.waitUntil(lambda: is_closed(window))


@pytest.mark.thorough
def test_what_is_missing_in_an_opened_project_is_saved_again(
    quick, qtbot, monkeypatch, viewer, open_panels, zstack, tmp_path
):
    folder = tmp_path / "p.zproject"
    run = nza.NamedRun("run 1", nza.run(nza.align_adaptive(zstack)))
    nza.Project(stacks=(zstack,), runs=(run,), rois={"ROIs": Rois.of(CELLS)}).save(folder)
    panel = open_panels(viewer)
    open_it(qtbot, monkeypatch, panel, folder)
    first = member(folder)
    shutil.rmtree(first)
    qtbot.waitUntil(lambda: any(folder.glob("alignment-*.zalign")))
    at_rest(qtbot, panel)
    assert_same_alignment(nza.load(folder).runs[0].results[0], run.results[0])


@pytest.mark.thorough
def test_a_table_of_rois_that_is_edited_by_hand_stays(quick, qtbot, viewer, make):
    panel, folder = make(viewer)
    table = next(folder.glob("rois-*.csv"))
    edit(table)
    edited = table.read_text()
    qtbot.wait(1000)  # the keeper looks twice
    at_rest(qtbot, panel)
    assert table.read_text() == edited


BEFORE_IT_IS_OPENED_AGAIN = {
    "quick drive": (lambda folder: shutil.rmtree(member(folder)), 0.0),
    "slow drive": (lambda folder: shutil.rmtree(member(folder)), 0.3),
    "an alignment changed in place": (
        lambda folder: change_in_place(next(member(folder).glob("transf*"))),
        0.0,
    ),
    "ROIs edited by hand": (lambda folder: edit(next(folder.glob("rois-*.csv"))), 0.0),
}


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("harm", "seconds"), BEFORE_IT_IS_OPENED_AGAIN.values(), ids=BEFORE_IT_IS_OPENED_AGAIN
)
def test_what_is_on_the_disk_no_more_is_asked_about_before_the_project_is_opened_again(
    qtbot, monkeypatch, viewer, make, answer, harm, seconds
):
    panel, folder = make(viewer)
    slow_down(monkeypatch, seconds)
    harm(folder)
    answer("Keep this")
    open_it(qtbot, monkeypatch, panel, folder)
    assert len(answer.asked) == 1
    assert "larva.zproject were changed or removed" in answer.asked[0]
    assert panel.zstack.shown.alignment is not None
    np.testing.assert_array_equal(panel.rois.rois.circles, CELLS)


@pytest.mark.thorough
def test_a_slow_drive_keeps_no_window_still(open_napari, qtbot, monkeypatch, make):  # noqa: F811
    panel, _ = make(open_napari)
    window = panel.window()
    slow_down(monkeypatch, 0.4)
    began = monotonic()
    window.close()
    assert monotonic() - began < 0.35
    assert window.isVisible()
    qtbot.waitUntil(lambda: is_closed(window))
