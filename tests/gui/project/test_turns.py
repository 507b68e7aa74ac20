"""A project is opened over a filled panel step by step: napari stays alive."""

from __future__ import annotations

import shutil

from qtpy.QtCore import QTimer

import napari_zstack_align as nza

from .conftest import open_it


def test_each_layer_comes_and_goes_in_a_turn_of_its_own(
    viewer, qtbot, monkeypatch, open_panels, zstack, tmp_path
):
    """napari needs a moment for each: together they would stop it for seconds."""
    alignment = nza.run(nza.align_adaptive(zstack))
    other = nza.Project(stacks=(zstack,), runs=(nza.NamedRun("run 1", (alignment,)),))
    other.save(tmp_path / "other.zproject")
    panel = open_panels(viewer)
    open_it(qtbot, monkeypatch, panel, tmp_path / "other.zproject")
    before = {layer.name for layer in viewer.layers}
    assert len(before) > 3
    shutil.copytree(tmp_path / "other.zproject", tmp_path / "again.zproject")
    turn, turns = [0], []
    timer = QTimer()
    timer.timeout.connect(lambda: turn.__setitem__(0, turn[0] + 1))
    timer.start(0)
    for emitter in (viewer.layers.events.inserted, viewer.layers.events.removed):
        emitter.connect(lambda _: turns.append(turn[0]))
    monkeypatch.setattr("napari_zstack_align.gui.project.keeper.confirmed", lambda *_, **__: True)
    open_it(qtbot, monkeypatch, panel, tmp_path / "again.zproject")
    assert {layer.name for layer in viewer.layers} == before
    assert len(turns) == 2 * len(before)
    assert len(set(turns)) == len(turns)
