"""Lists of bad frames in files: ``bad_frames.npy`` as Suite2p takes it, and tables of text."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np

from napari_zstack_align.errors import InputError
from napari_zstack_align.plain_files import path_of
from napari_zstack_align.read._files import readable
from napari_zstack_align.saved import UnfitContent, read_npy
from napari_zstack_align.table_text import read_table_text

ENDINGS = (".npy", ".csv", ".tsv", ".txt")
NAMES = ("frame", "frames", "bad_frames", "index", "t")
"""First line of a table whose first column lists frames."""
SEPARATOR = re.compile(r"[,;\t]")
LARGEST_BYTES = 2**28


def is_list_file(given: object) -> bool:
    """Whether what is given is the path of a list, not a text that lists frames."""
    if isinstance(given, str):
        return given.strip().lower().endswith(ENDINGS)
    return isinstance(given, os.PathLike)


def read_bad_frames(given: str | os.PathLike[str]) -> tuple[tuple[int, ...], int | None]:
    """Read the numbers of bad frames, counted from 0.

    Parameters
    ----------
    given : path
        ``.npy`` with their numbers, or with true for each bad frame; or a table of text whose first
        column holds their numbers.

    Returns
    -------
    frames : tuple of int
    n_frames : int or None
        Frames of the recording, where there is a value for each.

    Raises
    ------
    InputError
        For anything else.
    """
    path = path_of(given)
    numbers = _of_npy(path) if path.suffix.lower() == ".npy" else _of_text(path)
    if numbers.dtype == bool:
        return tuple(np.flatnonzero(numbers).tolist()), len(numbers)
    if numbers.size and numbers.min() < 0:
        raise _no_list(path, f"{numbers.min()} is no number of a frame")
    return tuple(sorted(set(numbers.tolist()))), None


def _of_npy(path: Path) -> np.ndarray:
    with readable(path):
        if path.stat().st_size > LARGEST_BYTES:
            raise _no_list(path, "it is too large")
        try:
            found = read_npy(path)
        except UnfitContent:
            raise _no_list(path, "it is damaged, or holds objects") from None
    if found.ndim != 1 or found.dtype.kind not in "biuf":
        raise _no_list(path, "it holds no list of numbers")
    if found.dtype.kind == "f":
        if not np.all(np.isfinite(found)) or np.any(found != np.round(found)):
            raise _no_list(path, "its numbers aren't whole")
        found = found.astype(np.int64)
    return found


def _of_text(path: Path) -> np.ndarray:
    with readable(path):
        lines = read_table_text(path, NAMES).text.splitlines()
    cells = [SEPARATOR.split(line)[0].strip().strip('"') for line in lines]
    if cells and cells[0].lower() in NAMES:
        cells = cells[1:]
    numbers = [cell for cell in cells if cell]
    odd = next((cell for cell in numbers if not cell.isdecimal()), None)
    if odd is not None:
        raise _no_list(path, f"{odd[:40]!r} is no number of a frame")
    return np.array([int(cell) for cell in numbers], np.int64)


def _no_list(path: Path, why: str) -> InputError:
    return InputError(
        f"{path} is no list of bad frames ({why}): give their numbers, counted from 0, one a line, "
        f"or a .npy of them."
    )
