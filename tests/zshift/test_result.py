"""Confidence in the smoothed depths."""

from __future__ import annotations

import numpy as np
import pytest
from tissue import estimate, record, volume

import napari_zstack_align as nza


@pytest.mark.thorough
@pytest.mark.slow
def test_a_patch_that_shows_another_depth_than_its_neighbours_loses_confidence() -> None:
    """In one frame, one corner shows the tissue three slices away; smoothing doesn't follow."""
    odd, sure = [], []
    for seed in (910, 911, 912):
        frames = record([5.0] * 24, seed=seed, noise=seed)
        frames[12, :48, :48] = record([2.0], seed=seed, noise=seed)[0, :48, :48]
        params = nza.ZShiftParams(patch_px=48, overlap=0.0)
        zshift = estimate(frames, volume(seed), params)
        assert abs(zshift.raw_patch_z[12, 0, 0] - 2) < 0.2  # sure by itself
        odd.append(zshift.patch_confidence[12, 0, 0])
        sure.append(zshift.patch_confidence[:11].min())
    assert np.median(odd) < 0.75
    assert np.median(sure) > 0.95
