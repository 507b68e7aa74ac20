"""A mask belongs to the stack that it was painted for."""

from __future__ import annotations

from driving import click, show
from stacks import small_zstack


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


def test_another_layout_keeps_the_mask(qtbot, panel):
    show(qtbot, panel, small_zstack())
    panel.zstack.new_mask()
    mask = panel.zstack.align_tab.mask_combo.layer
    panel.zstack.load_tab.details.repeats.setValue(4)
    click(qtbot, panel.zstack.load_tab.apply_button)
    assert panel.zstack.align_tab.mask_combo.layer is mask
