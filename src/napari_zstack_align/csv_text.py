"""CSV text, made in one place: whole tables, single cells for tables written in blocks, headers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What spreadsheets take for the beginning of a formula."""


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table as text, to be written as UTF-8 without translation of line ends."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(map(harmless, header))
    writer.writerows(map(harmless, row) for row in rows)
    return buffer.getvalue()


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Return a table as UTF-8; what is no text in the name of a file becomes an escape."""
    return csv_text(header, rows).encode(errors="backslashreplace")


def csv_cell(text: str) -> str:
    """Return text as one cell, in quotes where it has to be."""
    return csv_text([text], []).removesuffix("\r\n") if text else ""


def csv_header(path: Path) -> tuple[str, ...]:
    """Names of the columns of a CSV file; empty where it is none."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return tuple(name.strip() for name in next(csv.reader(file), []))
    except (OSError, UnicodeDecodeError, csv.Error):
        return ()


def harmless(cell: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula: ' before text that looks like one.

    Numbers stay, also as text.
    """
    if not isinstance(cell, str) or not cell.startswith(FORMULAS):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def as_it_was(cell: str) -> str:
    """Undo `harmless`."""
    return cell[1:] if cell.startswith(tuple(f"'{mark}" for mark in FORMULAS)) else cell
