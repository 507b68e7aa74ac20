"""Inscopix ``.isxd``: frames one behind another, and what they are, in JSON, at the end.

Frames that were dropped, cropped or left blank aren't in the file: their numbers are.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted, were
from napari_zstack_align.errors import InputError
from napari_zstack_align.read._facts import Facts, Opened
from napari_zstack_align.read._files import readable
from napari_zstack_align.read._format import PLAIN, Format, Glance, Wish
from napari_zstack_align.read._raw_source import RawSource
from napari_zstack_align.read._sequence import in_sequence
from napari_zstack_align.read._units import number
from napari_zstack_align.remark import Remark, as_notes

TYPES = {0: "<u2", 1: "<f4", 2: "<u1"}
MOVIE = 0
"""Kind of a file; others hold cells and events."""
LARGEST_SIDE, LARGEST_TEXT, MOST_FRAMES = 10**5, 2**26, 10**8
WAY_OUT = "export it to TIFF with the Inscopix Data Processing Software"
RANGE = re.compile(r"(\d{1,9})(?:\s*-\s*(\d{1,9}))?")
"""Number of a frame that isn't there, or of the first and the last of several: '20 - 25'."""
LEFT_OUT = ("dropped", "cropped", "blank")


def open_isxd(path: Path, _: Wish = PLAIN) -> Opened:
    """Open a movie of Inscopix; no pixel is read.

    Raises
    ------
    InputError
        If what stands at its end can't be read, or it holds no plain frames.
    """
    known, end = _described(path)
    if known.get("type", MOVIE) != MOVIE:
        raise InputError(f"{path} holds cells or events, no frames: open the movie.")
    if known.get("hasFrameHeaderFooter"):
        raise InputError(f"{path} has lines of settings in each frame: {WAY_OUT}.")
    stored = TYPES.get(known.get("dataType", 0))
    timing = _part(known, "timingInfo")
    pixels = _part(known, "spacingInfo", "numPixels")
    n_rows, n_columns = (_count(pixels.get(axis), LARGEST_SIDE) for axis in "yx")
    n_planned = _count(timing.get("numTimes"), MOST_FRAMES)
    if stored is None or not n_rows or not n_columns or not n_planned:
        raise InputError(f"{path} doesn't say what its frames are: {WAY_OUT}.")
    dtype = np.dtype(stored)
    numbers = _numbers(timing, n_planned)
    n_frames = len(numbers)
    if not n_frames or n_frames * n_rows * n_columns * dtype.itemsize != end:
        raise InputError(
            f"{path} has another length than {counted(n_frames, 'frame')} of {n_rows} × "
            f"{n_columns} pixels: copy it again from where it was recorded."
        )
    period_s = _ratio(timing.get("period"))
    facts = Facts(
        sizes=(n_frames,),
        frame_times_s=numbers * np.float64(period_s) if period_s and period_s > 0 else None,
        numbers=numbers if n_frames < n_planned else None,
        started_at=_start_in(timing),
        remarks=(*_of_gaps(n_planned - n_frames), *_of_pixel_size(known)),
    )
    return Opened(RawSource(path, 0, dtype, (n_frames, 1, n_rows, n_columns)), (path,), facts)


def started_at(path: Path) -> datetime | None:
    """Return when the recording was begun; None where the file doesn't say it."""
    try:
        return _start_in(_part(_described(path)[0], "timingInfo"))
    except InputError:
        return None  # what is the matter with it is said when it is opened


def _described(path: Path) -> tuple[Mapping[str, Any], int]:
    """Read what stands at the end of a file; return it, and where it begins."""
    with readable(path), path.open("rb") as file:
        n_bytes = file.seek(0, 2)
        file.seek(max(n_bytes - 8, 0))
        last = file.read()
        (length,) = struct.unpack("<q", last) if len(last) == 8 else (0,)
        begin = n_bytes - 8 - 1 - length  # the text ends in a 0
        text = b""
        if 0 < length <= LARGEST_TEXT and begin >= 0:
            file.seek(begin)
            text = file.read(length)
    try:
        known = json.loads(text)
    except (ValueError, RecursionError):
        known = None
    if not isinstance(known, dict):
        raise InputError(
            f"{path} is truncated or damaged: what its frames are should stand at its end; copy "
            f"it again from where it was recorded."
        )
    return known, begin


def _part(known: Any, *names: str) -> Mapping[str, Any]:
    """Settings within others; empty where there are none."""
    for name in names:
        known = known.get(name) if isinstance(known, Mapping) else None
    return known if isinstance(known, Mapping) else {}


def _count(value: Any, most: int) -> int:
    """Read a count of at least 1; 0 for anything else."""
    found = None if isinstance(value, bool) else number(value)
    return int(found) if found and found == int(found) and 0 < found <= most else 0


def _ratio(value: Any) -> float | None:
    known = value if isinstance(value, Mapping) else {}
    over, under = number(known.get("num")), number(known.get("den"))
    return over / under if over and under else None


def _numbers(timing: Mapping[str, Any], n_planned: int) -> npt.NDArray[np.intp]:
    """(T,) number of each frame in the file among all that were taken."""
    is_there = np.ones(n_planned, bool)
    for name in LEFT_OUT:
        listed = timing.get(name)
        for each in listed if isinstance(listed, list) else ():
            found = RANGE.fullmatch(str(each))
            if found is not None:
                is_there[int(found[1]) : int(found[2] or found[1]) + 1] = False
    return np.flatnonzero(is_there)


def _start_in(timing: Mapping[str, Any]) -> datetime | None:
    """What the clock showed at the start."""
    start = _part(timing, "start")
    seconds, offset = _ratio(start.get("secsSinceEpoch")), number(start.get("utcOffset")) or 0.0
    try:
        return None if not seconds else datetime(1970, 1, 1) + timedelta(seconds=seconds + offset)
    except OverflowError:
        return None


def _of_gaps(n_lacking: int) -> tuple[Remark, ...]:
    if not n_lacking:
        return ()
    return as_notes(
        f"{counted(n_lacking, 'frame')} {were(n_lacking)} dropped or cropped: the others keep "
        f"their numbers and times."
    )


def _of_pixel_size(known: Mapping[str, Any]) -> tuple[Remark, ...]:
    size = _ratio(_part(known, "spacingInfo", "pixelSize").get("x"))
    if not size:
        return ()
    return as_notes(
        f"The file gives pixels of {size:g} µm, but not whether on the sensor or in the tissue: "
        f"give `pixel_size_um`."
    )


FORMAT = Format(
    open_files=lambda paths, wish=PLAIN: in_sequence([open_isxd(path, wish) for path in paths]),
    glance=lambda path: Glance.of(open_isxd(path)),
    started_at=started_at,
)
