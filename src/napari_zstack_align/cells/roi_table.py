"""ROIs as a plain CSV, a row a ROI."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align import saved
from napari_zstack_align.cells.cell_texts import Column, above_zero, finite, whole
from napari_zstack_align.cells.made_on import mark_in
from napari_zstack_align.cells.roi_columns import CIRCLE, SLICES, Columns, in_our_columns
from napari_zstack_align.cells.rois import NO_SLICES, Rois
from napari_zstack_align.counting import counted
from napari_zstack_align.csv_text import as_it_was, csv_bytes
from napari_zstack_align.errors import InputError
from napari_zstack_align.remark import Remark
from napari_zstack_align.table_text import read_table_text

IDS_NAMED = 8
LAST_ID = "last_id"
"""Column that is written only where a ROI with a higher id than all others was deleted."""
IN_TITLE = "="
"""Between name and value of a column of a table without rows, which has no other place for it."""
NO_COLUMN = Column("", [], [])
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
MADE_ON = "made_on"
"""Column that is written only where it is known what the ROIs were made on."""


def save_rois(rois: Rois, path: Path, overwrite: bool = False, *, beside: bool = False) -> Path:
    """Write the CSV in one step; see `Rois.save`.

    With ``beside``, a file that must not be replaced is left alone, and one beside it is written.
    """
    path = saved.target_of(path, saved.Kind.ROIS)
    return saved.save_table(path, rois_bytes(rois), saved.ROI_TABLE, overwrite, beside=beside)


def rois_bytes(rois: Rois) -> bytes:
    """Text of the CSV."""
    columns = dict(zip(("id", *CIRCLE, *SLICES), _fixed(rois), strict=True))
    columns.update(rois.features)
    of_all: dict[str, int | str] = {}
    if rois.last_id > rois.ids.max(initial=0):
        of_all[LAST_ID] = rois.last_id
    if rois.made_on:
        of_all[MADE_ON] = rois.made_on
    for name, value in of_all.items():
        title = name if len(rois) else f"{name}{IN_TITLE}{value}"
        columns[title] = np.full(len(rois), value)
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return csv_bytes(list(columns), rows)


def read_table(path: Path, pixel_size_um: float | None = None) -> Rois:
    """Read ROIs from a table with y, x and radius, or what tells them; see `load_rois`."""
    columns, remarks = _ours(path, pixel_size_um)
    missing = [name for name in ("id", *CIRCLE) if name not in columns]
    if missing:
        found = ", ".join(column.title for column in columns.values()) or "none"
        lacking = [name for name in missing if name != "id"]
        raise InputError(
            f"{path} is no table of ROIs: it lacks the columns {', '.join(lacking)} (its columns "
            f"are {found[:200]})."
        )
    try:
        return replace(_rois(columns), remarks=remarks)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (ValueError, OverflowError) as error:
        raise InputError(f"{path} can't be read as ROIs: {error}.") from None


def _ours(path: Path, pixel_size_um: float | None) -> tuple[Columns, tuple[Remark, ...]]:
    columns = _read(path)
    if pixel_size_um is not None and (MADE_ON in columns or LAST_ID in columns):
        raise InputError(f"{path} counts in pixels: leave out the size of a pixel.")
    try:
        return in_our_columns(columns, pixel_size_um)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def is_roi_table(path: Path) -> bool:
    """Whether a file is a table with the columns that ROIs need."""
    try:
        return path.is_file() and {"id", *CIRCLE} <= set(_read(path))
    except InputError:
        return False


def _rois(columns: Columns) -> Rois:
    _take_from_titles(columns)
    y, x, radius = (columns.pop(name) for name in CIRCLE)
    circles = np.array([finite(y), finite(x), above_zero(radius)]).T
    ids = whole(columns.pop("id"))
    slices = np.tile(NO_SLICES, (len(ids), 1))
    if (there := [name for name in SLICES if name in columns]) and len(there) < len(SLICES):
        raise InputError(
            f"It has a column {there[0]}, but not both of {' and '.join(SLICES)}: give both, or "
            f"neither."
        )
    if there:
        slices = np.array([whole(columns.pop(name)) for name in SLICES]).T
    last_id = max(whole(columns.pop(LAST_ID, NO_COLUMN)), default=0)
    marks = columns.get(MADE_ON, NO_COLUMN).texts
    _check_one_reference(marks, ids)
    if mark := mark_in(marks):
        del columns[MADE_ON]
    features = {name: _typed(column.texts) for name, column in columns.items()}
    return Rois.of(
        circles, ids=ids, slices=slices, features=features, last_id=last_id, made_on=mark
    )


def _take_from_titles(columns: Columns) -> None:
    """Give the columns that a table without rows has in their titles their names, and values."""
    for title in list(columns):
        name, sign, value = title.partition(IN_TITLE)
        if sign and (name == LAST_ID or (name == MADE_ON and mark_in([value]))):
            del columns[title]
            columns.setdefault(name, Column(name, [value], [1]))


def _check_one_reference(marks: list[str], ids: list[int]) -> None:
    """Raise InputError where ROIs were made on several references: as one table they fit none."""
    known = [mark_in([mark]) for mark in marks]
    first = next(filter(None, known), "")
    foreign = [i for i, mark in zip(ids, known, strict=False) if mark not in ("", first)]
    if foreign:
        named = ", ".join(map(str, foreign[:IDS_NAMED])) + (
            " …" if len(foreign) > IDS_NAMED else ""
        )
        raise InputError(
            f"Its ROIs were made on several references (column {MADE_ON}): those of id {named} on "
            f"another than the first. Keep those of each reference in a table of their own."
        )


def _fixed(rois: Rois) -> list[npt.NDArray[Any]]:
    return [rois.ids, *rois.circles.T, *rois.slices.T]


def _read(path: Path) -> Columns:
    """Columns of a CSV by name, as texts."""
    try:
        found = read_table_text(path, ("id", *CIRCLE, *SLICES))
        reader = csv.reader(io.StringIO(found.text, newline=""), delimiter=found.separator)
        numbered = [(reader.line_num, row) for row in reader if row]
    except FileNotFoundError:
        raise InputError(f"There is no ROI file {path}.") from None
    except (OSError, csv.Error) as error:
        raise InputError(f"{path} can't be read as a CSV table of ROIs: {error}.") from None
    if not numbered:
        raise InputError(f"{path} is empty: it holds no table of ROIs.")
    (_, titles), *rows = numbered
    names = [as_it_was(name.strip()) for name in titles]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(
            f"{path} has more than one column of the name {', '.join(twice)}: leave one of each."
        )
    for number, row in rows:
        if len(row) != len(names):
            raise InputError(
                f"{path} is damaged: row {number} has {counted(len(row), 'value')} in "
                f"{counted(len(names), 'column')}."
            )
    change = str.strip if found.separator == "," else _with_point
    lines = [line for line, _ in rows]
    return {
        name: Column(name, [change(row[i]) for _, row in rows], lines)
        for i, name in enumerate(names)
    }


def _with_point(text: str) -> str:
    """'12,5', as programs of half of Europe write numbers beside semicolons, is '12.5'."""
    text = text.strip()
    return text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text


def _typed(texts: list[str]) -> npt.NDArray[Any]:
    """Column of a feature: true/false, whole numbers, numbers, or else text."""
    if not texts:
        return np.zeros(0)
    if {text.lower() for text in texts} <= {"true", "false"}:  # spreadsheets write TRUE
        return np.array([text.lower() == "true" for text in texts])
    for kind in (np.int64, np.float64):
        try:
            return np.array([text or "nan" for text in texts], kind)
        except (ValueError, OverflowError):
            continue
    return np.array([as_it_was(text) for text in texts])
