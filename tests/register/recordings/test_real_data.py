"""Real tissue with known motion; skipped where the data are absent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scenes import best_gauge, distances_px

import napari_zstack_align as nza


@pytest.mark.slow
@pytest.mark.thorough
def test_three_recordings_that_lie_apart_join_in_one_gauge(shared_data: Path):
    folder = shared_data / "recordings_drift"
    if not folder.is_dir():
        pytest.skip("recordings_drift is not among the real data")
    stacks = [nza.open_stack(folder / f"recording_{k}.tif") for k in (1, 2, 3)]
    to_reference = [np.load(folder / f"recording_{k}_raw_to_reference.npy") for k in (1, 2, 3)]
    truths = [np.linalg.inv(maps) for maps in to_reference]
    found = nza.run(nza.register_recordings(stacks))
    estimates = [a.transforms.matrices() for a in found]
    gauge = best_gauge(estimates, truths)
    shape = found[0].transforms.shape
    errors = np.concatenate(
        [distances_px(e, t, gauge, shape) for e, t in zip(estimates, truths, strict=True)]
    )
    assert errors.mean() <= 0.30
    assert errors.mean(axis=1).max() < 1
    assert all((a.quality["flag"] == "").all() for a in found)
    # what no registration at all would have, in its best gauge
    still = [np.tile(np.eye(3), (len(truth), 1, 1)) for truth in truths]
    gauge = best_gauge(still, truths)
    at_rest = [distances_px(e, t, gauge, shape) for e, t in zip(still, truths, strict=True)]
    assert np.concatenate(at_rest).mean() > 5
