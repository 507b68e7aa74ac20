"""One frame interval for all: known, or None."""

from __future__ import annotations

import numpy as np
import pytest

from napari_zstack_align.cells.traces.baseline import FRAMES_A_SECOND, Timeline
from napari_zstack_align.cli.info import facts_of
from napari_zstack_align.frame_times import frame_interval_s, interpolated, out_of_order
from napari_zstack_align.read import describe
from napari_zstack_align.register.recordings.chunks import default_chunk_frames
from napari_zstack_align.stack import Stack

KNOWN = {
    "regular": ([0, 0.1, 0.2, 0.3], 0.1),
    "a pause": ([0, 1, 2, 60, 61], 1.0),
    "the clock starts anew": ([0, 1, 2, 0, 1, 2], 1.0),
    "a time given twice": ([0, 1, 1, 2], 1.0),
    "one unknown": ([0, 2, np.nan, 6, 8, 10], 2.0),
    "two frames": ([5, 5.5], 0.5),
    "a plane of a scan up and down": ([1, 6, 9, 14, 17, 22, 25], 4.0),
    "one of its frames unknown": ([1, 6, 9, 14, np.nan, 22, 25, 30, 33, 38], 4.0),
    "its clock starts anew": ([1, 6, 9, 14, 17, 1, 6, 9, 14, 17], 4.0),
    "steps in whole ms": (np.round(np.arange(40) / 30, 3), 0.033),
    "pauses here and there": ([0, 1, 9, 10, 11, 12, 20, 21, 22, 23], 1.0),
}
UNKNOWN = {
    "no times": None,
    "a single frame": [3.0],
    "no frames": [],
    "all unknown": [np.nan] * 5,
    "all the same": [1.0] * 5,
    "backwards": [4, 3, 2, 1],
    "mostly the same": [0, 0, 1, 1, 2, 2],
    "without end": [0, np.inf],
}


@pytest.mark.parametrize(("times", "interval"), KNOWN.values(), ids=KNOWN)
def test_known(times, interval):
    assert frame_interval_s(times) == pytest.approx(interval, rel=1e-12)


def test_rests_of_a_zstack_are_left_out():
    times = [0, 1, 6, 7, 12, 13, 18, 19]
    stack = Stack.from_array(np.zeros((8, 4, 4), np.uint16), "TYX", frame_times_s=times)
    assert stack.frame_interval_s == 3
    assert stack.replace(frames_per_slice=2).frame_interval_s == 1


@pytest.mark.parametrize("times", UNKNOWN.values(), ids=UNKNOWN)
def test_unknown_is_none(times):
    assert frame_interval_s(times) is None


@pytest.mark.parametrize("times", [t for t in UNKNOWN.values() if t is None or len(t)], ids=str)
def test_everything_calls_it_unknown(times):
    n_frames = 1 if times is None else len(times)
    stack = Stack.from_array(np.zeros((n_frames, 8, 8), np.uint16), "TYX", frame_times_s=times)
    assert stack.frame_interval_s is None
    assert facts_of(stack)["frame_interval_s"] is None
    assert default_chunk_frames(stack) == 20
    assert Timeline.of(stack.frame_times_s, n_frames, 5.0, 60.0).interval_s == 1 / FRAMES_A_SECOND
    assert not set(describe(stack).split()) & {"Hz", "nan", "frame every"}


@pytest.mark.parametrize(
    ("times", "odd", "mended"),
    [
        ([0, 1, 2, 3], [], [0, 1, 2, 3]),
        ([0, 1, 2, 2, 4, 5], [3], [0, 1, 2, 3, 4, 5]),
        ([0, 1, 2, 1.5, 4, 5], [3], [0, 1, 2, 3, 4, 5]),
        ([0, 1, 9, 3, 4, 5], [2], [0, 1, 2, 3, 4, 5]),
        ([0, 1, 2, 3, 3], [4], [0, 1, 2, 3, 4]),
        ([7, 1, 2, 3, 4], [0], [0, 1, 2, 3, 4]),
        ([0, np.nan, np.nan, 3, 4, 10], [1, 2], [0, 1, 2, 3, 4, 10]),
        ([np.nan, np.nan, 2, 3, 4, 5], [0, 1], [0, 1, 2, 3, 4, 5]),
        ([0, 1, 2, 0, 1, 2], [3, 4, 5], None),
        ([0, 0, 0, 0], [1, 2, 3], None),
        ([3, 2, 1], [1, 2], None),
        ([np.nan, np.nan], [0, 1], None),
        ([5], [], [5]),
    ],
)
def test_times_out_of_order(times, odd, mended):
    found = out_of_order(times)
    assert found.tolist() == odd
    taken = interpolated(times, found) if len(found) else times
    assert taken is None if mended is None else taken == pytest.approx(mended)
