from __future__ import annotations

import numpy as np
import pytest

from napari_zstack_align.gui.grid import FrameGrid
from napari_zstack_align.stack import Stack


def stack(n_frames, **layout):
    frames = np.arange(n_frames, dtype=np.uint16)[:, None, None] * np.ones((4, 5), np.uint16)
    return Stack.from_array(frames, "TYX", **layout)


CASES = [
    pytest.param(6, {}, (6,), {(4,): 4}, id="recording"),
    pytest.param(6, {"frames_per_slice": 3}, (3, 2), {(2, 0): 2, (0, 1): 3}, id="repeats"),
    pytest.param(
        6,
        {"frames_per_slice": 3, "order": "slices"},
        (3, 2),
        {(2, 0): 4, (0, 1): 1},
        id="slices",
    ),
    pytest.param(7, {"frames_per_slice": 3}, (3, 3), {(0, 2): 6, (1, 2): None}, id="short slice"),
    pytest.param(3, {"frames_per_slice": 1}, (1, 3), {(0, 2): 2}, id="one repeat"),
    pytest.param(3, {"frames_per_slice": 3}, (3, 1), {(2, 0): 2}, id="one slice"),
]


@pytest.mark.parametrize(("n_frames", "layout", "shape", "frames"), CASES)
def test_frames_on_the_sliders(n_frames, layout, shape, frames):
    grid = FrameGrid(stack(n_frames, **layout))
    assert grid.shape == shape
    for position, frame in frames.items():
        assert grid.frame_at(position) == frame
    for frame in range(n_frames):
        assert grid.frame_at(grid.position_of(frame)) == frame


def test_words_count_like_the_sliders():
    assert FrameGrid(stack(40, frames_per_slice=4)).words((3, 9)) == "slice 9, repeat 3"
    assert FrameGrid(stack(40)).words((12,)) == "frame 12"
