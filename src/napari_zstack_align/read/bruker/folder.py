"""Folders of Bruker (Prairie View): TIFF files, an image each, and an XML that says what they are.

Without the XML the names tell cycle, channel and number of each image.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.frame_times import out_of_order
from napari_zstack_align.layout import Layout
from napari_zstack_align.read._facts import Facts, Opened
from napari_zstack_align.read._format import PLAIN, Format, Glance, Wish
from napari_zstack_align.read._lost_files import remark_on, with_lost_frames
from napari_zstack_align.read._sequence import in_sequence
from napari_zstack_align.read.bruker.names import NAME, is_prairie_xml, listed
from napari_zstack_align.read.bruker.xml import (
    Place,
    PrairieFrame,
    PrairieScan,
    PrairieSequence,
    read_prairie_xml,
)
from napari_zstack_align.read.natural_order import in_natural_order
from napari_zstack_align.read.tiff.files import check_alike
from napari_zstack_align.read.tiff.head import read_head
from napari_zstack_align.read.tiff.pages import joined
from napari_zstack_align.read.tiff.source import TiffSource
from napari_zstack_align.read.tiff.table import read_first, read_many
from napari_zstack_align.remark import Remark, RemarkCode, as_notes, as_warnings
from napari_zstack_align.sources import FrameSource

ALIKE_UM = 0.05
"""Depths that differ by less are one slice: the focus drive reads a little off."""


def open_bruker(folder: Path, wish: Wish = PLAIN) -> Opened:
    """Open a folder of Bruker's; of the images, only where their pixels lie is read.

    Raises
    ------
    InputError
        Where the XML or an image is damaged, or no image is there.
    """
    names = set(listed(folder))
    scan, remarks = _scan(folder, names)
    if "linescan" in scan.sequences[0].kind.lower():
        raise InputError(f"{folder} holds a line scan, not images: choose a recording or z-stack.")
    frames = [frame for sequence in scan.sequences for frame in sequence.frames]
    channels, of_channels = _channels(frames, names)
    if not channels:
        raise InputError(
            f"None of the {counted(len(frames), 'image')} that {folder.name} speaks of is in "
            f"{folder}: copy them into it."
        )
    source, missing = _source(folder, frames, channels, names)
    channel_names = tuple(scan.channel_names[channel] for channel in channels)
    facts = replace(
        _facts(scan, len(frames)), channel_names=channel_names, missing=tuple(sorted(missing))
    )
    remarks = (
        *as_notes(_words(scan, len(channels)), code=RemarkCode.READ_AS),
        *remarks,
        *facts.remarks,
        *of_channels,
        *remark_on(missing, folder),
    )
    if wish.as_planes:
        facts = replace(facts, axes="T", sizes=(source.shape[0],), layout=None)
    return Opened(source, (folder,), replace(facts, remarks=remarks))


# -- which image is where ------------------------------------------------------------------------


def _scan(folder: Path, names: Iterable[str]) -> tuple[PrairieScan, tuple[Remark, ...]]:
    """What the XML says, or the names where there is none."""
    found = [folder / name for name in names if name.lower().endswith(".xml")]
    found = in_natural_order([path for path in found if is_prairie_xml(path)])
    if not found:
        remark = (
            f"{folder.name} has no XML of Prairie View: what its images are follows from their "
            f"names, sizes and times are unknown."
        )
        return _of_names(names), as_warnings(remark)
    own = next((path for path in found if path.stem == folder.name), found[0])
    others = [path.name for path in found if path != own]
    remark = f"{own.name} was read, not {', '.join(others)}: a folder holds one recording."
    scan = read_prairie_xml(own)
    if not scan.sequences:
        raise InputError(f"{own} lists no image: open the TIFF files themselves.")
    return scan, as_warnings(remark) if others else ()


def _of_names(names: Iterable[str]) -> PrairieScan:
    """A scan as the names of its images tell it."""
    places: dict[tuple[int, int], dict[int, Place]] = {}
    for found in filter(None, map(NAME.fullmatch, names)):
        cycle, image, channel = (int(found[each]) for each in ("cycle", "image", "channel"))
        places.setdefault((cycle, image), {})[channel] = (found[0], 0)
    cycles = groupby(sorted(places), key=lambda key: key[0])
    sequences = [
        PrairieSequence("", tuple(PrairieFrame(places[key]) for key in keys)) for _, keys in cycles
    ]
    channels = sorted({channel for each in places.values() for channel in each})
    return PrairieScan("", tuple(sequences), {channel: f"Ch{channel}" for channel in channels})


def _channels(
    frames: Sequence[PrairieFrame], names: set[str]
) -> tuple[list[int], tuple[Remark, ...]]:
    """Channels of which there is an image, and a remark on those of which there is none."""
    listed = sorted({channel for frame in frames for channel in frame.places})
    there = {c for f in frames for c, (name, _) in f.places.items() if name in names}
    gone = [f"channel {channel}" for channel in listed if channel not in there]
    channels = [channel for channel in listed if channel in there]
    remark = f"No image of {' and '.join(gone)} is in the folder: the others were opened."
    return channels, as_warnings(remark) if gone and there else ()


def _source(
    folder: Path, frames: Sequence[PrairieFrame], channels: Iterable[int], names: set[str]
) -> tuple[FrameSource, dict[int, str]]:
    """Frames, and the file that each frame without all its pixels lacks."""
    wanted = [[frame.places.get(channel) for channel in channels] for frame in frames]
    files = list(dict.fromkeys(p[0] for row in wanted for p in row if p and p[0] in names))
    tables = read_many([folder / name for name in files])
    pages = joined(tables)
    check_alike(pages, read_head(folder / files[0]))
    first = dict(zip(files, np.cumsum([0, *map(len, tables)]).tolist(), strict=False))
    lengths = dict(zip(files, map(len, tables), strict=True))
    planes = np.zeros((len(frames), len(wanted[0])), np.intp)
    missing: dict[int, str] = {}
    for t, row in enumerate(wanted):
        for c, place in enumerate(row):
            if place is None or place[1] >= lengths.get(place[0], 0):
                missing.setdefault(t, "an image of a channel" if place is None else place[0])
            else:
                planes[t, c] = first[place[0]] + place[1]
    cut = pages.end > np.array(pages.sizes)[pages.file]
    for t in np.flatnonzero(cut[planes].any(axis=1)).tolist():
        missing.setdefault(t, f"the end of {_name_of(wanted[t])}")
    return with_lost_frames(TiffSource(pages, planes), missing, folder), missing


def _name_of(row: Sequence[Place | None]) -> str:
    return next(place[0] for place in row if place is not None)


# -- what the images are -------------------------------------------------------------------------


def _facts(scan: PrairieScan, n_frames: int) -> Facts:
    layout, remarks = _layout(scan.sequences, n_frames)
    times, of_times = _times(scan, n_frames)
    positions = None if layout is None else _positions(scan, layout, n_frames)
    return Facts(
        sizes=(n_frames,),
        layout=layout,
        pixel_size_um=scan.pixel_size_um,
        z_step_um=None if layout is None else scan.z_step_um,
        z_positions_um=positions,
        frame_times_s=times,
        interval_s=scan.frame_period_s,
        started_at=scan.started_at,
        remarks=(*remarks, *of_times),
    )


def _layout(
    sequences: Sequence[PrairieSequence], n_frames: int
) -> tuple[Layout | None, tuple[Remark, ...]]:
    """Layout of the frames; None for a recording, and where it isn't clear."""
    lengths = [len(sequence.frames) for sequence in sequences]
    if all(sequence.is_volume for sequence in sequences):
        return _of_volumes(sequences, lengths, n_frames)
    depths = [_one_depth(sequence) for sequence in sequences]
    apart = [d for d in depths if d is not None]
    steps = np.diff(np.array(apart))
    if len(apart) == len(sequences) > 2 and (np.all(steps > ALIKE_UM) or np.all(steps < -ALIKE_UM)):
        return Layout(lengths[0] if len(set(lengths)) == 1 else tuple(lengths)), ()
    if len(sequences) > 1 and not any(sequence.kind for sequence in sequences) and max(lengths) > 1:
        return None, as_warnings(
            f"The names tell {len(sequences)} cycles of {lengths[0]} images: for volumes give "
            f"`frames_per_slice={len(sequences)}, order='slices'`, for slices of several repeats "
            f"`frames_per_slice={lengths[0]}`."
        )
    return None, ()


def _of_volumes(
    sequences: Sequence[PrairieSequence], lengths: list[int], n_frames: int
) -> tuple[Layout | None, tuple[Remark, ...]]:
    """Layout of volumes after one another, or of one volume, in which slices may be repeated."""
    if len(sequences) == 1:
        depths = [frame.z_um for frame in sequences[0].frames]
        repeats = _runs(depths)
        return Layout(repeats[0] if len(set(repeats)) == 1 else tuple(repeats)), ()
    layout = Layout(
        len(sequences), "up-and-down" if any(s.goes_back for s in sequences) else "slices"
    )
    if len(set(lengths[:-1])) == 1 and layout.n_slices(n_frames) == lengths[0]:
        return layout, ()
    return None, as_warnings(
        f"The volumes have {min(lengths)} to {max(lengths)} slices: how the frames are to be read "
        f"has to be said (`frames_per_slice`, `order`)."
    )


def _runs(depths: Sequence[float | None]) -> list[int]:
    """Frames of the same depth after one another; one each where depths aren't known."""
    if any(depth is None for depth in depths):
        return [1] * len(depths)
    known = np.array(depths, np.float64)
    borders = np.flatnonzero(np.abs(np.diff(known)) > ALIKE_UM) + 1
    runs = np.diff([0, *borders.tolist(), len(known)]).tolist()
    return runs if len(runs) > 1 else [1] * len(depths)


def _one_depth(sequence: PrairieSequence) -> float | None:
    """Depth of all frames of a sequence; None where they differ or it isn't known."""
    depths = [frame.z_um for frame in sequence.frames if frame.z_um is not None]
    is_one = len(depths) == len(sequence.frames) and max(depths) - min(depths) <= ALIKE_UM
    return depths[0] if is_one else None


def _positions(scan: PrairieScan, layout: Layout, n_frames: int) -> tuple[float, ...] | None:
    """Depth of each slice, where that of every frame is known and slices lie apart."""
    depths = [frame.z_um for sequence in scan.sequences for frame in sequence.frames]
    if any(depth is None for depth in depths):
        return None
    slices = layout.slice_of_frame(n_frames)
    known = np.array(depths, np.float64)
    found = [float(np.median(known[slices == z])) for z in range(layout.n_slices(n_frames))]
    return tuple(found) if np.all(np.abs(np.diff(found)) > ALIKE_UM) else None


def _times(
    scan: PrairieScan, n_frames: int
) -> tuple[npt.NDArray[np.float64] | None, tuple[Remark, ...]]:
    """Time of every frame; None where they aren't known, or begin anew with a sequence."""
    given = [frame.time_s for sequence in scan.sequences for frame in sequence.frames]
    if any(time is None for time in given):
        return None, ()
    times = np.array(given, np.float64)
    if not len(out_of_order(times)):
        return times, ()
    if scan.times_go_on or len(scan.sequences) == 1:
        return None, as_warnings("The times of the frames are out of order: none was taken.")
    return None, as_notes(
        "The times begin anew with every cycle, so that pauses between cycles aren't known."
    )


def _words(scan: PrairieScan, n_channels: int) -> str:
    """What was read, for people."""
    version = f" {scan.version}" if scan.version else ""
    lengths = {len(sequence.frames) for sequence in scan.sequences}
    what = "volume" if all(s.is_volume for s in scan.sequences) else "cycle"
    frames = "slice" if what == "volume" else "frame"
    each = counted(lengths.pop(), frames) if len(lengths) == 1 else "unlike length"
    channels = counted(n_channels, "channel")
    number = counted(len(scan.sequences), what)
    return f"Bruker's Prairie View{version} says: {number} of {each}, {channels}."


def started_at(folder: Path) -> datetime | None:
    """Return when a recording was started."""
    return _scan(folder, listed(folder))[0].started_at


def _glance(folder: Path) -> Glance:
    """Look at the XML and the first image that is there."""
    names = set(listed(folder))
    scan, _ = _scan(folder, names)
    frames = [frame for sequence in scan.sequences for frame in sequence.frames]
    channels, _ = _channels(frames, names)
    there = (p for frame in frames for p in frame.places.values() if p[0] in names)
    place = next(there, None)
    if place is None:
        raise InputError(f"No image of the recording {folder.name} is in its folder.")
    pages = read_first(folder / place[0], 1)
    kind = pages.kinds[0]
    return Glance((len(channels), *kind.shape[1:]), kind.dtype, len(frames) > 1)


FORMAT = Format(
    open_files=lambda paths, wish=PLAIN: in_sequence([open_bruker(path, wish) for path in paths]),
    glance=_glance,
    started_at=started_at,
)
