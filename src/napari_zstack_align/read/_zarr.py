"""Folders of zarr: a plain array, or the full resolution of an OME-Zarr image."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy.typing as npt
import zarr

from napari_zstack_align.checked_blosc import DamagedChunk
from napari_zstack_align.errors import InputError
from napari_zstack_align.read._chunk_files import ChunkFilesSource, are_plain
from napari_zstack_align.read._chunks import of_long_chunks
from napari_zstack_align.read._damage import ANY_DAMAGE, damage
from napari_zstack_align.read._facts import Facts, Opened, check_no_colours
from napari_zstack_align.read._files import readable
from napari_zstack_align.read._format import PLAIN, Format, Glance, Wish
from napari_zstack_align.read._quiet import shortened
from napari_zstack_align.read._sequence import in_sequence
from napari_zstack_align.read._units import Known, interval, length, number
from napari_zstack_align.read._unnamed_axes import as_channels
from napari_zstack_align.read.own_exports import FRAMES, MADE_BY, as_exported, on_aligned, with_gaps
from napari_zstack_align.read.said.axes import check_named
from napari_zstack_align.remark import Remark, as_notes
from napari_zstack_align.sources import ArraySource
from napari_zstack_align.stack import AXES

LAYOUT = "bioformats2raw.layout"
"""Attribute of a group whose groups are an image each."""
PLAIN_AXES = {2: "YX", 3: "TYX", 4: "TCYX", 5: "TCZYX"}


def open_zarr(path: Path, wish: Wish = PLAIN) -> Opened:
    """Open a zarr folder; nothing but its metadata is read.

    Raises
    ------
    InputError
        If it holds no array whose axes can be told, or colours.
    """
    node = _node(path)
    if isinstance(node, zarr.Array):
        if wish.image:
            raise _no_image(path, wish.image, ())
        return _open_plain(node, path, wish.axes)
    node, names = _chosen(node, path, wish.image)
    opened = _open_ome(node, path, wish.axes)
    if len(names) < 2:
        return opened
    facts = replace(opened.facts, images=names, remarks=(*_of_others(names), *opened.facts.remarks))
    return replace(opened, facts=facts)


def _chosen(group: Any, path: Path, image: int | str) -> tuple[Any, tuple[str, ...]]:
    """Group of the image that was asked for, and the names of all in a file of several.

    bioformats2raw numbers the images, and lists them in a group of its own where it can.
    """
    attributes = _attributes(group, path)
    if LAYOUT not in attributes and LAYOUT not in _mapping(attributes.get("ome")):
        if image:
            raise _no_image(path, image, ())
        return group, ()
    with damage(ANY_DAMAGE, partial(_unreadable, path)):
        groups = sorted((name for name in group.group_keys() if name.isdigit()), key=int)
    if not groups:
        raise InputError(f"{path} holds no image of the several that it speaks of: copy it again.")
    number = groups.index(image) if image in groups else image
    if not isinstance(number, int) or not 0 <= number < len(groups):
        raise _no_image(path, image, tuple(groups))
    with damage(ANY_DAMAGE, partial(_unreadable, path)):
        return group[groups[number]], tuple(groups)


def _no_image(path: Path, image: int | str, names: tuple[str, ...]) -> InputError:
    if not names:
        return InputError(f"{path} has one image, of which {image!r} is none: leave out `image`.")
    return InputError(
        f"{path} has no image {image!r}: choose one of 0 to {len(names) - 1} with `image`."
    )


def _of_others(names: tuple[str, ...]) -> tuple[Remark, ...]:
    return as_notes(
        f"The file holds {len(names)} images, of which one was opened: `image` chooses another, 0 "
        f"to {len(names) - 1}."
    )


def _node(path: Path) -> Any:
    with damage(ANY_DAMAGE, partial(_unreadable, path)):
        return zarr.open(path, mode="r")


def _attributes(node: Any, path: Path) -> dict[str, Any]:
    with damage(ANY_DAMAGE, partial(_unreadable, path)):
        return dict(node.attrs)


def _unreadable(path: Path, error: Exception) -> InputError:
    why = shortened(error)
    return InputError(f"{path} can't be read as zarr ({why}): it may be damaged, copy it again.")


class ZarrSource(ArraySource):
    """Frames of a zarr array; a damaged chunk is one sentence, and so is a folder that is gone.

    zarr takes chunks that aren't there for dark ones, and all of them where there is no folder.

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
            with damage(ANY_DAMAGE, partial(_unreadable, self._path)):
                frames = super().read(start, stop)
        except DamagedChunk as error:
            raise _unreadable(self._path, error) from None
        with readable(self._path):
            self._path.stat()
        return frames


def _open_plain(array: Any, path: Path, said: str | None) -> Opened:
    if said is not None:
        check_named(said, array.shape, path)
    named = said or _axes_in_names(array, path)
    axes = named or PLAIN_AXES.get(array.ndim)
    if axes is None:
        raise InputError(
            f"{path} has {array.ndim} dimensions without names: say what they are, such as "
            f"`axes='VZRCYX'`."
        )
    check_no_colours(array.shape, path, "zarr.open(path)")
    opened = _opened(array, axes, path, {}, {}, ())
    if named:
        return opened
    mend = "say so: `axes='ZRYX'`."
    remarks = (*opened.facts.remarks, *as_channels(array.shape, mend))
    return replace(opened, facts=replace(opened.facts, remarks=remarks))


def _axes_in_names(array: Any, path: Path) -> str:
    """Axes by the names that zarr 3 or xarray gives the dimensions; '' where not all are known."""
    names = getattr(array.metadata, "dimension_names", None) or ()
    if not any(names):
        names = _items(_attributes(array, path), "_ARRAY_DIMENSIONS")
    axes = "".join(str(name or "")[:1].upper() for name in names)
    is_known = len(axes) == array.ndim and len(set(axes)) == len(axes) and axes.endswith("YX")
    return axes if is_known and set(axes) <= set(AXES) else ""


def _open_ome(group: Any, path: Path, said: str | None) -> Opened:
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
    told = "".join(str(axis.get("name", ""))[:1].upper() for axis in named)
    axes = said or told
    if said is not None:
        check_named(said, array.shape, path)
    is_known = len(axes) == array.ndim and axes.endswith("YX") and not set(axes) - set(AXES)
    if not is_known or len(set(axes)) < len(axes):
        raise InputError(
            f"{path} has the axes '{axes}', but {', '.join(AXES)} are known, each of them once."
        )
    pairs = zip(axes, named, strict=False)  # what a person says may name more than the file
    units = {a: str(axis.get("unit", "")) for a, axis in pairs}
    channels = _items(_mapping(ome.get("omero")), "channels")
    names = tuple(str(_mapping(channel).get("label", "")) for channel in channels)
    scales = _scales(axes, dataset, image)
    opened = _opened(array, axes, path, scales, units, names)
    exported = _mapping(attributes.get(FRAMES))
    step = number(exported.get("z_step_um"))
    facts = as_exported(opened.facts, exported, opened.source.shape[0])
    if facts.z_step_um is None and step is not None and step > 0:
        facts = replace(facts, z_step_um=step)
    ours = on_aligned(attributes.get("made_by") == MADE_BY, attributes.get("aligned"))
    return with_gaps(replace(opened, facts=replace(facts, remarks=(*facts.remarks, *ours))))


def _scales(axes: str, dataset: dict[str, Any], image: dict[str, Any]) -> dict[str, float | None]:
    """Size of a step along each axis, in its unit; None where it isn't known.

    OME-Zarr 0.4 and 0.5: transformations of the image apply to all of its resolutions, after each
    one's own. One whose numbers aren't there to be read leaves the sizes unknown.
    """
    found = [
        [number(value) for value in _items(step, "scale")] or [None] * len(axes)
        for level in (dataset, image)
        for step in map(_mapping, _items(level, "coordinateTransformations"))
        if step.get("type") == "scale"
    ]
    if not found or any(len(scale) != len(axes) for scale in found):
        return {}
    return dict(zip(axes, map(_product, zip(*found, strict=True)), strict=True))


def _product(values: Collection[float | None]) -> float | None:
    """Product of the values; None where one is unknown."""
    known = [value for value in values if value is not None]
    return prod(known) if len(known) == len(values) else None


def _glance(path: Path) -> Glance:
    """Look at a folder; images of labels are none for the eye."""
    opened = open_zarr(path)
    node = _node(path)
    if not isinstance(node, zarr.Array):
        node, _ = _chosen(node, path, 0)
    attributes = _attributes(node, path)
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
    with damage(ANY_DAMAGE, partial(_unreadable, path)):
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
    def size(axis: str, what: str) -> Known:
        return length(scales.get(axis), units.get(axis, ""), what)

    (y, odd_y), (x, odd_x) = size("Y", "pixel size"), size("X", "pixel size")
    z_step, odd_z = size("Z", "z-step")
    between, odd_time = interval(scales.get("T"), units.get("T", ""))
    planes = axes.removesuffix("YX")
    sizes = tuple(int(n) for n in array.shape[: len(planes)])
    facts = Facts(
        axes=planes,
        sizes=sizes,
        pixel_size_um=None if y is None or x is None else (y, x),
        z_step_um=z_step,
        interval_s=between,
        channel_names=names if all(names) else (),
        remarks=(
            *dict.fromkeys((*odd_y, *odd_x, *odd_z, *odd_time)),
            *of_long_chunks(axes, array.chunks, array.dtype.itemsize),
        ),
    )
    if prod(sizes) == 0:
        raise InputError(f"{path} is an empty array of shape {array.shape}: it holds no image.")
    with damage(ANY_DAMAGE, partial(_unreadable, path)):
        plain = are_plain(array, axes)
        source = ChunkFilesSource(array, axes) if plain else ZarrSource(array, axes, path)
    return Opened(source, (path,), facts)


FORMAT = Format(
    open_files=lambda paths, wish=PLAIN: in_sequence([open_zarr(path, wish) for path in paths]),
    glance=_glance,
    has_images=True,
)
