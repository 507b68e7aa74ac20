"""Layers as plain tuples, for napari's reader and sample commands."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_zstack_align.alignment.readable import read_each
from napari_zstack_align.gui.grid import FrameGrid
from napari_zstack_align.gui.jobs import limits
from napari_zstack_align.gui.layer_group import KEY
from napari_zstack_align.gui.layer_look import colormap_of, geometry, name_of
from napari_zstack_align.gui.lazy import RawFrames
from napari_zstack_align.stack import Stack

LayerData = tuple[Any, dict[str, Any], str]

SAMPLED_FRAMES = 3
"""Few: napari calls readers in its main thread."""


def layer_data(stack: Stack) -> list[LayerData]:
    """One image layer a channel; the panel recognises the stack in their metadata."""
    grid = FrameGrid(stack)
    chosen = np.linspace(0, stack.n_frames - 1, min(stack.n_frames, SAMPLED_FRAMES)).astype(int)
    some = [frame for t in map(int, chosen) for frame, _ in read_each(stack, t, t + 1)]
    sampled = np.stack([frame[:, ::2, ::2] for frame in some if frame is not None])
    layers = []
    for channel, channel_name in enumerate(stack.channel_names):
        data = RawFrames(stack, grid, channel)
        described = {
            "name": name_of(stack, "", channel_name),
            "contrast_limits": limits(sampled[:, channel]),
            "metadata": {KEY: stack},
            **colormap_of(stack.shape[1], channel),
            **geometry(stack, grid.axis_labels),
        }
        layers.append((data, described, "image"))
    return layers
