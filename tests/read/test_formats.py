"""Every reader under the same tests: the same frames, what is known of them, and lazily."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.read import holds_frames, open_stack, started_at
from napari_zstack_align.samples import zstack_with_repeats

from .written import (
    FORMATS,
    INTERVAL_S,
    NAMES,
    PIXEL_UM,
    STARTED,
    Z_STEP_UM,
    Acquisition,
    Written,
    acquisition,
)

IO = Path("/proc/self/io")
HEAD_BYTES = 2**17
"""What a file says of itself, read again for a frame where it isn't kept."""
each_format = pytest.mark.parametrize("format_", FORMATS.values(), ids=FORMATS)


def zstack(format_: Written) -> Acquisition:
    """4 volumes of 3 slices, where the format can say so."""
    return acquisition(n_channels=format_.channels, n_slices=3 if "volumes" in format_.keeps else 0)


@each_format
def test_the_same_frames_bit_for_bit(format_: Written, tmp_path: Path) -> None:
    made = zstack(format_)
    path = format_.write(tmp_path, made)
    assert holds_frames(path)
    stack = open_stack(path)
    assert stack.shape == made.frames.shape
    assert stack.dtype.isnative
    assert stack.dtype.itemsize == 2
    np.testing.assert_array_equal(stack.read(0, 12), made.frames)
    for t in (0, 5, 11):
        np.testing.assert_array_equal(stack.read(t, t + 1), made.frames[t : t + 1])
    np.testing.assert_array_equal(stack.read(4, 9), made.frames[4:9])
    assert stack.read(3, 3).shape == (0, *made.frames.shape[1:])
    assert stack.read(0, 1).dtype == stack.dtype


@each_format
def test_what_the_microscope_knew(format_: Written, tmp_path: Path) -> None:
    made, keeps = zstack(format_), format_.keeps
    path = format_.write(tmp_path, made)
    stack = open_stack(path)
    layout = (4, "slices") if "volumes" in keeps else (None, None)
    assert (stack.frames_per_slice, stack.order) == layout
    assert stack.pixel_size_um == (pytest.approx(PIXEL_UM) if "pixel" in keeps else None)
    assert stack.z_step_um == (pytest.approx(Z_STEP_UM) if "step" in keeps else None)
    if "times" in keeps:
        planes = max(made.n_slices, 1)
        assert stack.frame_times_s == pytest.approx(np.arange(12) * INTERVAL_S / planes)
    else:
        assert stack.frame_times_s is None
    if "names" in keeps:
        assert stack.channel_names == NAMES[: made.n_channels]
    if "start" in keeps:
        assert started_at(stack.paths[0]) == STARTED
    assert not [remark for remark in stack.remarks if remark.is_warning]


@each_format
def test_it_is_opened_again_by_its_paths(format_: Written, tmp_path: Path) -> None:
    stack = open_stack(format_.write(tmp_path, zstack(format_)))
    again = open_stack(stack.paths)
    assert again.paths == stack.paths
    np.testing.assert_array_equal(again.read(0, 12), stack.read(0, 12))


@each_format
def test_sources_can_be_sent_to_another_process(format_: Written, tmp_path: Path) -> None:
    made = zstack(format_)
    source = open_stack(format_.write(tmp_path, made)).source
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source)).read(3, 9), made.frames[3:9])


@each_format
def test_threads_read_side_by_side(format_: Written, tmp_path: Path) -> None:
    made = zstack(format_)
    stack = open_stack(format_.write(tmp_path, made))
    with ThreadPoolExecutor(8) as threads:
        for t, frame in enumerate(threads.map(lambda t: stack.read(t, t + 1), [*range(12)] * 4)):
            np.testing.assert_array_equal(frame[0], made.frames[t % 12])


@pytest.mark.skipif(not IO.is_file(), reason="counts bytes as Linux does")
@each_format
def test_one_frame_is_read_for_one_frame(format_: Written, tmp_path: Path) -> None:
    made = acquisition(24, size=(256, 256))
    path = format_.write(tmp_path, made)
    open_stack(path).read(0, 1)  # what is imported for it counts once
    before = n_bytes_read()
    stack = open_stack(path)
    opened = n_bytes_read()
    stack.read(13, 14)
    frame = made.frames[0].nbytes
    described = sum(each.stat().st_size for each in stack.paths[0].parent.glob("ops.npy"))
    assert opened - before < described + HEAD_BYTES
    assert n_bytes_read() - opened < frame * format_.frames_at_once + HEAD_BYTES


def n_bytes_read() -> int:
    """Bytes that this process has read from files so far."""
    return int(IO.read_text().split()[1])


@each_format
def test_a_file_that_is_gone(format_: Written, tmp_path: Path) -> None:
    path = format_.write(tmp_path, zstack(format_))
    stack = open_stack(path)
    stack.paths[0].rename(tmp_path / "elsewhere")
    with pytest.raises(nza.InputError, match="There is no file"):
        stack.read(0, 1)


@pytest.mark.thorough
@each_format
def test_the_same_volume_from_every_format(format_: Written, tmp_path: Path) -> None:
    """Whatever the file can say of the layout: what it can't is said by hand."""
    sample = zstack_with_repeats(n_slices=3, n_repeats=4, size=64, seed=5).stack
    frames = sample.read(0, sample.n_frames)
    expected = aligned_volume(sample)
    made = replace(acquisition(n_channels=format_.channels, n_slices=0), frames=frames)
    stack = open_stack(format_.write(tmp_path, made), frames_per_slice=4)
    np.testing.assert_array_equal(aligned_volume(stack), expected)


def aligned_volume(stack: nza.Stack) -> np.ndarray:
    """Mean of the aligned repeats."""
    alignment = nza.run(nza.align_adaptive(stack, nza.AdaptiveParams()))
    return np.asarray(alignment.volume())
