from __future__ import annotations

import numpy as np
import pytest
from stacks import shifted

from napari_zstack_align.gui.recordings.frames import AlignedSession, RawSession, Sequence1D
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.stack import Stack


def recording(n_frames, shape, value, dtype=np.uint16, axes="TYX") -> Recording:
    frames = np.full((n_frames, *shape), value, dtype) + np.arange(n_frames, dtype=dtype).reshape(
        -1, *[1] * len(shape)
    )
    return Recording(Stack.from_array(frames, axes), [(0.0, 1.0)])


def test_positions_and_back():
    sequence = Sequence1D([3, 1, 2])
    assert sequence.shape[0] == 6
    assert [sequence.locate(p) for p in range(6)] == [
        (0, 0),
        (0, 1),
        (0, 2),
        (1, 0),
        (2, 0),
        (2, 1),
    ]
    assert [sequence.position_of(*sequence.locate(p)) for p in range(6)] == list(range(6))


def test_recordings_of_other_size_and_type_share_one_canvas():
    raw = RawSession([recording(2, (4, 3), 10), recording(1, (2, 5), 70, np.uint8)], 0)
    assert raw.shape == (3, 4, 5)
    assert raw.dtype == np.uint16
    np.testing.assert_array_equal(raw[1], np.pad(np.full((4, 3), 11), ((0, 0), (0, 2))))
    np.testing.assert_array_equal(raw[2], np.pad(np.full((2, 5), 70), ((0, 2), (0, 0))))


def test_a_channel_that_a_recording_lacks_is_dark():
    two = recording(1, (2, 2, 3), 5, axes="TCYX")
    raw = RawSession([two, recording(1, (2, 3), 5)], 1)
    assert raw[0].max() == 5
    assert raw[1].max() == 0


def test_aligned_frames_are_dark_until_there_is_an_alignment():
    stack = Stack.from_array(np.arange(2 * 4 * 6, dtype=np.uint16).reshape(2, 4, 6))
    one = Recording(stack, [(0.0, 1.0)])
    aligned = AlignedSession([one, recording(1, (4, 6), 9)], 0)
    assert aligned[...].max() == 0
    one.alignment = shifted(stack, 2)
    aligned.refresh()
    raw = stack.read(1, 2)[0, 0]
    np.testing.assert_array_equal(aligned[1, :, :4], raw[:, 2:])
    assert aligned[2].max() == 0


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_nan_turns_dark(dtype):
    stack = Stack.from_array(np.ones((1, 3, 4), dtype))
    one = Recording(stack, [(0.0, 1.0)], alignment=shifted(stack, 2))
    np.testing.assert_array_equal(AlignedSession([one], 0)[0], [[1, 1, 0, 0]] * 3)
