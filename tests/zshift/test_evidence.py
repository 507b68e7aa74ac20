"""What a single frame says of its patches: finer than the depths compared, silent at their ends."""

from __future__ import annotations

import numpy as np
import pytest
from tissue import N_SLICES, drift, estimate, record, volume

import napari_zstack_align as nza
from napari_zstack_align.zshift.templates import BEYOND, STEPS


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean(np.square(values))))


@pytest.mark.thorough
def test_depths_are_finer_than_the_steps_between_slices() -> None:
    """Even of frames that lie on a step, where rounding to steps can only help."""
    depths, found, rounded = drift(24), [], []
    for seed in (910, 911, 912):
        raw = estimate(record(depths, seed=seed, noise=seed), volume(seed)).raw_patch_z
        truth = depths[:, np.newaxis, np.newaxis]
        found.append(rms(raw - truth))
        rounded.append(rms(np.rint(raw * STEPS) / STEPS - truth))
    assert np.median(found) < 0.97 * np.median(rounded)


@pytest.mark.parametrize("seed", [910, 911, 912])
def test_a_depth_at_the_end_of_the_depths_compared_is_none(seed: int) -> None:
    """Beyond it, the frame may resemble the tissue still more: the end is where it stopped."""
    beyond = [-1.5, -1.0, -0.75, 10.75, 11.0, 11.5]
    params = nza.ZShiftParams(patch_px=48, smooth_time=False)
    zshift = estimate(record(beyond, seed=seed, noise=seed), volume(seed), params)
    raw = zshift.raw_patch_z
    refused = np.isnan(raw)
    assert refused.any()
    assert raw[~refused].min(initial=0) > -BEYOND
    assert raw[~refused].max(initial=0) < N_SLICES - 1 + BEYOND
    assert not zshift.patch_confidence[refused].any()
