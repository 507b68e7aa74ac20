from __future__ import annotations

import numpy as np
import pytest

from napari_zstack_align.gui.grid import FrameGrid
from napari_zstack_align.gui.lazy import GrowingVolume, ImageCache, LazyImages, RawFrames
from napari_zstack_align.stack import Stack


class Counted(LazyImages):
    """Images of a known array, counting how many are made."""

    def __init__(self, data, cache_bytes=10**6):
        super().__init__(data.shape[:-2], data.shape[-2:], data.dtype, cache_bytes)
        self.data = data
        self.made = 0

    def compute(self, position):
        self.made += 1
        return self.data[position]


DATA = np.random.default_rng(0).integers(0, 99, (3, 4, 5, 6))


@pytest.mark.parametrize(
    "index",
    [
        (1, 2),
        (1, 2, slice(None), slice(None)),
        (np.int64(2), slice(1, 3)),
        (slice(None), 0, slice(0, 5, 2), 3),
        (..., 1, 2),
        (-1, -2),
        (slice(2, 2), 0),
        1,
        ...,
        (slice(None, None, 2), slice(3, None, -1)),
    ],
    ids=str,
)
def test_indexes_like_numpy(index):
    lazy = Counted(DATA)
    np.testing.assert_array_equal(lazy[index], DATA[index])
    assert lazy[index].shape == DATA[index].shape


def test_numpy_sees_all_of_it():
    np.testing.assert_array_equal(np.asarray(Counted(DATA)), DATA)
    assert (len(Counted(DATA)), Counted(DATA).size) == (3, DATA.size)


def test_one_look_makes_one_image_once():
    lazy = Counted(DATA)
    for _ in range(3):
        lazy[1, 2, :, :]
    assert lazy.made == 1


def test_cache_is_bounded_and_drops_the_oldest():
    image = np.zeros(100, np.uint8)
    cache = ImageCache(250)
    for key in ((0,), (1,), (2,)):
        cache.put(key, image)
        cache.get((1,))
    assert [cache.get((k,)) is not None for k in range(3)] == [False, True, True]


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
