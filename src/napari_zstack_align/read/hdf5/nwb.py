"""NWB files: the imaging series of an acquisition, read without pynwb."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.read._facts import Facts, Opened, check_no_colours
from napari_zstack_align.read._format import PLAIN, Format, Glance, Wish
from napari_zstack_align.read._sequence import in_sequence
from napari_zstack_align.read._units import length
from napari_zstack_align.read.hdf5.datasets import (
    asked,
    attribute,
    number_of,
    numbers_of,
    opened,
    source_of,
    text_of,
    unwritten,
)
from napari_zstack_align.remark import Remark, as_notes, as_warnings

ACQUISITION = "acquisition"
SERIES = ("TwoPhotonSeries", "OnePhotonSeries", "ImageSeries")
"""Types of series, the likeliest first; those of extensions come after them."""
LARGEST_PIXEL_UM = 1000.0
"""A size above is one in µm that is said to be in m, as several converters write it."""
MOST_NAMED = 4
LONGEST_S = 100 * 365 * 86400.0
"""Times beyond are no times after the start of a session."""
UNKNOWN_START = datetime(1900, 1, 1)
"""Stands for a start that isn't known, in our exports and others."""


@dataclass(frozen=True)
class Series:
    """A series of images in a file that is open."""

    name: str
    group: Any
    kind: str
    data: Any

    @property
    def rank(self) -> int:
        """How likely it is what a person wants to open; the lowest goes first."""
        return SERIES.index(self.kind) if self.kind in SERIES else len(SERIES)


def open_nwb(path: Path, wish: Wish = PLAIN) -> Opened:
    """Open an imaging series of an NWB file; nothing but its description is read.

    Parameters
    ----------
    path : pathlib.Path
    wish : Wish
        Its ``image`` is the name of a series, such as 'acquisition/TwoPhotonSeries', or its number,
        2-photon series first.

    Raises
    ------
    InputError
        If the file is damaged, holds no such series, or its frames are in other files.
    """
    series = wish.image or None
    with opened(path) as file:
        found = _series_in(file, path)
        chosen = _chosen(found, series, path)
        result = _opened(chosen, path)
        facts = replace(result.facts, started_at=_start_of(file, chosen.group, path))
        others = [each.name for each in found if each.name != chosen.name]
    remarks = () if series is not None else _of_others(chosen, others)
    return replace(result, facts=replace(facts, remarks=(*facts.remarks, *remarks)))


def started_at(path: Path) -> datetime | None:
    """Return the start of the series that `open_nwb` opens; None where the file doesn't say it."""
    try:
        with opened(path) as file:
            chosen = next(iter(_series_in(file, path)), None)
            return _start_of(file, None if chosen is None else chosen.group, path)
    except InputError:
        return None  # what is the matter with it is said when it is opened


def _start_of(file: Any, group: Any, path: Path) -> datetime | None:
    """What the clock showed at the first frame of a series; None where the file doesn't say it."""
    date = _text_at(file, "timestamps_reference_time", path) or _text_at(
        file, "session_start_time", path
    )
    begun = 0.0 if group is None else _first_s(group, path)
    try:
        zero = datetime.fromisoformat(date).replace(tzinfo=None)
        return None if zero == UNKNOWN_START else zero + timedelta(seconds=begun)
    except (ValueError, OverflowError):
        return None


def _series_in(file: Any, path: Path) -> list[Series]:
    """Series of images in the acquisition, or else anywhere, the likeliest first."""
    root = asked(path, lambda: file.get(ACQUISITION))
    found = _series_below(root, path) if isinstance(root, h5py.Group) else []
    return sorted(found or _series_below(file, path), key=lambda each: each.rank)


def _series_below(root: Any, path: Path) -> list[Series]:
    groups: list[Any] = []

    def see(_: str, node: Any) -> None:
        if isinstance(node, h5py.Group):
            groups.append(node)

    asked(path, lambda: root.visititems(see))
    found = []
    for group in groups:
        kind = text_of(attribute(group, "neurodata_type", path))
        data = asked(path, partial(group.get, "data")) if kind.endswith("Series") else None
        if isinstance(data, h5py.Dataset) and len(data.shape or ()) > 2:
            found.append(Series(str(group.name).lstrip("/"), group, kind, data))
    return found


def _chosen(found: list[Series], series: int | str | None, path: Path) -> Series:
    if not found:
        raise InputError(
            f"{path} is an NWB file without an imaging series: open the file that the microscope "
            f"wrote."
        )
    names = [each.name for each in found]
    if isinstance(series, str):
        index = names.index(series.strip("/")) if series.strip("/") in names else -1
    else:
        index = 0 if series is None else series
    if not 0 <= index < len(found):
        raise InputError(
            f"{path} has no imaging series {series!r}: choose {', '.join(names[:MOST_NAMED])}."
        )
    return found[index]


def _of_others(chosen: Series, others: list[str]) -> tuple[Remark, ...]:
    if not others:
        return ()
    more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
    return as_notes(
        f"The file has {len(others) + 1} imaging series: {chosen.name} was opened, not "
        f"{', '.join(others[:MOST_NAMED])}{more}. For another one: `image='{others[0]}'`."
    )


def _opened(series: Series, path: Path) -> Opened:
    data, group = series.data, series.group
    external = asked(path, lambda: group.get("external_file"))
    if isinstance(external, h5py.Dataset) and external.shape and 0 in data.shape[1:]:
        raise _in_other_files(series, external, path)
    shape = tuple(map(int, data.shape))
    if series.kind not in SERIES[:2]:
        check_no_colours(shape, path, f"h5py.File(path)['{data.name}']")
    axes, remarks = _axes(series, shape, path)
    if axes is None or 0 in shape or data.dtype.kind not in "uif":
        raise InputError(
            f"{path} holds no frames in {series.name} (shape {shape}, type {data.dtype}): open the "
            f"file that the microscope wrote."
        )
    sizes = dict(zip(axes, shape, strict=True))
    (pixel, step), of_sizes = _sizes(group, sizes, path)
    interval, times, of_times = _times(group, sizes, path)
    facts = Facts(
        axes="TZ" if "Z" in axes else "T",
        sizes=(sizes["T"], sizes["Z"]) if "Z" in axes else (sizes["T"],),
        pixel_size_um=pixel,
        z_step_um=step,
        interval_s=interval,
        frame_times_s=times,
        channel_names=_channel_names(group, path),
        remarks=(*remarks, *of_sizes, *of_times, *unwritten(data, path)),
    )
    return Opened(source_of(data, axes, path), (path,), facts)


def _in_other_files(series: Series, external: Any, path: Path) -> InputError:
    names = [text_of(each) for each in np.ravel(asked(path, lambda: external[:MOST_NAMED]))]
    return InputError(
        f"The frames of {series.name} in {path} are in other files: open {', '.join(names)}."
    )


def _axes(
    series: Series, shape: tuple[int, ...], path: Path
) -> tuple[str | None, tuple[Remark, ...]]:
    """Axes of the data: (time, x, y) and perhaps z in NWB, but many write (time, y, x).

    ``dimension``, the number of pixels along x, y, tells them apart where the two differ.
    """
    axes = {3: "TXY", 4: "TXYZ"}.get(len(shape))
    if axes is None or shape[1] == shape[2] == 1:
        return axes, ()
    size = tuple(map(int, numbers_of(_read(series.group, "dimension", path))))[:2]
    if size == shape[1:3] and size[0] != size[1]:
        return axes, ()
    if size == shape[2:0:-1] and size[0] != size[1]:
        return axes.replace("XY", "YX"), as_notes(
            f"The file says that its images are {size[0]} pixels wide and {size[1]} high: its "
            f"frames are (time, y, x), not (time, x, y) as in other NWB files."
        )
    return axes, as_notes(
        "Frames of NWB files are (time, x, y), and these are taken for such. If the image is on "
        "its side, its writer exchanged x and y: rows and columns are exchanged then, and nothing "
        "else."
    )


def _sizes(
    group: Any, sizes: dict[str, int], path: Path
) -> tuple[tuple[tuple[float, float] | None, float | None], tuple[Remark, ...]]:
    """Pixel size (y, x) and z-step in µm: the spacing of the grid, or the field of view."""
    spacing = asked(path, lambda: group.get("imaging_plane/grid_spacing"))
    lengths = numbers_of(_read(group, "imaging_plane/grid_spacing", path))
    unit = "meters"
    if isinstance(spacing, h5py.Dataset):
        unit = text_of(attribute(spacing, "unit", path)) or unit
    if len(lengths) < 2:
        field = numbers_of(_read(group, "field_of_view", path))
        lengths = tuple(size / sizes.get(a, 1) for a, size in zip("XYZ", field, strict=False))
        unit = "meters"
    known = [length(value, unit, "pixel size") for value in lengths[:3]]
    x, y, z = (*(value for value, _ in known), None, None, None)[:3]
    odd = tuple(dict.fromkeys(remark for _, remarks in known for remark in remarks))
    if max(x or 0, y or 0) > LARGEST_PIXEL_UM:
        odd += as_warnings(
            f"The file gives pixels of {max(x or 0, y or 0):.3g} µm, which can't be: their size is "
            f"left out."
        )
        x = y = z = None
    return ((y, x) if x and y else None, z if "Z" in sizes else None), odd


def _times(
    group: Any, sizes: dict[str, int], path: Path
) -> tuple[float | None, npt.NDArray[np.float64] | None, tuple[Remark, ...]]:
    """Interval of frames or volumes in s, or the time of every frame after the first."""
    start = asked(path, lambda: group.get("starting_time"))
    if isinstance(start, h5py.Dataset):
        rate = number_of(attribute(start, "rate", path))
        return (1 / rate if rate and rate > 0 else None), None, ()
    stamps = asked(path, lambda: group.get("timestamps"))
    if not isinstance(stamps, h5py.Dataset):
        return None, None, ()
    if stamps.shape != (sizes["T"],) or stamps.dtype.kind not in "uif":
        n_frames = counted(sizes["T"], "frame")
        odd = as_warnings(
            f"The file has {n_frames}, but times of the shape {stamps.shape}: they are left out."
        )
        return None, None, odd
    times = np.asarray(asked(path, lambda: stamps[()]), np.float64)
    return None, _of_planes(times - times[0], sizes.get("Z", 1)), ()


def _of_planes(times: npt.NDArray[np.float64], n_planes: int) -> npt.NDArray[np.float64]:
    """Spread the planes of a volume evenly over the time to the next."""
    if n_planes == 1:
        return times
    steps = np.diff(times)
    last = np.median(steps) if steps.size else 0.0
    steps = np.append(steps, last) / n_planes
    return (times[:, np.newaxis] + steps[:, np.newaxis] * np.arange(n_planes)).ravel()


def _first_s(group: Any, path: Path) -> float:
    """Time of the first frame in s after the start of the session."""
    first = number_of(_read(group, "starting_time", path))
    stamps = asked(path, lambda: group.get("timestamps"))
    if isinstance(stamps, h5py.Dataset) and stamps.shape and stamps.shape[0]:
        first = number_of(asked(path, lambda: stamps[0]))
    return first if first is not None and abs(first) < LONGEST_S else 0.0


def _channel_names(group: Any, path: Path) -> tuple[str, ...]:
    """Name of the optical channel, where the imaging plane has one alone."""
    plane = asked(path, lambda: group.get("imaging_plane"))
    if not isinstance(plane, h5py.Group):
        return ()
    channels = [
        name
        for name in asked(path, lambda: list(plane))
        if isinstance(node := asked(path, partial(plane.get, name)), h5py.Group)
        and text_of(attribute(node, "neurodata_type", path)) == "OpticalChannel"
    ]
    return tuple(channels) if len(channels) == 1 else ()


def _read(group: Any, name: str, path: Path) -> Any:
    """Values of a small dataset; None where there is none."""
    node = asked(path, lambda: group.get(name))
    if not isinstance(node, h5py.Dataset) or node.shape is None or node.size > 16:
        return None
    return asked(path, lambda: node[()])


def _text_at(file: Any, name: str, path: Path) -> str:
    return text_of(_read(file, name, path))


FORMAT = Format(
    open_files=lambda paths, wish=PLAIN: in_sequence([open_nwb(path, wish) for path in paths]),
    glance=lambda path: Glance.of(open_nwb(path)),
    started_at=started_at,
    has_images=True,
)
