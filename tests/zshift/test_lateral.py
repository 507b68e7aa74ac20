"""Sideways search of a frame among slices."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_zstack_align.zshift.lateral import SHRINK_FROM_PX, LateralSearch


@pytest.mark.parametrize("size", [SHRINK_FROM_PX // 2, 2 * SHRINK_FROM_PX])
def test_small_frames_and_large_ones_are_found_where_they_lie(size):
    """Large ones are looked for at half size."""
    noise = np.random.default_rng(0).standard_normal((2, size, size))
    slices = gaussian_filter(noise, (0, 3, 3)).astype(np.float32)
    search = LateralSearch((size, size), 20.0, 2)
    for k, image in enumerate(slices):
        search.add(k, image)
    found = search.find(np.roll(slices[1], (8, -6), (0, 1)), [0, 1])
    assert found.slice_index == 1
    np.testing.assert_allclose(found.shift, (8, -6), atol=0.3)
