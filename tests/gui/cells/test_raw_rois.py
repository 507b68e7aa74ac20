"""ROIs on the frame in view: places, sizes, hiding, and edits taken back to the reference."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QApplication

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.spline import grid_shape
from napari_zstack_align.alignment.transforms import AffineLink, SplineLink, Transforms
from napari_zstack_align.cells import Rois, transform_rois
from napari_zstack_align.gui.cells.raw_rois import LOST, RoisOnFrames
from napari_zstack_align.gui.cells.roi_model import RoiModel
from napari_zstack_align.gui.cells.roi_places import place
from napari_zstack_align.gui.dataset import FrameInView
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.stack import Stack

N_FRAMES, SHAPE = 8, (96, 128)
CIRCLES = np.array([[20.0, 30, 4], [48, 64, 6], [70, 100, 3], [93, 125, 5]])


def affine():
    turn = np.linspace(0, 0.06, N_FRAMES)
    matrices = np.tile(np.eye(3), (N_FRAMES, 1, 1))
    matrices[:, 0, 0] = matrices[:, 1, 1] = 1.1 * np.cos(turn)
    matrices[:, 0, 1], matrices[:, 1, 0] = -np.sin(turn), np.sin(turn)
    matrices[:, :2, 2] = np.linspace(-5, 4, N_FRAMES)[:, None]
    return AffineLink(matrices)


def spline():
    rng = np.random.default_rng(3)
    grid = grid_shape(SHAPE, 24.0)
    return SplineLink(rng.normal(0, 1.5, (N_FRAMES, 2, *grid)).astype(np.float32), 24.0, SHAPE)


CHAINS = {
    "affine": (affine(),),
    "affine chain": (affine(), affine()),
    "spline": (spline(),),
    "affine and spline": (affine(), spline()),
}


def alignment_of(links, stack=None):
    stack = stack or Stack.from_array(np.zeros((N_FRAMES, *SHAPE), np.uint8))
    table = empty_table(stack.n_frames, "chunk")
    reference = np.zeros(SHAPE, np.float32)
    return Alignment(stack, Transforms(SHAPE, links), reference, table, KeypointParams())


class Views(QObject):
    """Stands for the workspace: says what is in view, and that the slider has moved."""

    view_changed = Signal(object)

    def __init__(self, viewer, view):
        super().__init__()
        self.viewer, self.view = viewer, view
        viewer.dims.events.current_step.connect(self.look)

    @property
    def in_view(self):
        return replace(self.view, frame=int(self.viewer.dims.current_step[0]))

    def look(self, _=None):
        self.view_changed.emit(self.in_view)

    def stop(self):
        self.viewer.dims.events.current_step.disconnect(self.look)


class Bench:
    """An image, ROIs and what is said to be in view."""

    made: ClassVar[list[Bench]] = []

    def __init__(self, viewer, links=CHAINS["affine"]):
        image = viewer.add_image(np.zeros((N_FRAMES, *SHAPE), np.uint8), contrast_limits=(0, 1))
        self.viewer, self.image = viewer, image
        self.model = RoiModel()
        self.alignment = alignment_of(links)
        view = FrameInView(image, raw=True, alignment=self.alignment, frame=0)
        self.views = Views(viewer, view)
        self.follower = RoisOnFrames(self.views, self.model)
        self.sentences = []
        self.follower.failed.connect(self.sentences.append)
        self.model.set(Rois.of(CIRCLES))
        self.made.append(self)

    def stop(self):
        self.views.stop()
        self.follower.stop()

    def go_to(self, frame):
        self.viewer.dims.set_current_step(0, frame)

    @property
    def layer(self):
        return self.follower.layer

    def drawn(self):
        return np.column_stack([self.layer.data, self.layer.size / 2])[self.follower.seen]


@pytest.fixture
def viewer(shared_viewer):
    yield shared_viewer
    while Bench.made:
        Bench.made.pop().stop()
    shared_viewer.layers.clear()


@pytest.fixture
def bench(viewer):
    return Bench(viewer)


@pytest.mark.parametrize("kind", CHAINS)
def test_the_one_layer_follows_every_frame(viewer, kind):
    bench = Bench(viewer, CHAINS[kind])
    layer, arrays = bench.layer, (bench.layer.data, bench.layer.size)
    for frame in (0, 3, 7, 1):
        bench.go_to(frame)
        expected = transform_rois(CIRCLES, bench.alignment.transforms, frame)
        np.testing.assert_allclose(bench.follower.circles, expected)
        np.testing.assert_allclose(bench.drawn(), expected[bench.follower.seen])
        moved = np.abs(expected[:, :2] - CIRCLES[:, :2]).max()
        assert moved > 0.3  # a layer that stood still would fail
    assert bench.layer is layer
    assert bench.layer.data is arrays[0]  # written in place: nothing grows
    assert bench.layer.size is arrays[1]
    assert len(viewer.layers) == 2


def test_what_is_out_of_view_is_hidden_and_comes_back(bench):
    bench.go_to(7)
    assert not bench.follower.seen[3]
    assert bench.layer.size[3] == 0
    rows, columns = SHAPE
    assert (bench.layer.data >= 0).all()
    assert (bench.layer.data < (rows, columns)).all()  # the viewer's extent doesn't grow
    bench.views.view = replace(bench.views.view, raw=False)
    bench.views.look()
    np.testing.assert_array_equal(bench.drawn(), CIRCLES)


def test_on_aligned_frames_rois_stand_in_reference_coordinates(bench):
    bench.views.view = replace(bench.views.view, raw=False)
    for frame in (0, 5):
        bench.go_to(frame)
        np.testing.assert_array_equal(bench.drawn(), CIRCLES)


def test_rois_are_drawn_on_their_slices_only():
    rois = Rois.of(CIRCLES[:3], slices=[(0, 1), (1, 2), (2, 2)])
    seen = [
        place(rois, FrameInView(Picture(), raw=False, slice=z, frame=z))[1].tolist()
        for z in range(3)
    ]
    assert seen == [[True, False, False], [True, True, False], [False, True, True]]


def test_nothing_is_drawn_on_a_recording_that_is_not_aligned_in_a_session_that_is():
    view = FrameInView(Picture(), raw=True, frame=0, lost=True)
    assert not place(Rois.of(CIRCLES), view)[1].any()


class Picture:
    data = np.empty((N_FRAMES, *SHAPE))


@pytest.mark.parametrize("kind", CHAINS)
def test_a_dragged_roi_moves_in_the_reference(viewer, kind):
    bench = Bench(viewer, CHAINS[kind])
    bench.go_to(4)
    target = bench.follower.circles[1, :2] + (3.0, -2.0)
    drag(bench.layer, 1, target)
    circle = bench.model.rois.circle(2)
    back = transform_rois(circle[None], bench.alignment.transforms, 4)[0]
    np.testing.assert_allclose(back[:2], target, atol=2e-3)
    np.testing.assert_allclose(circle[2], CIRCLES[1, 2], rtol=0.1)
    np.testing.assert_array_equal(bench.model.rois.circles[[0, 2, 3]], CIRCLES[[0, 2, 3]])
    bench.model.undo()
    np.testing.assert_array_equal(bench.model.rois.circles, CIRCLES)
    expected = transform_rois(CIRCLES, bench.alignment.transforms, 4)
    np.testing.assert_allclose(bench.drawn(), expected[bench.follower.seen])


def test_napari_s_size_slider_resizes_in_the_reference(bench):
    bench.go_to(4)
    bench.layer.selected_data = {0}
    bench.layer.current_size = 22.0
    assert bench.model.rois.circle(1)[2] == pytest.approx(10, rel=1e-3)  # 1.1 times as large here
    np.testing.assert_allclose(bench.model.rois.circle(1)[:2], CIRCLES[0, :2], atol=1e-3)


def test_rois_are_added_and_deleted_on_a_raw_frame(bench):
    bench.go_to(5)
    bench.layer.current_size = 11.0
    bench.layer.add((40.0, 50.0))
    assert bench.model.rois.ids.tolist() == [1, 2, 3, 4, 5]
    added = transform_rois(bench.model.rois.circles[4:], bench.alignment.transforms, 5)[0]
    np.testing.assert_allclose(added, (40, 50, 5.5), atol=1e-3)
    assert bench.model.selected == (5,)

    bench.layer.selected_data = {1, 2}
    bench.layer.remove_selected()
    assert bench.model.rois.ids.tolist() == [1, 4, 5]
    assert len(bench.layer.data) == 3
    bench.model.undo()
    assert bench.model.rois.ids.tolist() == [1, 2, 3, 4, 5]
    assert len(bench.layer.data) == 5
    assert bench.layer.features["id"].tolist() == [1, 2, 3, 4, 5]
    bench.layer.add((30.0, 30.0))
    assert bench.model.rois.ids[-1] == 6


def test_a_place_that_cannot_be_mapped_back_changes_nothing(viewer):
    folded = SplineLink(
        np.random.default_rng(0)
        .normal(0, 200, (N_FRAMES, 2, *grid_shape(SHAPE, 24.0)))
        .astype(np.float32),
        24.0,
        SHAPE,
    )
    bench = Bench(viewer, (folded,))
    bench.views.view = replace(bench.views.view, raw=True)
    bench.layer.add((48.0, 64.0))
    assert bench.sentences == [LOST]
    assert len(bench.model.rois) == len(bench.layer.data) == 4


def test_selection_goes_both_ways_and_leaves_hidden_rois_out(bench):
    bench.go_to(7)
    bench.layer.selected_data = {0, 2, 3}
    assert bench.model.selected == (1, 3)
    bench.model.select([2])
    assert set(bench.layer.selected_data) == {1}


def test_the_roi_under_the_pointer_is_found(bench):
    bench.go_to(3)
    y, x, radius = bench.follower.circles[1]
    assert bench.follower.roi_at((3, y, x + 0.9 * radius)) == 2
    assert bench.follower.roi_at((3, y, x + 1.1 * radius)) is None


def test_the_layer_can_be_removed_and_comes_back_with_the_next_change(bench):
    bench.viewer.layers.remove(bench.layer)
    bench.go_to(2)
    assert bench.follower.layer is None
    bench.model.add((10, 10, 3))
    assert len(bench.layer.data) == 5


def test_nothing_is_computed_while_the_layer_is_hidden(bench):
    before = bench.follower.circles
    bench.layer.visible = False
    bench.go_to(6)
    assert bench.follower.circles is before


def drag(layer, row, target):
    """What napari's select mode does when a point is dragged and let go."""
    layer.selected_data = {row}
    layer._drag_start = None
    layer._set_drag_start(layer.selected_data, layer.data[row])
    layer._move(layer.selected_data, target)
    layer._drag_start = None


def test_a_removed_layer_comes_back_with_its_rois(viewer, bench):
    for come_back in (
        bench.follower.make_layer,
        lambda: viewer.add_image(np.zeros(SHAPE, np.uint8), contrast_limits=(0, 1)),
    ):
        viewer.layers.remove(bench.layer)
        assert bench.layer is None
        come_back()
        QApplication.processEvents()
        assert len(bench.layer.data) == len(CIRCLES)
        assert bench.follower.seen.any()


def test_no_new_image_covers_the_rois(viewer, bench):
    viewer.add_image(np.zeros(SHAPE, np.uint8), contrast_limits=(0, 1))
    assert viewer.layers[-1] is not bench.layer
    QApplication.processEvents()
    assert viewer.layers[-1] is bench.layer


def test_rois_lie_in_the_pixels_of_a_layer_that_was_moved(viewer, bench):
    bench.image.scale, bench.image.translate = (1, 0.5, 0.25), (0, 3, 4)
    bench.go_to(1)
    np.testing.assert_allclose(bench.layer.scale, (0.5, 0.25))
    np.testing.assert_allclose(bench.layer.translate, (3, 4))
