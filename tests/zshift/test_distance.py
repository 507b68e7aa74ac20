"""Frames beyond the stack, told by how little of them the planes there explain."""

from __future__ import annotations

import numpy as np
import pytest
from tissue import estimate, record, tissue, volume

import napari_zstack_align as nza
from napari_zstack_align.zshift.axial import AxialModel
from napari_zstack_align.zshift.distance import Distances, distances

MODEL = AxialModel(width=1.0, wide_part=0.3, wide=2.1, noise=0.05)
LAST = 5


def told(depths: np.ndarray, level: float, scatter: float = 0.02, seed: int = 0) -> Distances:
    """Say where frames lie whose best match is within the stack."""
    found = np.clip(depths, 0, LAST)
    chance = np.random.default_rng(seed).normal(0, scatter, len(depths))
    explained = level * (MODEL.at(depths - found) ** 2 + chance)
    return distances(explained, found, np.ones(len(depths)), MODEL, LAST + 1)


@pytest.mark.parametrize("level", [1.1, 0.9, 0.4])
@pytest.mark.parametrize("scatter", [0.01, 0.04])
def test_frames_of_which_little_is_explained_are_beyond(level: float, scatter: float) -> None:
    depths = np.tile(np.arange(-3, 9, 0.25), 6)
    far = told(depths, level, scatter)
    outside = (depths < -1) | (depths > LAST + 1)
    inside = (depths >= 0) & (depths <= LAST)
    assert far.is_outside[outside].all()
    assert far.is_outside[inside].mean() <= 0.01
    assert not far.is_open.any()


def test_most_of_a_recording_may_lie_beyond_the_stack() -> None:
    depths = np.concatenate([np.linspace(-6, -1.2, 90), np.linspace(0, LAST, 10)])
    far = told(depths, 0.9)
    assert far.is_outside[:90].all()
    assert not far.is_outside[90:].any()


def test_what_varies_inside_is_no_distance() -> None:
    """Where activity makes frames unlike the reference, less is taken for usual."""
    depths = np.tile(np.linspace(0, LAST, 20), 10)
    assert told(depths, 0.8, scatter=0.08).is_outside.mean() <= 0.01


def test_frames_far_beyond_the_end_only_leave_it_open() -> None:
    far = told(np.full(50, -2.0), 1.0)
    assert far.is_open.all()
    assert not far.is_outside.any()


def test_frames_like_no_plane_are_nowhere() -> None:
    depths = np.tile(np.linspace(0, LAST, 20), 3)
    explained = np.full(60, 0.9)
    explained[::20] = 0.05
    explained[1::20] = np.nan
    far = distances(explained, depths, np.ones(60), MODEL, LAST + 1)
    np.testing.assert_array_equal(far.is_nowhere, explained == 0.05)


def leaps(depths: np.ndarray, seed: int) -> np.ndarray:
    """(n, Y, X) light that is blended from independent planes, two slices apart."""
    knots = tissue(seed, width=0.1, n_slices=30)[::8][:24]
    below = np.floor(depths / 2).astype(int)
    part = (depths / 2 - below)[:, np.newaxis, np.newaxis]
    return (1 - part) * knots[below] + part * knots[below + 1]


def counts(light: np.ndarray, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).poisson(10 * light).astype(np.uint16)


@pytest.mark.slow
@pytest.mark.parametrize("n_slices", [2, 3, 5, 9])
@pytest.mark.parametrize("seed", [21, 22])
def test_the_first_slice_is_no_plane_beyond_it(n_slices: int, seed: int) -> None:
    """Planes beyond are as alike to all slices as the first and the last, only less."""
    first, last = 8, 8 + n_slices - 1
    depths = np.concatenate([np.linspace(first, last, 12), [3.0, 5.0, 6.5, last + 2, last + 4]])
    reference = counts(leaps(np.arange(first, last + 1.0), seed), seed)
    params = nza.ZShiftParams(patch_px=96, smooth_time=False)
    zshift = estimate(counts(leaps(depths, seed), seed + 1), reference, params)
    assert (zshift.flags[:12] == "").all()
    assert (zshift.flags[12:] != "").all()
    assert zshift.confidence[12:].max() == 0
    np.testing.assert_allclose(zshift.z[:12], depths[:12] - first, atol=0.3)


@pytest.mark.slow
def test_two_slices_that_hardly_differ_leave_it_open() -> None:
    """Of slices an eighth apart nothing says whether a frame lies a slice beyond them."""
    reference = np.stack([tissue(5)[60], tissue(5)[61]])
    zshift = estimate(record([5.5] * 8 + [5.25] * 8, seed=5, photons=5), reference)
    assert (zshift.flags != "").all()
    assert any("too little" in str(each) for each in zshift.remarks)
    whole = estimate(record([5.5] * 8, seed=5), volume(5))
    assert not any("too little" in str(each) for each in whole.remarks)


@pytest.mark.parametrize(("n_slices", "width"), [(2, 3.0), (3, 6.0)])
def test_few_slices_that_hardly_differ_leave_it_open(n_slices: int, width: float) -> None:
    """They do where there are more, or where they differ."""
    z, part = np.tile([0.0, 1.0], 20), np.full(40, 0.95)
    alike = AxialModel(width=width, wide_part=0.3, wide=2.1, noise=0.05)
    assert distances(part, z, np.ones(40), alike, n_slices).is_open.sum() >= 20
    for model, n in ((MODEL, n_slices), (alike, 4)):
        assert not distances(part, z, np.ones(40), model, n).is_open.any()
