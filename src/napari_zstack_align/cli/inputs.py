"""Arguments that say which stack to open and how to read it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from napari_zstack_align.alignment.checks import check_one_plane
from napari_zstack_align.cli.apart import Reads
from napari_zstack_align.cli.opening import add_opening_arguments, opening, sizes
from napari_zstack_align.errors import InputError
from napari_zstack_align.read import open_plane, open_stack, with_sizes
from napari_zstack_align.read.readers import file_formats, known_formats
from napari_zstack_align.remark import as_notes
from napari_zstack_align.saved import kind_of
from napari_zstack_align.sources import FrameSource
from napari_zstack_align.stack import Stack


def check_exist(paths: Sequence[Path]) -> None:
    """Raise InputError where there is nothing of a name: before anything else is said of it.

    Where that can't be found out, the sentence says why.
    """
    for path in paths:
        if not _is_there(path):
            what = "file or folder" if kind_of(path) is None else "alignment"  # by its suffix
            raise InputError(f"There is no {what} {path}: check its name and folder.")


def _is_there(path: Path) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path} can't be read: {why}.") from error
    return True


def add_stack_arguments(parser: argparse.ArgumentParser, nargs: str = "+") -> None:
    """Add FILE... and the flags that complete what the files say."""
    parser.add_argument(
        "files",
        nargs=nargs,
        action=Reads,
        metavar="FILE",
        help=f"{one_or_a_folder()}; several are one stack, in natural order",
    )
    add_opening_arguments(parser)


def one_or_a_folder() -> str:
    """Return what can be opened, for help texts."""
    return f"{known_formats()}, or a folder of {file_formats()} files"


def open_recording(path: Path, args: argparse.Namespace) -> Stack:
    """Open a file, or a folder of files, as one recording; time may be saved as z.

    Raises
    ------
    InputError
        Where it holds several planes at several times.
    """
    stack = open_stack(path, **opening(args))
    check_one_plane(stack)
    remarks = (*stack.remarks, *as_notes(_on_files(path, stack)))
    return completed(stack.replace(frames_per_slice=None, remarks=remarks), args)


def _on_files(folder: Path, stack: Stack) -> str:
    """Say that several movies in a folder are one recording; '' for single frames.

    Of a file that belongs to a set, its own description says so.
    """
    names = [path.name for path in stack.paths]
    if not folder.is_dir() or len(names) < 2 or stack.n_frames <= len(names):
        return ""
    return (
        f"The {len(names)} files in {folder}, {names[0]} to {names[-1]}, are one recording here, "
        f"without pauses between them. If they are several recordings, give the files instead of "
        f"the folder: {folder / names[0]} {folder / names[1]}{' ...' if len(names) > 2 else ''}"
    )


def completed(stack: Stack, args: argparse.Namespace) -> Stack:
    """Return a recording with the sizes and times that the flags give."""
    given = sizes(args)
    return with_sizes(stack, **given) if given else stack


def open_from(args: argparse.Namespace) -> Stack:
    """Open the stack that the arguments describe."""
    paths = args.files[0] if len(args.files) == 1 else args.files
    return open_stack(paths, **opening(args), **sizes(args))


def read_mask(path: Path | None) -> npt.NDArray[Any] | None:
    """Read a mask image (Y, X); None where no path is given."""
    return None if path is None else _one_image(path, "mask", open_plane(path))


def read_image(path: Path, what: str) -> npt.NDArray[Any]:
    """Read a single image (Y, X)."""
    return _one_image(path, what, open_stack(path).source)


def _one_image(path: Path, what: str, source: FrameSource) -> npt.NDArray[Any]:
    n_images = source.shape[0] * source.shape[1]
    if n_images != 1:
        raise InputError(f"{path} is no {what}: it holds {n_images} images, not one.")
    image: npt.NDArray[Any] = source.read(0, 1)[0, 0]
    return image
