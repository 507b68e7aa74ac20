"""What is loaded is in view, whatever was shown before; otherwise the view stays."""

from __future__ import annotations

import numpy as np
import pytest
from driving import settled, show

from napari_zstack_align.gui.compat import camera, canvas_size
from napari_zstack_align.gui.into_view import bounds
from napari_zstack_align.gui.layer_data import layer_data
from napari_zstack_align.stack import Stack


def stack(size=64, pixel=None, name="first", n=4, **described):
    frames = np.random.default_rng(0).integers(1, 999, (n, size, size)).astype(np.uint16)
    pixel = None if pixel is None else (pixel, pixel)
    return Stack.from_array(frames, "TYX", pixel_size_um=pixel, name=name, **described)


def seen(viewer):
    """(2, 2) lower and upper (y, x) of what the canvas shows."""
    center, zoom = np.array(camera(viewer).center[-2:]), camera(viewer).zoom
    half = np.array(canvas_size(viewer)) / zoom / 2
    return np.array([center - half, center + half])


def is_fitted(viewer, layer):
    """Whether an image is in view as a whole, and fills the canvas."""
    (low, high), (top, bottom) = bounds(layer), seen(viewer)
    inside = np.all(top <= low) and np.all(high <= bottom)
    return bool(inside and np.max((high - low) / (bottom - top)) > 0.9)


def look_closer(viewer):
    camera(viewer).zoom *= 5
    return camera(viewer).center, camera(viewer).zoom


def view(viewer):
    return camera(viewer).center, camera(viewer).zoom


OTHERS = {
    "smaller pixels": {"pixel": 0.1},
    "larger pixels": {"pixel": 7.0},
    "more pixels": {"pixel": 1.0, "size": 256},
    "fewer pixels": {"pixel": 1.0, "size": 16},
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("closer", [False, True])
def test_a_second_stack_of_another_size_is_in_view(qtbot, viewer, panel, other, closer):
    show(qtbot, panel, stack(pixel=1.0))
    if closer:
        look_closer(viewer)
    second = show(qtbot, panel, stack(name="second", **OTHERS[other]))
    assert is_fitted(viewer, second.raw[0])


@pytest.mark.parametrize("pixels", [(None, None), (None, 1.0), (1.0, 1.0)])
def test_the_view_stays_for_a_second_stack_of_the_same_size(qtbot, viewer, panel, pixels):
    show(qtbot, panel, stack(pixel=pixels[0]))
    before = look_closer(viewer)
    show(qtbot, panel, stack(name="second", pixel=pixels[1], n=7))
    assert view(viewer) == before


def test_a_stack_whose_others_are_hidden_is_in_view(qtbot, viewer, panel):
    first = show(qtbot, panel, stack())
    look_closer(viewer)
    first.hide()
    second = show(qtbot, panel, stack(name="second"))
    assert is_fitted(viewer, second.raw[0])


def test_layers_that_napari_made_are_in_view(qtbot, viewer, panel):
    show(qtbot, panel, stack(pixel=1.0))
    ((data, described, _),) = layer_data(stack(pixel=0.1, name="second"))
    layer = viewer.add_image(data, **described)
    qtbot.waitUntil(lambda: panel.zstack.shown.stack.name == "second")
    assert is_fitted(viewer, layer)


def test_another_pixel_size_that_is_typed_in_keeps_the_stack_in_view(qtbot, viewer, panel):
    shown = show(qtbot, panel, stack(frames_per_slice=2, order="repeats"))
    panel.zstack._on_edited(shown.stack.replace(pixel_size_um=(0.2, 0.2)))
    assert is_fitted(viewer, shown.raw[0])
    before = look_closer(viewer)
    panel.zstack._on_edited(shown.stack.replace(z_step_um=4.0))
    assert view(viewer) == before


def test_recordings_beside_a_stack_are_in_view(qtbot, viewer, panel):
    show(qtbot, panel, stack(pixel=1.0))
    panel.recordings.add_stacks([stack(pixel=0.2, name="day 1")])
    settled(qtbot, panel)
    (raw,) = panel.recordings.layers.raw
    assert is_fitted(viewer, raw)
    before = look_closer(viewer)
    panel.recordings.add_stacks([stack(pixel=0.2, name="day 2")])
    settled(qtbot, panel)
    assert view(viewer) == before
    panel.recordings.add_stacks([stack(pixel=0.2, size=200, name="day 3")])
    settled(qtbot, panel)
    assert is_fitted(viewer, panel.recordings.layers.raw[0])


def test_in_3d_a_second_stack_is_in_view(qtbot, viewer, panel):
    layout = {"frames_per_slice": 2, "order": "repeats", "n": 8}
    show(qtbot, panel, stack(pixel=1.0, **layout))
    viewer.dims.ndisplay = 3
    zoom = camera(viewer).zoom
    show(qtbot, panel, stack(name="second", pixel=20.0, **layout))
    assert camera(viewer).zoom < zoom / 5
