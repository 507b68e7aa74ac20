"""A layer that is in napari already becomes a stack, without a copy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from napari.layers import Image, Layer

from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.layer_group import KEY
from napari_zstack_align.stack import Stack

AXES_BY_NDIM = {2: "YX", 3: "TYX", 4: "TZYX", 5: "TCZYX"}
LETTERS = {"t": "T", "time": "T", "frame": "T", "z": "Z", "slice": "Z", "plane": "Z"}
LETTERS |= {"c": "C", "channel": "C", "repeat": "R", "r": "R", "y": "Y", "x": "X"}
MICROMETERS = ("micrometer", "micron", "um", "µm")


def plain_images(layers: Iterable[Layer]) -> list[Layer]:
    """Image layers with frames that don't belong to a stack already."""
    return [
        layer
        for layer in layers
        if isinstance(layer, Image) and layer.ndim >= 3 and KEY not in layer.metadata
    ]


def guess_axes(layer: Layer) -> str:
    """Letters of a layer's axes."""
    return axes_of(layer.axis_labels, layer.ndim)


def axes_of(labels: Sequence[str], ndim: int) -> str:
    """Letters of the axes, from their names where those say it, else from their number."""
    letters = [LETTERS.get(str(label).lower(), "?") for label in labels]
    if "?" not in letters and len(set(letters)) == len(letters):
        return "".join(letters)
    return AXES_BY_NDIM.get(ndim, "")


def sizes_in_um(axes: str, scale: Sequence[float], units: Sequence[Any]) -> dict[str, float]:
    """Size of a pixel along each axis that has µm."""
    sizes = zip(axes, map(float, scale), map(str, units), strict=False)
    return {axis: size for axis, size, unit in sizes if unit in MICROMETERS}


def stack_of_layer(layer: Layer, axes: str) -> Stack:
    """Make a stack of a layer's own array (numpy, dask or zarr).

    Raises
    ------
    InputError
        Where the layer is RGB, or axes and array don't fit.
    """
    if layer.rgb:
        raise InputError(
            f"{layer.name} is a colour image (RGB): split it into channels, or choose a layer of "
            f"intensities."
        )
    data = layer.data[0] if layer.multiscale else layer.data
    axes = axes.strip().upper()
    in_um = sizes_in_um(axes, layer.scale, layer.units)
    pixel = (in_um["Y"], in_um["X"]) if {"Y", "X"} <= set(in_um) else None
    return Stack.from_array(
        data, axes, pixel_size_um=pixel, z_step_um=in_um.get("Z"), name=layer.name
    )
