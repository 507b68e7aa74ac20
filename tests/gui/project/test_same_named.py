"""Runs and masks come back on their own stack, whatever other stacks are called."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from driving import click, run_to_end, show
from stacks import small_zstack

import napari_zstack_align as nza
from napari_zstack_align.gui.project.mask_layers import add_masks

from .conftest import end, open_it, save_as


@pytest.fixture
def same_named(tmp_path):
    """Two z-stacks called 'stack', in folders of their own, with unlike frames."""
    stacks = []
    for number, name in enumerate("ab"):
        path = tmp_path / name / "stack.tif"
        path.parent.mkdir()
        tifffile.imwrite(path, small_zstack().read(0, 12)[:, 0] + np.uint16(number))
        stacks.append(nza.open_stack(path, frames_per_slice=4, order="repeats"))
    return stacks


def folder_of(shown):
    return shown.stack.paths[0].parent.name


@pytest.mark.thorough
def test_what_layers_were_removed_of_comes_back_on_its_own_stack(
    qtbot, monkeypatch, viewer, open_panels, same_named, tmp_path
):
    panel = open_panels(viewer)
    first, second = (show(qtbot, panel, stack) for stack in same_named)
    panel.zstack.stack_combo.choose(first.raw[0])
    click(qtbot, panel.zstack.mask_tab.new_button)
    mask = panel.zstack.align_tab.mask_combo.layer
    mask.data[5:60, 5:30] = 1
    run_to_end(qtbot, panel)
    assert folder_of(panel.zstack.shown) == "a"
    folder = tmp_path / "larva.zproject"
    save_as(qtbot, monkeypatch, panel, folder)
    for layer in list(first.layers()):
        viewer.layers.remove(layer)
    for _ in range(2):  # once to see it gone, once more when what is known of it was saved
        save_as(qtbot, monkeypatch, panel, folder)
    end(viewer, panel)
    panel = open_panels(viewer)
    open_it(qtbot, monkeypatch, panel, folder)
    by_folder = {folder_of(each): each for each in panel.workspace.stacks}
    assert {name: len(each.runs) for name, each in by_folder.items()} == {"a": 1, "b": 0}
    (found,) = (layer for layer in viewer.layers if layer.name == mask.name)
    assert found.metadata["napari_zstack_align"] is by_folder["a"]
    assert second.stack.name == first.stack.name


def test_a_mask_lies_on_top_where_layers_below_it_are_gone(viewer, caplog):
    project = nza.Project(
        masks=(nza.NamedMask("mask", np.eye(8, dtype=np.uint8)),),
        view={"masks": {"mask": {"stack": None, "index": 7}}},
    )
    list(add_masks(project, viewer, [], [], {}))
    assert [layer.name for layer in viewer.layers] == ["mask"]
    viewer.layers.clear()
    assert "invalid inserted rows" not in caplog.text  # which Qt says of napari's list
