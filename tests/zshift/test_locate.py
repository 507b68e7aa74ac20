"""Frames are laid onto the reference until their patches have no shift in common."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import shift
from tissue import N_SLICES, drift, estimate, record, volume

from napari_zstack_align.zshift import locate


@pytest.mark.slow
def test_frames_find_their_depth_between_slices_that_lie_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The sample moved while the reference was scanned: a shift to one slice suits no other."""
    depths, scenes = drift(16), []
    for seed in (910, 911, 912):
        steps = np.random.default_rng(seed).normal(0, 1, (N_SLICES, 2))
        slices = zip(volume(seed), np.cumsum(steps, axis=0), strict=True)
        moved = [shift(image, by, order=3, mode="nearest") for image, by in slices]
        scenes.append((record(depths, seed=seed, noise=seed), np.maximum(moved, 0)))

    def error() -> float:
        errors = [estimate(*scene).z - depths for scene in scenes]
        return float(np.median([np.sqrt(np.mean(one**2)) for one in errors]))

    repeated = error()
    monkeypatch.setattr(locate, "ROUNDS", 1)
    assert repeated < 0.8 * error()
