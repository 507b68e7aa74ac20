"""Folders of zarr: a plain array, or the full resolution of an OME-Zarr image."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import zarr

from napari_zstack_align.errors import InputError
from napari_zstack_align.read._facts import Facts, Opened
from napari_zstack_align.read._units import length_um, number, time_s
from napari_zstack_align.sources import ArraySource

PLAIN_AXES = {2: "YX", 3: "TYX", 4: "TCYX", 5: "TCZYX"}


def open_zarr(path: Path) -> Opened:
    """Open a zarr folder; nothing but its metadata is read.

    Raises
    ------
    InputError
        If it holds no array whose axes can be told.
    """
    try:
        node = zarr.open(path, mode="r")
    except (FileNotFoundError, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path} can't be read as zarr ({error}): it may be damaged.") from None
    if isinstance(node, zarr.Array):
        axes = PLAIN_AXES.get(node.ndim)
        if axes is None:
            raise InputError(
                f"{path} has {node.ndim} dimensions without names: open it with "
                f"Stack.from_array(zarr.open(path), axes=...)."
            )
        return _opened(node, axes, path, {}, {}, ())
    return _open_ome(node, path)


def _open_ome(group: Any, path: Path) -> Opened:
    attributes = dict(group.attrs)
    ome = attributes.get("ome", attributes)
    try:
        image = ome["multiscales"][0]
        dataset = image["datasets"][0]
        array = group[dataset["path"]]
        named = [axis if isinstance(axis, dict) else {"name": axis} for axis in image["axes"]]
        axes = "".join(str(axis["name"])[:1].upper() for axis in named)
    except (KeyError, IndexError, TypeError):
        raise InputError(
            f"{path} is a zarr group without an OME-Zarr image: open the array inside it."
        ) from None
    if len(axes) != array.ndim or set(axes) - set("TCZYX") or not axes.endswith("YX"):
        raise InputError(f"{path} has the axes '{axes}', but only T, C, Z, Y, X are known.")
    steps = dataset.get("coordinateTransformations", [])
    scale = next((s["scale"] for s in steps if s.get("type") == "scale"), [0] * len(axes))
    units = {a: str(axis.get("unit", "")) for a, axis in zip(axes, named, strict=True)}
    names = tuple(str(c.get("label", "")) for c in ome.get("omero", {}).get("channels", []))
    scales = {a: number(s) for a, s in zip(axes, scale, strict=True)}
    return _opened(array, axes, path, scales, units, names)


def _opened(
    array: Any,
    axes: str,
    path: Path,
    scales: dict[str, float | None],
    units: dict[str, str],
    names: tuple[str, ...],
) -> Opened:
    def step(axis: str, unit: Any) -> float | None:
        scale, value = unit(units.get(axis, "")), scales.get(axis)
        return None if scale is None or value is None else value * scale

    y, x = step("Y", length_um), step("X", length_um)
    planes = axes.removesuffix("YX")
    sizes = tuple(int(n) for n in array.shape[: len(planes)])
    facts = Facts(
        axes=planes,
        sizes=sizes,
        pixel_size_um=None if y is None or x is None else (y, x),
        z_step_um=step("Z", length_um),
        interval_s=step("T", time_s),
        channel_names=names if all(names) else (),
    )
    if prod(sizes) == 0:
        raise InputError(f"{path} is an empty array of shape {array.shape}: it holds no image.")
    return Opened(ArraySource(array, axes), (path,), facts)
