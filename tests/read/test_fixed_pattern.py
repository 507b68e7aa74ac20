"""What shows the same in every frame is found, and nothing else is."""

import numpy as np
import pytest

from napari_zstack_align.read.layout.fixed_pattern import FixedPattern, fixed_pixels

from .scans import repeats, scan


@pytest.mark.parametrize("photons", [0.001, 0.005, 0.02, 0.3], ids=lambda n: f"{n} photons")
def test_dark_pixels_that_saw_no_photon_are_not_fixed(photons):
    frames = scan(repeats(1, 8), photons=photons, dark=min(photons, 0.01))
    assert (frames == 0).all(axis=0).any()
    assert not fixed_pixels(frames).any()


@pytest.mark.parametrize("value", [-32768, 0, 32767])
def test_fixed_pixels_are_found_whatever_their_value(value):
    frames = scan(repeats(1, 8), photons=20.0).astype(np.int16) + 100
    box = np.zeros(frames.shape[1:], bool)
    box[10:30, 50:70] = True
    frames[:, box] = value
    np.testing.assert_array_equal(fixed_pixels(frames), box)


def test_frames_that_are_equal_have_no_fixed_pixels():
    frames = np.repeat(scan(repeats(1, 1)), 8, axis=0)
    assert not fixed_pixels(frames).any()


@pytest.mark.parametrize("offset", [0, 2**40])
def test_stripes_are_taken_out_and_tissue_is_kept(offset):
    frames = scan(repeats(3, 4), photons=20.0).astype(np.int64)
    stripes = np.where(np.arange(frames.shape[1]) % 8 < 2, 40, 0)[:, np.newaxis]
    assert not FixedPattern.of(frames).stripes.any()
    pattern = FixedPattern.of(frames + stripes + offset)
    freed = pattern.taken_out_of(frames[0] + stripes + offset) - offset
    np.testing.assert_allclose(freed, frames[0], atol=5)


def test_numbers_that_are_missing_hide_no_fixed_pixels():
    frames = scan(repeats(1, 8), photons=20.0).astype(np.float32)
    frames[:, 5, 5] = -9
    frames[:, 40:50, 40:50] = np.nan
    assert np.argwhere(fixed_pixels(frames)).tolist() == [[5, 5]]
