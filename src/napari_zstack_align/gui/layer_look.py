"""How layers look: names, colours, and where their pixels lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from napari.layers import Image

from napari_zstack_align.stack import Stack

COLORMAPS = ("green", "magenta", "cyan", "yellow")
IMAGE_AXES = ("y", "x")
FRAME_AXES = ("frame", *IMAGE_AXES)


def channel_image(
    data: Any,
    stack: Stack,
    channel: int,
    labels: Sequence[str],
    n_channels: int | None = None,
    **described: Any,
) -> Image:
    """Return an image layer of one channel, with the pixels of a stack and these axes.

    ``n_channels`` share the view: those of the stack, where nothing else is said.
    """
    look = colormap_of(stack.shape[1] if n_channels is None else n_channels, channel)
    return Image(data, **look, **geometry(stack, labels), **described)


def geometry(stack: Stack, labels: Sequence[str]) -> dict[str, Any]:
    """Scale, units and names of some axes; where the z-step is unknown, voxels look like cubes.

    The unit is µm where the pixel size is known. A recording's frames, which have no unit, get the
    one of slices: napari lays both on one slider, and warns at every change of the layers where
    their units differ.
    """
    y, x = stack.pixel_size_um or (1.0, 1.0)
    sizes = {"slice": stack.z_step_um or y, "y": y, "x": x}
    unit = "pixel" if stack.pixel_size_um is None else "um"
    return {
        "scale": tuple(sizes.get(label, 1.0) for label in labels),
        "units": ("pixel", unit, unit, unit)[-len(labels) :],
        "axis_labels": tuple(labels),
    }


def put(layer: Any, geometry: dict[str, Any]) -> None:
    """Give a layer another scale and unit."""
    layer.scale, layer.units = geometry["scale"], geometry["units"]


def name_of(stack: Stack, what: str, channel: str = "") -> str:
    """Name of a layer: 'brain', 'brain aligned', 'brain aligned red'."""
    words = [stack.name, what, channel if stack.shape[1] > 1 else ""]
    return " ".join(word for word in words if word)


def colormap_of(n_channels: int, channel: int) -> dict[str, str]:
    """Gray for one channel, colours that add up for several."""
    if n_channels == 1:
        return {"colormap": "gray", "blending": "translucent"}
    return {"colormap": COLORMAPS[channel % len(COLORMAPS)], "blending": "additive"}
