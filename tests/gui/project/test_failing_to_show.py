"""A project that can't be shown leaves a panel that opens and saves others."""

from __future__ import annotations

import numpy as np
import pytest
from driving import click

import napari_zstack_align as nza
from napari_zstack_align.cells import Rois
from napari_zstack_align.gui.cells.trace_set import as_set
from napari_zstack_align.gui.project import keeper as keeper_module
from napari_zstack_align.gui.zshift.view import ZShiftView
from napari_zstack_align.params import TraceParams, ZShiftParams
from napari_zstack_align.progress import Progress
from napari_zstack_align.samples import recording_with_zshift
from napari_zstack_align.stack import Stack

from .conftest import CELLS, at_rest, open_it, save_as


def some_traces():
    movie = Stack.from_array(np.ones((6, 64, 64), np.uint16), name="movie")
    params = TraceParams(dark_level=(0.0,))
    return as_set(nza.run(nza.extract_traces(movie, Rois.of(CELLS), params=params)))


def some_depths():
    sample = recording_with_zshift(n_slices=5, size=64, z=np.linspace(0, 4, 6), seed=3)
    params = ZShiftParams(patch_px=48)
    return ZShiftView.of(nza.run(nza.estimate_zshift(sample.recording, sample.reference, params)))


@pytest.mark.parametrize(("name", "tab"), [("traces", "Traces"), ("zshift", "Z-shift")])
def test_a_project_opens_though_a_dock_was_closed(
    name, tab, qtbot, monkeypatch, viewer, open_panels, answer, tmp_path
):
    panel = open_panels(viewer, tab)
    part = getattr(panel, name)
    part.show(some_traces() if name == "traces" else some_depths())
    click(qtbot, part.dock.parent().title.close_button)
    assert part.dock.parent() is None
    other = nza.Project(rois={"ROIs": Rois.of(CELLS)}).save(tmp_path / "other")
    answer("Discard")
    open_it(qtbot, monkeypatch, panel, other)
    qtbot.waitUntil(lambda: panel.keeper.path == other)
    at_rest(qtbot, panel)
    assert len(panel.rois.rois) == 3
    assert not panel.traces.traces.recordings
    assert panel.zshift.view is None


@pytest.mark.parametrize("part", ["zstack", "recordings", "zshift"])
def test_an_error_while_a_project_is_shown_is_one_sentence(
    part, qtbot, monkeypatch, viewer, open_panels, zstack, tmp_path
):
    """And the project is neither changed nor locked; saving and opening go on."""
    panel = open_panels(viewer)
    other = nza.Project(stacks=(zstack,), rois={"ROIs": Rois.of(CELLS)}).save(tmp_path / "other")

    def restore(_):
        raise AttributeError("no such dock")

    with monkeypatch.context() as patch:
        patch.setattr(getattr(panel, part), "restore", restore)
        open_it(qtbot, patch, panel, other)
        qtbot.waitUntil(lambda: bool(panel.keeper.bar.run_bar.status.text()))
    assert not panel.keeper.busy
    assert panel.keeper.path is None
    said = panel.keeper.bar.run_bar.status.text()
    assert said.startswith("other.zproject can't be shown whole")
    assert "no such dock" in said
    assert panel.keeper.make_safe("Close?", "Keep", print)  # all that is shown is in its folder
    third = tmp_path / "third.zproject"
    save_as(qtbot, monkeypatch, panel, third)
    assert third.exists()
    monkeypatch.setattr(keeper_module, "confirmed", lambda *_, **__: True)
    open_it(qtbot, monkeypatch, panel, other)
    qtbot.waitUntil(lambda: panel.keeper.path == other)
    at_rest(qtbot, panel)
    assert len(panel.rois.rois) == 3
    assert panel.zstack.shown.stack.name == "brain"


def test_what_changes_while_another_project_is_read_is_saved(
    qtbot, monkeypatch, viewer, open_panels, zstack, tmp_path
):
    panel, mine = open_panels(viewer), tmp_path / "mine.zproject"
    save_as(qtbot, monkeypatch, panel, mine)
    other = nza.Project(stacks=(zstack,)).save(tmp_path / "other")
    wait, opening = [True], keeper_module.opening

    def slow(path):
        while wait:
            yield Progress("Opening the project", 0, 1)
        return (yield from opening(path))

    monkeypatch.setattr(keeper_module, "opening", slow)
    monkeypatch.setattr(keeper_module, "confirmed", lambda *_, **__: True)
    panel.keeper.open(other)
    qtbot.waitUntil(lambda: panel.keeper.bar.run_bar.busy)
    panel.rois.set(Rois.of(CELLS))
    wait.clear()
    qtbot.waitUntil(lambda: panel.keeper.path == other)
    at_rest(qtbot, panel)
    assert len(nza.load(mine).rois["ROIs"]) == 3
