"""A few frames show what a layout makes of them before anything is run."""

from __future__ import annotations

import numpy as np
import pytest

from napari_zstack_align.progress import run
from napari_zstack_align.read import preview_layout
from napari_zstack_align.read.layout.preview import MOST_CHANNELS, SIDE_PX
from napari_zstack_align.stack import Stack

N_SLICES, N_REPEATS = 6, 5


def tissue(frames_per_slice=None, order=None, size=48, volumes=False) -> Stack:
    """Slices unlike one another; repeats differ by photon noise alone."""
    rng = np.random.default_rng(3)
    slices = np.kron(rng.gamma(1.0, 60.0, (N_SLICES, size // 6, size // 6)), np.ones((6, 6)))
    planes = np.tile(slices, (N_REPEATS, 1, 1)) if volumes else slices.repeat(N_REPEATS, axis=0)
    frames = rng.poisson(planes + 20).astype(np.uint16)
    return Stack.from_array(frames, "TYX", frames_per_slice=frames_per_slice, order=order)


def test_the_ends_of_a_slice_and_the_border_to_the_next():
    preview = run(preview_layout(tissue(N_REPEATS, "repeats"), 2))
    captions = [image.caption for image in preview.images]
    assert captions == ["slice 2: first repeat", "slice 2: last repeat", "slice 3: first repeat"]
    assert [image.frame for image in preview.images] == [10, 14, 15]
    assert preview.within > 0.8 > 0.4 > preview.across
    assert preview.warning == ""
    assert preview.words == (
        f"Correlation: {preview.within:.2f} within slices 2 and 3, {preview.across:.2f} across "
        f"their border."
    )


def test_the_middle_slice_by_default_and_never_beyond_the_last_border():
    stack = tissue(N_REPEATS, "repeats")
    assert run(preview_layout(stack)).slice_index == N_SLICES // 2
    assert run(preview_layout(stack, 99)).slice_index == N_SLICES - 2


def test_a_wrong_order_is_seen():
    stack = tissue(N_REPEATS, "repeats", volumes=True)
    wrong = run(preview_layout(stack, 2))
    right = run(preview_layout(stack.replace(order="slices"), 2))
    assert [image.frame for image in right.images] == [2, 26, 3]
    assert right.within - right.across > 0.4 > 0.2 > wrong.within - wrong.across
    assert "looks wrong: the frames look like volumes of 6 slices" in wrong.warning


def test_a_recording_shows_its_first_frames_and_its_last():
    preview = run(preview_layout(tissue()))
    assert [image.frame for image in preview.images] == [0, 1, 29]
    assert preview.n_slices == 0
    assert preview.within > 0.8 > 0.4 > preview.across
    assert "of the first two frames" in preview.words
    assert "slices of 5 repeats" in preview.warning


@pytest.mark.parametrize("n_frames", [1, 2])
def test_as_few_frames_as_may_be(n_frames):
    stack = Stack.from_array(np.arange(n_frames * 400.0).reshape(n_frames, 20, 20), "TYX")
    assert len(run(preview_layout(stack)).images) == n_frames
    one_slice = run(preview_layout(stack.replace(frames_per_slice=n_frames)))
    assert [image.place for image in one_slice.images] == ["slice 0"] * n_frames


def test_one_frame_a_slice_has_no_repeats():
    preview = run(preview_layout(tissue(1, "repeats"), 4))
    assert [image.caption for image in preview.images] == [
        "slice 4: its frame",
        "slice 5: its frame",
        "slice 6: its frame",
    ]
    assert np.isnan(preview.within)
    assert preview.words == f"Correlation: {preview.across:.2f} of slices 4 and 5."


def test_dropped_frames_are_passed_over():
    stack = tissue(N_REPEATS, "repeats").without([10, 14])
    preview = run(preview_layout(stack, 2))
    assert [image.frame for image in preview.images] == [11, 13, 15]


def test_a_frame_that_cannot_be_read_is_said():
    stack = tissue(N_REPEATS, "repeats").without(range(10, 15))
    preview = run(preview_layout(stack, 2))
    assert preview.images[0].pixels is None
    assert "Frame 10 was dropped" in preview.images[0].problem
    assert preview.images[2].pixels is not None


def test_frames_of_one_value_are_said_to_be_so():
    stack = Stack.from_array(np.full((12, 20, 20), 7, np.uint16), "TYX", frames_per_slice=3)
    assert "they show nothing" in run(preview_layout(stack)).words
    assert "they show nothing" not in run(preview_layout(tissue(N_REPEATS))).words


def test_pictures_are_small_and_come_first():
    frames = np.broadcast_to(np.arange(900, dtype=np.float32), (4, MOST_CHANNELS + 2, 500, 900))
    steps = preview_layout(Stack.from_array(frames, "TCYX"))
    partial = next(step.partial for step in steps if step.partial is not None)
    steps.close()
    assert np.isnan(partial.within)
    shape = partial.images[0].pixels.shape
    assert (shape[0], max(shape[1:])) == (MOST_CHANNELS, SIDE_PX)
