"""Tables and transforms as bytes of files that other programs can read."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from napari_zstack_align import acquisition
from napari_zstack_align.alignment.spline import grid_shape
from napari_zstack_align.alignment.transforms import AffineLink, Link, SplineLink, Transforms
from napari_zstack_align.csv_text import csv_bytes
from napari_zstack_align.flags import read_flags
from napari_zstack_align.saved import UnfitContent, read_npz

Table = npt.NDArray[np.void]


def table_bytes(table: Table) -> bytes:
    """CSV of a structured array, a row a row; a column that holds arrays becomes several.

    The element (1, 2) of ``matrix`` stands under ``matrix_12``.
    """
    columns = dict(_columns(table))
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return csv_bytes(list(columns), rows)


def read_table(path: Path, empty: Callable[[list[str], int], Table]) -> Table:
    """Read a table that `table_bytes` wrote, of this version or an older one.

    Parameters
    ----------
    path : pathlib.Path
        The CSV file.
    empty : callable
        Makes the table to be filled, from the names of the columns and the number of rows.

    Raises
    ------
    UnfitContent
        Where the table has a column that this version doesn't know.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            names, *rows = csv.reader(file)
    except (ValueError, csv.Error) as error:
        raise UnfitContent(f"it is no table ({error})") from error
    if any(len(row) != len(names) for row in rows):
        raise UnfitContent(f"a row has more or less than its {len(names)} columns")
    try:
        table = empty(names, len(rows))
    except ValueError as error:  # a name twice, or none
        raise UnfitContent(str(error)) from error
    columns = dict(_columns(table))
    read: dict[str, Sequence[str]] = dict(zip(names, zip(*rows, strict=True), strict=bool(rows)))
    if "flag" in read:
        read["flag"], read["detail"] = read_flags(read["flag"], read.get("detail"))
    for name, texts in read.items():
        if name not in columns and name in acquisition.NAMES:
            continue  # known from the frames
        if name not in columns:
            raise UnfitContent(f"unknown column '{name}'")
        column = columns[name]
        try:
            column[:] = [text == "True" for text in texts] if column.dtype.kind == "b" else texts
        except (ValueError, OverflowError) as error:
            raise UnfitContent(f"column '{name}': {error}") from error
    return table


def _columns(table: Table) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Views of the columns, (n,) each, those of arrays taken apart."""
    for name in table.dtype.names or ():
        column = table[name]
        for index in np.ndindex(column.shape[1:]):
            suffix = "_" + "".join(map(str, index)) if index else ""
            yield name + suffix, column[(slice(None), *index)]


def write_transforms(file: BinaryIO, transforms: Transforms) -> None:
    """Write the ``.npz`` of a chain of transforms."""
    arrays: dict[str, Any] = {
        "shape": np.array(transforms.shape),
        "kinds": np.array([link.kind for link in transforms.links]),
    }
    for i, link in enumerate(transforms.links):
        if isinstance(link, SplineLink):
            arrays[f"link{i}_coefficients"] = link.coefficients
            arrays[f"link{i}_spacing_px"] = np.array(link.spacing_px)
        else:
            arrays[f"link{i}_matrices"] = link.matrices
    np.savez(file, **arrays)


def read_transforms(path: Path, n_frames: int) -> Transforms:
    """Read the ``.npz`` of a chain of transforms of n frames.

    Raises
    ------
    UnfitContent
        Where the transforms are of another number of frames, or hold numbers that aren't finite:
        frames that were not run have finite transforms too.
    """
    arrays = read_npz(path)
    shape = _shape(arrays)
    links: list[Link] = []
    for i, kind in enumerate(map(str, _part(arrays, "kinds").ravel())):
        if kind == SplineLink.kind:
            spacing = _number(arrays, f"link{i}_spacing_px")
            coefficients = _part(arrays, f"link{i}_coefficients")
            _check_link(coefficients, (n_frames, 2, *grid_shape(shape, spacing)))
            links.append(SplineLink(coefficients, spacing, shape))
        else:
            matrices = _part(arrays, f"link{i}_matrices")
            _check_link(matrices, (n_frames, 3, 3))
            links.append(AffineLink(matrices))
    return Transforms(shape, tuple(links))


def _part(arrays: dict[str, npt.NDArray[Any]], name: str) -> npt.NDArray[Any]:
    if name not in arrays:
        raise UnfitContent(f"it has no {name}")
    return np.atleast_1d(arrays[name])


def _number(arrays: dict[str, npt.NDArray[Any]], name: str) -> float:
    values = _part(arrays, name)
    if values.size != 1 or values.dtype.kind not in "iuf" or not 0 < values.ravel()[0] < np.inf:
        raise UnfitContent(f"{name} is no number above 0")
    return float(values.ravel()[0])


def _shape(arrays: dict[str, npt.NDArray[Any]]) -> tuple[int, int]:
    values = _part(arrays, "shape")
    if values.shape != (2,) or values.dtype.kind not in "iu" or (values < 1).any():
        raise UnfitContent("shape is no size (y, x) of an image")
    return int(values[0]), int(values[1])


def _check_link(values: npt.NDArray[np.floating], shape: tuple[int, ...]) -> None:
    if values.shape != shape:
        raise UnfitContent(f"a transform has the shape {values.shape}, not {shape}")
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise UnfitContent("it holds numbers that aren't finite")


def npy_content(array: npt.NDArray[Any]) -> Callable[[BinaryIO], None]:
    """Return what writes an array into an open ``.npy`` file."""

    def write(file: BinaryIO) -> None:
        np.save(file, array, allow_pickle=False)

    return write
