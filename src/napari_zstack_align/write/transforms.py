"""Transforms as plain tables: CSV and ``.npy``."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_zstack_align import acquisition
from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.checks import check_raw_files_stay
from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.csv_text import csv_header, csv_text
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.plain_files import check_is_file
from napari_zstack_align.progress import Job, Progress, run
from napari_zstack_align.saved import UnfitContent, read_npy, shape_of_npy
from napari_zstack_align.write.replacing import replacing
from napari_zstack_align.write.several import Destination, destinations_of
from napari_zstack_align.write.target import check_export_target
from napari_zstack_align.write.writers import Takes, choose_writer

COLUMNS = ("frame", *(f"a{row}{column}" for row in range(3) for column in range(3)))
WITH_TIMES = (*COLUMNS, *acquisition.NAMES)

Matrices = npt.NDArray[np.float64]


def write_transforms(path: str | Path, alignment: Alignment, *, overwrite: bool = False) -> Path:
    """Write the matrix of every frame.

    A matrix acts on columns (y, x, 1) and takes a position in the reference to where it lies in
    the raw frame, in px.

    Parameters
    ----------
    path : path
        Its ending chooses the format: docs/formats.md lists those of transforms.
    alignment : Alignment
        Its transforms are affine.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    InputError
        Where the transforms bend, the name's ending is another one, or the file can't be written
        or holds the raw frames.
    """
    path = Path(path)
    place = Destination(path, choose_writer(path, Takes.TRANSFORMS))
    (written,) = _written([place], [alignment], alignment.stack.paths, overwrite)
    return written


def write_session_transforms(
    path: str | Path, alignments: Sequence[Alignment], *, overwrite: bool = False
) -> list[Path]:
    """Write the matrices of each recording of a session, a file each.

    Parameters and errors are those of `write_transforms`; the name of each recording is added:
    ``t.csv`` makes ``t_NAME.csv``. All names are checked before the first file is written.
    """
    raw = [file for alignment in alignments for file in alignment.stack.paths]
    places = destinations_of(path, alignments, Takes.TRANSFORMS)
    return _written(places, alignments, raw, overwrite)


def _written(
    places: Sequence[Destination],
    alignments: Sequence[Alignment],
    raw: Sequence[Path],
    overwrite: bool,
) -> list[Path]:
    """Check that none of the files is a raw one, and write them."""
    for alignment in alignments:
        _check_affine(alignment)
    for place in places:
        check_raw_files_stay(place.target, raw)
        check_export_target(place.target, overwrite, is_transforms_export)
    return [
        run(place.writer.load()(place.name, alignment, overwrite=overwrite))
        for place, alignment in zip(places, alignments, strict=True)
    ]


def _check_affine(alignment: Alignment) -> None:
    if not alignment.transforms.affine:
        is_recording = isinstance(alignment.params, KeypointParams)
        again = ", or register it again with residual='affine'" if is_recording else ""
        raise InputError(
            f"The transforms of {alignment.stack.name} hold smooth displacement fields, which no "
            f"table of matrices can stand for: export the aligned frames instead{again} (in "
            f"Python, transforms.displacement(t) is the field of a frame)."
        )


def is_transforms_export(path: Path) -> bool:
    """Whether a file holds matrices: raw frames may be ``.npy`` files too."""
    return csv_header(path) in (COLUMNS, WITH_TIMES) or shape_of_npy(path)[1:] == (3, 3)


def write_matrices_csv(path: Path, alignment: Alignment, *, overwrite: bool = False) -> Job[Path]:
    """Write a row per frame: frame, a00, a01, ... a22, and which raw frame it was, and when."""
    matrices = alignment.transforms.matrices()
    yield Progress("Writing transforms", 0, len(matrices))
    raw = alignment.stack.acquisition.columns()
    pairs = zip(matrices.reshape(-1, 9).tolist(), *raw, strict=True)
    rows = [(t, *row, *frame) for t, (row, *frame) in enumerate(pairs)]
    with replacing(path, overwrite) as unfinished:
        unfinished.write_text(csv_text(WITH_TIMES, rows), encoding="utf-8", newline="")
    return path


def write_matrices_npy(path: Path, alignment: Alignment, *, overwrite: bool = False) -> Job[Path]:
    """Write one array (T, 3, 3) float64."""
    matrices = alignment.transforms.matrices()
    yield Progress("Writing transforms", 0, len(matrices))
    # into a file opened with '+', numpy doesn't write by C, which says nothing of a full disk
    with replacing(path, overwrite) as unfinished, unfinished.open("wb+") as file:
        np.save(file, matrices, allow_pickle=False)
    return path


def read_transforms(path: str | Path, shape: tuple[int, int]) -> Transforms:
    """Read what `write_transforms` wrote, or another program in the same way.

    Parameters
    ----------
    path : path
        A .csv or .npy file.
    shape : tuple of int
        (Y, X) of the reference.

    Returns
    -------
    Transforms

    Raises
    ------
    InputError
        Where the file holds no invertible affine matrices, one a frame.
    """
    path = Path(path)
    read = _READ[choose_writer(path, Takes.TRANSFORMS).name]
    try:
        check_is_file(path)
        matrices = read(path)
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.") from None
    except (OSError, UnicodeDecodeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} can't be read as transforms: {error}.") from None
    _check(matrices, path)
    return Transforms((int(shape[0]), int(shape[1])), (AffineLink(matrices),))


def _from_csv(path: Path) -> Matrices:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        header = tuple(name.strip() for name in next(reader, ()))
        if header not in (COLUMNS, WITH_TIMES):
            raise InputError(f"{path} must have the columns {', '.join(COLUMNS)} in this order.")
        rows = [row for row in reader if row]
    if any(len(row) != len(header) for row in rows):
        raise InputError(f"{path} must have {len(header)} values in every row.")
    values = np.array([row[: len(COLUMNS)] for row in rows], np.float64).reshape(-1, len(COLUMNS))
    if not np.array_equal(values[:, 0], np.arange(len(values))):
        raise InputError(f"{path} must have one row a frame, numbered 0, 1, 2, ... without gaps.")
    return values[:, 1:].reshape(-1, 3, 3)


def _from_npy(path: Path) -> Matrices:
    try:
        values = read_npy(path)
    except UnfitContent as error:
        raise InputError(f"{path} can't be read as transforms: {error}.") from error
    if values.dtype.kind not in "iuf":
        raise InputError(f"{path} must hold one array of numbers.")
    return values.astype(np.float64)


_READ = {"csv": _from_csv, "npy": _from_npy}


def _check(matrices: Matrices, path: Path) -> None:
    if matrices.ndim != 3 or matrices.shape[1:] != (3, 3) or not len(matrices):
        raise InputError(
            f"{path} must hold a 3 × 3 matrix a frame, not an array of shape {matrices.shape}."
        )
    wrong = ~np.isfinite(matrices).all(axis=(1, 2))
    wrong |= (matrices[:, 2] != (0, 0, 1)).any(axis=1)
    wrong[~wrong] = np.abs(np.linalg.det(matrices[~wrong])) < 1e-6
    if wrong.any():
        raise InputError(
            f"The matrix of frame {int(np.argmax(wrong))} in {path} is no invertible affine map "
            f"on (y, x, 1): its last row must be 0, 0, 1, and all of it finite."
        )
