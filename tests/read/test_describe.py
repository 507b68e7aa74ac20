"""A stack in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.read import describe

SAID: dict[str, tuple[tuple[int, ...], dict[str, Any], str]] = {
    "z-stack": (
        (360, 512, 512),
        {"frames_per_slice": 9, "z_step_um": 2, "pixel_size_um": (0.8, 0.8)},
        "40 slices × 9 repeats, 512 × 512 pixels, 2 µm steps, 0.8 µm pixels",
    ),
    "recording": (
        (27000, 512, 512),
        {"pixel_size_um": (0.8, 0.8), "frame_times_s": np.arange(27000) / 30},
        "27,000 frames, 512 × 512 pixels, 0.8 µm pixels, 30 Hz (15 min)",
    ),
    "nothing known": (
        (5, 20, 30),
        {},
        "5 frames, 20 × 30 pixels, pixel size unknown, frame rate unknown",
    ),
    "z-stack, nothing known": (
        (6, 20, 30),
        {"frames_per_slice": 1},
        "6 slices × 1 repeat, 20 × 30 pixels, z-step unknown, pixel size unknown",
    ),
    "short last slice": (
        (22, 20, 30),
        {"frames_per_slice": 6, "z_step_um": 2.5},
        "4 slices × 6 repeats (the last slice has only 4 repeats), 20 × 30 pixels, 2.5 µm steps, "
        "pixel size unknown",
    ),
    "volumes": (
        (20, 20, 30),
        {"frames_per_slice": 10, "order": "slices", "pixel_size_um": (0.5, 0.25)},
        "2 slices × 10 repeats in volumes, 20 × 30 pixels, z-step unknown, 0.5 × 0.25 µm pixels "
        "(y, x)",
    ),
    "slow recording": (
        (10, 20, 30),
        {"frame_times_s": np.arange(10) * 2.0},
        "10 frames, 20 × 30 pixels, pixel size unknown, a frame every 2 s (20 s)",
    ),
    "one frame": (
        (1, 20, 30),
        {"pixel_size_um": (1, 1)},
        "1 frame, 20 × 30 pixels, 1 µm pixels, frame rate unknown",
    ),
}


@pytest.mark.parametrize(("shape", "facts", "words"), SAID.values(), ids=SAID)
def test_says(shape: Any, facts: dict[str, Any], words: str) -> None:
    data = np.broadcast_to(np.uint16(0), shape)
    assert describe(nza.Stack.from_array(data, **facts)) == words


def test_channels_are_named() -> None:
    stack = nza.Stack.from_array(np.zeros((4, 2, 8, 8)), "TCYX", channel_names=("green", "red"))
    assert "2 channels (green, red)" in describe(stack)
