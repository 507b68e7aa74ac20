"""Arrays in NumPy's own format, written piece by piece."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.write.replacing import replacing
from napari_zstack_align.write.target import check_export_target

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]

PIECE_BYTES = 2**20
"""Bytes written between two reports of progress."""


def write_header(file: Any, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
    """Begin a .npy file; the values follow in C order."""
    descr = np.lib.format.dtype_to_descr(np.dtype(dtype))
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def write_npz(path: str | Path, arrays: Arrays, *, overwrite: bool = False) -> Job[Path]:
    """Write arrays to one .npz file, uncompressed and never pickled: ``np.load`` reads it."""
    path = Path(path)
    check_export_target(path, overwrite, is_npz_export)
    return _write(path, arrays, overwrite)


def is_npz_export(path: Path) -> bool:
    """Whether a file holds ROIs, and perhaps their traces."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {"ids.npy", "circles.npy"} <= set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _write(path: Path, arrays: Arrays, overwrite: bool) -> Job[Path]:
    total = sum(values.nbytes for values in arrays.values())
    done = 0
    with replacing(path, overwrite) as unfinished, zipfile.ZipFile(unfinished, "w") as archive:
        for name, values in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                done = yield from _write_array(file, values, done, total)
    return path


def _write_array(file: Any, values: npt.NDArray[Any], done: int, total: int) -> Job[int]:
    """Write one array; returns the bytes written so far."""
    write_header(file, values.shape, values.dtype)
    flat = np.ascontiguousarray(values).reshape(-1)
    step = max(PIECE_BYTES // max(values.itemsize, 1), 1)
    for start in range(0, len(flat), step):
        piece = flat[start : start + step]
        file.write(piece.tobytes())
        done += piece.nbytes
        yield Progress("Writing NumPy arrays", done, total)
    return done
