from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image
from stacks import shifted

from napari_zstack_align.gui.grid import FrameGrid
from napari_zstack_align.gui.lazy import AlignedFrames, GrowingVolume, RawFrames
from napari_zstack_align.gui.stack_layers import StackLayers
from napari_zstack_align.stack import Stack


def test_raw_frames_follow_the_layout_and_a_missing_repeat_is_dark():
    frames = np.arange(1, 8, dtype=np.uint16)[:, None, None] * np.ones((2, 3), np.uint16)
    stack = Stack.from_array(frames, "TYX", frames_per_slice=3)
    raw = RawFrames(stack, FrameGrid(stack), 0)
    assert raw.shape == (3, 3, 2, 3)
    np.testing.assert_array_equal(raw[:, :, 0, 0], [[1, 4, 7], [2, 5, 0], [3, 6, 0]])


def test_volume_grows_and_is_dark_where_it_has_nothing():
    volume = GrowingVolume(3, (2, 2))
    assert volume[0].max() == 0
    slice_1 = np.array([[1, np.nan], [3, 4]], np.float32)
    volume.put(1, slice_1, lambda: slice_1)
    np.testing.assert_array_equal(volume[:, 0, :], [[0, 0], [1, 0], [0, 0]])
    volume.cache.clear()
    np.testing.assert_array_equal(volume[1], [[1, 0], [3, 4]])
    volume.empty()
    assert volume[...].max() == 0


RAW_SHAPE, SHAPE = (8, 10), (12, 11)
"""Of the raw frames, and of a reference that was made of a larger recording."""


@pytest.fixture
def stack():
    frames = np.random.default_rng(0).integers(1, 99, (6, *RAW_SHAPE)).astype(np.uint16)
    return Stack.from_array(frames, "TYX")


def test_aligned_frames_have_the_size_of_the_reference(stack):
    alignment = shifted(stack, 1, SHAPE)
    aligned = AlignedFrames(stack, FrameGrid(stack), 0, alignment)
    assert aligned.shape == (6, *SHAPE)
    assert aligned[3].shape == SHAPE
    np.testing.assert_array_equal(np.asarray(aligned), np.asarray(alignment.aligned()))


def test_a_new_alignment_leaves_no_old_frames(stack):
    """Frames that were looked at before are evaluated by the new alignment."""
    first, second = shifted(stack, 1, RAW_SHAPE), shifted(stack, -2, RAW_SHAPE)
    aligned = AlignedFrames(stack, FrameGrid(stack), 0)
    assert not aligned[2].any()
    assert not aligned.show(first)
    np.testing.assert_array_equal(aligned[2], first.aligned_frame(2))
    assert not aligned.show(second)
    np.testing.assert_array_equal(aligned[2], second.aligned_frame(2))
    assert aligned.show(shifted(stack, 0, SHAPE))
    assert aligned[2].shape == SHAPE


@pytest.fixture
def viewer(shared_viewer):
    yield shared_viewer
    shared_viewer.layers.clear()


def drawn(layer: Image) -> list[list[int]]:
    """Values under the pointer, at every pixel of the layer's extent, of what napari holds."""
    rows, columns = (int(n) + 1 for n in layer.extent.data[1][-2:])
    first = (0,) * (layer.ndim - 2)
    return [[layer.get_value((*first, y, x)) for x in range(columns)] for y in range(rows)]


def test_napari_takes_the_extent_of_what_is_delivered(viewer, stack):
    """Also where the size is known only when the alignment is there."""
    zstack = stack.replace(frames_per_slice=2)
    shown = StackLayers(viewer, zstack, [(0.0, 99.0)])
    shown.add_raw()
    shown.add_results(shown.new_volumes())
    for shape, columns in ((RAW_SHAPE, 1), (SHAPE, 1), (SHAPE, -2)):
        alignment = shifted(zstack, columns, shape)
        shown.show_alignment(alignment)
        shown.look_at("aligned")
        [layer] = shown.aligned
        assert np.asarray(layer.data).shape == layer.data.shape == (2, 3, *shape)
        np.testing.assert_array_equal(layer.extent.data[1], np.array(layer.data.shape) - 1)
        np.testing.assert_array_equal(drawn(layer), alignment.aligned_frame(0))


def test_a_recording_of_another_size_than_the_reference_is_a_layer_of_its_size(viewer, stack):
    alignment = shifted(stack, 1, SHAPE)
    layer = viewer.add_image(
        AlignedFrames(stack, FrameGrid(stack), 0, alignment), contrast_limits=(0, 99)
    )
    viewer.dims.set_point(0, 0)
    np.testing.assert_array_equal(drawn(layer), alignment.aligned_frame(0))
    np.testing.assert_array_equal(layer.extent.data[1], [5, SHAPE[0] - 1, SHAPE[1] - 1])
