"""HDF5 files: the dataset that looks like frames, or the one that is asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.read._axis_names import axes_of
from napari_zstack_align.read._chunks import of_long_chunks
from napari_zstack_align.read._facts import Facts, Opened, check_no_colours
from napari_zstack_align.read._format import PLAIN, Format, Glance, Wish
from napari_zstack_align.read._raw_source import ChannelsSource
from napari_zstack_align.read._sequence import in_sequence
from napari_zstack_align.read._units import number
from napari_zstack_align.read._unnamed_axes import as_channels
from napari_zstack_align.read.hdf5.datasets import (
    asked,
    attribute,
    attributes,
    number_of,
    numbers_of,
    opened,
    source_of,
    text_of,
    unwritten,
)
from napari_zstack_align.read.own_exports import (
    MADE_BY,
    WITHOUT_PIXELS,
    as_exported,
    on_aligned,
    with_gaps,
)
from napari_zstack_align.read.said.axes import check_named
from napari_zstack_align.remark import Remark, as_notes, as_warnings

WELL_KNOWN = ("mov", "data", "images", "imaging", "frames", "movie", "stack", "raw")
"""Names that programs give to frames."""
MOST_SMALLER = 10
"""A dataset of a well-known name goes before one of up to so many times as many values."""
SMALLEST_SIDE = 8
"""Datasets with fewer rows or columns are tables."""
MOST_NAMED = 4
"""So many other datasets are named in a remark."""
UNNAMED = {2: "YX", 3: "TYX", 4: "TCYX", 5: "TCZYX"}
CHANNELS_LAST = {5: "TZYXC"}
"""As SIMA writes them, where the last axis is short."""
SERIES_OF_DATASETS = {
    "DataSetInfo": ("an Imaris file", "save it as OME-TIFF with Imaris"),
    "t00000": ("a file of BigDataViewer", "export it to OME-TIFF with Fiji"),
}
"""Groups of formats that keep every time point in a dataset of its own, and their way out."""
RATES = ("frame_rate_hz", "frame_rate", "fr", "fps")
"""Attributes with a frame rate: our own, and Caiman's ``fr``."""


@dataclass(frozen=True)
class Candidate:
    """A dataset that may be frames."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __str__(self) -> str:
        return f"'{self.name}' ({' × '.join(map(str, self.shape))} {self.dtype})"


def open_dataset(path: Path, wish: Wish = PLAIN) -> Opened:
    """Open a dataset of an HDF5 file; nothing but its description is read.

    Parameters
    ----------
    path : pathlib.Path
    wish : Wish
        Its ``image`` is the name of a dataset, or its number among those that look like frames,
        the likeliest first.

    Raises
    ------
    InputError
        If the file is damaged, or no dataset looks like frames.
    """
    dataset = wish.image or None
    with opened(path) as file:
        if dataset is None and (ours := _our_channels(file, path)):
            return ours
        _check_no_series(file, path)
        found = ranked(_datasets(file, path))
        chosen = _chosen(found, dataset, file, path)
        others = [each for each in found if each.name != chosen.name] if dataset is None else []
        result = _opened(asked(path, lambda: file[chosen.name]), path, wish.axes)
        result = _with_times(file, result, path)
    remarks = (*result.facts.remarks, *_of_others(chosen, others))
    return replace(result, facts=replace(result.facts, remarks=remarks))


def _check_no_series(file: Any, path: Path) -> None:
    """Raise InputError for a format of which one dataset is a single time point."""
    for group, (what, way_out) in SERIES_OF_DATASETS.items():
        if asked(path, partial(file.__contains__, group)):
            raise InputError(f"{path} is {what}, with a dataset for each time point: {way_out}.")


def _datasets(file: Any, path: Path) -> list[Candidate]:
    """All datasets of numbers, in the order of the file."""
    found: list[Candidate] = []

    def see(_: str, node: Any) -> None:
        if not isinstance(node, h5py.Dataset):
            return
        try:
            shape, dtype = asked(path, lambda: (node.shape, node.dtype))
        except InputError:
            return  # of a type that numpy lacks: no frames
        if shape and dtype.kind in "uifb":
            found.append(Candidate(str(node.name).lstrip("/"), shape, dtype))

    asked(path, lambda: file.visititems(see))
    return found


def ranked(datasets: list[Candidate]) -> list[Candidate]:
    """Return those that look like frames, the likeliest first.

    Several frames go before one image, and large before small; one of a well-known name goes
    before those that aren't much larger.
    """
    frames = [each for each in datasets if _looks_like_frames(each)]

    def likelihood(each: Candidate) -> tuple[bool, float]:
        is_known = each.name.rpartition("/")[2].lower() in WELL_KNOWN
        return len(each.shape) > 2, prod(each.shape) * (MOST_SMALLER if is_known else 1)

    return sorted(frames, key=likelihood, reverse=True)


def _looks_like_frames(each: Candidate) -> bool:
    ndim, shape = len(each.shape), each.shape
    if not 2 <= ndim <= 5 or 0 in shape:
        return False
    is_channels_last = ndim > 3 and min(shape[-3:-1]) >= SMALLEST_SIDE
    return min(shape[-2:]) >= SMALLEST_SIDE or is_channels_last


def _chosen(found: list[Candidate], dataset: int | str | None, file: Any, path: Path) -> Candidate:
    if isinstance(dataset, str):
        node = asked(path, lambda: file.get(dataset.strip("/")))
        if not isinstance(node, h5py.Dataset) or not node.shape:
            raise InputError(
                f"{path} has no dataset '{dataset}' of frames: choose "
                f"{_listed(found) or 'another file'}."
            )
        return Candidate(str(node.name).lstrip("/"), node.shape, node.dtype)
    if not found:
        raise InputError(
            f"{path} is an HDF5 file without a dataset that looks like frames: export the frames "
            f"as TIFF from the program that wrote it."
        )
    index = 0 if dataset is None else dataset
    if not 0 <= index < len(found):
        raise InputError(
            f"{path} has {counted(len(found), 'dataset')} of frames, so there is no number "
            f"{index}: choose {_listed(found)}."
        )
    return found[index]


def _listed(found: list[Candidate]) -> str:
    named = ", ".join(map(str, found[:MOST_NAMED]))
    more = len(found) - MOST_NAMED
    return f"{named} and {more} more" if more > 0 else named


def _of_others(chosen: Candidate, others: list[Candidate]) -> tuple[Remark, ...]:
    """Name the other datasets of several frames; single images beside a movie are no choice."""
    others = [each for each in others if len(each.shape) > 2 or len(chosen.shape) == 2]
    if not others:
        return ()
    return as_notes(
        f"The file has {counted(len(others) + 1, 'dataset')} that look like frames: {chosen} was "
        f"opened, not {_listed(others)}. For another one: `image='{others[0].name}'`."
    )


def _opened(dataset: Any, path: Path, said: str | None = None) -> Opened:
    shape = tuple(dataset.shape)
    if said is not None:
        check_named(said, shape, path)
    named, remarks = (said, ()) if said is not None else _named_axes(dataset, path)
    usual = UNNAMED if shape[-1] >= SMALLEST_SIDE else {**UNNAMED, **CHANNELS_LAST}
    axes = named or usual.get(len(shape))
    if axes is None:
        raise InputError(
            f"{path} has {len(shape)} dimensions without names in '{dataset.name.lstrip('/')}': "
            f"say what they are, such as `axes='VZRCYX'`."
        )
    if not named and len(shape) < 5:
        check_no_colours(shape, path, f"h5py.File(path)['{dataset.name}']")
        remarks += as_channels(shape, "say so: `axes='ZRYX'`.")
    facts = _facts(dataset, axes, path)
    source = source_of(dataset, axes, path)
    remarks += unwritten(dataset, path)
    chunks = asked(path, lambda: dataset.chunks)
    if chunks is not None:
        remarks += of_long_chunks(axes, chunks, dataset.dtype.itemsize)
    return Opened(source, (path,), replace(facts, remarks=(*facts.remarks, *remarks)))


def _named_axes(dataset: Any, path: Path) -> tuple[str, tuple[Remark, ...]]:
    """Axes by the names that the file gives them; '' where it gives none that are known."""
    known = attributes(dataset, path)
    labels = asked(path, lambda: [str(dim.label or "") for dim in dataset.dims])
    given = [
        [] if "" in labels else labels,
        _of_axistags(text_of(known.get("axistags"))),
        _in_letters(known.get("axes")),
    ]
    named = [names for names in given if len(names) == dataset.ndim]
    axes = next(filter(None, map(axes_of, named)), "")
    if axes or not named:
        return axes, ()
    return "", as_warnings(
        f"The file calls its axes {', '.join(named[0])}, which aren't known: they are taken for "
        f"what arrays of {dataset.ndim} axes usually are."
    )


def _in_letters(value: Any) -> list[str]:
    """Names of axes in an attribute: 'tzyx', 't,z,y,x', or a text each."""
    text = text_of(value)
    if text:
        return list(text.replace(",", "").replace(" ", ""))
    return [text_of(each) for each in np.ravel(value)[:16]] if value is not None else []


def _of_axistags(text: str) -> list[str]:
    """Names of axes as ilastik and vigra write them, in JSON."""
    try:
        return [str(axis["key"]) for axis in json.loads(text)["axes"]] if text else []
    except (ValueError, LookupError, TypeError, RecursionError):
        return []


def _facts(dataset: Any, axes: str, path: Path) -> Facts:
    known = attributes(dataset, path)
    planes = [(a, int(n)) for a, n in zip(axes, dataset.shape, strict=True) if a not in "YX"]
    pixel, step = _sizes(known)
    rate = next((r for r in (number_of(known.get(name)) for name in RATES) if r and r > 0), None)
    names = tuple(filter(None, map(text_of, np.ravel(known.get("channel_names", ()))[:16])))
    return Facts(
        axes="".join(a for a, _ in planes),
        sizes=tuple(n for _, n in planes),
        pixel_size_um=pixel,
        z_step_um=step,
        interval_s=None if rate is None else 1 / rate,
        channel_names=names or tuple(filter(None, [text_of(known.get("channel_name"))])),
        remarks=(
            *_as_exported(known),
            *on_aligned(
                text_of(attribute(dataset.file, "made_by", path)) == MADE_BY,
                attribute(dataset.file, "aligned", path),
            ),
        ),
    )


def _sizes(known: dict[str, Any]) -> tuple[tuple[float, float] | None, float | None]:
    """Pixel size (y, x) and z-step in µm: our own attributes, and ``element_size_um`` of ImageJ."""
    sizes = [number(n) for n in numbers_of(known.get("element_size_um"))[-3:]]
    own = [number(n) for n in numbers_of(known.get("pixel_size_um"))]
    y, x = own if len(own) == 2 else sizes[-2:] if len(sizes) >= 2 else (None, None)
    z = number_of(known.get("z_step_um")) or (sizes[0] if len(sizes) == 3 else None)
    return _positive_pair(y, x), z if z and z > 0 else None


def _positive_pair(y: float | None, x: float | None) -> tuple[float, float] | None:
    return (y, x) if y and x and y > 0 and x > 0 else None


def _as_exported(known: dict[str, Any]) -> tuple[Remark, ...]:
    """What our exports say of their frames."""
    outside = text_of(known.get("outside_raw_frames"))
    origin = numbers_of(known.get("crop_origin_yx"))
    crop = ""
    if len(origin) == 2:
        crop = f"The frames were cropped: their first pixel was ({origin[0]:g}, {origin[1]:g})."
    return as_notes(outside and f"Outside the raw frames: {outside}", crop)


def _our_channels(file: Any, path: Path) -> Opened | None:
    """Channels of a movie that this program exported, a dataset each; None for other files."""
    if text_of(attribute(file, "made_by", path)) != MADE_BY:
        return None
    names = ["mov"]
    while asked(path, lambda: f"mov_{len(names)}" in file):
        names.append(f"mov_{len(names)}")
    movies = [asked(path, partial(file.get, name)) for name in names]
    alike = {(m.shape, m.dtype) if isinstance(m, h5py.Dataset) else None for m in movies}
    if len(movies) == 1 or len(alike) > 1 or None in alike:
        return None
    each = [_opened(movie, path) for movie in movies]
    facts = each[0].facts
    channel_names = tuple(name for one in each for name in one.facts.channel_names)
    facts = replace(
        facts,
        axes=facts.axes + "C",
        sizes=(*facts.sizes, len(each)),
        channel_names=channel_names if len(channel_names) == len(each) else (),
        remarks=tuple(dict.fromkeys(remark for one in each for remark in one.facts.remarks)),
    )
    source = ChannelsSource(tuple(one.source for one in each))
    return _with_times(file, Opened(source, (path,), facts), path)


def _with_times(file: Any, opened: Opened, path: Path) -> Opened:
    """Add what an export of this program says of its frames."""
    if text_of(attribute(file, "made_by", path)) != MADE_BY:
        return opened
    movie = asked(path, partial(file.get, "mov"))
    known = {} if movie is None else attributes(movie, path)
    for name in ("order", WITHOUT_PIXELS):
        known[name] = text_of(known.get(name))
    known["started_at"] = text_of(attribute(file, "started_at", path))
    for name in ("raw_frames", "frame_times_s"):
        dataset = asked(path, partial(file.get, name))
        is_row = isinstance(dataset, h5py.Dataset) and len(dataset.shape or ()) == 1
        known[name] = asked(path, partial(dataset.__getitem__, ())) if is_row else None
    facts = as_exported(opened.facts, known, opened.source.shape[0])
    return with_gaps(replace(opened, facts=facts))


FORMAT = Format(
    open_files=lambda paths, wish=PLAIN: in_sequence([open_dataset(path, wish) for path in paths]),
    glance=lambda path: Glance.of(open_dataset(path)),
    has_images=True,
)
