"""The table of ``zstack-align batch``: one animal a row."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from glob import glob
from pathlib import Path, PurePath
from typing import Any

from napari_zstack_align.alignment.session import as_compared
from napari_zstack_align.atomic import mode_of
from napari_zstack_align.cli.flags import Model
from napari_zstack_align.cli.opening import opening_columns
from napari_zstack_align.errors import InputError
from napari_zstack_align.fields import ParamField, fields_of
from napari_zstack_align.params import Params
from napari_zstack_align.read.natural_order import in_natural_order
from napari_zstack_align.remark import as_notes
from napari_zstack_align.saved import journal_folder, kind_of
from napari_zstack_align.saved.origin import real_places
from napari_zstack_align.table_text import read_table_text
from napari_zstack_align.typed_numbers import advice_on

COLUMNS = ("name", "recordings", "mask", "out")
TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@dataclass(frozen=True)
class Row:
    """One animal.

    Attributes
    ----------
    name : str
        What it is called in what is printed.
    recordings : tuple of str
        Files, folders of files or patterns, relative to the table.
    mask : pathlib.Path, optional
        Image of the mask.
    out : pathlib.Path
        Folder of its session.
    cells : dict of str
        Parameters as they stand in the table; empty cells are left out.
    said : dict of str
        What is said of the files of the row, likewise.
    of_all : pathlib.Path, optional
        Of one of all planes: the folder that the row had before it became several.
    """

    name: str
    recordings: tuple[str, ...]
    mask: Path | None
    out: Path
    cells: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    of_all: Path | None = None

    def paths(self, folder: Path) -> list[Path]:
        """Find the recordings; a pattern's matches come in natural order.

        Raises
        ------
        InputError
            Where there is none of a name.
        """
        found, lacking = self.found(folder)
        if lacking:
            raise InputError(f"There is no recording {lacking[0]}.")
        return found

    def found(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """Find the recordings, and the names and patterns of which there are none."""
        found: list[Path] = []
        lacking: list[Path] = []
        for pattern in self.recordings:
            path = folder / pattern
            matches = [path] if _exists(path) else _matches(folder, pattern)
            found += matches
            lacking += [] if matches else [path]
        return found, lacking

    def in_planes(self, number: int) -> list[Row]:
        """Return a row for each of so many planes; itself for none."""
        return [
            replace(
                self,
                name=f"{self.name}_plane{z}",
                out=self.out.with_name(f"{self.out.name}_plane{z}"),
                said={**self.said, "plane": str(z)},
                of_all=self.out,
            )
            for z in range(number)
        ] or [self]

    def params(self, base: Model) -> Model:
        """Return the parameters with those of the row on top."""
        fields = {known.name: known for known in fields_of(type(base))}
        values = {name: value_of(fields[name], text) for name, text in self.cells.items()}
        return base.replace(**values)


def read_rows(path: Path, out: Path, model: type[Params]) -> list[Row]:
    """Read the table.

    Parameters
    ----------
    path : pathlib.Path
        CSV, as spreadsheet programs write it, with the columns name and recordings, perhaps mask
        and out, and any parameters.
    out : pathlib.Path
        Folder that the sessions go into.
    model : type of Params
        Its fields may be columns.

    Raises
    ------
    InputError
        Where the table can't be read, has unknown columns, or rows without a name or recordings,
        or two rows write to one folder.
    """
    known = {*COLUMNS, *opening_columns(), *(each.name for each in fields_of(model))}
    lines = _lines(path, known)
    if unknown := [name for name in lines[0] if name not in known]:
        raise InputError(
            f"{path} has the unknown column '{unknown[0]}': its columns can be "
            f"{', '.join(COLUMNS)}, how the files are read ({', '.join(opening_columns())}) and "
            f"the names of parameters."
        )
    rows = [_row(line, number, path, out) for number, line in enumerate(lines, start=2)]
    check_places(rows, path)
    return rows


def check_places(rows: Sequence[Row], path: Path) -> None:
    """Raise InputError where two rows of the table ``path`` write to one folder."""
    for number, row in enumerate(rows):
        if any(_same_place(row.out, earlier.out) for earlier in rows[:number]):
            raise InputError(
                f"Two rows of {path} write to {row.out}: give each an 'out' of its own."
            )


def _same_place(one: Path, other: Path) -> bool:
    """Whether two paths may lead to one folder, through links or in other letters of case."""
    (here,), (there,) = real_places([one]), real_places([other])
    return as_compared(here) == as_compared(there)


def value_of(known: ParamField, text: str) -> Any:
    """Turn the text of a cell into the value of a parameter; the model checks bounds.

    Raises
    ------
    InputError
        Where the text is no such value.
    """
    if known.optional and text.lower() == "none":
        return None
    try:
        if known.kind is bool:
            return _truth(text)
        if known.kind is tuple:
            return tuple(known.item(part) for part in text.replace(";", " ").split())
        return known.value_of(text)
    except ValueError:
        kind = {bool: "true or false", int: "a whole number", float: "a number"}
        what = kind.get(known.kind, "numbers separated by spaces, with a point for decimals")
        advice = advice_on(text) if known.kind is float else ""
        raise InputError(f"{known.name} must be {what}, not '{text}'{advice}.") from None


def _truth(text: str) -> bool:
    if text.lower() not in TRUE + FALSE:
        raise ValueError(text)
    return text.lower() in TRUE


def _lines(path: Path, columns: Collection[str]) -> list[dict[str, str]]:
    """Rows of a table by the names of its columns; what is to be checked in it is printed."""
    try:
        table = read_table_text(path, columns)
        file = io.StringIO(table.text, newline="")
        lines = list(csv.DictReader(file, restkey="", restval="", delimiter=table.separator))
    except FileNotFoundError:
        raise InputError(f"There is no table {path}.") from None
    except (OSError, csv.Error) as error:
        raise InputError(f"{path} can't be read as a CSV table: {error}.") from None
    for note in as_notes(table.note):
        print(note.labelled)
    if not lines:
        raise InputError(
            f"{path} has no rows: give the columns name and recordings, a row an animal."
        )
    separators = table.separators
    return [_stripped(line, number, path, separators) for number, line in enumerate(lines, start=2)]


def _stripped(line: dict[str, Any], number: int, path: Path, separators: str) -> dict[str, str]:
    if any(line.pop("", "")):
        raise InputError(
            f"Row {number} of {path} has more cells than the table has columns: use "
            f"quotes around texts with {separators}."
        )
    return {name.strip(): text.strip() for name, text in line.items()}


def _row(line: dict[str, str], number: int, path: Path, out: Path) -> Row:
    recordings = tuple(part.strip() for part in line.get("recordings", "").split(";"))
    if not line.get("name") or not any(recordings):
        raise InputError(f"Row {number} of {path} needs a name and recordings.")
    _check_stays(line.get("out") or line["name"], number, path)
    mask = line.get("mask")
    given = {name: text for name, text in line.items() if text and name not in COLUMNS}
    return Row(
        line["name"],
        tuple(filter(None, recordings)),
        path.parent / mask if mask else None,
        out / (line.get("out") or line["name"]),
        {name: text for name, text in given.items() if name not in opening_columns()},
        {name: text for name, text in given.items() if name in opening_columns()},
    )


def _check_stays(name: str, number: int, table: Path) -> None:
    """Raise InputError where a session would be written above the folder of sessions."""
    given = PurePath(name)
    if ".." in given.parts or (not given.is_absolute() and "\\" in name) or "\0" in name:
        raise InputError(
            f"Row {number} of {table} would write to {name!r}, outside the folder of the sessions: "
            f"give a name, or a whole path as 'out'."
        )


def _exists(path: Path) -> bool:
    """Whether there is such a file or folder; InputError where it can't be found out."""
    try:
        return mode_of(path) != 0
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path} can't be read: {why}.") from error


def _matches(folder: Path, pattern: str) -> Sequence[Path]:
    """What a pattern finds, but earlier results and journals: those bear names of recordings."""
    found = map(Path, glob(str(folder / pattern)))
    return in_natural_order(each for each in found if not _is_ours(each))


def _is_ours(path: Path) -> bool:
    return kind_of(path) is not None or journal_folder(path) == path
