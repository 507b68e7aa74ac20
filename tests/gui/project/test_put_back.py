"""Raw files that were moved: opened from their new place, they take the place of those missing."""

from __future__ import annotations

import numpy as np
import pytest
from driving import click, run_to_end, settled, show

import napari_zstack_align as nza

from .conftest import assert_same_alignment, at_rest, end, open_it, save_as


@pytest.fixture
def moved(qtbot, monkeypatch, viewer, open_panels, zstack, recordings, tmp_path):
    """A project whose raw files were moved after it was saved: the new place, and its results."""
    panel = open_panels(viewer)
    show(qtbot, panel, zstack)
    click(qtbot, panel.zstack.mask_tab.new_button)
    panel.zstack.align_tab.mask_combo.layer.data[5:60, 5:60] = 1
    run_to_end(qtbot, panel)
    panel.open_tab("Recordings")
    panel.recordings.add_paths(recordings)
    settled(qtbot, panel)
    click(qtbot, panel.recordings.tab.run_bar.run_button)
    settled(qtbot, panel)
    save_as(qtbot, monkeypatch, panel, tmp_path / "larva.zproject")
    results = [panel.zstack.shown.alignment, *panel.recordings.alignments]
    end(viewer, panel)
    place = tmp_path / "elsewhere"
    place.mkdir()
    for path in (*zstack.paths, *recordings):
        path.rename(place / path.name)
    return place, results


@pytest.mark.thorough
def test_moved_frames_get_their_runs_back(moved, qtbot, monkeypatch, viewer, open_panels, tmp_path):
    place, (of_stack, *of_session) = moved
    panel, folder = open_panels(viewer), tmp_path / "larva.zproject"
    open_it(qtbot, monkeypatch, panel, folder)
    words = panel.keeper.bar.run_bar.status.text()
    assert "'File(s) …' on the Load tab" in words
    assert "'Files …' on the Recordings tab" in words
    assert panel.workspace.stacks == []
    panel.zstack.load_tab.open_paths([place / "brain.tif"])
    at_rest(qtbot, panel)
    shown = panel.zstack.shown
    assert shown.stack.frames_per_slice == 4
    assert [run.name for run in shown.runs.listed] == ["run 1"]
    assert_same_alignment(shown.alignment, of_stack)
    assert panel.zstack.align_tab.mask_combo.layer.name == "brain mask"
    assert "with 1 run and 1 mask" in panel.keeper.bar.run_bar.status.text()
    panel.recordings.add_paths([place / "session 1.tif", place / "session 2.tif"])
    at_rest(qtbot, panel)
    assert len(panel.recordings.recordings) == 2
    for recording, alignment in zip(panel.recordings.recordings, of_session, strict=True):
        assert_same_alignment(recording.alignment, alignment)
        assert recording.alignment.stack is recording.stack
        assert recording.alignment.aligned_frame(3).any()
    assert np.asarray(panel.recordings.layers.raw[0].data[0]).any()
    save_as(qtbot, monkeypatch, panel, folder)
    project = nza.load(folder)
    assert project.remarks == ()
    assert [stack.paths[0].parent for stack in project.stacks] == [place]
    assert [stack.paths[0].parent for stack in project.recordings] == [place, place]
    assert all(len(each.results[0].stack.paths) == 1 for each in project.runs)


@pytest.mark.thorough
def test_other_frames_take_nobodys_place(
    moved, qtbot, monkeypatch, viewer, open_panels, zstack, tmp_path
):
    place, _ = moved
    other = tmp_path / "other" / "brain.npy"
    other.parent.mkdir()
    frames = nza.open_stack(place / "brain.tif").read(0, 12)
    np.save(other, frames[::-1, 0])
    panel = open_panels(viewer)
    open_it(qtbot, monkeypatch, panel, tmp_path / "larva.zproject")
    panel.zstack.load_tab.open_paths([other])
    at_rest(qtbot, panel)
    assert len(panel.zstack.shown.runs) == 0
    assert "whether this is a z-stack" in panel.zstack.load_tab.run_bar.status.text()
    assert len(panel.workspace.left.runs) == 1
