"""OME-XML of an OME-TIFF: axes, units, times, and which page holds which plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.read._facts import Facts
from napari_zstack_align.read._units import length_um, number, time_s

Place: TypeAlias = tuple[str, int]
"""File name ('' for the file itself) and page in it."""


@dataclass(frozen=True)
class Ome:
    """First image of the metadata.

    Attributes
    ----------
    facts : Facts
        With axes in the order of the file, slowest first.
    places : list of Place
        Where each plane is, in that order; None where the metadata doesn't tell.
    """

    facts: Facts
    places: list[Place | None]


def parse(xml: str, name: str) -> Ome:
    """Parse the OME-XML of the file ``name``.

    Raises
    ------
    InputError
        If it isn't well-formed or describes no image.
    """
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError as error:
        raise InputError(f"The OME metadata of {name} can't be read ({error}).") from None
    images = root.findall("{*}Image")
    pixels = images[0].find("{*}Pixels") if images else None
    if pixels is None:
        raise InputError(f"The OME metadata of {name} describes no image: open the raw data.")
    axes = pixels.get("DimensionOrder", "XYCZT")[:1:-1]
    samples = [int(c.get("SamplesPerPixel") or 1) for c in pixels.findall("{*}Channel")]
    channels = max(int(pixels.get("SizeC", 1)) // max(samples, default=1), 1)
    sizes = {a: int(pixels.get(f"Size{a}", 1)) for a in "TZ"} | {"C": channels}
    shape = tuple(sizes[a] for a in axes)
    remarks = (
        (f"{name} holds {len(images)} images; the first was opened.",) if len(images) > 1 else ()
    )
    facts = Facts(
        axes=axes,
        sizes=shape,
        pixel_size_um=_pixel_size(pixels),
        z_step_um=_length(pixels, "PhysicalSizeZ"),
        interval_s=_time(pixels, "TimeIncrement"),
        frame_times_s=_frame_times(pixels, axes, shape),
        channel_names=_channel_names(pixels),
        remarks=remarks,
    )
    return Ome(facts, _places(pixels, axes, shape))


def _places(pixels: ElementTree.Element, axes: str, shape: tuple[int, ...]) -> list[Place | None]:
    """Follow the TiffData elements to the page of every plane."""
    places: list[Place | None] = [None] * int(np.prod(shape))
    elements = pixels.findall("{*}TiffData")
    for element in elements:
        uuid = element.find("{*}UUID")
        file = "" if uuid is None else uuid.get("FileName", "")
        first = tuple(int(element.get(f"First{a}", 0)) for a in axes)
        if any(i >= n for i, n in zip(first, shape, strict=True)):
            continue
        plane = int(np.ravel_multi_index(first, shape))
        page = int(element.get("IFD", 0))
        everything = len(places) if len(elements) == 1 and element.get("IFD") is None else 1
        count = int(element.get("PlaneCount", everything))
        for i in range(min(count, len(places) - plane)):
            places[plane + i] = (file, page + i)
    if not elements:
        places = [("", i) for i in range(len(places))]
    return places


def _frame_times(
    pixels: ElementTree.Element, axes: str, shape: tuple[int, ...]
) -> npt.NDArray[np.float64] | None:
    """Time of each frame (its first channel) in the order of the file, if all are given."""
    frame_axes = [a for a in axes if a != "C"]
    sizes = tuple(shape[axes.index(a)] for a in frame_axes)
    times = np.full(sizes, np.nan)
    for plane in pixels.findall("{*}Plane"):
        delta, scale = plane.get("DeltaT"), time_s(plane.get("DeltaTUnit", "s"))
        where = tuple(int(plane.get(f"The{a}", 0)) for a in frame_axes)
        inside = all(i < n for i, n in zip(where, sizes, strict=True))
        if delta is None or scale is None or int(plane.get("TheC", 0)) or not inside:
            continue
        times[where] = float(delta) * scale
    flat = times.reshape(-1)
    usable = np.isfinite(flat).all() and (len(flat) == 1 or (np.diff(flat) > 0).all())
    return flat if usable else None


def _pixel_size(pixels: ElementTree.Element) -> tuple[float, float] | None:
    y, x = _length(pixels, "PhysicalSizeY"), _length(pixels, "PhysicalSizeX")
    if y is None and x is None:
        return None
    return (y or x or 0.0), (x or y or 0.0)


def _length(pixels: ElementTree.Element, key: str) -> float | None:
    value, scale = number(pixels.get(key)), length_um(pixels.get(f"{key}Unit", "µm"))
    return None if value is None or scale is None else abs(value) * scale


def _time(pixels: ElementTree.Element, key: str) -> float | None:
    value, scale = number(pixels.get(key)), time_s(pixels.get(f"{key}Unit", "s"))
    return None if value is None or scale is None else abs(value) * scale


def _channel_names(pixels: ElementTree.Element) -> tuple[str, ...]:
    names = [c.get("Name") for c in pixels.findall("{*}Channel")]
    return tuple(n for n in names if n) if all(names) else ()
