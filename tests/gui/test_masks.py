"""A mask belongs to the stack that it was painted for."""

from __future__ import annotations

import numpy as np
import pytest
from driving import click, run, settled, show, status
from napari.layers import Labels
from stacks import small_zstack

from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.cells.cell_mask import cell_mask_layers, new_cell_mask
from napari_zstack_align.gui.masks import is_moved, pixels_of
from napari_zstack_align.gui.project.mask_layers import add_masks, with_masks
from napari_zstack_align.project import Project


def test_the_mask_of_one_stack_is_not_used_for_the_next(qtbot, panel):
    first = show(qtbot, panel, small_zstack())
    panel.zstack.new_mask()
    combo = panel.zstack.align_tab.mask_combo
    mask = combo.layer
    show(qtbot, panel, small_zstack(name="other"))
    assert combo.layer is None
    panel.zstack.stack_combo.choose(first.raw[0])
    assert panel.zstack.shown is first
    combo.choose(mask)
    assert combo.layer is mask


def test_back_at_a_stack_its_own_mask_is_chosen(qtbot, panel):
    first = show(qtbot, panel, small_zstack())
    panel.zstack.new_mask()
    own = panel.zstack.align_tab.mask_combo.layer
    show(qtbot, panel, small_zstack(name="other"))
    panel.zstack.new_mask()
    assert panel.zstack.align_tab.mask_combo.layer is not own
    panel.zstack.stack_combo.choose(first.raw[0])
    assert panel.zstack.align_tab.mask_combo.layer is own


@pytest.mark.parametrize("chosen", ["before", "after"])
def test_a_mask_from_a_file_is_not_used_for_the_next_stack_either(qtbot, panel, chosen):
    """Whether it is chosen before the first stack is there or after it."""
    stacks, combo = [small_zstack(), small_zstack(name="other")], panel.zstack.align_tab.mask_combo
    first = show(qtbot, panel, stacks[0]) if chosen == "after" else None
    mask = panel.viewer.add_labels(np.ones((64, 64), np.uint8), name="file")
    combo.choose(mask)
    first = first or show(qtbot, panel, stacks[0])
    assert combo.layer is mask
    other = show(qtbot, panel, stacks[1])
    assert combo.layer is None
    combo.choose(mask)  # who wants it there may have it
    assert combo.layer is mask
    assert mask in cell_mask_layers(panel.viewer.layers)
    panel.zstack.stack_combo.choose(first.raw[0])
    assert combo.layer is None
    panel.zstack.stack_combo.choose(other.raw[0])
    assert combo.layer is None
    combo.choose(mask)
    panel.zstack.load_tab.details.repeats.setValue(4)
    click(qtbot, panel.zstack.load_tab.apply_button)
    assert combo.layer is mask  # another layout of the same stack


def test_another_layout_keeps_the_mask(qtbot, panel):
    show(qtbot, panel, small_zstack())
    panel.zstack.new_mask()
    mask = panel.zstack.align_tab.mask_combo.layer
    panel.zstack.load_tab.details.repeats.setValue(4)
    click(qtbot, panel.zstack.load_tab.apply_button)
    assert panel.zstack.align_tab.mask_combo.layer is mask


def shift(layer):
    layer.translate = (5, 0)


def drag(layer):
    """As napari's tool does."""
    layer.affine = np.array([[1.0, 0, 7], [0, 1, 9], [0, 0, 1]])


def enlarge(layer):
    """As napari's tool does with a handle whose opposite corner is the origin."""
    layer.affine = np.diag([1.5, 1.5, 1.0])


def turn(layer):
    layer.rotate = 10


def shear(layer):
    layer.shear = [0.2]


@pytest.mark.parametrize("move", [shift, drag, enlarge, turn, shear])
def test_a_mask_that_was_moved_is_one_that_was_moved(move):
    layer = Labels(np.ones((12, 14), np.uint8), scale=(0.5, 0.4))
    assert (pixels_of(layer) == layer.data).all()
    move(layer)
    with pytest.raises(InputError, match="was moved, turned or scaled in napari"):
        pixels_of(layer)


def test_a_mask_over_an_image_with_an_origin_is_in_its_place(viewer, panel):
    image = viewer.add_image(np.zeros((12, 14)), translate=(5, 3), scale=(0.5, 0.5))
    layer = new_cell_mask(viewer, (12, 14), image)
    assert not is_moved(layer)
    layer.data[2:4, 2:4] = 1
    project = with_masks(Project(), viewer, {})
    viewer.layers.remove(layer)
    (_,) = add_masks(project, viewer, [], [], {})
    (again,) = cell_mask_layers(viewer.layers)
    assert not is_moved(again)
    shift(again)
    assert is_moved(again)


def test_a_mask_counts_where_it_is_seen_or_not_at_all(qtbot, panel):
    show(qtbot, panel, small_zstack())
    panel.zstack.new_mask()
    mask = panel.zstack.align_tab.mask_combo.layer
    mask.data[10:40, 10:40] = 1
    drag(mask)
    run(qtbot, panel)
    assert "was moved, turned or scaled in napari" in status(panel)
    assert not panel.zstack.shown.runs.listed
    words = panel.zstack.mask_tab.words
    qtbot.waitUntil(lambda: "was moved, turned or scaled in napari" in words.text())
    mask.affine = np.eye(3)
    qtbot.waitUntil(lambda: "of the image" in words.text())
    run(qtbot, panel)
    settled(qtbot, panel)
    (alignment,) = panel.zstack.shown.runs.listed[0].results.values()
    np.testing.assert_array_equal(alignment.mask > 0, mask.data > 0)
