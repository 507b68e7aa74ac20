"""Repeats in which cells light up stay in their slice; those of another place don't."""

from __future__ import annotations

import numpy as np
import pytest

from napari_zstack_align.register.activity import only_brighter, smoothed
from napari_zstack_align.samples import zstack_with_repeats


@pytest.fixture(scope="module")
def repeats() -> np.ndarray:
    """(6, Y, X) repeats of one still plane, and two of another depth."""
    sample = zstack_with_repeats(n_slices=2, n_repeats=6, size=96, max_displacement_px=0.0, seed=3)
    return sample.stack.read(0, 8)[:, 0].astype(np.float32)


def judged(images: np.ndarray) -> bool:
    doubtful = np.arange(len(images)) == 2
    valid = [np.ones(image.shape, bool) for image in images]
    result = only_brighter([smoothed(image) for image in images], valid, doubtful)
    assert not result[~doubtful].any()
    return bool(result[2])


@pytest.mark.parametrize("times", [2, 5])
def test_cells_that_light_up_only_brighten(repeats, times):
    images = repeats[:6].copy()
    bright = images[[0, 1, 3, 4]].mean(axis=0)
    images[2] += np.where(bright > np.percentile(bright, 85), (times - 1) * bright, 0)
    assert judged(images)


def test_another_depth_is_no_activity(repeats):
    images = repeats[:6].copy()
    images[2] = repeats[7]
    assert not judged(images)


def test_a_repeat_that_lies_off_is_no_activity(repeats):
    images = repeats[:6].copy()
    images[2] = np.roll(images[2], 3, axis=1)
    assert not judged(images)


@pytest.mark.parametrize("light", [1.35, 2.0])
def test_a_brighter_repeat_of_another_place_is_no_activity(repeats, light):
    images = repeats[:6].copy()
    dark = np.percentile(images, 1)
    images[2] = dark + light * (np.roll(images[2], 40, axis=1) - dark)
    assert not judged(images)


def test_lit_cells_of_a_repeat_that_is_still_like_the_others_are_not_measured_without_its_light(
    repeats,
):
    """Where half of the tissue glows, taking the light off would make the rest dimmer."""
    images = repeats[:6].copy()
    dark = np.percentile(images, 1)
    bright = images[[0, 1, 3, 4]].mean(axis=0)
    images[2] += np.where(bright > np.percentile(bright, 40), 0.6 * (bright - dark), 0)
    doubtful, valid = np.arange(6) == 2, [np.ones(image.shape, bool) for image in images]
    smooth = [smoothed(image) for image in images]
    assert only_brighter(smooth, valid, doubtful, np.zeros(6, bool))[2]
    assert not only_brighter(smooth, valid, doubtful, doubtful)[2]
