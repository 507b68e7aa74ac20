"""A mask painted over a recording before any run: a reopened project knows which one it was."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from driving import click, settled
from napari.layers._layer_actions import _duplicate_layer

from napari_zstack_align.gui.masks import MADE_ON
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.samples import recording_with_motion

from .conftest import at_rest, end, open_it, save_as

QUICK = KeypointParams(chunk_frames=10, residual="none", passes=1)


@pytest.fixture
def three(tmp_path):
    """Three recordings in files."""
    frames = recording_with_motion(n_frames=60, size=160, photons=200.0, seed=4).stack.read(0, 60)
    paths = [tmp_path / f"part {k}.tif" for k in range(3)]
    for k, path in enumerate(paths):
        tifffile.imwrite(path, frames[20 * k : 20 * k + 20, 0])
    return paths


@pytest.fixture
def painted(qtbot, make_napari_viewer, open_panels, three):
    """A panel with a mask painted over the second recording, and its viewer."""
    viewer = make_napari_viewer(show=False)
    panel = open_panels(viewer, "Recordings")
    session = panel.recordings
    session.add_paths(three)
    settled(qtbot, panel)
    session.tab.form.set_values(QUICK)
    session.reference_mark.choose(session.recordings[1])
    click(qtbot, session.tab.buttons["mask"])
    settled(qtbot, panel)
    session.tab.mask_combo.layer.data[20:140, 20:140] = 1
    return viewer, panel


def change(session, how):
    if how == "another":
        session.reference_mark.choose(session.recordings[2])
    elif how == "none":
        session.reference_mark.choose(None)
    elif how == "removed":
        session.tab.list.set_recordings([session.recordings[0], session.recordings[2]])


def run(qtbot, panel):
    click(qtbot, panel.recordings.tab.run_bar.run_button)
    settled(qtbot, panel)
    return panel.recordings.tab.run_bar.status.text()


def reopened(qtbot, monkeypatch, make_napari_viewer, open_panels, painted, tmp_path):
    viewer, panel = painted
    save_as(qtbot, monkeypatch, panel, tmp_path / "p.zproject")
    end(viewer, panel)
    viewer = make_napari_viewer(show=False)
    panel = open_panels(viewer, "Recordings")
    open_it(qtbot, monkeypatch, panel, tmp_path / "p.zproject")
    at_rest(qtbot, panel)
    panel.open_tab("Recordings")
    return viewer, panel


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("how", "changed"), [("another", "after"), ("none", "before"), ("removed", "before")]
)
def test_a_mask_is_refused_on_another_recording_after_reopening(
    qtbot, monkeypatch, make_napari_viewer, open_panels, painted, tmp_path, how, changed
):
    if changed == "before":
        change(painted[1].recordings, how)
    tools = qtbot, monkeypatch, make_napari_viewer, open_panels
    painted = reopened(*tools, painted, tmp_path)
    session = painted[1].recordings
    assert np.any(session.tab.mask_combo.layer.data)
    if changed == "after":
        change(session, how)
    assert "was painted over part 1, which" in run(qtbot, painted[1])
    assert not session.alignments
    _, panel = reopened(*tools, painted, tmp_path)  # saved once more
    assert "was painted over part 1, which" in run(qtbot, panel)


@pytest.mark.thorough
@pytest.mark.parametrize("row", [1, 2])
def test_after_reopening_a_mask_lies_on_the_reference_it_was_painted_over_alone(
    qtbot, monkeypatch, make_napari_viewer, open_panels, painted, tmp_path, row
):
    tools = qtbot, monkeypatch, make_napari_viewer, open_panels
    _, panel = reopened(*tools, painted, tmp_path)
    session = panel.recordings
    mask = session.tab.mask_combo.layer
    if row == 2:
        session.tab.mask_combo.choose(None)
        session.reference_mark.choose(session.recordings[2])
    run(qtbot, panel)
    assert session.alignments
    assert bool(mask.metadata[MADE_ON]) == (row == 1)


@pytest.mark.thorough
def test_a_copy_of_the_layer_is_refused_too(qtbot, painted):
    viewer, panel = painted
    session = panel.recordings
    original = session.tab.mask_combo.layer
    viewer.layers.selection.active = original
    _duplicate_layer(viewer.layers)
    copy = next(each for each in viewer.layers if each.name == f"{original.name} copy")
    session.tab.mask_combo.choose(copy)
    session.reference_mark.choose(session.recordings[2])
    assert "was painted over part 1, which" in run(qtbot, panel)
