"""Each mode shows what belongs to it, and the way back leads to what was seen before."""

from __future__ import annotations

import numpy as np
import pytest
from driving import click, settled
from qtpy.QtCore import Qt
from stacks import small_zstack

import napari_zstack_align as nza
from napari_zstack_align.gui.compat import camera, text_overlay

NAMES = {
    "z-stack": "raw",
    "aligned": "aligned",
    "volume": "volume",
    "mask": "mask",
    "displacement": "arrows",
    "flicker": "flicker",
}


@pytest.fixture
def first_tab():
    return "Align"


@pytest.fixture(scope="module")
def alignment():
    return nza.run(nza.align_adaptive(small_zstack()))


@pytest.fixture
def aligned(qtbot, panel, alignment):
    """A z-stack with a mask and an alignment, in view as a volume."""
    panel.zstack.load_stack(alignment.stack)
    settled(qtbot, panel)
    panel.zstack.new_mask()
    panel.zstack.result.show(alignment)
    settled(qtbot, panel)
    return panel


def test_masks_and_arrows_come_and_go_with_the_frames(qtbot, viewer, aligned):
    shown, buttons = aligned.zstack.shown, aligned.zstack.align_tab.buttons

    def seen():
        qtbot.wait(1)  # looks in the next turn of the event loop
        in_view = [NAMES[each.name.split()[-1]] for each in viewer.layers if each.visible]
        pressed = [name for name in buttons if name != "quality" and buttons[name].isChecked()]
        return in_view, pressed, text_overlay(viewer).text

    shown.go_to(4 + 3)
    camera(viewer).zoom, camera(viewer).center = 3.5, (0, 11, 12)
    assert seen() == (["volume"], ["volume"], "slice 1, mean of 4 repeats")
    click(qtbot, buttons["toggle"])
    assert seen() == (["aligned", "mask"], ["toggle"], "ALIGNED\nslice 1, repeat 3")
    click(qtbot, buttons["arrows"])
    click(qtbot, buttons["toggle"])
    frames = ["raw", "mask", "arrows"], ["toggle", "arrows"], "RAW\nslice 1, repeat 3"
    assert seen() == frames, "the same lies over both"
    click(qtbot, buttons["volume"])
    assert seen()[:2] == (["volume"], ["volume"])
    click(qtbot, buttons["toggle"])
    click(qtbot, buttons["toggle"])
    assert seen() == frames, "what was put aside is there again"

    click(qtbot, buttons["three_d"])
    assert seen() == (["volume"], ["three_d"], "3 slices in 3-D")
    camera(viewer).zoom, camera(viewer).center = 9, (2, 30, 30)
    click(qtbot, buttons["three_d"])
    assert seen() == frames
    assert (camera(viewer).zoom, tuple(camera(viewer).center)[1:]) == (3.5, (11, 12))

    viewer.dims.ndisplay = 3  # by napari's own button
    viewer.dims.ndisplay = 2
    assert seen() == frames
    assert (camera(viewer).zoom, tuple(camera(viewer).center)[1:]) == (3.5, (11, 12))

    click(qtbot, buttons["volume"])
    click(qtbot, buttons["arrows"])
    in_view, pressed, label = seen()
    assert (in_view, pressed) == (["aligned", "mask", "arrows"], ["toggle", "arrows"])
    assert label == "ALIGNED\nslice 1, repeat 3"
    click(qtbot, buttons["volume"])
    aligned.open_tab("Mask")
    assert seen()[0] == ["volume", "mask"], "a mask can be painted over the volume"
    aligned.open_tab("Align")
    assert seen()[0] == ["volume"]
    aligned.zstack.quality.dock.frame_clicked.emit(2)
    assert seen()[0] == ["aligned", "mask", "arrows"], "a frame that was clicked is shown"
    assert shown.position() == (2, 0)

    box = aligned.zstack.align_tab.compare_box
    shown.raw[0].contrast_limits = (12, 345)
    box.spin.setValue(3)
    qtbot.keyClick(box.combo, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: seen()[0] == ["flicker", "mask", "arrows"])
    label = "ALIGNED\nslice 0, repeat 2, mean of 3 repeats"
    qtbot.waitUntil(lambda: seen()[1:] == (["arrows"], label))
    limits = [tuple(each.contrast_limits) for each in (*shown.aligned, *shown.of_kind("compared"))]
    assert limits == [(12, 345)] * 2, "set on one of them, it is that of all"
    qtbot.waitUntil(lambda: seen()[2].startswith("RAW\n"))
    click(qtbot, buttons["volume"])
    assert seen()[:2] == (["volume"], ["volume"])
    assert box.way == "off"


def test_the_dock_below_shows_what_was_gained(qtbot, viewer, aligned):
    quality, dock = aligned.zstack.quality, aligned.zstack.quality.dock
    button = aligned.zstack.align_tab.buttons["quality"]
    aligned.zstack.shown.go_to(4 + 3)
    qtbot.waitUntil(lambda: dock.pictures is not None)
    assert quality.is_open
    assert button.isChecked()
    assert dock.minimumSizeHint().height() <= 200, "a quarter of a window of 800 px"
    assert [column.caption for column in dock.sections.columns] == ["x–z section", "y–z section"]
    assert dock.words.text().startswith("Split-half sharpness:\n×")

    seen = []
    for name in ("ALIGNED", "RAW"):
        (column,) = dock.means.columns
        assert (column.caption, column.names) == ("mean of slice 1", (name,))
        seen.append(column.pictures[0])
        qtbot.mouseClick(dock.means, Qt.MouseButton.LeftButton)
    assert np.any(seen[0] != seen[1])
    aligned.zstack.shown.go_to(0)
    assert dock.means.columns[0].caption == "mean of slice 0"

    click(qtbot, button)
    assert not quality.is_open
    aligned.open_tab("Mask")
    aligned.open_tab("Align")
    assert not quality.is_open, "it stays closed"
    assert not button.isChecked()
    click(qtbot, button)
    assert quality.is_open
    aligned.open_tab("Recordings")
    assert not quality.is_open, "of other tabs"
    aligned.open_tab("Align")
    assert quality.is_open
    assert button.isChecked()
