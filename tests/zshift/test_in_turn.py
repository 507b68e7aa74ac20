"""Frames that lie at the same few depths in turn are remarked."""

from __future__ import annotations

import numpy as np
import pytest
from tissue import drift, estimate, record

import napari_zstack_align as nza
from napari_zstack_align.zshift.in_turn import depths_in_turn


@pytest.mark.parametrize(
    "planes", [[3.0, 6.0], [4.0, 5.0], [2.0, 5.0, 8.0], list(range(1, 9)), [2.0, 2.0, 5.0]]
)
@pytest.mark.parametrize("gap", [0, 7])
def test_planes_in_turn_are_found(planes: list[float], gap: int) -> None:
    rng, n_frames = np.random.default_rng(0), 12 * len(planes)
    z = np.tile(planes, 12) + np.linspace(0, 0.5, n_frames) + rng.normal(0, 0.05, n_frames)
    z[3 : 3 + gap] = np.nan
    found = depths_in_turn(z)
    np.testing.assert_allclose(found - found.mean(), np.subtract(planes, np.mean(planes)), atol=0.1)


NO_PLANES = {
    "still": np.full(40, 3.0),
    "noise": np.random.default_rng(1).normal(3, 1.0, 200),
    "drift": drift(200),
    "jumps": np.repeat([1.0, 9.0, 4.5, 7.25], 10),
    "too near": np.tile([4.0, 4.4], 30),
    "breathing": 4 + np.sin(2 * np.pi * np.arange(300) / 7.3),
    "unknown": np.full(40, np.nan),
    "two frames": np.array([1.0, 5.0]),
    "none": np.empty(0),
}


@pytest.mark.parametrize("z", NO_PLANES.values(), ids=NO_PLANES)
def test_other_depths_are_none(z: np.ndarray) -> None:
    assert len(depths_in_turn(z)) == 0


def test_it_is_a_warning_of_the_result() -> None:
    stack = nza.Stack.from_array(record(np.tile([3.0, 6.0], 8)), name="larva")
    warnings = [remark for remark in estimate(stack).remarks if remark.is_warning]
    (sentence,) = (each for each in warnings if "in turn" in each)  # of one cause, one remark
    assert "alternates" in sentence
    assert "larva" in sentence
    assert "even and odd frames lie at 3.0 and 6.0 slices" in sentence


def test_more_planes_are_described_by_their_range() -> None:
    zshift = estimate(record(np.tile([2.0, 5.0, 8.0], 6)))
    assert any("repeats every 3 frames, from 2.0 to 8.0" in each for each in zshift.remarks)
    assert not any("every" in each for each in estimate(record(drift(16))).remarks)
