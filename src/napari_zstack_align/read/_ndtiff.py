"""NDTiff of Micro-Manager: a folder of TIFF files, and an index of where each image lies.

The files themselves only hold images one behind another; time, slice and channel of each stand in
``NDTiff.index``, in the order in which they were taken.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from napari_zstack_align.counting import counted, were
from napari_zstack_align.errors import InputError
from napari_zstack_align.read._broken_off import whole_frames_of
from napari_zstack_align.read._facts import Facts, Opened
from napari_zstack_align.read._files import readable
from napari_zstack_align.read._format import PLAIN, Format, Glance, Wish
from napari_zstack_align.read._places import axes_of_places, in_frames
from napari_zstack_align.read._raw_source import ChannelsSource, ScatteredSource
from napari_zstack_align.read._sequence import SequenceSource, in_sequence
from napari_zstack_align.read._units import number
from napari_zstack_align.remark import Remark, as_notes, as_warnings
from napari_zstack_align.sources import FrameSource

Value: TypeAlias = int | str

INDEX = "NDTiff.index"
FRAME_AXES = ("time", "z")
PLACE = (*FRAME_AXES, "channel")
TYPES = {0: "u1", 1: "u2", 3: "u2", 4: "u2", 5: "u2", 6: "u2"}
"""Of a pixel, by their number; 2 is RGB."""
SUMMARY = 2355492
"""Stands before the settings of the acquisition in a file."""
LARGEST_INDEX, LARGEST_TEXT, LARGEST_SIDE = 2**29, 2**24, 10**5
MOST_NAMED = 4


@dataclass(frozen=True)
class Image:
    """An image in the index: its place along each axis, and where it lies."""

    axes: Mapping[str, Value] = field(repr=False)
    file: str
    offset: int
    size: tuple[int, int]
    kind: int
    text: tuple[int, int]

    def at(self, *names: str) -> tuple[Any, ...]:
        """Place along some axes, 0 along those that it hasn't."""
        return tuple(self.axes.get(name, 0) for name in names)


def open_ndtiff(path: Path, wish: Wish = PLAIN) -> Opened:
    """Open a folder of NDTiff, or one of its files; no pixel is read.

    Parameters
    ----------
    path : pathlib.Path
    wish : Wish
        Its ``image`` is the number or name of one of several positions.

    Raises
    ------
    InputError
        If the index is damaged, a file is missing, or its images differ in size.
    """
    folder = path if path.is_dir() else path.parent
    images, of_index = _images_in(folder / INDEX)
    images, names, of_others = _chosen(images, wish.image, folder)
    dtype = _type_of(images, folder)
    channels = list(dict.fromkeys(image.axes.get("channel", 0) for image in images))
    if wish.as_planes:
        rows, of_frames = [[image] for image in images], tuple[Remark, ...]()
    else:
        numbers, of_frames = in_frames([image.at(*PLACE) for image in images], folder)
        rows = [[images[i] for i in row] for row in numbers]
    whole = _n_whole(rows, folder, dtype)
    if whole < len(rows) or not rows:
        of_frames += whole_frames_of(folder / rows[0][0].file, whole, len(rows), wish)
        rows = rows[:whole]
    axes, sizes, of_layout = (
        ("T", (len(rows),), ())
        if wish.as_planes
        else axes_of_places([row[0].at(*FRAME_AXES) for row in rows])
    )
    rows = rows[: int(np.prod(sizes))]
    facts = _with_settings(Facts(axes=axes, sizes=sizes, images=names), rows, folder)
    if len(rows[0]) > 1:
        are_named = all(isinstance(channel, str) for channel in channels)
        channel_names = tuple(map(str, channels)) if are_named else ()
        sizes = (*sizes, len(channels))
        facts = replace(facts, axes=axes + "C", sizes=sizes, channel_names=channel_names)
    remarks = (*of_index, *of_others, *of_frames, *of_layout)
    files = tuple(folder / name for name in dict.fromkeys(image.file for image in images))
    source = _source(rows, folder, dtype)
    return Opened(source, files, replace(facts, remarks=remarks), wish.as_planes)


def _images_in(path: Path) -> tuple[list[Image], tuple[Remark, ...]]:
    """All images in an index, and a warning where it ends within the last one."""
    with readable(path):
        content = path.read_bytes() if path.stat().st_size <= LARGEST_INDEX else b""
    images, at = [], 0
    while at < len(content):
        try:
            image, at = _image_at(content, at)
        except struct.error:
            break
        except (ValueError, TypeError, RecursionError):
            raise InputError(f"{path} is damaged: copy the whole folder again.") from None
        images.append(image)
    if not images:
        raise InputError(f"{path} names no image: copy the whole folder again.")
    return images, as_warnings(
        f"{INDEX} breaks off: the {counted(len(images), 'image')} that it names {were(len(images))}"
        f" opened."
        if at < len(content)
        else ""
    )


def _image_at(content: bytes, at: int) -> tuple[Image, int]:
    """Read an entry; return it, and where the next one begins."""
    text, at = _text_at(content, at)
    file, at = _text_at(content, at)
    offset, width, height, kind, packed, *of_text, text_packed = struct.unpack_from(
        "<8I", content, at
    )
    axes = json.loads(text)
    if not isinstance(axes, dict) or not all(
        isinstance(value, int | str) for value in axes.values()
    ):
        raise ValueError
    is_plain_name = file and Path(file).name == file
    if packed or not is_plain_name or not 0 < min(width, height) <= max(width, height):
        raise ValueError
    place = (of_text[0], 0 if text_packed else of_text[1])
    return Image(axes, file, offset, (height, width), kind, place), at + 32


def _text_at(content: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", content, at)
    (text,) = struct.unpack_from(f"{min(length, LARGEST_TEXT)}s", content, at + 4)
    return text.decode("utf-8"), at + 4 + length


def _chosen(
    images: list[Image], wanted: int | str, folder: Path
) -> tuple[list[Image], tuple[str, ...], tuple[Remark, ...]]:
    """Images of one place along the axes that frames don't run along, such as positions."""
    varying = {name: {image.axes.get(name, 0) for image in images} for name in images[0].axes}
    others = [name for name, values in varying.items() if name not in PLACE and len(values) > 1]
    if not others:
        if wanted:
            raise InputError(f"{folder} has one image, of which {wanted!r} is none: leave it out.")
        return images, (), ()
    named = {_named(others, image): image.at(*others) for image in images}
    names = tuple(named)
    name = wanted if isinstance(wanted, str) else dict(enumerate(names)).get(wanted, "")
    if name not in named:
        raise InputError(f"{folder} has no image {wanted!r}: choose {_listed(names)}.")
    kept = [image for image in images if image.at(*others) == named[name]]
    rest = tuple(each for each in names if each != name)
    remark = (
        f"The folder has {counted(len(names), 'image')} ({', '.join(others)}): '{name}' was "
        f"opened, not {_listed(rest)}. For another one: `image='{rest[0]}'`."
    )
    return kept, names, () if wanted else as_notes(remark)


def _named(axes: list[str], image: Image) -> str:
    """Name the place of an image: 'position 2'."""
    return ", ".join(f"{name} {value}" for name, value in zip(axes, image.at(*axes), strict=True))


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(f"'{name}'" for name in names[:MOST_NAMED]) + more


def _type_of(images: list[Image], folder: Path) -> np.dtype[Any]:
    """Type of a pixel, with the byte order of the files; the same for all images."""
    kinds = {(image.size, image.kind) for image in images}
    if len(kinds) > 1:
        raise InputError(f"{folder} holds images of several sizes or types: export one of them.")
    name = TYPES.get(images[0].kind)
    if name is None or max(images[0].size) > LARGEST_SIDE:
        raise InputError(f"{folder} holds pictures in colour, no intensities: export them as gray.")
    with readable(folder / images[0].file), (folder / images[0].file).open("rb") as file:
        order = ">" if file.read(2) == b"MM" else "<"
    return np.dtype(order + name)


def _n_whole(rows: list[list[Image]], folder: Path, dtype: np.dtype[Any]) -> int:
    """Frames before the first one that ends behind its file."""
    sizes: dict[str, int] = {}
    for t, row in enumerate(rows):
        for image in row:
            if image.file not in sizes:
                with readable(folder / image.file):
                    sizes[image.file] = (folder / image.file).stat().st_size
            height, width = image.size
            if image.offset + height * width * dtype.itemsize > sizes[image.file]:
                return t
    return len(rows)


def _source(rows: list[list[Image]], folder: Path, dtype: np.dtype[Any]) -> FrameSource:
    """Frames of all files, a source for each run of frames in one file."""
    frame = (1, *rows[0][0].size)
    channels = []
    for images in zip(*rows, strict=True):
        runs = [
            ScatteredSource(
                folder / name, np.array([image.offset for image in run], np.int64), dtype, frame
            )
            for name, run in ((name, list(run)) for name, run in groupby(images, _file_of))
        ]
        channels.append(SequenceSource(tuple(runs)) if len(runs) > 1 else runs[0])
    return channels[0] if len(channels) == 1 else ChannelsSource(tuple(channels))


def _file_of(image: Image) -> str:
    return image.file


def _with_settings(facts: Facts, rows: list[list[Image]], folder: Path) -> Facts:
    """Add what the settings of the acquisition and of its images say."""
    summary = _summary(folder / rows[0][0].file)
    settings = list(_settings_of([row[0] for row in rows], folder))
    pixel = _positive(settings[0].get("PixelSizeUm")) or _positive(summary.get("PixelSize_um"))
    elapsed = [number(known.get("ElapsedTime-ms")) for known in settings]
    times = np.array([np.nan if each is None else each for each in elapsed]) / 1000
    is_known = len(times) > 1 and np.isfinite(times[1:]).all()
    times[0] = times[0] if np.isfinite(times[0]) else 0.0
    has_order = is_known and bool((np.diff(times) > 0).all())
    return replace(
        facts,
        pixel_size_um=(pixel, pixel) if pixel else None,
        z_step_um=_positive(summary.get("z-step_um")),
        frame_times_s=times - times[0] if has_order else None,
        started_at=_start_in(summary),
    )


def _positive(value: Any) -> float | None:
    found = number(value)
    return found if found and found > 0 else None


def _start_in(summary: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(str(summary.get("StartTime", ""))[:19])
    except ValueError:
        return None


def started_at(path: Path) -> datetime | None:
    """Return when the acquisition was begun; None where it doesn't say it."""
    folder = path if path.is_dir() else path.parent
    try:
        images, _ = _images_in(folder / INDEX)
        return _start_in(_summary(folder / images[0].file))
    except InputError:
        return None  # what is the matter with it is said when it is opened


def _summary(path: Path) -> Mapping[str, Any]:
    """Settings of the acquisition, behind the header of a file; empty where there are none."""
    with readable(path), path.open("rb") as file:
        head = file.read(28)
        mark, length = struct.unpack("<2I", head[20:]) if len(head) == 28 else (0, 0)
        return _settings(file.read(length)) if mark == SUMMARY and length <= LARGEST_TEXT else {}


def _settings_of(images: list[Image], folder: Path) -> Iterator[Mapping[str, Any]]:
    """Settings of each image."""
    for name, run in groupby(images, _file_of):
        with readable(folder / name), (folder / name).open("rb", buffering=0) as file:
            for image in run:
                offset, length = image.text
                file.seek(offset)
                yield _settings(file.read(length) if length <= LARGEST_TEXT else b"")


def _settings(text: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _open_all(paths: list[Path], wish: Wish = PLAIN) -> Opened:
    """Open each folder once, whichever of its files are named."""
    folders = dict.fromkeys(path if path.is_dir() else path.parent for path in paths)
    return in_sequence([open_ndtiff(folder, wish) for folder in folders])


FORMAT = Format(
    open_files=_open_all,
    glance=lambda path: Glance.of(open_ndtiff(path)),
    started_at=started_at,
    has_images=True,
)
