from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import SHAPE, similarity

from napari_zstack_align.register.recordings.geometry import apply, translation
from napari_zstack_align.register.recordings.interpolate import (
    LARGEST_EXTRAPOLATION_PX,
    chunk_noise_px,
    corners_of,
    interpolate,
)

CORNERS = corners_of(SHAPE)

motion = st.builds(
    similarity, st.floats(-20, 20), st.floats(-20, 20), st.floats(-3, 3), st.floats(0.98, 1.02)
)
chunks = st.lists(st.tuples(st.integers(2, 40), motion), min_size=1, max_size=8)


def _moved(matrices: np.ndarray) -> np.ndarray:
    """(T, 4, 2) where the corners come to lie."""
    return apply(matrices, CORNERS)


def _nodes(pieces: list) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Borders, midpoints and matrices of chunks of given lengths."""
    borders = np.cumsum([0, *(length for length, _ in pieces)])
    midpoints = (borders[:-1] + borders[1:] - 1) / 2
    return borders, midpoints, np.stack([matrix for _, matrix in pieces])


@given(chunks)
@settings(max_examples=100)
def test_nothing_jumps_at_the_border_of_chunks(pieces: list):
    borders, midpoints, matrices = _nodes(pieces)
    frames = np.arange(borders[-1])
    found = interpolate(frames, midpoints, matrices, SHAPE, noise_px=0.0).matrices
    steps = np.abs(np.diff(_moved(found), axis=0))
    for left, right, border in zip(matrices[:-1], matrices[1:], borders[1:-1], strict=True):
        i = int(np.searchsorted(midpoints, border - 0.5)) - 1
        allowed = np.abs(_moved(right) - _moved(left)) / (midpoints[i + 1] - midpoints[i])
        assert (steps[border - 1] <= allowed + 1e-9).all()


@given(chunks)
@settings(max_examples=100)
def test_between_midpoints_every_position_moves_on_a_straight_line(pieces: list):
    _, midpoints, matrices = _nodes(pieces)
    for i in range(len(pieces) - 1):
        part = np.linspace(0, 1, 5)[:, np.newaxis, np.newaxis]
        frames = midpoints[i] + part[:, 0, 0] * (midpoints[i + 1] - midpoints[i])
        found = interpolate(frames, midpoints, matrices, SHAPE, 0.0).matrices
        expected = (1 - part) * _moved(matrices[i]) + part * _moved(matrices[i + 1])
        np.testing.assert_allclose(_moved(found), expected, atol=1e-9)


@given(chunks, st.floats(0, 1))
@settings(max_examples=100)
def test_beyond_the_ends_nothing_goes_farther_than_the_bound(pieces: list, noise: float):
    borders, midpoints, matrices = _nodes(pieces)
    frames = np.arange(-200, borders[-1] + 200)
    found = interpolate(frames, midpoints, matrices, SHAPE, noise)
    for end, beyond in ((0, frames < midpoints[0]), (-1, frames > midpoints[-1])):
        away = np.linalg.norm(_moved(found.matrices[beyond]) - _moved(matrices[end]), axis=-1)
        assert away.max() <= LARGEST_EXTRAPOLATION_PX + 1e-9
        at_bound = away.max(axis=1) > LARGEST_EXTRAPOLATION_PX - 1e-9
        np.testing.assert_array_equal(found.held[beyond] & ~at_bound, False)
    assert not found.held[(frames >= midpoints[0]) & (frames <= midpoints[-1])].any()


def _line(n: int, speed: float, chunk: int = 20) -> tuple[np.ndarray, np.ndarray]:
    midpoints = chunk * np.arange(n) + (chunk - 1) / 2
    return midpoints, translation(speed * midpoints[:, np.newaxis] * np.array([1.0, 0]))


def test_a_steady_trend_goes_on_to_both_ends():
    midpoints, matrices = _line(5, 0.05)
    frames = np.arange(100)
    found = interpolate(frames, midpoints, matrices, SHAPE, noise_px=0.0)
    np.testing.assert_allclose(found.matrices[:, 0, 2], 0.05 * frames, atol=1e-9)
    assert not found.held.any()


def test_a_fast_trend_is_held_and_says_so():
    midpoints, matrices = _line(5, 0.5)
    frames = np.arange(100)
    found = interpolate(frames, midpoints, matrices, SHAPE, noise_px=0.0)
    reach = LARGEST_EXTRAPOLATION_PX / 0.5
    outside = (frames < midpoints[0] - reach) | (frames > midpoints[-1] + reach)
    np.testing.assert_array_equal(found.held, outside)
    first = found.matrices[0, 0, 2]
    assert first == pytest.approx(0.5 * midpoints[0] - LARGEST_EXTRAPOLATION_PX)


@pytest.mark.parametrize("n", [1, 2])
def test_two_chunks_have_no_trend(n: int):
    midpoints, matrices = _line(n, 0.1)
    found = interpolate(np.array([-10, 1000]), midpoints, matrices, SHAPE, 0.0)
    np.testing.assert_allclose(found.matrices, matrices[[0, -1]])
    assert not found.held.any()


@pytest.mark.parametrize(
    ("noise", "kept"), [(0.0, 1.0), (0.4, 0.92), (1.0, 0.5), (5.0, 0.0)], ids=str
)
def test_a_trend_is_shrunk_by_its_noise(noise: float, kept: float):
    # over three midpoints 20 frames apart a slope of 0.05 has a standard error of noise / 28.3
    midpoints, matrices = _line(3, 0.05)
    found = interpolate(np.array([0]), midpoints, matrices, SHAPE, noise)
    beyond = matrices[0, 0, 2] - found.matrices[0, 0, 2]
    assert beyond == pytest.approx(kept * 0.05 * midpoints[0], abs=0.005)


def test_the_noise_of_chunks_is_measured_and_drift_is_none():
    midpoints, matrices = _line(40, 0.1)
    assert chunk_noise_px(midpoints, matrices, SHAPE) < 1e-9
    wobble = np.random.default_rng(0).normal(0, 0.5, (40, 2))
    noisy = translation(wobble) @ matrices
    # 0.5 px along either axis
    assert chunk_noise_px(midpoints, noisy, SHAPE) == pytest.approx(0.5 * np.sqrt(2), rel=0.3)
    assert chunk_noise_px(midpoints[:4], noisy[:4], SHAPE) == 0
