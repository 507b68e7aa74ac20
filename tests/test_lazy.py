"""Arrays whose images are made when an index asks for them: indexes, cache, dask."""

from __future__ import annotations

import pickle
import threading

import numpy as np
import pytest

from napari_zstack_align.lazy import ImageCache, LazyFrames, LazyImages


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


@pytest.mark.parametrize(
    "index",
    [
        2,
        -1,
        slice(1, 4),
        slice(None, None, -2),
        [3, 0, 4],
        np.array([True, False] * 3),
        slice(0, 0),
    ],
    ids=str,
)
@pytest.mark.parametrize("rest", [(), (1, slice(2, 4))], ids=["frames", "part"])
def test_frames_in_blocks_index_like_numpy(index, rest):
    data = np.random.default_rng(1).integers(0, 99, (6, 4, 5))
    lazy = LazyFrames(lambda start, stop: data[start:stop], data.shape, data.dtype)
    np.testing.assert_array_equal(lazy[(index, *rest)], data[(index, *rest)])
    np.testing.assert_array_equal(np.asarray(lazy.as_dask(2)), data)


def test_a_block_is_read_at_once():
    read = []

    def block(start, stop):
        read.append((start, stop))
        return np.zeros((stop - start, 2, 3), np.uint8)

    LazyFrames(block, (9, 2, 3), np.uint8)[2:7]
    assert read == [(2, 7)]


def test_a_part_of_many_images_never_holds_them_all():
    """A column of 200 images of 1 MB each is made with less than 20 MB."""
    import tracemalloc

    class Large(LazyImages):
        def compute(self, position):
            return np.full(self.image_shape, position[0], self.dtype)

    tracemalloc.start()
    column = Large((200,), (1000, 1000), np.uint8)[:, 5, 5]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(column, np.arange(200, dtype=np.uint8))
    assert peak < 20e6


def test_it_can_be_sent_to_another_process_with_an_empty_cache():
    lazy = LazyFrames(_zeros, (3, 2, 2), np.uint8)
    assert pickle.loads(pickle.dumps(lazy))[1].shape == (2, 2)
    cache = ImageCache(100)
    cache.put((0,), np.zeros(3))
    assert pickle.loads(pickle.dumps(cache)).get((0,)) is None


def test_what_is_forgotten_is_made_anew():
    lazy = Counted(DATA)
    before = lazy[1, 2].copy()
    lazy.data = DATA + 1
    np.testing.assert_array_equal(lazy[1, 2], before)
    lazy.forget()
    np.testing.assert_array_equal(lazy[1, 2], before + 1)


def test_an_image_that_was_being_made_when_all_was_forgotten_is_not_kept():
    """napari slices in threads: an old image may be finished after the new data came."""
    lazy = Counted(DATA)
    begun, go_on = threading.Event(), threading.Event()
    compute = lazy.compute

    def slowly(position):
        image = compute(position).copy()
        begun.set()
        go_on.wait(10)
        return image

    lazy.compute = slowly
    thread = threading.Thread(target=lambda: lazy[1, 2])
    thread.start()
    begun.wait(10)
    lazy.data = DATA + 1
    lazy.forget()
    go_on.set()
    thread.join()
    np.testing.assert_array_equal(lazy[1, 2], DATA[1, 2] + 1)


def _zeros(start, stop):
    return np.zeros((stop - start, 2, 2), np.uint8)
