"""Suite2p's binary of a plane: ``data.bin`` with ``ops.npy`` beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_zstack_align.counting import are, counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.read._broken_off import whole_frames_of
from napari_zstack_align.read._facts import Facts, Opened
from napari_zstack_align.read._files import readable
from napari_zstack_align.read._format import PLAIN, Format, Glance, Wish
from napari_zstack_align.read._raw_source import ChannelsSource, RawSource
from napari_zstack_align.read._sequence import in_sequence
from napari_zstack_align.read._units import number
from napari_zstack_align.read.own_exports import MADE_BY, on_aligned
from napari_zstack_align.read.suite2p.names import BINARIES, OPS
from napari_zstack_align.read.suite2p.objects import read_objects
from napari_zstack_align.remark import Remark, RemarkCode, as_notes, as_warnings

PIXEL = np.dtype("<i2")
LARGEST_SIDE = 10**5
USUAL_RATE_HZ = 10.0
"""What Suite2p takes where nobody enters a rate."""
MOST_NAMED = 5


def open_binary(path: Path, wish: Wish = PLAIN) -> Opened:
    """Open the binary of a plane, or the folder that it is in; no pixel is read.

    Raises
    ------
    InputError
        If ``ops.npy`` can't be read or doesn't say the size of a frame, or the last frame is cut
        and the whole ones won't do.
    """
    file = path if path.is_file() else _binary_in(path)
    ops = _ops(file.with_name(OPS))
    channels = [file, *_second_channel(file, ops)]
    sources, of_length = zip(*(_source(each, ops, wish) for each in channels), strict=True)
    lengths = {source.shape[0] for source in sources}
    if len(lengths) > 1:
        raise InputError(
            f"{channels[1]} has {counted(sources[1].shape[0], 'frame')}, and {file.name} "
            f"{sources[0].shape[0]:,}: copy both again from where they were written."
        )
    rate = number(ops.get("fs"))
    facts = Facts(
        axes="TC" if len(sources) > 1 else "T",
        sizes=(lengths.pop(), len(sources))[: len(sources)],
        pixel_size_um=_pixel_size(ops.get("pixel_size_um")),
        interval_s=1 / rate if rate and rate > 0 else None,
        remarks=(
            *of_length[0],
            *_remarks(file, ops, sources[0].shape[0], len(sources), bool(of_length[0])),
        ),
    )
    source = ChannelsSource(sources) if len(sources) > 1 else sources[0]
    return Opened(source, (file,), facts)


def open_binaries(paths: list[Path], wish: Wish = PLAIN) -> Opened:
    """Open several as one recording; a second channel is no continuation of the first."""
    seconds = {second for path in paths if (second := _second_of(path)) in paths}
    if seconds:
        second = min(filter(None, seconds))
        raise InputError(
            f"{second} is the second channel of another file in the list: leave it out, it opens "
            f"with the first."
        )
    return in_sequence([open_binary(path, wish) for path in paths])


def _binary_in(folder: Path) -> Path:
    with readable(folder):
        there = (folder / name for name in BINARIES if (folder / name).is_file())
        return next(there, folder / "data.bin")


def _ops(path: Path) -> dict[str, Any]:
    found = read_objects(path)
    ops = found.item() if found.shape == () else None
    if not isinstance(ops, dict):
        raise InputError(f"{path} is no ops.npy of Suite2p: it holds no settings by name.")
    return ops


def _second_of(file: Path) -> Path | None:
    """Where the second channel of a file would be; None for a file that is one itself."""
    name = BINARIES.get(file.name)
    return None if name is None else file.with_name(name)


def _second_channel(file: Path, ops: dict[str, Any]) -> list[Path]:
    """The file of the second channel, where there is one; each of them can be opened alone."""
    second = _second_of(file)
    if second is None or (number(ops.get("nchannels")) or 1) < 2:
        return []
    with readable(second):
        return [second] if second.is_file() else []


def _source(file: Path, ops: dict[str, Any], wish: Wish) -> tuple[RawSource, tuple[Remark, ...]]:
    size = [number(ops.get(name)) for name in ("Ly", "Lx")]
    if not all(n and n == int(n) and 0 < n <= LARGEST_SIDE for n in size):
        raise InputError(
            f"{file.with_name(OPS)} doesn't say how many rows and columns {file.name} has (Ly, "
            f"Lx): copy the folder again."
        )
    n_rows, n_columns = (int(n or 0) for n in size)
    with readable(file):
        n_bytes = file.stat().st_size
    n_frames, rest = divmod(n_bytes, n_rows * n_columns * PIXEL.itemsize)
    said, remarks = number(ops.get("nframes")), tuple[Remark, ...]()
    if rest or not n_frames:
        expected = int(said) if said and said > n_frames else None
        remarks = whole_frames_of(file, n_frames, expected, wish)
    return RawSource(file, 0, PIXEL, (n_frames, 1, n_rows, n_columns)), remarks


def _pixel_size(value: Any) -> tuple[float, float] | None:
    """Pixel size (y, x) in µm as our exports write it; Suite2p itself doesn't know it."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        return None
    y, x = map(number, value)
    return (y, x) if y and x and min(y, x) > 0 else None


def _remarks(
    file: Path, ops: dict[str, Any], n_frames: int, n_channels: int, is_cut: bool
) -> tuple[Remark, ...]:
    said, rate = number(ops.get("nframes")), number(ops.get("fs"))
    other_length = said is not None and said != n_frames and not is_cut
    lacks_channel = n_channels == 1 and (number(ops.get("nchannels")) or 1) > 1
    return (
        *as_warnings(
            f"{file.name} holds {counted(n_frames, 'frame')}, but ops.npy speaks of {said:,.0f}: "
            f"those that are there were opened."
            if other_length
            else "",
            _on_values(ops, "_chan2" if n_channels == 1 and "chan2" in file.name else ""),
        ),
        *as_notes(
            f"ops.npy speaks of two channels: only {file.name} was opened."
            if lacks_channel
            else "",
            "The frame rate of 10 Hz is what Suite2p takes where none is entered: check it."
            if rate == USUAL_RATE_HZ
            else "",
            _on_bad_frames(ops.get("badframes"), n_frames),
        ),
        *as_notes(
            "Suite2p has registered these frames already." if _is_registered(file, ops) else "",
            code=RemarkCode.RESAMPLED,
        ),
        *on_aligned(ops.get("made_by") == MADE_BY),
    )


def _on_values(ops: dict[str, Any], suffix: str) -> str:
    """Say that the values were changed to fit into 16 bits; '' where they weren't."""
    scale, offset = (ops.get(f"int16_{name}{suffix}") for name in ("scale", "offset"))
    scale_by, add = number(scale) or 1.0, number(offset) or 0.0
    if (scale_by, add) == (1.0, 0.0):
        return ""
    return (
        f"The values were changed when the file was written, to fit into int16: the brightness was "
        f"value / {scale_by:g} + {add:g}. They are shown as they stand in the file."
    )


def _is_registered(file: Path, ops: dict[str, Any]) -> bool:
    return bool(number(ops.get("do_registration"))) and "yoff" in ops and "raw" not in file.name


def _on_bad_frames(marked: Any, n_frames: int) -> str:
    """Name the frames that are marked as bad; '' for none."""
    is_list = isinstance(marked, np.ndarray) and marked.shape == (n_frames,)
    if not is_list or marked.dtype.kind not in "bui" or not marked.any():
        return ""
    frames = np.flatnonzero(marked)
    more = "" if frames.size <= MOST_NAMED else f" and {frames.size - MOST_NAMED} more"
    named = ", ".join(map(str, frames[:MOST_NAMED]))
    return (
        f"ops.npy marks {counted(frames.size, 'frame')} as bad ({named}{more}, counted from 0): "
        f"{'it' if frames.size == 1 else 'they'} {are(frames.size)} in the recording as any other."
    )


FORMAT = Format(open_files=open_binaries, glance=lambda path: Glance.of(open_binary(path)))
