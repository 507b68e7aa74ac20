"""`open_stack`: files to a lazy Stack."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from napari_zstack_align.errors import InputError
from napari_zstack_align.layout import FramesPerSlice, Layout, Order
from napari_zstack_align.read import _png
from napari_zstack_align.read._facts import Opened
from napari_zstack_align.read._files import collect, magic, reader_of
from napari_zstack_align.read._format import PLAIN, Format, Wish
from napari_zstack_align.read._sequence import in_sequence
from napari_zstack_align.read.readers import without_ending
from napari_zstack_align.read.said.axes import as_said, checked_axes
from napari_zstack_align.read.said.drop import Dropped
from napari_zstack_align.read.said.layout import laid_out, of_plane_rate, with_sizes
from napari_zstack_align.read.said.line_phase import said_of, with_line_phase
from napari_zstack_align.said import Said
from napari_zstack_align.sources import FrameSource
from napari_zstack_align.stack import Stack, check_pixels


def open_stack(
    path_or_paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    axes: str | None = None,
    frames_per_slice: int | Sequence[int] | None = None,
    order: Order | None = None,
    channels: int | None = None,
    plane: int | None = None,
    drop_frames: str | os.PathLike[str] | Iterable[int] | None = None,
    pixel_size_um: float | tuple[float, float] | None = None,
    z_step_um: float | None = None,
    z_positions_um: Sequence[float] | None = None,
    frame_rate_hz: float | None = None,
    image: int | str = 0,
    whole_frames: bool = False,
    line_phase: float | Sequence[float] | Literal["auto"] | None = None,
    line_phase_subpixel: bool = False,
) -> Stack:
    """Open a z-stack or a recording; frames are read when they are asked for.

    What is said here goes before what the files say.

    Parameters
    ----------
    path_or_paths : path or sequence of paths
        A file or folder of one of the formats in ``read.readers.READERS`` (TIFF and BigTIFF:
        plain, ImageJ, OME, compressed or not; ``.npy``; zarr), a folder of such files, or a list
        of them. Several files are one Stack: they follow each other along T in natural order
        (Img_2 before Img_10), and what the first says holds, where no other contradicts it.
    axes : str, optional
        What the file's axes are, a letter each, slowest first: T (time), V (volumes), Z (slices),
        R (repeats), C (channels), Y, X. 'ZRCYX' is a z-stack with all repeats of a slice after one
        another, each with its channels. Of a file of pages, the repeats (``frames_per_slice``) and
        ``channels`` have to be said too.
    frames_per_slice : int or sequence of int, optional
        Repeats of each slice: volumes for order 'slices', sweeps for 'up-and-down'. A list gives
        those of every slice, where they vary.
    order : {'repeats', 'slices', 'up-and-down', 'up-and-down-once'}, optional
        What runs fastest: all repeats of a slice follow one another; whole volumes repeat; sweeps
        through the slices there and back in turn, where the slice at a turning point is scanned
        twice in succession, or once.
    channels : int, optional
        Channels, whose images follow one another in every frame.
    plane : int, optional
        Slice of volumes that repeat, from 0: it alone is opened, as a recording.
    drop_frames : str, path or iterable of int, optional
        Numbers of frames, from 0 ('3, 17, 40-44'), or a file that lists them (``bad_frames.npy``, a
        table): they stay in place and time, without pixels, and are flagged. Or a pattern
        ('last 2 of 12'): so many frames, such as
        flyback, leave every volume; the others keep their times.
    pixel_size_um : float or tuple of float, optional
        Size of a pixel in µm, or (y, x).
    z_step_um : float, optional
        Distance of slices in µm.
    z_positions_um : sequence of float, optional
        Depth of each slice in µm, where they lie unevenly.
    frame_rate_hz : float, optional
        Frames a second, as they are in the file: those of all planes and of flyback count.
    image : int or str, optional
        Which of several images in a file, by number from 0 or by name.
    whole_frames : bool, optional
        Whether the whole frames of a file that breaks off are to be opened.
    line_phase : float, sequence of 3 floats or 'auto', optional
        How far every second line (1, 3, 5 ... from 0) lies to the right of the others, in px, as
        bidirectional scanning may leave it: these lines are moved back as frames are read. Three
        numbers give it at the left edge, in the centre and at the right edge. 'auto' reads up to
        150 frames for an estimate (see `estimate_line_phase`), and applies it where it exceeds
        three standard errors and 0.2 px.
    line_phase_subpixel : bool, optional
        Whether lines are moved by parts of a pixel, all by half of the phase so that all are
        blurred alike; else every second one by whole pixels, which changes no value.

    Returns
    -------
    Stack
        ``frames_per_slice`` and ``order`` are None where neither the file nor the caller says: a
        recording. A file of slices without time axis has one frame a slice. Its ``remarks`` say
        what was read, assumed and left aside.

    Raises
    ------
    InputError
        If a file is missing, unreadable, truncated, no image, or of mixed shapes, its pixels are
        RGB, complex or all NaN, or what is said doesn't fit it.
    """
    dropped = None if drop_frames is None else Dropped.read(drop_frames)
    said = Said(
        axes=None if axes is None else checked_axes(axes),
        frames_per_slice=_repeats(frames_per_slice),
        order=order,
        channels=_whole("channels", channels, 1),
        plane=_whole("plane", plane, 0),
        drop_frames=None if dropped is None else dropped.words or None,
        image=image,
        whole_frames=whole_frames,
        **said_of(line_phase, line_phase_subpixel),
    )
    paths, remarks = collect(path_or_paths)
    opened = as_said(partial(_open, paths), said)
    source = opened.source
    name = _name(path_or_paths, opened.paths)
    check_pixels(source.dtype, source.shape, name)
    stack = laid_out(opened, said, dropped, name, remarks)
    if line_phase is not None:
        opened, said, phase_remarks = with_line_phase(
            opened, stack, line_phase, line_phase_subpixel
        )
        stack = laid_out(opened, said, dropped, name, (*remarks, *phase_remarks))
    stack = with_sizes(stack, pixel_size_um, z_step_um, z_positions_um, frame_rate_hz)
    _check_numbers(source, opened.paths[0])
    if plane is None:
        return stack
    stack = stack.plane(plane)
    return stack.replace(remarks=(*stack.remarks, *of_plane_rate(stack, frame_rate_hz)))


def open_plane(path: str | os.PathLike[str]) -> FrameSource:
    """Open a file whose pixels may be true and false too, or a picture, as masks are.

    Raises
    ------
    InputError
        As `open_stack`, for all but that.
    """
    paths, _ = collect(path)
    if len(paths) == 1 and not paths[0].is_dir() and magic(paths[0]).startswith(_png.START):
        return _png.open_png(paths[0])
    source = _open(paths, PLAIN).source
    if source.dtype != np.dtype(bool):
        check_pixels(source.dtype, source.shape, str(path))
    return source


def _open(paths: list[Path], wish: Wish) -> Opened:
    """Open files by what they are, not by what they are called."""
    readers = [reader_of(path) for path in paths]
    if all(reader is readers[0] for reader in readers):
        return _of_format(readers[0].load(), paths, wish)
    pairs = zip(readers, paths, strict=True)
    return in_sequence([_of_format(reader.load(), [path], wish) for reader, path in pairs])


def _of_format(format_: Format, paths: list[Path], wish: Wish) -> Opened:
    if wish.image and not format_.has_images:
        raise InputError(
            f"{paths[0]} has one image, of which {wish.image!r} is none: leave out `image`."
        )
    opened: Opened = format_.open_files(paths, wish)
    return opened


def _repeats(given: int | Sequence[int] | None) -> FramesPerSlice | None:
    return None if given is None else Layout(given).frames_per_slice  # type: ignore[arg-type]


def _whole(what: str, given: int | None, least: int) -> int | None:
    """Return a whole number of at least so many, or None."""
    if given is None:
        return None
    is_number = isinstance(given, int | np.integer) and not isinstance(given, bool)
    if not is_number or given < least:
        raise InputError(f"{what} must be a whole number of at least {least}, not {given!r}.")
    return int(given)


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
