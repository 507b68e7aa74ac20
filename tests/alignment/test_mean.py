"""Means of frames, whatever their pixels are."""

from __future__ import annotations

import numpy as np
import pytest

from napari_zstack_align.alignment.mean import RunningMean


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "i4", "f4", "f8"])
def test_invalid_pixels_do_not_count(dtype: str) -> None:
    mean = RunningMean((2, 3))
    valid = np.array([[True, True, False], [True, False, False]])
    mean.add(np.full((2, 3), 10, dtype), valid)
    mean.add(np.full((2, 3), 4, dtype), np.array([[True] * 3, [False] * 3]))
    np.testing.assert_array_equal(mean.image_or_nan(), [[7, 7, 4], [10, np.nan, np.nan]])
