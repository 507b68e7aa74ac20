"""Masks that are made at once, or changed, by buttons of the Mask tab."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from driving import click, settled, show
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QStyle, QStyleOptionSlider

import napari_zstack_align as nza
from napari_zstack_align.made_masks import circle, grown


@pytest.fixture
def stack():
    """Four frames with tissue at the left, dimmer towards its edge."""
    light = np.full(80, 3.0)
    light[:40] = np.linspace(70, 40, 40)
    frames = np.random.default_rng(4).poisson(np.tile(light, (4, 60, 1))).astype(np.uint16)
    return nza.Stack.from_array(frames, frames_per_slice=2)


@pytest.fixture
def box(qtbot, panel, stack):
    show(qtbot, panel, stack)
    panel.open_tab("Mask")
    return panel.zstack.mask_tab.box


def layer(panel):
    return panel.zstack.align_tab.mask_combo.layer


def covered(panel):
    return layer(panel).data > 0


def drag(qtbot, slider, *steps):
    """Take the handle of a slider along by some px, in steps, and let it go."""
    option = QStyleOptionSlider()
    slider.initStyleOption(option)
    control, handle = QStyle.ComplexControl.CC_Slider, QStyle.SubControl.SC_SliderHandle
    at = slider.style().subControlRect(control, option, handle, slider).center()
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=at)
    for step in steps:
        qtbot.mouseMove(slider, at + QPoint(step, 0))
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=at + QPoint(steps[-1], 0))


def test_bright_tissue_is_covered_and_follows_the_slider(qtbot, panel, box):
    click(qtbot, box.buttons["bright"])
    settled(qtbot, panel)
    first = covered(panel).copy()
    assert first[:, :37].all()
    assert not first[:, 43:].any()
    assert layer(panel).mode == "paint"
    drag(qtbot, box.slider, 20, 60, 90)
    higher = covered(panel)
    assert higher.sum() < first.sum()
    assert not (higher & ~first).any()
    layer(panel).undo()  # the whole way of the slider
    np.testing.assert_array_equal(covered(panel), first)
    qtbot.waitUntil(
        lambda: f"covers {100 * first.mean():.0f} %" in panel.zstack.mask_tab.words.text()
    )


def test_another_channel_is_averaged_anew(qtbot, panel, box, stack):
    frames = stack.read(0, 4)
    frames = np.concatenate([frames, frames[..., ::-1]], axis=1)
    show(qtbot, panel, nza.Stack.from_array(frames, axes="TCYX", frames_per_slice=2))
    panel.open_tab("Mask")
    form = panel.zstack.align_tab.form
    click(qtbot, box.buttons["bright"])
    form.set_values(form.values().replace(channel=1))
    click(qtbot, box.buttons["bright"])
    settled(qtbot, panel)
    qtbot.waitUntil(lambda: layer(panel) is not None and covered(panel).any())
    assert covered(panel)[:, 43:].all()
    assert not covered(panel)[:, :37].any()


@pytest.mark.parametrize("missing", ["a frame", "pixels"])
def test_numbers_that_are_missing_in_some_frames_take_nothing_off(
    qtbot, panel, box, stack, missing
):
    frames = np.tile(stack.read(0, 4)[:, 0].astype(np.float32), (12, 1, 1))
    if missing == "a frame":
        frames[1] = np.nan
    else:
        frames[np.random.default_rng(0).random(frames.shape) < 0.05] = np.nan
    show(qtbot, panel, nza.Stack.from_array(frames, frames_per_slice=2))
    panel.open_tab("Mask")
    click(qtbot, box.buttons["bright"])
    settled(qtbot, panel)
    assert covered(panel)[:, :37].all()
    assert not covered(panel)[:, 43:].any()


@pytest.mark.parametrize("kind", ["lazy", "read-only", "several resolutions"])
def test_masks_from_elsewhere_are_changed_or_it_is_said(qtbot, panel, box, kind):
    data = np.zeros((60, 80), np.uint8)
    given = {"lazy": da.from_array(data, chunks=20), "several resolutions": [data, data[::2, ::2]]}
    data.flags.writeable = kind != "read-only"
    mask = panel.zstack.viewer.add_labels(given.get(kind, data), name="from elsewhere")
    panel.zstack.align_tab.mask_combo.choose(mask)
    click(qtbot, box.buttons["circle"])
    if kind == "several resolutions":
        assert "has several resolutions" in box.run_bar.status.text()
        assert "has several resolutions" in panel.zstack.mask_tab.words.text()
    else:
        np.testing.assert_array_equal(covered(panel), circle((60, 80)))


def test_what_is_asked_for_another_stack_meanwhile_is_done_there(qtbot, panel, box, stack):
    first = panel.zstack.shown
    second = show(qtbot, panel, stack.replace(name="other"))
    panel.zstack.stack_combo.choose(first.raw[0])
    panel.open_tab("Mask")
    click(qtbot, box.buttons["bright"])
    panel.zstack.stack_combo.choose(second.raw[0])
    click(qtbot, box.buttons["bright"])
    qtbot.waitUntil(lambda: layer(panel) is not None and covered(panel).any())
    settled(qtbot, panel)
    assert layer(panel).name == "other mask"
    assert covered(panel)[:, :37].all()
    panel.zstack.stack_combo.choose(first.raw[0])
    assert layer(panel) is None, "nothing was painted for the stack that was left"


def test_shapes_and_changes_are_undone_like_strokes(qtbot, panel, box):
    click(qtbot, box.buttons["circle"])
    expected = circle((60, 80))
    np.testing.assert_array_equal(covered(panel), expected)
    box.by_px.setValue(3)
    click(qtbot, box.buttons["grow"])
    np.testing.assert_array_equal(covered(panel), grown(expected, 3))
    layer(panel).undo()
    click(qtbot, box.buttons["invert"])
    np.testing.assert_array_equal(covered(panel), ~expected)
    click(qtbot, box.buttons["clear"])
    assert not covered(panel).any()
    layer(panel).undo()
    click(qtbot, box.buttons["shrink"])
    assert 0 < covered(panel).sum() < (~expected).sum()


def test_without_a_stack_or_on_a_mask_that_cannot_be_changed_it_is_said(qtbot, panel, box):
    click(qtbot, box.buttons["circle"])
    layer(panel).translate = (5, 0)
    before = layer(panel).data.copy()
    click(qtbot, box.buttons["invert"])
    np.testing.assert_array_equal(layer(panel).data, before)
    assert "was moved" in box.run_bar.status.text()
    panel.zstack.viewer.layers.clear()
    for name in ("bright", "circle"):
        click(qtbot, box.buttons[name])
        assert panel.zstack.mask_tab.words.text() == "There is no stack yet: load one first."
