"""`open_stack`: files to a lazy Stack."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_zstack_align.errors import InputError
from napari_zstack_align.read._facts import Opened, layout, times
from napari_zstack_align.read._files import collect, reader_of
from napari_zstack_align.read._sequence import in_sequence
from napari_zstack_align.read.readers import without_ending
from napari_zstack_align.sources import FrameSource
from napari_zstack_align.stack import Order, Stack, check_pixels


def open_stack(
    path_or_paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    frames_per_slice: int | None = None,
    order: Order | None = None,
) -> Stack:
    """Open a z-stack or a recording; frames are read when they are asked for.

    Parameters
    ----------
    path_or_paths : path or sequence of paths
        A file or folder of one of the formats in ``read.readers.READERS`` (TIFF and BigTIFF:
        plain, ImageJ, OME, compressed or not; ``.npy``; zarr), a folder of such files, or a list
        of them. Several files are one Stack: they follow each other along T in natural order
        (Img_2 before Img_10), and what the first says holds, where no other contradicts it.
    frames_per_slice : int, optional
        Repeats of each slice; goes before what the file says.
    order : {'repeats', 'slices'}, optional
        Whether repeats or slices run fastest in the file; goes before what the file says.

    Returns
    -------
    Stack
        ``frames_per_slice`` and ``order`` are None where neither the file nor the caller says: a
        recording. A file of slices without time axis has one frame a slice.

    Raises
    ------
    InputError
        If a file is missing, unreadable, truncated, no image, or of mixed shapes, or its pixels
        are RGB, complex or all NaN.
    """
    paths, remarks = collect(path_or_paths)
    opened = _open(paths)
    facts, source = opened.facts, opened.source
    name = _name(path_or_paths, opened.paths)
    check_pixels(source.dtype, source.shape, name)
    told_repeats, told_order = layout(facts)
    if frames_per_slice is None:
        frames_per_slice, order = told_repeats, order or told_order
    elif order is None and frames_per_slice == told_repeats:
        order = told_order
    n_frames, n_channels = source.shape[:2]
    stack = Stack(
        source=source,
        pixel_size_um=facts.pixel_size_um,
        z_step_um=facts.z_step_um,
        frame_times_s=times(facts, n_frames),
        channel_names=facts.channel_names if len(facts.channel_names) == n_channels else (),
        frames_per_slice=frames_per_slice,
        order=order,
        name=name,
        paths=opened.paths,
        remarks=(*remarks, *facts.remarks),
    )
    _check_numbers(source, opened.paths[0])
    return stack


def open_plane(path: str | os.PathLike[str]) -> FrameSource:
    """Open a file whose pixels may be true and false too, as those of masks are.

    Raises
    ------
    InputError
        As `open_stack`, for all but that.
    """
    paths, _ = collect(path)
    source = _open(paths).source
    if source.dtype != np.dtype(bool):
        check_pixels(source.dtype, source.shape, str(path))
    return source


def _open(paths: list[Path]) -> Opened:
    """Open files by what they are, not by what they are called."""
    readers = [reader_of(path) for path in paths]
    if all(reader is readers[0] for reader in readers):
        return readers[0].load().open_files(paths)
    pairs = zip(readers, paths, strict=True)
    return in_sequence([reader.load().open_files([path]) for reader, path in pairs])


def _name(
    path_or_paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    paths: tuple[Path, ...],
) -> str:
    """Short name: of the file without its ending, or of the folder that many files are in."""
    if isinstance(path_or_paths, (str, os.PathLike)):
        name = Path(path_or_paths).expanduser().resolve().name
    else:
        name = paths[0].name if len(paths) == 1 else paths[0].resolve().parent.name
    return without_ending(name) or "stack"


def _check_numbers(source: FrameSource, path: Path) -> None:
    """Refuse data of real numbers without one: the first, middle and last frame are looked at."""
    if source.dtype.kind != "f":
        return
    n_frames = source.shape[0]
    for t in {0, n_frames // 2, n_frames - 1}:
        if not np.isnan(source.read(t, t + 1)).all():
            return
    raise InputError(f"{path} holds no numbers (NaN everywhere): export it again.")
