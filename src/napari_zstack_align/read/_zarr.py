"""Folders of zarr: a plain array, or the full resolution of an OME-Zarr image."""

from __future__ import annotations

from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy.typing as npt
import zarr

from napari_zstack_align.checked_blosc import DamagedChunk
from napari_zstack_align.errors import InputError
from napari_zstack_align.read._damage import damage
from napari_zstack_align.read._facts import Facts, Opened, check_no_colours
from napari_zstack_align.read._format import Format, Glance
from napari_zstack_align.read._quiet import shortened
from napari_zstack_align.read._sequence import in_sequence
from napari_zstack_align.read._units import length_um, number, time_s
from napari_zstack_align.sources import ArraySource

DAMAGE = (
    OSError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    AssertionError,
    MemoryError,
    SystemError,
)
"""What zarr raises on damage: it uses the values in its JSON without a check.

Only calls that do nothing but run its code may be guarded by it.
"""
PLAIN_AXES = {2: "YX", 3: "TYX", 4: "TCYX", 5: "TCZYX"}


def open_zarr(path: Path) -> Opened:
    """Open a zarr folder; nothing but its metadata is read.

    Raises
    ------
    InputError
        If it holds no array whose axes can be told, or colours.
    """
    node = _node(path)
    return _open_plain(node, path) if isinstance(node, zarr.Array) else _open_ome(node, path)


def _node(path: Path) -> Any:
    with damage(DAMAGE, partial(_unreadable, path)):
        return zarr.open(path, mode="r")


def _attributes(node: Any, path: Path) -> dict[str, Any]:
    with damage(DAMAGE, partial(_unreadable, path)):
        return dict(node.attrs)


def _unreadable(path: Path, error: Exception) -> InputError:
    why = shortened(error)
    return InputError(f"{path} can't be read as zarr ({why}): it may be damaged, copy it again.")


class ZarrSource(ArraySource):
    """Frames of a zarr array; a damaged chunk is one sentence.

    Parameters
    ----------
    array : zarr.Array
    axes : str
        One letter a dimension.
    path : pathlib.Path
        Where it is.
    """

    def __init__(self, array: Any, axes: str, path: Path) -> None:
        super().__init__(array, axes)
        self._path = path

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Frames ``start`` to ``stop`` as (stop - start, C, Y, X)."""
        try:
            with damage(DAMAGE, partial(_unreadable, self._path)):
                return super().read(start, stop)
        except DamagedChunk as error:
            raise _unreadable(self._path, error) from None


def _open_plain(array: Any, path: Path) -> Opened:
    axes = PLAIN_AXES.get(array.ndim)
    if axes is None:
        raise InputError(
            f"{path} has {array.ndim} dimensions without names: open it with "
            f"Stack.from_array(zarr.open(path), axes=...)."
        )
    check_no_colours(array.shape, path, "zarr.open(path)")
    return _opened(array, axes, path, {}, {}, ())


def _open_ome(group: Any, path: Path) -> Opened:
    attributes = _attributes(group, path)
    ome = _mapping(attributes.get("ome", attributes))
    image = _mapping(_first(ome.get("multiscales")))
    dataset = _mapping(_first(image.get("datasets")))
    array = _array(group, dataset.get("path"), path)
    if array is None:
        raise InputError(
            f"{path} is a zarr group without an OME-Zarr image: open the array inside it."
        )
    named = [axis if isinstance(axis, dict) else {"name": axis} for axis in _items(image, "axes")]
    axes = "".join(str(axis.get("name", ""))[:1].upper() for axis in named)
    if len(axes) != array.ndim or set(axes) - set("TCZYX") or not axes.endswith("YX"):
        raise InputError(f"{path} has the axes '{axes}', but only T, C, Z, Y, X are known.")
    steps = [_mapping(step) for step in _items(dataset, "coordinateTransformations")]
    scale = next((_items(step, "scale") for step in steps if step.get("type") == "scale"), [])
    units = {a: str(axis.get("unit", "")) for a, axis in zip(axes, named, strict=True)}
    channels = _items(_mapping(ome.get("omero")), "channels")
    names = tuple(str(_mapping(channel).get("label", "")) for channel in channels)
    scales = {a: number(s) for a, s in zip(axes, scale, strict=False)}
    return _opened(array, axes, path, scales, units, names)


def _glance(path: Path) -> Glance:
    """Look at a folder; images of labels are none for the eye."""
    opened = open_zarr(path)
    attributes = _attributes(_node(path), path)
    if "image-label" in attributes or "image-label" in _mapping(attributes.get("ome")):
        raise InputError(f"{path} holds labels, not intensities.")
    return Glance.of(opened)


# The JSON of a group is whatever its writer put there: what isn't of the kind that is looked for
# counts as absent.


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(mapping: dict[str, Any], key: str) -> list[Any]:
    value = mapping.get(key)
    return value if isinstance(value, list) else []


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else None


def _array(group: Any, name: Any, path: Path) -> Any:
    """Array of that name in a group, or None."""
    if not isinstance(name, str):
        return None
    with damage(DAMAGE, partial(_unreadable, path)):
        found = group.get(name)
    return found if isinstance(found, zarr.Array) else None


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
    with damage(DAMAGE, partial(_unreadable, path)):
        source = ZarrSource(array, axes, path)
    return Opened(source, (path,), facts)


FORMAT = Format(
    open_files=lambda paths: in_sequence([open_zarr(path) for path in paths]), glance=_glance
)
