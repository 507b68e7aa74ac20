"""Femtonics ``.mesc``: HDF5 with a group for each measurement, and a dataset for each channel.

``MSession_0/MUnit_3/Channel_0`` is (time, y, x), or (depth, y, x) of a z-stack; attributes of the
measurement say which, and what a step along each axis is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.read._chunks import of_long_chunks
from napari_zstack_align.read._facts import Facts, Opened
from napari_zstack_align.read._format import PLAIN, Format, Glance, Wish
from napari_zstack_align.read._raw_source import ChannelsSource
from napari_zstack_align.read._sequence import in_sequence
from napari_zstack_align.read._units import length, length_um, time_s
from napari_zstack_align.read.hdf5.datasets import (
    asked,
    attributes,
    number_of,
    opened,
    source_of,
    text_of,
    unwritten,
)
from napari_zstack_align.read.natural_order import in_natural_order
from napari_zstack_align.remark import Remark, as_notes, as_warnings
from napari_zstack_align.sources import FrameSource, SourceOf

SESSION, UNIT = re.compile(r"MSession_\d+"), re.compile(r"MUnit_\d+")
CHANNEL = re.compile(r"Channel_\d+")
LARGEST_PIXEL_UM = 1000.0
MOST_NAMED = 4


@dataclass(frozen=True)
class Unit:
    """A measurement in a file that is open: its path, and its channels with their names."""

    name: str
    group: Any
    channels: dict[str, Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of its first channel."""
        return tuple(map(int, next(iter(self.channels.values())).shape))

    def __str__(self) -> str:
        return f"'{self.name}' ({' × '.join(map(str, self.shape))})"


class InvertedSource(SourceOf):
    """Frames of another source of whole numbers, the largest of which stands for the least light.

    Parameters
    ----------
    source : FrameSource
        Of a type without negative numbers.
    """

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Frames ``start`` to ``stop`` as (stop - start, C, Y, X)."""
        stored = self.source.read(start, stop)
        return np.invert(stored, out=stored)


def open_mesc(path: Path, wish: Wish = PLAIN) -> Opened:
    """Open a measurement of a ``.mesc``; nothing but its description is read.

    Parameters
    ----------
    path : pathlib.Path
    wish : Wish
        Its ``image`` is the number of a measurement, or its name, such as 'MSession_0/MUnit_3'; a
        channel behind it is opened alone.

    Raises
    ------
    InputError
        If the file is damaged, or holds no such measurement.
    """
    with opened(path) as file:
        units = _units_in(file, path)
        chosen = _chosen(units, wish.image or None, path)
        facts, source = _opened(chosen, path)
        others = [unit for unit in units if unit.name != chosen.name]
        remarks = _of_others(chosen, others) if not wish.image else ()
    names = tuple(unit.name for unit in units) if len(units) > 1 else ()
    facts = replace(facts, images=names, remarks=(*facts.remarks, *remarks))
    return Opened(source, (path,), facts)


def started_at(path: Path) -> datetime | None:
    """Return when the measurement that `open_mesc` opens was begun, in UTC; None if unknown."""
    try:
        with opened(path) as file:
            chosen = _chosen(_units_in(file, path), None, path)
            return _start_of(attributes(chosen.group, path))
    except InputError:
        return None  # what is the matter with it is said when it is opened


def _units_in(file: Any, path: Path) -> list[Unit]:
    """All measurements with frames, in the order in which they were made."""
    found = []
    for session in _members(file, SESSION, h5py.Group, path):
        for unit in _members(session, UNIT, h5py.Group, path):
            channels = {
                str(each.name).rpartition("/")[2]: each
                for each in _members(unit, CHANNEL, h5py.Dataset, path)
                if len(each.shape or ()) == 3 and 0 not in each.shape and each.dtype.kind in "uif"
            }
            if channels:
                found.append(Unit(str(unit.name).lstrip("/"), unit, channels))
    return found


def _members(group: Any, named: re.Pattern[str], kind: Any, path: Path) -> list[Any]:
    names = [name for name in asked(path, lambda: list(group)) if named.fullmatch(name)]
    members = (asked(path, partial(group.get, name)) for name in in_natural_order(names))
    return [member for member in members if isinstance(member, kind)]


def _chosen(units: list[Unit], image: int | str | None, path: Path) -> Unit:
    if not units:
        raise InputError(f"{path} holds no measurement with frames: save it again with MESc.")
    if image is None:
        return next((unit for unit in units if unit.shape[0] > 1), units[0])
    if isinstance(image, int) and 0 <= image < len(units):
        return units[image]
    name = str(image).strip("/")
    unit = next((each for each in units if name in (each.name, *_channels_of(each))), None)
    if unit is None:
        raise InputError(f"{path} has no measurement {image!r}: choose {_listed(units)}.")
    if name == unit.name:
        return unit
    channel = name.rpartition("/")[2]
    return replace(unit, channels={channel: unit.channels[channel]})


def _channels_of(unit: Unit) -> list[str]:
    return [f"{unit.name}/{channel}" for channel in unit.channels]


def _listed(units: list[Unit]) -> str:
    named = ", ".join(map(str, units[:MOST_NAMED]))
    more = len(units) - MOST_NAMED
    return f"{named} and {more} more" if more > 0 else named


def _of_others(chosen: Unit, others: list[Unit]) -> tuple[Remark, ...]:
    if not others:
        return ()
    return as_notes(
        f"The file has {counted(len(others) + 1, 'measurement')}: {chosen} was opened, not "
        f"{_listed(others)}. For another one: `image='{others[0].name}'`."
    )


def _opened(unit: Unit, path: Path) -> tuple[Facts, FrameSource]:
    known = attributes(unit.group, path)
    first = next(iter(unit.channels.values()))
    alike = {
        name: each
        for name, each in unit.channels.items()
        if (each.shape, each.dtype) == (first.shape, first.dtype)
    }
    turned = [name for name in alike if _is_turned(known, name, first.dtype)]
    sources = tuple(
        InvertedSource(source) if name in turned else source
        for name, source in ((n, source_of(each, "TYX", path)) for n, each in alike.items())
    )
    facts = _facts(unit, alike, known, path)
    of_chunks = asked(path, lambda: first.chunks)
    remarks = (
        *facts.remarks,
        *_of_turned(turned, first.dtype),
        *_of_unlike(unit, alike),
        *(remark for each in alike.values() for remark in unwritten(each, path)),
        *(of_long_chunks("TYX", of_chunks, first.dtype.itemsize) if of_chunks else ()),
    )
    source = sources[0] if len(sources) == 1 else ChannelsSource(sources)
    return replace(facts, remarks=remarks), source


def _is_turned(known: dict[str, Any], channel: str, dtype: np.dtype[Any]) -> bool:
    """Whether more light makes smaller numbers: their conversion is by a negative factor then."""
    factor = number_of(known.get(f"{channel}_Conversion_ConversionLinearScale"))
    return dtype.kind == "u" and factor is not None and factor < 0


def _facts(unit: Unit, channels: dict[str, Any], known: dict[str, Any], path: Path) -> Facts:
    """What the attributes of a measurement say."""
    n_frames = unit.shape[0]
    axis, step, interval, of_step = _third_axis(known, n_frames)
    pixel, of_pixel = _pixel_size(known)
    started = _start_of(known)
    names = [_text(known.get(f"{channel}_Name")) for channel in channels]
    return Facts(
        axes=axis + ("C" if len(channels) > 1 else ""),
        sizes=(n_frames, len(channels))[: 1 + (len(channels) > 1)],
        pixel_size_um=pixel,
        z_step_um=step,
        interval_s=interval,
        channel_names=tuple(names) if all(names) else (),
        started_at=started,
        remarks=(
            *of_step,
            *of_pixel,
            *as_notes("The start of the recording is in UTC." if started else ""),
        ),
    )


def _third_axis(
    known: dict[str, Any], n_frames: int
) -> tuple[str, float | None, float | None, tuple[Remark, ...]]:
    """Whether frames follow along T or Z, with the step in µm or the interval in s."""
    unit = _text(known.get("ZAxisConversionUnitName"))
    title = _text(known.get("ZAxisConversionTitle")).lower()
    step = number_of(known.get("ZAxisConversionConversionLinearScale"))
    step = None if step is None else abs(step)
    if (of_time := time_s(unit)) is not None and title != "z":
        return "T", None, step and step * of_time, ()
    if (of_depth := length_um(unit)) is not None and title != "t":  # 'ms' are meters to it
        return "Z", step and step * of_depth, None, ()
    if title in ("z", "t"):
        return title.upper(), None, None, ()
    return (
        "T",
        None,
        None,
        as_warnings(
            "The file doesn't say whether its frames were taken at times or at depths: they were "
            "opened as a recording. For a z-stack, say `axes='ZYX'`."
            if n_frames > 1
            else ""
        ),
    )


def _pixel_size(
    known: dict[str, Any],
) -> tuple[tuple[float, float] | None, tuple[Remark, ...]]:
    """Pixel size (y, x) in µm."""
    sizes, remarks = [], tuple[Remark, ...]()
    for axis in "YX":
        size = number_of(known.get(f"{axis}AxisConversionConversionLinearScale"))
        found, odd = length(size, _text(known.get(f"{axis}AxisConversionUnitName")), "pixel size")
        sizes.append(found)
        remarks += odd
    y, x = sizes
    if not y or not x:
        return None, tuple(dict.fromkeys(remarks))
    if max(y, x) > LARGEST_PIXEL_UM:
        return None, as_warnings(
            f"The file gives pixels of {max(y, x):.3g} µm, which can't be: their size is left out."
        )
    return (y, x), ()


def _start_of(known: dict[str, Any]) -> datetime | None:
    seconds = number_of(known.get("MeasurementDatePosix"))
    if seconds is None or seconds < 0:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        return None


def _text(value: Any) -> str:
    """Return a text, which may be stored as numbers of characters that end in 0."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "ui" and value.size < 2**12:
        codes = (int(code) for code in value.reshape(-1))
        value = "".join(chr(code) for code in codes if 0 < code < 2**16)
    return text_of(value).strip("\0 ")


def _of_turned(turned: list[str], dtype: np.dtype[Any]) -> tuple[Remark, ...]:
    if not turned:
        return ()
    return as_notes(
        f"More light makes the stored numbers smaller: a pixel of {', '.join(turned)} is "
        f"{np.iinfo(dtype).max:,} less what is stored."
    )


def _of_unlike(unit: Unit, alike: dict[str, Any]) -> tuple[Remark, ...]:
    """Name channels that differ in shape or type from the first one."""
    others = [name for name in unit.channels if name not in alike]
    if not others:
        return ()
    return as_warnings(
        f"{', '.join(others)} of '{unit.name}' have another size or type than the first channel "
        f"and were left out: open one by `image='{unit.name}/{others[0]}'`."
    )


FORMAT = Format(
    open_files=lambda paths, wish=PLAIN: in_sequence([open_mesc(path, wish) for path in paths]),
    glance=lambda path: Glance.of(open_mesc(path)),
    started_at=started_at,
    has_images=True,
)
