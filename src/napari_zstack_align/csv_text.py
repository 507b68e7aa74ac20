"""CSV text, made in one place: whole tables, and single cells for tables written in blocks."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table as text, to be written as UTF-8 without translation of line ends."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()


def csv_cell(text: str) -> str:
    """Return text as one cell, in quotes where it has to be."""
    return csv_text([text], []).removesuffix("\r\n") if text else ""
