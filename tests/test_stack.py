"""`Stack`: lazy frames with their slices and repeats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr

import napari_zstack_align as nza
from napari_zstack_align.paced import PacedSource
from napari_zstack_align.read._sequence import SequenceSource
from napari_zstack_align.saved import WatchedFrames
from napari_zstack_align.sources import ArraySource, FramesOf

DATA = np.arange(2 * 3 * 4 * 5 * 6).reshape(2, 3, 4, 5, 6).astype(np.uint16)

AXES: dict[str, Any] = {
    "TZCYX": (6, 4, 2, "slices"),
    "ZTCYX": (6, 4, 3, "repeats"),
    "ZRCYX": (6, 4, 3, "repeats"),
    "TCZYX": (8, 3, 2, "slices"),
    "CTZYX": (12, 2, 3, "slices"),
    "ZTYXC": (6, 6, 3, "repeats"),
    "YXCTZ": (30, 4, 5, "slices"),
}


@pytest.mark.parametrize("kind", ["numpy", "dask", "zarr"])
@pytest.mark.parametrize(("axes", "expected"), AXES.items(), ids=AXES)
def test_any_order_of_axes_reads_alike(axes: str, expected: Any, kind: str) -> None:
    data: Any = {"numpy": lambda: DATA, "dask": lambda: da.from_array(DATA, chunks=2)}.get(
        kind, lambda: zarr.array(DATA)
    )()
    stack = nza.Stack.from_array(data, axes)
    frame_axes = [axes.index(a) for a in axes if a in "TZR"]
    frames = DATA.transpose([*frame_axes, *(axes.index(a) for a in "CYX")])
    frames = frames.reshape(-1, *frames.shape[len(frame_axes) :])
    assert (*stack.shape[:2], stack.frames_per_slice, stack.order) == expected
    for start, stop in ((0, stack.n_frames), (1, 4), (2, 3), (3, 3)):
        np.testing.assert_array_equal(stack.read(start, stop), frames[start:stop])
    np.testing.assert_array_equal(stack.data[1:5, :, 1].compute(), frames[1:5, :, 1])


def test_an_image_is_a_stack_of_one_frame() -> None:
    assert nza.Stack.from_array(DATA[0, 0, 0], "YX").read(0, 1).shape == (1, 1, 5, 6)
    assert nza.Stack.from_array(DATA[0, 0], "CYX").read(0, 1).shape == (1, 4, 5, 6)


@pytest.mark.parametrize(
    ("shape", "axes", "layout", "shown"),
    [
        ((6, 8, 9), "TYX", {}, "<Stack a: 6 frames of 8 × 9 px, uint8; a recording>"),
        (
            (6, 2, 8, 9),
            "TCYX",
            {"frames_per_slice": 3},
            "<Stack a: 6 frames of 8 × 9 px, 2 channels, uint8; 2 slices of 3 repeats>",
        ),
    ],
)
def test_it_shows_its_size_and_layout(shape, axes, layout, shown) -> None:
    assert repr(nza.Stack.from_array(np.zeros(shape, np.uint8), axes, name="a", **layout)) == shown


def test_a_frame_that_is_read_touches_no_other() -> None:
    class Watched:
        shape, dtype, ndim = (100, 8, 8), np.dtype(np.uint8), 3
        touched = 0

        def __getitem__(self, index: Any) -> Any:
            block = np.zeros(self.shape, self.dtype)[index]
            self.touched += len(block)
            return block

    watched = Watched()
    stack = nza.Stack.from_array(watched)
    assert watched.touched == 0
    stack.read(20, 25)
    assert watched.touched == 5


def test_chunks_are_whole_frames_of_8_to_16_mb() -> None:
    stack = nza.Stack.from_array(np.broadcast_to(np.uint16(0), (27000, 512, 512)))
    chunk = stack.data.chunks
    assert chunk[1:] == ((1,), (512,), (512,))
    assert 8e6 <= chunk[0][0] * 512 * 512 * 2 <= 16 * 2**20


LAYOUTS: dict[str, Any] = {
    "repeats": ("repeats", [0, 0, 0, 1, 1, 1, 2], [0, 1, 2, 0, 1, 2, 0]),
    "slices": ("slices", [0, 1, 2, 0, 1, 2, 0], [0, 0, 0, 1, 1, 1, 2]),
}


@pytest.mark.parametrize(("order", "slices", "repeats"), LAYOUTS.values(), ids=LAYOUTS)
def test_slices_and_repeats(order: Any, slices: list[int], repeats: list[int]) -> None:
    """Seven frames of three repeats: the rest is a last, short slice (or round)."""
    data = np.arange(7)[:, None, None] * np.ones((1, 4, 4))
    times = np.arange(7) * 0.5
    stack = nza.Stack.from_array(data, frames_per_slice=3, order=order, frame_times_s=times)
    assert stack.n_slices == 3
    assert stack.slice_of_frame.tolist() == slices
    assert stack.repeat_of_frame.tolist() == repeats
    for z in range(3):
        mine = np.flatnonzero(np.array(slices) == z)
        assert stack.frames_of_slice(z).tolist() == mine.tolist()
        plane = stack.plane(z)
        assert plane.read(0, plane.n_frames)[:, 0, 0, 0].tolist() == mine.tolist()
        assert plane.frame_times_s is not None
        assert plane.frame_times_s.tolist() == times[mine].tolist()
        assert (plane.frames_per_slice, plane.order) == (None, None)


def test_replace_checks_again_and_keeps_the_rest() -> None:
    stack = nza.Stack.from_array(np.ones((6, 4, 4)), "ZYX", pixel_size_um=(1, 2))
    changed = stack.replace(frames_per_slice=3)
    assert (changed.n_slices, changed.pixel_size_um) == (2, (1, 2))
    recording = changed.replace(frames_per_slice=None)
    assert (recording.frames_per_slice, recording.order) == (None, None)
    with pytest.raises(nza.InputError, match="only 6 frames"):
        stack.replace(frames_per_slice=7)


BAD: dict[str, Any] = {
    "axes of another number": (np.ones((3, 4, 4)), {"axes": "YX"}, "doesn't describe an array"),
    "axes twice": (np.ones((3, 4, 4)), {"axes": "YYX"}, "doesn't describe an array"),
    "unknown axis": (np.ones((3, 4, 4)), {"axes": "QYX"}, "doesn't describe an array"),
    "no columns": (np.ones((3, 4, 4)), {"axes": "TZY"}, "lacks Y or X"),
    "complex": (np.ones((3, 4, 4), complex), {}, "complex numbers"),
    "booleans": (np.ones((3, 4, 4), bool), {}, "true/false"),
    "text": (np.full((3, 4, 4), "a"), {}, "values of type"),
    "empty": (np.ones((0, 4, 4)), {}, "is empty"),
    "no repeats": (np.ones((3, 4, 4)), {"frames_per_slice": 0}, "at least 1"),
    "half a repeat": (np.ones((3, 4, 4)), {"frames_per_slice": 1.5}, "whole number"),
    "too many repeats": (np.ones((3, 4, 4)), {"frames_per_slice": 4}, "only 3 frames"),
    "order alone": (np.ones((3, 4, 4)), {"order": "slices"}, "needs frames_per_slice"),
    "unknown order": (np.ones((3, 4, 4)), {"frames_per_slice": 1, "order": "z"}, "order must be"),
    "no pixel size": (np.ones((3, 4, 4)), {"pixel_size_um": (0, 1)}, "above 0 µm"),
    "endless z-step": (np.ones((3, 4, 4)), {"z_step_um": np.inf}, "above 0 µm"),
    "times of other frames": (np.ones((3, 4, 4)), {"frame_times_s": [0.0]}, "one time a frame"),
    "names of other channels": (np.ones((3, 4, 4)), {"channel_names": ("a", "b")}, "one name a"),
}


@pytest.mark.parametrize(("data", "given", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_one_sentence(data: Any, given: dict[str, Any], message: str) -> None:
    with pytest.raises(nza.InputError, match=message):
        nza.Stack.from_array(data, **given)


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (0, 4), (2, 1)])
def test_frames_outside_are_refused(start: int, stop: int) -> None:
    with pytest.raises(nza.InputError, match="are not all in"):
        nza.Stack.from_array(np.ones((3, 4, 4))).read(start, stop)


def test_a_plane_that_is_not_there() -> None:
    stack = nza.Stack.from_array(np.ones((6, 4, 4)), frames_per_slice=3)
    with pytest.raises(nza.InputError, match="there is no plane 2"):
        stack.plane(2)
    with pytest.raises(nza.InputError, match="a recording without slices"):
        stack.replace(frames_per_slice=None).frames_of_slice(0)


# -- how many frames are read at once ------------------------------------------------------------

FRAMES = np.zeros((40, 1, 512, 512), np.uint16)
FEW, CHUNK = 2, 24
"""Of these frames: a MiB, and what a chunk of ``data`` holds."""
CHUNKED = ArraySource(da.from_array(FRAMES), "TCYX")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (ArraySource(FRAMES, "TCYX"), FEW),
        (FramesOf(CHUNKED, np.arange(40)), FEW),
        (CHUNKED, CHUNK),
        (ArraySource(zarr.zeros(FRAMES.shape, dtype=np.uint16), "TCYX"), CHUNK),
        (PacedSource(ArraySource(FRAMES, "TCYX")), FEW),
        (PacedSource(CHUNKED), CHUNK),
        (SequenceSource((ArraySource(FRAMES, "TCYX"),) * 2), FEW),
        (SequenceSource((ArraySource(FRAMES, "TCYX"), CHUNKED)), CHUNK),
    ],
    ids=["array", "chosen", "dask", "zarr", "paced", "paced chunks", "files", "files of chunks"],
)
def test_few_frames_are_read_at_once_unless_chunks_hold_many(source: Any, expected: int) -> None:
    assert nza.Stack(source).frames_per_read == expected
    assert WatchedFrames(nza.Stack(source)).stack.frames_per_read == expected


@pytest.mark.parametrize("suffix", [".tif", ".npy"])
def test_few_frames_of_a_file_are_read_at_once(suffix: str, tmp_path: Path) -> None:
    path, frames = tmp_path / f"larva{suffix}", FRAMES[:5, 0]
    tifffile.imwrite(path, frames) if suffix == ".tif" else np.save(path, frames)
    assert nza.open_stack(path).frames_per_read == FEW


def test_a_frame_is_read_at_once_however_large() -> None:
    large = da.zeros((3, 1, 4096, 4096), dtype=np.uint16)
    assert nza.Stack(FramesOf(ArraySource(large, "TCYX"), np.arange(3))).frames_per_read == 1
    assert nza.Stack(ArraySource(FRAMES[:1], "TCYX")).frames_per_read == 1


@pytest.mark.parametrize("given", [3.0, np.float32(3), np.int64(3), 3])
def test_whole_repeats_of_any_type_are_a_plain_number(given):
    stack = nza.Stack.from_array(np.ones((6, 8, 8), np.uint8), frames_per_slice=given)
    assert type(stack.frames_per_slice) is int
    assert type(stack.replace(frames_per_slice=given).frames_per_slice) is int


def test_half_a_repeat_is_refused():
    with pytest.raises(nza.InputError, match=r"whole number of at least 1, not 6\.5"):
        nza.Stack.from_array(np.ones((13, 8, 8), np.uint8), frames_per_slice=6.5)
