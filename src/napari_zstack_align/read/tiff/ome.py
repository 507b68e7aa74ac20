"""OME-XML of an OME-TIFF: axes, units, times, and which page holds which plane."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO
from math import prod
from typing import TypeAlias
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.frame_times import interpolated, out_of_order
from napari_zstack_align.read._facts import Facts
from napari_zstack_align.read._facts import times as times_of
from napari_zstack_align.read._units import Known, interval, length, number, time_s
from napari_zstack_align.read.own_exports import MADE_BY, as_exported
from napari_zstack_align.remark import Remark, as_notes, as_warnings

Place: TypeAlias = tuple[str, int]
"""File name ('' for the file itself) and page in it."""

MOST_PLANES = 10_000_000
"""Sizes beyond that are damage: a table of all planes would fill the memory."""
MOST_NAMED = 4
PIXELS = re.compile(r"<(?:\w+:)?Pixels\b")
"""Begins the description of an image."""


class _MalformedError(Exception):
    """The metadata says something that can't be."""


@dataclass(frozen=True)
class Ome:
    """An image of the metadata.

    Attributes
    ----------
    facts : Facts
        With axes in the order of the file, slowest first.
    places : list of Place
        Where each plane is, in that order; None where the metadata doesn't tell.
    images : tuple of str
        Names of all images.
    """

    facts: Facts
    places: list[Place | None]
    images: tuple[str, ...] = ()


def parse(xml: str, name: str, image: int | str = 0) -> Ome:
    """Parse the OME-XML of the file ``name``.

    Parameters
    ----------
    xml, name : str
    image : int or str
        Which of several images, by number or name.

    Raises
    ------
    InputError
        If it isn't well-formed or describes no such image.
    """
    try:
        return _parsed(ElementTree.fromstring(xml), name, image)
    except (ElementTree.ParseError, _MalformedError) as error:
        raise InputError(f"The OME metadata of {name} can't be read ({error}).") from None


def _parsed(root: ElementTree.Element, name: str, image: int | str) -> Ome:
    images = root.findall("{*}Image")
    names = tuple(each.get("Name") or f"image {i}" for i, each in enumerate(images))
    index = _index_of(image, names, name)
    pixels = images[index].find("{*}Pixels") if images else None
    if pixels is None:
        raise InputError(f"The OME metadata of {name} describes no image: open the raw data.")
    axes = pixels.get("DimensionOrder", "XYCZT")[:1:-1]
    if sorted(axes) != ["C", "T", "Z"]:
        raise _MalformedError(f"the order of dimensions is '{axes[::-1]}'")
    samples = [_whole(c, "SamplesPerPixel", 1, 1) for c in pixels.findall("{*}Channel")]
    channels = max(_whole(pixels, "SizeC", 1, 1) // max(samples, default=1), 1)
    sizes = {a: _whole(pixels, f"Size{a}", 1, 1) for a in "TZ"} | {"C": channels}
    shape = tuple(sizes[a] for a in axes)
    if prod(shape) > MOST_PLANES:
        raise _MalformedError(f"it speaks of {prod(shape):,} planes")
    size, odd_size = _pixel_size(pixels)
    z_step, odd_step = _length(pixels, "PhysicalSizeZ", "z-step")
    between, odd_time = interval(pixels.get("TimeIncrement"), pixels.get("TimeIncrementUnit", "s"))
    places = _places(pixels, axes, shape)
    planes, odd_planes = _frame_times(pixels, axes, shape, _n_with_a_page(places, axes, shape))
    facts = Facts(
        axes=axes,
        sizes=shape,
        pixel_size_um=size,
        z_step_um=z_step,
        interval_s=between,
        frame_times_s=planes,
        started_at=start_in(images[index].findtext("{*}AcquisitionDate")),
        channel_names=_channel_names(pixels),
        images=names if len(names) > 1 else (),
        remarks=(
            *_of_others(names, index),
            *dict.fromkeys((*odd_size, *odd_step, *odd_time, *_odd_times(pixels))),
        ),
    )
    facts = replace(facts, remarks=(*facts.remarks, *_remarks_on_times(odd_planes, facts)))
    if said := _of_our_export(root):
        facts = as_exported(facts, said, prod(shape) // channels)
    return Ome(facts, places, names)


def start_in(date: str | None) -> datetime | None:
    """Return the date and time that ``AcquisitionDate`` gives, without a time zone."""
    try:
        return datetime.fromisoformat((date or "").strip()).replace(tzinfo=None)
    except ValueError:
        return None


def _of_our_export(root: ElementTree.Element) -> dict[str, str]:
    """What an export of this program says of its frames; nothing in other files."""
    maps = root.findall("{*}StructuredAnnotations/{*}MapAnnotation")
    ours = next((each for each in maps if each.get("Namespace") == MADE_BY), None)
    pairs = [] if ours is None else ours.findall("{*}Value/{*}M")
    return {pair.get("K", ""): pair.text or "" for pair in pairs}


def _index_of(image: int | str, names: tuple[str, ...], name: str) -> int:
    """Number of the image that was asked for."""
    index = names.index(image) if isinstance(image, str) and image in names else image
    if index == 0:
        return 0
    if not isinstance(index, int) or not 0 <= index < len(names):
        raise InputError(
            f"{name} has no image {image!r}: choose one of 0 to {max(len(names) - 1, 0)} "
            f"({_listed(names)}) with `image`."
        )
    return index


def _of_others(names: tuple[str, ...], index: int) -> tuple[Remark, ...]:
    if len(names) < 2:
        return ()
    others = tuple(each for i, each in enumerate(names) if i != index)
    return as_notes(
        f"The file holds {len(names)} images: {names[index]} was opened, not {_listed(others)}. "
        f"Another one is chosen by `image={1 if index == 0 else 0}`."
    )


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _whole(element: ElementTree.Element, key: str, default: int, least: int = 0) -> int:
    """Read a whole number of at least ``least``, or the default where there is none."""
    text = element.get(key)
    try:
        value = default if text is None else int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise _MalformedError(f"{key} is '{text}'")
    return value


def holds_several(xml: str, name: str) -> bool:
    """Return whether the first image has more than one slice or time, from its head alone.

    Raises
    ------
    InputError
        If the metadata isn't well-formed up to there, or describes no image.
    """
    try:
        for _, element in ElementTree.iterparse(BytesIO(xml.encode()), ["start"]):
            if element.tag.rpartition("}")[2] == "Pixels":
                return any(_whole(element, f"Size{axis}", 1, 1) > 1 for axis in "TZ")
    except (ElementTree.ParseError, _MalformedError) as error:
        raise InputError(f"The OME metadata of {name} can't be read ({error}).") from None
    raise InputError(f"The OME metadata of {name} describes no image: open the raw data.")


def _places(pixels: ElementTree.Element, axes: str, shape: tuple[int, ...]) -> list[Place | None]:
    """Follow the TiffData elements to the page of every plane."""
    places: list[Place | None] = [None] * int(np.prod(shape))
    elements = pixels.findall("{*}TiffData")
    for element in elements:
        uuid = element.find("{*}UUID")
        file = "" if uuid is None else uuid.get("FileName", "")
        first = tuple(_whole(element, f"First{a}", 0) for a in axes)
        if any(i >= n for i, n in zip(first, shape, strict=True)):
            continue
        plane = int(np.ravel_multi_index(first, shape))
        page = _whole(element, "IFD", 0)
        everything = len(places) if len(elements) == 1 and element.get("IFD") is None else 1
        count = _whole(element, "PlaneCount", everything)
        for i in range(min(count, len(places) - plane)):
            places[plane + i] = (file, page + i)
    if not elements:
        places = [("", i) for i in range(len(places))]
    return places


def _n_with_a_page(places: list[Place | None], axes: str, shape: tuple[int, ...]) -> int:
    """Frames up to the last one that has a page: those behind it were planned, but never taken."""
    planes = np.array([place is not None for place in places]).reshape(shape)
    frames = np.flatnonzero(planes.any(axis=axes.index("C")))
    return int(frames[-1]) + 1 if len(frames) else 0


def _frame_times(
    pixels: ElementTree.Element, axes: str, shape: tuple[int, ...], n_there: int
) -> tuple[npt.NDArray[np.float64] | None, npt.NDArray[np.intp]]:
    """Time of each frame (its first channel) in the order of the file, None where they are unknown.

    And the frames whose time is not the one of the file, or, where that order is unknown, those
    that are why. Frames from ``n_there`` on were never taken: their times go on as usual.
    """
    frame_axes = [a for a in axes if a != "C"]
    sizes = tuple(shape[axes.index(a)] for a in frame_axes)
    times = np.full(sizes, np.nan)
    for plane in pixels.findall("{*}Plane"):
        delta, scale = plane.get("DeltaT"), time_s(plane.get("DeltaTUnit", "s"))
        where = tuple(_whole(plane, f"The{a}", 0) for a in frame_axes)
        inside = all(i < n for i, n in zip(where, sizes, strict=True))
        if delta is None or scale is None or _whole(plane, "TheC", 0) or not inside:
            continue
        times[where] = _number_or_nan(delta) * scale
    flat = times.reshape(-1)
    taken = flat[:n_there] if n_there > 1 else flat
    odd = out_of_order(taken)
    if not np.isfinite(taken).any():
        return None, odd[:0]
    found = interpolated(taken, odd) if len(odd) else taken
    return None if found is None else _going_on(found, len(flat)), odd


def _going_on(times_s: npt.NDArray[np.float64], n_frames: int) -> npt.NDArray[np.float64]:
    """Times of more frames, at the usual interval."""
    n_more = n_frames - len(times_s)
    if not n_more:
        return times_s
    interval_s = float(np.median(np.diff(times_s)))
    return np.append(times_s, times_s[-1] + interval_s * np.arange(1, n_more + 1))


def _remarks_on_times(odd: npt.NDArray[np.intp], facts: Facts) -> tuple[Remark, ...]:
    """Say which frames have times that can't be, and what was taken instead."""
    if not len(odd):
        return ()
    one = len(odd) == 1
    cause = (
        f"In the file, the time (DeltaT) of frame {odd[0]} (counted from 0) is"
        if one
        else f"In the file, the times (DeltaT) of {len(odd)} frames (the first: frame {odd[0]}, "
        f"counted from 0) are"
    ) + " missing or out of order"
    if facts.frame_times_s is not None:
        these = "it is" if one else "they are"
        return as_warnings(f"{cause}: {these} interpolated from the times of the other frames.")
    instead = (
        "no times are taken from it."
        if times_of(facts, prod(facts.sizes)) is None
        else f"its usual time from frame to frame, {facts.interval_s:g} s, is taken instead."
    )
    return as_warnings(f"{cause}: {instead}")


def _odd_times(pixels: ElementTree.Element) -> tuple[Remark, ...]:
    """Say that times of planes are in an unknown unit."""
    planes = [plane for plane in pixels.findall("{*}Plane") if plane.get("DeltaT") is not None]
    units = dict.fromkeys(plane.get("DeltaTUnit", "s") for plane in planes)
    return tuple(remark for unit in units for remark in interval(1, unit)[1])


def _number_or_nan(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def _pixel_size(
    pixels: ElementTree.Element,
) -> tuple[tuple[float, float] | None, tuple[Remark, ...]]:
    """Pixel size (y, x); one that is given alone is that of both."""
    sides = [key for key in ("PhysicalSizeY", "PhysicalSizeX") if number(pixels.get(key))]
    found = [_length(pixels, key, "pixel size") for key in sides]
    lengths = [value for value, _ in found if value is not None]
    remarks = tuple(remark for _, odd in found for remark in odd)
    whole = bool(sides) and len(lengths) == len(sides)
    return ((lengths[0], lengths[-1]) if whole else None), remarks


def _length(pixels: ElementTree.Element, key: str, what: str) -> Known:
    return length(pixels.get(key), pixels.get(f"{key}Unit", "µm"), what)


def _channel_names(pixels: ElementTree.Element) -> tuple[str, ...]:
    names = [c.get("Name") for c in pixels.findall("{*}Channel")]
    return tuple(n for n in names if n) if all(names) else ()
