from __future__ import annotations

import numpy as np
import pytest

from napari_zstack_align.params import KeypointParams
from napari_zstack_align.register.recordings.chunks import chunk_ranges, cut
from napari_zstack_align.stack import Stack


def _stack(n_frames: int, rate_hz: float | None = None) -> Stack:
    times = None if rate_hz is None else np.arange(n_frames) / rate_hz
    return Stack.from_array(np.zeros((n_frames, 2, 2), np.uint8), frame_times_s=times)


@pytest.mark.parametrize(
    ("n_frames", "rate_hz", "params", "expected"),
    [
        (40, None, {"chunk_frames": 20}, [(0, 20), (20, 40)]),
        (59, None, {"chunk_frames": 20}, [(0, 20), (20, 59)]),
        (7, None, {"chunk_frames": 20}, [(0, 7)]),
        (50, None, {"n_chunks": 1}, [(0, 50)]),
        (10, None, {"n_chunks": 3}, [(0, 3), (3, 6), (6, 10)]),
        (2, None, {"n_chunks": 5}, [(0, 1), (1, 2)]),
        (1, None, {}, [(0, 1)]),
        (60, None, {}, [(0, 20), (20, 40), (40, 60)]),
        (500, None, {}, [(25 * k, 25 * k + 25) for k in range(20)]),
        (5000, None, {}, [(50 * k, 50 * k + 50) for k in range(100)]),
        (60, 1.0, {}, [(0, 20), (20, 40), (40, 60)]),
        (1000, 10.0, {}, [(100 * k, 100 * k + 100) for k in range(10)]),
        (200, 10.0, {}, [(40 * k, 40 * k + 40) for k in range(5)]),
        (70, 10.0, {}, [(0, 20), (20, 40), (40, 70)]),
        (60, 0.0001, {}, [(0, 20), (20, 40), (40, 60)]),
    ],
    ids=[
        "whole chunks",
        "the last takes the rest",
        "longer than the recording",
        "one",
        "a number",
        "more than frames",
        "one frame",
        "20 frames at least without times",
        "20 chunks without times",
        "50 frames at most without times",
        "20 frames at least",
        "10 s",
        "a fifth of a short one",
        "20 frames even of a short one",
        "slower than 10 s a frame",
    ],
)
def test_ranges(n_frames: int, rate_hz: float | None, params: dict, expected: list):
    assert chunk_ranges(_stack(n_frames, rate_hz), KeypointParams(**params)) == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([], [(0, 20), (20, 40), (40, 60)]),
        ([30], [(0, 20), (20, 30), (30, 40), (40, 60)]),
        ([20], [(0, 20), (20, 40), (40, 60)]),
        ([37], [(0, 20), (20, 37), (37, 60)]),
        ([43], [(0, 20), (20, 43), (43, 60)]),
        ([25, 28], [(0, 20), (20, 25), (25, 28), (28, 40), (40, 60)]),
    ],
    ids=["none", "in a chunk", "at a border", "short rest", "short start", "two in a chunk"],
)
def test_jumps_cut_chunks_and_short_pieces_join_but_never_across_a_jump(steps: list, expected):
    pieces = cut([(0, 20), (20, 40), (40, 60)], steps)
    assert pieces == expected
    assert set(steps) <= {start for start, _ in pieces}
