"""Scanbox (Neurolabware): one ``.sbx`` of all frames, and a ``.mat`` of the same name beside it.

The frames are uint16, little-endian, and lie as (frame, row, column, channel). Light makes the
numbers smaller: a pixel is 65,535 less what is stored. Positions of the optotune run fastest, a
frame each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted, were
from napari_zstack_align.errors import InputError
from napari_zstack_align.read._broken_off import whole_frames_of
from napari_zstack_align.read._facts import Facts, Opened
from napari_zstack_align.read._files import readable
from napari_zstack_align.read._format import PLAIN, Format, Glance, Wish
from napari_zstack_align.read._mat import read_variable
from napari_zstack_align.read._plain_bytes import PlainFile, in_native_order
from napari_zstack_align.read._sequence import in_sequence
from napari_zstack_align.read._units import number
from napari_zstack_align.remark import Remark, as_notes, as_warnings

PIXEL = np.dtype("<u2")
IN_CACHE = 2**18
"""Bytes that are read and turned at once: they stay where the processor is fast."""
LARGEST_SIDE, MOST_PLANES, MOST_CHANNELS = 10**5, 10**5, 4
OFF = BIDIRECTIONAL = (0.0,)
NAMES = {1: ("PMT0", "PMT1"), 2: ("PMT0",), 3: ("PMT1",)}
"""Detectors that were recorded, by what ``channels`` says."""


@dataclass(frozen=True)
class Scan:
    """What the ``.mat`` says of the frames.

    Attributes
    ----------
    n_rows, n_columns, n_channels : int
        Of a frame.
    names : tuple of str
        Of the channels; empty where it doesn't say which they are.
    n_slices : int
        Positions of the optotune, each of which has a frame in turn.
    positions_um : tuple of float
        Their depths; empty where it doesn't say so.
    n_frames : int
        That were to be recorded; 0 where it doesn't say so.
    frame_s : float, optional
        Time of a frame.
    """

    n_rows: int
    n_columns: int
    n_channels: int
    names: tuple[str, ...] = ()
    n_slices: int = 1
    positions_um: tuple[float, ...] = ()
    n_frames: int = 0
    frame_s: float | None = None
    remarks: tuple[Remark, ...] = ()

    @property
    def channel_axis(self) -> str:
        """Letter of the axis of channels; '' for one channel."""
        return "C" if self.n_channels > 1 else ""


class ScanboxSource:
    """Frames of a ``.sbx``: turned the right way round, and their channels parted.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    shape : tuple of int
        (T, C, Y, X).
    """

    reads_singly = True

    def __init__(self, path: Path, shape: tuple[int, int, int, int]) -> None:
        _, n_channels, _, n_columns = shape
        self._path = path
        self._shape = shape
        self._n_rows = max(1, IN_CACHE // (n_channels * n_columns * PIXEL.itemsize))

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, C, Y, X)."""
        return self._shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of a pixel."""
        return PIXEL.newbyteorder("=")

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Frames ``start`` to ``stop`` as (stop - start, C, Y, X)."""
        _, n_channels, _, n_columns = self._shape
        out = np.empty((max(stop - start, 0), *self._shape[1:]), self.dtype)
        stored = np.empty((self._n_rows, n_columns, n_channels), PIXEL)
        offset = start * out[:1].nbytes
        with PlainFile(self._path) as file:
            for rows in self._rows_of(out):
                part = stored[: rows.shape[1]]
                file.fill(part, offset)
                offset += part.nbytes
                _part_channels(in_native_order(part), rows)
        return out

    def _rows_of(self, out: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
        """Parts (C, Y, X) of frames, in the order of the file."""
        for frame in out:
            for first in range(0, frame.shape[1], self._n_rows):
                yield frame[:, first : first + self._n_rows]


def _part_channels(stored: npt.NDArray[Any], out: npt.NDArray[Any]) -> None:
    """Make it 65,535 less what is stored (Y, X, C), as (C, Y, X)."""
    if len(out) == 1:
        np.invert(stored[..., 0], out=out[0])
    else:
        np.invert(stored, out=stored)
        cv2.split(stored, list(out))


def open_scanbox(path: Path, wish: Wish = PLAIN) -> Opened:
    """Open a ``.sbx``; no pixel is read.

    Raises
    ------
    InputError
        If the ``.mat`` can't be read or doesn't say the size of a frame, or the last frame is cut
        and the whole ones won't do.
    """
    scan = scan_of(_info(path.with_suffix(".mat")), path.with_suffix(".mat"))
    with readable(path):
        n_bytes = path.stat().st_size
    frame = (scan.n_channels, scan.n_rows, scan.n_columns)
    n_frames, rest = divmod(n_bytes, PIXEL.itemsize * int(np.prod(frame, dtype=np.int64)))
    remarks = scan.remarks
    if rest or not n_frames:
        remarks += whole_frames_of(path, n_frames, scan.n_frames or None, wish)
    else:
        remarks += _of_length(path, scan, n_frames)
    n_volumes = n_frames // scan.n_slices if scan.n_slices > 1 and not wish.as_planes else 0
    if n_volumes:
        remarks += _of_unfinished(n_frames - n_volumes * scan.n_slices, scan)
        n_frames = n_volumes * scan.n_slices
    facts = Facts(
        axes=("VZ" if n_volumes else "T") + scan.channel_axis,
        sizes=(
            *((n_volumes, scan.n_slices) if n_volumes else (n_frames,)),
            *(scan.n_channels for _ in scan.channel_axis),
        ),
        interval_s=scan.frame_s,
        z_positions_um=scan.positions_um or None,
        channel_names=scan.names,
        remarks=remarks,
    )
    return Opened(ScanboxSource(path, (n_frames, *frame)), (path,), facts)


def _info(path: Path) -> Mapping[str, Any]:
    """Read the settings of the recording."""
    info = read_variable(path, "info")
    if not isinstance(info, dict):
        raise InputError(f"{path} holds no settings of Scanbox (info): copy both files again.")
    return info


def scan_of(info: Mapping[str, Any], path: Path) -> Scan:
    """Read what ``info`` says of the frames.

    Parameters
    ----------
    info : mapping
        The variable of that name in the ``.mat``.
    path : pathlib.Path
        Of the ``.mat``.
    """
    version, size = _number(info.get("scanbox_version")), _numbers(info.get("sz"))
    if not size and (version or 1) < 2:
        raise InputError(
            f"{path.with_suffix('.sbx')} was written by Scanbox 1, which stored the samples of the "
            f"detector and no pixels: save it as TIFF with sbxread and Matlab."
        )
    n_rows, n_columns = (_whole(n, LARGEST_SIDE) for n in (*size, 0, 0)[:2])
    if not n_rows or not n_columns:
        raise InputError(
            f"{path} doesn't say how many rows and columns {path.stem}.sbx has (info.sz): copy "
            f"both files again."
        )
    n_channels, names = _channels(info, path)
    is_bidirectional = _numbers(info.get("scanmode")) == BIDIRECTIONAL
    lines_per_s = (_number(info.get("resfreq")) or 0) * (2 if is_bidirectional else 1)
    n_slices, positions = _slices(info)
    is_known = len(positions) == n_slices > 1 and _is_monotonic(positions)
    return Scan(
        n_rows,
        n_columns,
        n_channels,
        names=names,
        n_slices=n_slices,
        positions_um=positions if is_known else (),
        n_frames=_count(_config(info).get("frames"), 10**9),
        frame_s=n_rows / lines_per_s if lines_per_s > 0 else None,
        remarks=(
            *_of_rows(info, n_rows, is_bidirectional),
            *_of_edges(is_bidirectional),
            *_of_depths(n_slices, is_known),
            *_of_calibration(info),
        ),
    )


def _channels(info: Mapping[str, Any], path: Path) -> tuple[int, tuple[str, ...]]:
    """Number of channels, with their names: of version 3 in ``chan``, else which detectors."""
    chan = info.get("chan")
    n_channels = _count(chan.get("nchan"), MOST_CHANNELS) if isinstance(chan, Mapping) else 0
    if n_channels:
        return n_channels, ()
    names = NAMES.get(_count(info.get("channels"), MOST_CHANNELS), ())
    if not names:
        raise InputError(
            f"{path} doesn't say which channels were recorded (info.channels): copy both files "
            f"again."
        )
    return len(names), names


def _slices(info: Mapping[str, Any]) -> tuple[int, tuple[float, ...]]:
    """Positions that the optotune takes in turn, with their depths in µm where they are known.

    Files of early versions don't say whether it was on: it was where there is a wave.
    """
    if _numbers(info.get("volscan")) == OFF:
        return 1, ()
    table = info.get("etl_table")
    n_slices = len(table) if isinstance(table, np.ndarray) else len(_numbers(info.get("otwave")))
    return max(1, min(n_slices, MOST_PLANES)), _numbers(info.get("otwave_um"))


def _is_monotonic(positions: tuple[float, ...]) -> bool:
    steps = np.diff(positions)
    return bool((steps > 0).all() or (steps < 0).all())


def _config(info: Mapping[str, Any]) -> Mapping[str, Any]:
    config = info.get("config")
    return config if isinstance(config, Mapping) else {}


def _numbers(value: Any) -> tuple[float, ...]:
    """Return finite numbers; empty for anything else."""
    is_plain = isinstance(value, np.ndarray) and np.isfinite(value).all()
    return tuple(value.ravel(order="F").astype(float).tolist()) if is_plain else ()


def _number(value: Any) -> float | None:
    """Return one number other than 0; None for anything else."""
    found = _numbers(value)
    return number(found[0]) if len(found) == 1 else None


def _count(value: Any, most: int) -> int:
    """Read a count of at least 1; 0 for anything else."""
    return _whole(_number(value), most)


def _whole(found: float | None, most: int) -> int:
    return int(found) if found and found == int(found) and 0 < found <= most else 0


def _of_rows(info: Mapping[str, Any], n_rows: int, is_bidirectional: bool) -> tuple[Remark, ...]:
    """Warn where the number of lines that were scanned isn't that of the rows."""
    lines = _count(info.get("recordsPerBuffer"), LARGEST_SIDE) * (2 if is_bidirectional else 1)
    if lines in (0, n_rows):
        return ()
    return as_warnings(
        f"The .mat speaks of {lines} lines of a frame (recordsPerBuffer) and of {n_rows} rows "
        f"(sz): frames of {n_rows} rows were opened. Look whether they are whole."
    )


def _of_edges(is_bidirectional: bool) -> tuple[Remark, ...]:
    if not is_bidirectional:
        return ()
    return as_notes(
        "Lines were scanned there and back: the columns at the left edge of such frames may hold "
        "no image. Leave them out with a mask."
    )


def _of_depths(n_slices: int, is_known: bool) -> tuple[Remark, ...]:
    if n_slices == 1:
        return ()
    depths = (
        "depths are those of info.otwave_um" if is_known else "the file doesn't say their depths"
    )
    return as_notes(
        f"The {n_slices} slices of a volume are the positions of the optotune, in the order of "
        f"its wave; {depths}."
    )


def _of_calibration(info: Mapping[str, Any]) -> tuple[Remark, ...]:
    """Say that what is known of sizes isn't used: programs take it for µm, and for its inverse."""
    known = [name for name in ("calibration", "dxcal", "dycal") if name in info]
    if not known:
        return ()
    return as_notes(
        f"The pixel size is left open: what info.{known[0]} is measured in isn't documented. Give "
        f"`pixel_size_um`."
    )


def _of_length(path: Path, scan: Scan, n_frames: int) -> tuple[Remark, ...]:
    """Note a file of another length than was to be recorded, as one that was stopped has."""
    if scan.n_frames in (0, n_frames):
        return ()
    return as_notes(
        f"{path.name} holds {counted(n_frames, 'frame')}; {scan.n_frames:,} were to be recorded."
    )


def _of_unfinished(n_left: int, scan: Scan) -> tuple[Remark, ...]:
    if not n_left:
        return ()
    return as_notes(
        f"The last {counted(n_left, 'frame')}, of an unfinished volume of {scan.n_slices}, "
        f"{were(n_left)} left out: `axes='T{scan.channel_axis}YX'` opens all frames as a recording."
    )


FORMAT = Format(
    open_files=lambda paths, wish=PLAIN: in_sequence([open_scanbox(path, wish) for path in paths]),
    glance=lambda path: Glance.of(open_scanbox(path)),
)
