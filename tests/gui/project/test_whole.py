"""What a person has made is saved as a project, and comes back whole in another napari."""

from __future__ import annotations

import numpy as np
import pytest
from driving import click, run_to_end, settled, show

import napari_zstack_align as nza
from napari_zstack_align.cells import Rois
from napari_zstack_align.gui.reader import get_reader
from napari_zstack_align.params import AdaptiveParams, BlobParams, KeypointParams, ZShiftParams

from .conftest import CELLS, assert_same_alignment, at_rest, end, open_it, save_as


@pytest.fixture
def whole(qtbot, monkeypatch, make_napari_viewer, open_panels, zstack, recordings, tmp_path):
    """A panel with all that a project holds, saved; what it held, and the folder."""
    viewer = make_napari_viewer(show=True)
    panel = open_panels(viewer)
    shown = show(qtbot, panel, zstack)
    panel.open_tab("Mask")
    click(qtbot, panel.zstack.mask_tab.new_button)
    mask = panel.zstack.align_tab.mask_combo.layer
    mask.brush_size = 40
    mask.paint((30, 30), 1)
    mask.paint((10, 50), 2)
    run_to_end(qtbot, panel)
    panel.zstack.align_tab.form.set_values(AdaptiveParams(alpha=3.5))
    run_to_end(qtbot, panel)
    first, second = shown.runs.listed
    panel.zstack.runs.show(first.number)
    shown.runs.rename(second.number, "stiff")
    panel.open_tab("Recordings")
    panel.recordings.add_paths(recordings)
    settled(qtbot, panel)
    panel.recordings.tab.list.move(0, 1)  # in the order of the user
    panel.recordings.tab.form.set_values(KeypointParams(chunk_frames=15))
    click(qtbot, panel.recordings.tab.run_bar.run_button)
    settled(qtbot, panel)
    panel.rois.set(Rois.of(CELLS))
    panel.rois.delete([2])
    panel.cells.tab.methods.controls["log"].use(BlobParams(method="log", threshold=0.0425))
    panel.open_tab("Traces")
    panel.traces.tab.form.fields["dark_level"].set((0.0,))
    click(qtbot, panel.traces.tab.run_bar.run_button)
    settled(qtbot, panel)
    assert panel.traces.traces.recordings
    panel.zshift.tab.form.set_values(ZShiftParams(patch_px=48))
    panel.open_tab("Recordings")
    folder = tmp_path / "larva.zproject"
    save_as(qtbot, monkeypatch, panel, folder)
    held = {
        "mask": np.array(mask.data),
        "runs": [(run.name, run.results[shown]) for run in shown.runs.listed],
        "recordings": [each.name for each in panel.recordings.recordings],
        "session": list(panel.recordings.alignments),
        "rois": panel.rois.rois,
        "traces": panel.traces.traces.recordings,
        "layers": {layer.name for layer in viewer.layers},
        "files": sorted(path.name for path in folder.iterdir()),
    }
    assert panel.keeper.bar.words.words.startswith("larva.zproject, saved ")
    end(viewer, panel)
    return held, folder


def test_all_of_it_comes_back(whole, qtbot, monkeypatch, make_napari_viewer, open_panels):
    held, folder = whole
    viewer = make_napari_viewer(show=True)
    panel = open_panels(viewer)
    open_it(qtbot, monkeypatch, panel, folder)
    at_rest(qtbot, panel)
    shown = panel.zstack.shown
    mask = panel.zstack.align_tab.mask_combo.layer
    np.testing.assert_array_equal(mask.data, held["mask"])
    assert mask.name == "brain mask"
    assert [run.name for run in shown.runs.listed] == ["run 1", "stiff"]
    assert shown.runs.shown.name == "run 1"
    for run, (_, alignment) in zip(shown.runs.listed, held["runs"], strict=True):
        assert_same_alignment(run.results[shown], alignment)
        assert run.params == alignment.params
    assert shown.stack.frames_per_slice == 4
    assert [each.name for each in panel.recordings.recordings] == held["recordings"]
    assert held["recordings"] == ["session 2", "session 1"]
    for found, alignment in zip(panel.recordings.alignments, held["session"], strict=True):
        assert_same_alignment(found, alignment)
    np.testing.assert_array_equal(panel.rois.rois.ids, [1, 3])
    np.testing.assert_array_equal(panel.rois.rois.circles, held["rois"].circles)
    assert panel.rois.rois.last_id == 3
    assert not panel.rois.can_undo
    for found, traces in zip(panel.traces.traces.recordings, held["traces"], strict=True):
        np.testing.assert_array_equal(found.dff, traces.dff)
    assert panel.traces.outdated == panel.zshift.outdated == ""
    assert panel.zstack.align_tab.form.values().alpha == 3.5
    assert panel.recordings.tab.form.values().chunk_frames == 15
    assert panel.cells.tab.methods.controls["log"].params.threshold == 0.0425
    assert panel.zshift.tab.form.values().patch_px == 48
    assert panel.tabs.tabText(panel.tabs.currentIndex()) == "Recordings"
    assert {layer.name for layer in viewer.layers} == held["layers"]
    assert "opened" in panel.keeper.bar.words.words
    # nothing has changed: nothing is written again
    panel.keeper.look()
    at_rest(qtbot, panel)
    assert sorted(path.name for path in folder.iterdir()) == held["files"]
    project = nza.load(folder)
    assert [run.name for run in project.runs] == ["run 1", "stiff", "run 1 of the session"]
    assert project.in_view == ("run 1", "run 1 of the session")
    assert project.remarks == ()


@pytest.mark.parametrize("way", ["dropped on napari", "Load > Folder …", "Session > Open …"])
def test_a_project_opens_wherever_a_folder_is_asked_for(
    way, qtbot, viewer, open_panels, zstack, tmp_path
):
    folder = tmp_path / "larva.zproject"
    alignment = nza.run(nza.align_adaptive(zstack))
    nza.Project(stacks=(zstack,), runs=(nza.NamedRun("soft", alignment),)).save(folder)
    panel = open_panels(viewer)
    if way == "dropped on napari":
        assert get_reader(str(folder))(str(folder)) == [(None,)]
    elif way == "Load > Folder …":
        panel.zstack.load_tab.open_paths([folder])
    else:
        panel.recordings.results.open(folder)
    at_rest(qtbot, panel)
    assert panel.keeper.path == folder
    assert panel.zstack.shown.runs.shown.name == "soft"
    assert_same_alignment(panel.zstack.shown.alignment, alignment)


@pytest.mark.thorough
def test_what_was_said_of_one_project_is_not_of_the_next(
    qtbot, monkeypatch, viewer, open_panels, zstack, recordings, answer, tmp_path
):
    nza.Project().save(tmp_path / "empty.zproject")
    panel = open_panels(viewer)
    show(qtbot, panel, zstack)
    run_to_end(qtbot, panel)
    panel.open_tab("Recordings")
    panel.recordings.add_paths(recordings)
    settled(qtbot, panel)
    click(qtbot, panel.recordings.tab.run_bar.run_button)
    settled(qtbot, panel)
    bars = [bar for part in panel.parts.made for bar in part.run_bars]
    chunk_words = panel.recordings.results_tab.repair_box.chunk_words
    assert any(bar.status.text() for bar in bars)
    assert "is chosen" in chunk_words.text()
    save_as(qtbot, monkeypatch, panel, tmp_path / "larva.zproject")
    answer("Open it")
    open_it(qtbot, monkeypatch, panel, tmp_path / "empty.zproject")
    assert [bar.status.text() for bar in bars] == [""] * len(bars)
    assert "is chosen" not in chunk_words.text()
