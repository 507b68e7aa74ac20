"""What is in view is known without asking the layers; logic alone, in a model of the viewer."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_zstack_align.gui.layer_group import KEY, LayerGroup, flatten


class Two(LayerGroup):
    MODES = {"upper": ("a", "b"), "lower": ("c",)}  # noqa: RUF012


def image(**described):
    return Image(np.zeros((5, 4, 4)), contrast_limits=(0, 1), **described)


@pytest.fixture
def group(qapp):
    found = Two(ViewerModel())
    for kind, visible in (("a", False), ("b", False), ("c", True), ("c", True), ("apart", True)):
        found.add(kind, image(name=kind, visible=visible))
    return found


def seen(group):
    return [layer.name for layer in group.viewer.layers if layer.visible]


def test_one_mode_is_in_view_and_what_is_of_no_mode_stays(group):
    assert group.mode == "lower"
    group.look_at("upper")
    assert (group.mode, seen(group)) == ("upper", ["a", "b", "apart"])
    group.look_at("")
    assert (group.mode, seen(group)) == ("", ["apart"])


def test_layers_know_their_group(group):
    assert all(layer.metadata[KEY] is group for layer in group.viewer.layers)


def test_hears_of_what_a_person_shows_and_hides(group):
    for layer in group.of_kind("c"):
        layer.visible = False
    assert group.mode == ""
    group.first("b").visible = True
    assert group.mode == "upper"
    assert group.is_in_view(group.first("b"))
    group.first("c").visible = True
    assert group.mode == "upper", "the first of two modes counts"


def test_a_kind_is_whole_or_gone(group):
    one, other = group.of_kind("c")
    group.viewer.layers.remove(one)
    group.forget(one)
    assert other not in group.viewer.layers
    assert group.of_kind("c") == []
    assert group.mode == ""
    one.visible = False
    one.visible = True
    assert not group.is_in_view(one), "no layer of the group any more"


def test_nothing_is_left_after_remove(group):
    group.remove()
    assert (group.layers(), len(group.viewer.layers), group.mode) == ([], 0, "")


def test_others_are_hidden_and_come_back(group):
    mine, hidden = group.viewer.add_layer(image()), group.viewer.add_layer(image(visible=False))
    group.hide_others()
    assert not mine.visible
    group.show_others()
    assert (mine.visible, hidden.visible) == (True, False)


def test_sliders_read_and_move_along_the_leading_axes(group):
    layer = group.first("c")
    group.move_sliders(layer, (3,))
    assert group.at_sliders(layer, (5,)) == (3,)
    assert group.at_sliders(layer, (2,)) == (1,), "never beyond the end"
    assert group.at_sliders(None, (5,)) is None
    group.label_sliders(("frame", "y", "x"))
    assert group.viewer.dims.axis_labels == ("frame", "y", "x")


def test_back_from_3d_at_the_same_frame(group):
    group.move_sliders(group.first("c"), (1,))
    group.viewer.dims.ndisplay = 3
    flatten(group.viewer)
    assert group.viewer.dims.ndisplay == 2
    assert group.at_sliders(group.first("c"), (5,)) == (1,)
