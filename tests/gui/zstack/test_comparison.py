"""Raw and aligned frames are compared fairly: same contrast, overlays, place and number."""

from __future__ import annotations

import numpy as np
import pytest
from driving import click, settled
from qtpy.QtCore import Qt
from stacks import small_zstack

import napari_zstack_align as nza
from napari_zstack_align.gui.compat import camera, text_overlay
from napari_zstack_align.gui.grid import FrameGrid
from napari_zstack_align.gui.zstack.compared_frames import asked_at


@pytest.fixture
def first_tab():
    return "Align"


@pytest.fixture(scope="module")
def alignment():
    return nza.run(nza.align_adaptive(small_zstack(n_slices=2)))


def test_frames_that_are_averaged(alignment):
    grid = FrameGrid(alignment.stack)
    used = alignment.quality["used"].copy()
    alignment.quality["used"][6] = False

    def frames(position, n):
        return asked_at(alignment, grid, position, n).frames

    try:
        assert frames((2, 0), 1) == (2,)
        assert frames((2, 0), 3) == (1, 2, 3)
        assert frames((0, 0), 3) == (0, 1, 2), "as many at the ends"
        assert frames((3, 0), 9) == (0, 1, 2, 3), "of one slice"
        assert frames((1, 1), 9) == (4, 5, 7), "left out of the volume, and so here"
        assert frames((2, 1), 1) == (6,), "but not where it is looked at"
    finally:
        alignment.quality["used"] = used


@pytest.mark.thorough
def test_every_way_shows_both_under_one_contrast(qtbot, viewer, panel, alignment):
    part, tab = panel.zstack, panel.zstack.align_tab
    part.load_stack(alignment.stack)
    settled(qtbot, panel)
    part.new_mask()
    part.result.show(alignment)
    settled(qtbot, panel)
    shown, box = part.shown, tab.compare_box
    shown.go_to(4 + 2)
    viewer.window._qt_window.activateWindow()

    def in_view():
        return {each.name.split("z-stack ")[-1]: each for each in viewer.layers if each.visible}

    def label():
        return text_overlay(viewer).text

    def choose(way, words):
        while box.way != way:
            qtbot.keyClick(box.combo, Qt.Key.Key_Down)
        qtbot.waitUntil(lambda: label().split("\n")[0] in words and "mean of 3" in label())

    canvas = viewer.window._qt_viewer.canvas.native
    qtbot.keyClick(canvas, Qt.Key.Key_W)
    qtbot.waitUntil(lambda: label() == "ALIGNED\nslice 1, repeat 2")
    qtbot.keyClick(canvas, Qt.Key.Key_W)
    qtbot.waitUntil(lambda: label() == "RAW\nslice 1, repeat 2")
    shown.aligned[0].contrast_limits = (12, 345)
    assert tuple(shown.raw[0].contrast_limits) == (12, 345), "one contrast for both"

    box.spin.setValue(3)
    choose("flicker", ("RAW", "ALIGNED"))
    part.comparison._timer.stop()  # by hand, to know which is shown
    raw = np.mean(alignment.stack.read(5, 8)[:, 0], axis=0)
    frames = ((t, alignment.stack.read(t, t + 1)[0, 0].astype(float)) for t in (5, 6, 7))
    aligned = np.mean([alignment.transforms.resample(frame, t)[0] for t, frame in frames], axis=0)
    inside = (slice(8, -8),) * 2
    for _ in range(2):
        which = label().split("\n")[0]
        assert label() == f"{which}\nslice 1, repeat 2, mean of 3 repeats"
        found = in_view()
        assert list(found) == ["compared, flicker", "mask"]
        image = found["compared, flicker"]
        truth = raw if which == "RAW" else aligned
        np.testing.assert_allclose(image.data[inside], truth[inside], atol=1)
        assert tuple(image.contrast_limits) == (12, 345)
        qtbot.keyClick(canvas, Qt.Key.Key_W)

    zoom, center = camera(viewer).zoom, camera(viewer).center
    choose("beside", ("RAW | ALIGNED",))
    left, right = in_view().values()
    moved = (aligned - raw)[inside]
    np.testing.assert_allclose((right.data - left.data)[inside], moved, atol=1)
    assert right.translate[1] > left.data.shape[1] * left.scale[1]
    assert tuple(right.contrast_limits) == tuple(left.contrast_limits) == (12, 345)
    choose("colours", ("RAW magenta, ALIGNED green",))
    assert list(in_view().values())[:2] == [left, right]
    assert (left.colormap.name, right.colormap.name, right.translate[1]) == ("magenta", "green", 0)
    assert (camera(viewer).zoom, camera(viewer).center) == (zoom, center), "as before"
    choose("difference", ("ALIGNED − RAW, mid-grey where alike",))
    image = in_view()["compared, difference"]
    np.testing.assert_allclose(image.data[inside], moved, atol=1)
    assert sum(image.contrast_limits) == 0

    shown.go_to(1)
    qtbot.waitUntil(lambda: label().endswith("slice 0, repeat 1, mean of 3 repeats"))
    click(qtbot, tab.buttons["volume"])
    qtbot.waitUntil(lambda: label() == "slice 0, mean of 4 repeats")
    assert (list(in_view()), box.way) == (["volume"], "off")
