"""What is odd about the layout and the times of a stack."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.read import remarks_on

FRAMES = np.zeros((22, 8, 8), np.uint8)

RESTS: dict[str, tuple[dict[str, Any], str]] = {
    "none": ({"frames_per_slice": 11}, ""),
    "a recording": ({}, ""),
    "one frame": (
        {"frames_per_slice": 7},
        "the last frame is a slice by itself, with 1 instead of 7",
    ),
    "repeats": ({"frames_per_slice": 5}, "the last 2 frames make a slice of their own, with 2"),
    "volumes": ({"frames_per_slice": 5, "order": "slices"}, "the last volume lacks 3 slices"),
}


@pytest.mark.parametrize(("given", "expected"), RESTS.values(), ids=RESTS)
def test_frames_that_fill_no_slice(given: dict[str, Any], expected: str) -> None:
    remarks = remarks_on(nza.Stack.from_array(FRAMES, **given))
    assert len(remarks) == bool(expected)
    assert expected in "".join(remarks)


STEADY = np.arange(22) / 10
TIMES: dict[str, tuple[Any, str]] = {
    "steady": (STEADY, ""),
    "unknown": (None, ""),
    "NaN": (np.where(STEADY == 1, np.nan, STEADY), "1 of 22 are unknown"),
    "all NaN": (np.full(22, np.nan), "no frame rate is taken from them"),
    "constant": (np.zeros(22), "21 of 21 steps take no time; no frame rate"),
    "reversed": (STEADY[::-1], "21 of 21 steps lead backwards; no frame rate"),
    "a pause back": (np.r_[STEADY[:11], STEADY[:11]], "1 of 21 steps lead backwards; the median"),
}


@pytest.mark.parametrize(("times", "expected"), TIMES.values(), ids=TIMES)
def test_odd_frame_times(times: Any, expected: str) -> None:
    stack = nza.Stack.from_array(FRAMES, frame_times_s=times)
    remarks = remarks_on(stack)
    assert len(remarks) == bool(expected)
    assert expected in "".join(remarks)
