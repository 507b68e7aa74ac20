"""``.npy`` files."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.read import open_stack

SHAPES: dict[str, Any] = {
    "one frame": ((240, 30), (1, 1, 240, 30)),
    "frames": ((12, 20, 30), (12, 1, 20, 30)),
    "frames of channels": ((6, 2, 20, 30), (6, 2, 20, 30)),
}


@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<f4", "|u1"])
@pytest.mark.parametrize(("shape", "expected"), SHAPES.values(), ids=SHAPES)
def test_reads_the_frames(
    shape: Any, expected: Any, dtype: str, tmp_path: Path, frames: Any
) -> None:
    data = (frames % 200).astype(dtype).reshape(shape)
    np.save(tmp_path / "x.npy", data)
    stack = open_stack(tmp_path / "x.npy")
    assert stack.shape == expected
    assert stack.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(stack.read(0, stack.n_frames), data.reshape(expected))
    source = pickle.loads(pickle.dumps(stack.source))
    np.testing.assert_array_equal(source.read(0, 1), data.reshape(expected)[:1])


BAD: dict[str, Any] = {
    "five axes": (np.zeros((2, 2, 2, 8, 8)), "whose axes can't be told"),
    "volumes or channels": (np.zeros((2, 20, 8, 8)), "whose axes can't be told"),
    "one axis": (np.zeros(8), "whose axes can't be told"),
    "colours": (np.zeros((5, 8, 8, 3), np.uint8), "RGB"),
    "complex": (np.zeros((5, 8, 8), complex), "complex"),
    "booleans": (np.zeros((5, 8, 8), bool), "true/false"),
    "objects": (np.array([[{}, {}]], object), "Python objects"),
    "no frames": (np.zeros((0, 8, 8)), "is empty"),
    "NaN": (np.full((5, 8, 8), np.nan), "NaN everywhere"),
    "Fortran order": (np.asfortranarray(np.ones((5, 8, 8))), "Fortran order"),
}


@pytest.mark.parametrize(("data", "message"), BAD.values(), ids=BAD)
def test_bad_arrays(data: Any, message: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", data)
    with pytest.raises(nza.InputError, match=message):
        open_stack(tmp_path / "x.npy")


def test_truncated(tmp_path: Path, frames: Any) -> None:
    path = tmp_path / "x.npy"
    np.save(path, frames)
    with path.open("r+b") as file:
        file.truncate(128 + 5 * 1200 + 7)
    with pytest.raises(nza.InputError, match="only 5 of its 12 frames are whole"):
        open_stack(path)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(nza.InputError, match=r"not a whole \.npy file"):
        open_stack(path)


def test_a_damaged_header(tmp_path: Path, frames: Any) -> None:
    """numpy takes it for one of Python 2, and fails in another way."""
    path = tmp_path / "x.npy"
    np.save(path, frames)
    path.write_bytes(path.read_bytes().replace(b"}", b" ", 1))
    with pytest.raises(nza.InputError, match=r"not a whole \.npy file"):
        open_stack(path)


def test_a_file_that_shrank_is_told(tmp_path: Path, frames: Any) -> None:
    np.save(tmp_path / "x.npy", frames)
    stack = open_stack(tmp_path / "x.npy")
    np.save(tmp_path / "x.npy", frames[:3])
    with pytest.raises(nza.InputError, match="has become shorter"):
        stack.read(0, 12)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_frames_in_the_middle_are_those_of_the_array(tmp_path, dtype):
    frames = np.arange(6 * 2 * 3 * 5).reshape(6, 2, 3, 5).astype(dtype)
    np.save(tmp_path / "a.npy", frames)
    np.testing.assert_array_equal(nza.open_stack(tmp_path / "a.npy").read(2, 5), frames[2:5])


def test_no_pixel_is_empty_not_truncated(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((5, 0, 24), np.uint16))
    with pytest.raises(nza.InputError, match=r"x is empty \(shape \(5, 1, 0, 24\)\)"):
        open_stack(tmp_path / "x.npy")


def test_narrow_frames_are_no_colours(tmp_path: Path) -> None:
    """Colours are the last axis of three or four, where the axes before it are longer."""
    np.save(tmp_path / "x.npy", np.zeros((9, 4, 4), np.uint16))
    assert open_stack(tmp_path / "x.npy").shape == (9, 1, 4, 4)
    np.save(tmp_path / "x.npy", np.zeros((9, 5, 4), np.uint16))
    with pytest.raises(
        nza.InputError, match=r"RGB colours .* 4 pixels wide, open it with Stack\.from"
    ):
        open_stack(tmp_path / "x.npy")


@pytest.mark.parametrize(("second", "is_warning"), [(2, False), (7, True)])
def test_what_four_axes_are_taken_for_is_said(tmp_path, second: int, is_warning: bool) -> None:
    np.save(tmp_path / "larva.npy", np.zeros((8, second, 20, 30), np.uint16))
    (remark,) = nza.open_stack(tmp_path / "larva.npy").remarks
    assert remark.is_warning is is_warning
    assert f"(frames, channels, y, x): 8 frames of {second} channels" in remark
    assert "`axes='ZRYX'`" in remark


def test_four_axes_of_too_many_channels_may_be_repeats(tmp_path) -> None:
    np.save(tmp_path / "larva.npy", np.zeros((8, 9, 20, 30), np.uint16))
    with pytest.raises(nza.InputError, match=r"say what they are, such as `axes='ZRYX'`"):
        nza.open_stack(tmp_path / "larva.npy")


def test_whole_frames_of_an_array_that_breaks_off(tmp_path: Path) -> None:
    frames = np.arange(6 * 3 * 4 * 5, dtype=np.uint16).reshape(6, 3, 4, 5)
    path = tmp_path / "a.npy"
    np.save(path, frames)
    path.write_bytes(path.read_bytes()[:-70])  # almost two images of twenty pixels
    with pytest.raises(nza.InputError, match=r"15 of its 18 frames are whole.*whole_frames=True"):
        nza.open_stack(path, axes="ZRYX")
    stack = nza.open_stack(path, axes="ZRYX", whole_frames=True)
    assert (stack.n_slices, stack.n_frames) == (5, 15)
    assert "15 whole frames of 18" in str(stack.remarks[-1])
    np.testing.assert_array_equal(stack.read(0, 15)[:, 0], frames[:5].reshape(15, 4, 5))
