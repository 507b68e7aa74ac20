"""Interrupted runs of recordings go on in their order, with mask, reference and repairs."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from driving import click, settled
from napari.layers import Image, Labels

import napari_zstack_align as nza
from napari_zstack_align.samples import recording_with_motion

from .conftest import assert_same, go_on, offered, run_folders

NAMES = ("session 2.tif", "session 1.tif")


@pytest.fixture(scope="module")
def movie():
    sample = recording_with_motion(n_frames=60, size=160, photons=200.0, seed=4)
    return np.asarray(sample.stack.read(0, 60))[:, 0]


@pytest.fixture
def paths(tmp_path, movie):
    paths = [tmp_path / name for name in NAMES]
    for path, part in zip(paths, (movie[:30], movie[30:]), strict=True):
        tifffile.imwrite(path, part)
    return paths


def add(qtbot, panel, paths):
    panel.open_tab("Recordings")
    panel.recordings.add_paths(paths)
    settled(qtbot, panel)
    panel.recordings.tab.form.fields["chunk_frames"].set(15)


def run(qtbot, panel):
    panel.open_tab("Recordings")
    click(qtbot, panel.recordings.tab.run_bar.run_button)
    settled(qtbot, panel)


def names_of(panel):
    return [recording.name for recording in panel.recordings.recordings]


@pytest.mark.thorough
def test_a_killed_session_goes_on_to_the_same_result(qtbot, open_panels, paths, kill, computed):
    panel = open_panels()
    add(qtbot, panel, paths)
    labels = np.zeros((160, 160), np.uint8)
    labels[10:150, 10:140] = 1
    mask = panel.viewer.add_layer(Labels(labels, name="my mask"))
    panel.recordings.tab.mask_combo.choose(mask)
    kill.after = 6
    run(qtbot, panel)
    before, order = list(panel.recordings.alignments), names_of(panel)
    n_whole = len(computed)
    assert kill.copy.exists()
    open_panels.end()
    kill.restore()
    panel = open_panels()
    words = offered(qtbot, panel)
    assert words.startswith(f"A run on 2 recordings ({', '.join(order)}) was interrupted on ")
    assert "parts finished)." in words
    go_on(qtbot, panel)
    assert names_of(panel) == order
    assert len(computed) - n_whole <= n_whole - 6
    assert len(panel.recordings.alignments) == 2
    for alignment, whole in zip(panel.recordings.alignments, before, strict=True):
        assert_same(alignment, whole)
    assert panel.recordings.tab.mask_combo.layer.name == "my mask"


@pytest.mark.thorough
def test_a_recording_that_joins_goes_on_with_what_it_joins(qtbot, open_panels, paths, kill):
    panel = open_panels()
    add(qtbot, panel, paths[:1])
    run(qtbot, panel)
    add(qtbot, panel, paths[1:])
    panel.recordings.tab.join_box.setChecked(True)
    kill.after = kill.count + 4
    run(qtbot, panel)
    before, order = list(panel.recordings.alignments), names_of(panel)
    open_panels.end()
    kill.restore()
    panel = open_panels()
    assert "A run on session 1.tif" in offered(qtbot, panel)
    go_on(qtbot, panel)
    assert names_of(panel) == order
    for alignment, whole in zip(panel.recordings.alignments, before, strict=True):
        assert_same(alignment, whole)


@pytest.mark.thorough
def test_an_image_as_reference_comes_back(qtbot, open_panels, paths, kill, movie):
    panel = open_panels()
    add(qtbot, panel, paths)
    image = movie[10:20].mean(0).astype(np.float32)
    panel.recordings.tab.reference_combo.choose(panel.viewer.add_layer(Image(image, name="ref")))
    kill.after = 5
    run(qtbot, panel)
    before = list(panel.recordings.alignments)
    open_panels.end()
    kill.restore()
    panel = open_panels()
    offered(qtbot, panel)
    go_on(qtbot, panel)
    for alignment, whole in zip(panel.recordings.alignments, before, strict=True):
        assert_same(alignment, whole)


@pytest.fixture
def interrupted(qtbot, open_panels, paths, kill):
    """A panel of the next start, which offers a run; how many units were finished before."""
    panel = open_panels()
    add(qtbot, panel, paths)
    kill.after = 6
    run(qtbot, panel)
    before = list(panel.recordings.alignments)
    open_panels.end()
    kill.restore()
    panel = open_panels()
    offered(qtbot, panel)
    return panel, before


@pytest.fixture
def another(tmp_path, movie):
    path = tmp_path / "other.tif"
    tifffile.imwrite(path, movie[10:40])
    return path


@pytest.mark.thorough
def test_other_recordings_are_asked_about_and_stay(
    qtbot, interrupted, another, answer, state_folder
):
    panel, _ = interrupted
    add(qtbot, panel, [another])
    answer("Keep these")
    go_on(qtbot, panel)
    assert names_of(panel) == ["other"]
    assert "take the place of those in the list (other)" in answer.asked[0]
    assert not panel.offers.row.isHidden()
    assert len(run_folders(state_folder)) == 1


@pytest.mark.thorough
def test_other_recordings_make_way(qtbot, interrupted, another, answer):
    panel, before = interrupted
    add(qtbot, panel, [another])
    answer("Go on")
    go_on(qtbot, panel)
    assert names_of(panel) == ["session 1", "session 2"]
    for alignment, whole in zip(panel.recordings.alignments, before, strict=True):
        assert_same(alignment, whole)
    assert panel.offers.row.isHidden()
    assert another.exists()


@pytest.mark.thorough
def test_the_same_recordings_are_no_question(qtbot, interrupted, paths):
    panel, before = interrupted
    add(qtbot, panel, paths)
    go_on(qtbot, panel)
    for alignment, whole in zip(panel.recordings.alignments, before, strict=True):
        assert_same(alignment, whole)


@pytest.mark.thorough
@pytest.mark.parametrize("answers", ["Save", "Discard", "Keep these"])
def test_unsaved_runs_are_asked_about_before_they_make_way(
    qtbot, interrupted, another, answer, monkeypatch, tmp_path, answers
):
    panel, _ = interrupted
    add(qtbot, panel, [another])
    run(qtbot, panel)
    (unsaved,) = panel.recordings.alignments
    folder = tmp_path / "mine.zproject"
    monkeypatch.setattr(
        "napari_zstack_align.gui.file_dialogs.choose_name", lambda *_: (str(folder), "")
    )
    answer("Go on")
    answer(answers)
    go_on(qtbot, panel)
    qtbot.waitUntil(lambda: not panel.keeper.busy)
    settled(qtbot, panel)
    assert answer.asked[1] == "1 run is in no file yet."
    if answers == "Keep these":
        assert panel.recordings.alignments == [unsaved]
        return
    assert names_of(panel) == ["session 1", "session 2"]
    assert panel.keeper.path is None, "the project belongs to the other recordings"
    assert folder.exists() == (answers == "Save")
    if answers == "Save":
        (result,) = nza.load(folder).runs[0].results
        assert_same(result, unsaved)


@pytest.mark.thorough
def test_a_project_that_is_open_is_saved_and_closed_first(
    qtbot, interrupted, another, answer, monkeypatch, tmp_path
):
    panel, _ = interrupted
    add(qtbot, panel, [another])
    folder = tmp_path / "mine.zproject"
    monkeypatch.setattr(
        "napari_zstack_align.gui.file_dialogs.choose_name", lambda *_: (str(folder), "")
    )
    click(qtbot, panel.keeper.bar.save_button)
    qtbot.waitUntil(lambda: not panel.keeper.busy)
    run(qtbot, panel)
    answer("Go on")
    go_on(qtbot, panel)
    qtbot.waitUntil(lambda: names_of(panel) == ["session 1", "session 2"])
    settled(qtbot, panel)
    assert "mine.zproject, which is open, is saved and closed first" in answer.asked[0]
    project = nza.load(folder)
    assert [stack.name for stack in project.recordings] == ["other"]
    assert len(project.runs) == 1
    assert panel.keeper.path is None
