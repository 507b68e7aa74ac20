"""Recordings of another plane are told from those that they only lie beside."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_zstack_align.register.recordings.planes import in_another_plane

SHAPE = (96, 96)


class Means:
    """Means of recordings, in place of their consensus: each weighs the same."""

    first = SimpleNamespace(mask=None)

    def __init__(self, images: Sequence[np.ndarray]) -> None:
        self.images = images
        self.states = [SimpleNamespace(matched=True, index=i) for i in range(len(images))]

    def of_recording(self, state, without=()):
        left_out = {state.index, *(each.index for each in without)}
        others = [each for i, each in enumerate(self.images) if i not in left_out]
        nothing = np.full(SHAPE, np.nan, np.float32)
        return self.images[state.index], np.mean(others, axis=0) if others else nothing

    def odd(self) -> list[int]:
        return [state.index for state, _ in in_another_plane(self.states, self)]


def tissue(seed: int) -> np.ndarray:
    return gaussian_filter(np.random.default_rng(seed).normal(0, 40, SHAPE), 2).astype(np.float32)


def good(number: int) -> np.ndarray:
    return tissue(0) + tissue(100 + number) / 5


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("times", [1, 3])
def test_an_odd_recording_does_not_flag_the_good_ones(place, times):
    """In the mean of the others it weighs as much as the only one that a good one resembles."""
    images = [good(0), good(1)]
    images.insert(place, times * tissue(7))
    assert Means(images).odd() == [place]


@pytest.mark.parametrize("places", [(0, 1), (1, 3), (3, 4)])
def test_two_odd_recordings_among_five_are_told(places):
    images = [tissue(50 + i) if i in places else good(i) for i in range(5)]
    assert Means(images).odd() == [*places]


def test_of_two_that_differ_neither_is_believed():
    assert Means([good(0), tissue(7)]).odd() == [0, 1]
    assert Means([good(0), good(1)]).odd() == []


def test_all_good_ones_stay():
    assert Means([good(i) for i in range(4)]).odd() == []
