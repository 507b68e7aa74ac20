"""Which slice each frame belongs to."""

from __future__ import annotations

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.layout import Layout, layout_of_axes


def _scanned(n_slices: int, sweeps: int, once: bool) -> list[int]:
    """Slices in the order of a scan there and back, written down turn by turn."""
    planes: list[int] = []
    for sweep in range(sweeps):
        there = list(range(n_slices)) if sweep % 2 == 0 else list(range(n_slices))[::-1]
        planes += there[1:] if once and planes else there
    return planes


@pytest.mark.parametrize("n_slices", [2, 3, 7, 12])
@pytest.mark.parametrize("sweeps", [2, 3, 8])
def test_up_and_down(n_slices: int, sweeps: int) -> None:
    planes = _scanned(n_slices, sweeps, once=False)
    layout = Layout(sweeps, "up-and-down")
    assert layout.slice_of_frame(len(planes)).tolist() == planes
    assert layout.n_slices(len(planes)) == n_slices


@pytest.mark.parametrize("n_slices", [2, 3, 7, 12])
@pytest.mark.parametrize("sweeps", [2, 3, 8])
@pytest.mark.parametrize("last", [0, 1], ids=["to the end", "without the last frame"])
def test_up_and_down_with_the_ends_once(n_slices: int, sweeps: int, last: int) -> None:
    planes = _scanned(n_slices, sweeps, once=True)
    planes = planes[: len(planes) - last]
    layout = Layout(sweeps, "up-and-down-once")
    assert layout.slice_of_frame(len(planes)).tolist() == planes


def test_repeats_that_vary() -> None:
    layout = Layout((3, 1, 2))
    assert layout.slice_of_frame(6).tolist() == [0, 0, 0, 1, 2, 2]
    assert layout.most_repeats == 3
    stack = nza.Stack.from_array(np.zeros((6, 4, 5)), frames_per_slice=[3, 1, 2])
    assert [stack.frames_of_slice(z).tolist() for z in range(3)] == [[0, 1, 2], [3], [4, 5]]
    assert stack.repeat_of_frame.tolist() == [0, 1, 2, 0, 0, 1]


@pytest.mark.parametrize(
    ("axes", "sizes", "planes"),
    [
        ("ZR", (2, 3), [0, 0, 0, 1, 1, 1]),
        ("VZ", (2, 3), [0, 1, 2, 0, 1, 2]),
        ("VZR", (2, 2, 3), [0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1]),
        ("TVZ", (2, 1, 2), [0, 1, 0, 1]),
        ("Z", (3,), [0, 1, 2]),
    ],
)
def test_axes(axes: str, sizes: tuple[int, ...], planes: list[int]) -> None:
    layout = layout_of_axes(axes, sizes)
    assert layout is not None
    assert layout.slice_of_frame(len(planes)).tolist() == planes


def test_axes_of_a_recording() -> None:
    assert layout_of_axes("TV", (3, 4)) is None


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"frames_per_slice": [3, 4]}, "2 slices of 7 frames in all, but array has 6 frames"),
        ({"frames_per_slice": [3, 0, 3]}, "at least 1, not 0"),
        ({"frames_per_slice": [[3, 3]]}, "at least 1, not"),
        ({"frames_per_slice": [3, 3], "order": "slices"}, "follow one another"),
        ({"frames_per_slice": 3, "order": "sideways"}, "'up-and-down-once', not 'sideways'"),
        ({"frames_per_slice": True}, "at least 1, not True"),
        ({"order": "up-and-down"}, "needs frames_per_slice"),
    ],
)
def test_what_no_stack_can_have(given: dict[str, object], sentence: str) -> None:
    with pytest.raises(nza.InputError, match=sentence):
        nza.Stack.from_array(np.zeros((6, 4, 5)), **given)  # type: ignore[arg-type]


def test_what_belongs_to_a_layout_goes_with_it() -> None:
    stack = nza.Stack.from_array(
        np.zeros((2, 3, 2, 4, 5)), "VZRYX", z_positions_um=(0, 1, 3), pixel_size_um=(1, 1)
    )
    assert (stack.frames_in_turn, stack.frames_per_slice) == (2, 4)
    assert stack.replace(name="x", order="slices").z_positions_um == (0.0, 1.0, 3.0)
    other = stack.replace(frames_per_slice=6, order="repeats")
    assert (other.n_slices, other.z_positions_um, other.frames_in_turn) == (2, None, 1)
    assert stack.replace(frames_per_slice=None).z_positions_um is None
