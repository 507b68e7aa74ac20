"""The text of a table as spreadsheet programs save it: encodings, and what separates cells."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from napari_zstack_align.errors import InputError
from napari_zstack_align.plain_files import check_is_file

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
SEP_LINE = "sep="
"""How a first line begins that says the separator; Excel writes and understands it."""
BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
MANY_ZEROS = 0.1
"""Of the bytes of UTF-16 without a mark, nearly half are 0; in text of UTF-8 hardly any is."""
OF_OTHERS = {
    b"PK\x03\x04": "an Excel workbook or another zip file",
    b"\xd0\xcf\x11\xe0": "an Excel workbook or another Office file",
    b"II*\0": "a TIFF image",
    b"MM\0*": "a TIFF image",
    b"II+\0": "a TIFF image",
    b"MM\0+": "a TIFF image",
    b"%PDF": "a PDF file",
}
"""What files are that begin so, and are no text."""


class TableText(NamedTuple):
    """Text of a table.

    Attributes
    ----------
    text : str
        Without a line that only says the separator.
    separator : str
    note : str
        What to check, where the encoding was guessed; '' where it was clear.
    """

    text: str
    separator: str
    note: str = ""

    @property
    def separators(self) -> str:
        """'commas', 'semicolons' or 'tabs'."""
        return SEPARATORS[self.separator]


def read_table_text(path: Path, columns: Collection[str]) -> TableText:
    """Read a table whose cells are separated by commas, semicolons or tabs.

    Parameters
    ----------
    path : pathlib.Path
    columns : collection of str
        Names that the header may hold: they say what separates cells.

    Raises
    ------
    InputError
        Where the file is no text; the sentence says what it is.
    OSError
        Where it can't be read.
    """
    check_is_file(path)
    text, note = _decoded(path.read_bytes(), path)
    first, end, rest = text.partition("\n")
    if first.lower().startswith(SEP_LINE) and first.strip()[len(SEP_LINE) :] in SEPARATORS:
        return TableText(rest, first.strip()[len(SEP_LINE) :], note)
    best = max(SEPARATORS, key=lambda separator: _known_and_all(first, separator, columns))
    return TableText(first + end + rest, best, note)


def _known_and_all(header: str, separator: str, columns: Collection[str]) -> tuple[int, int]:
    """How many cells a separator makes of the header: those that are known count first."""
    names = next(csv.reader(io.StringIO(header), delimiter=separator), [])
    return sum(name.strip() in columns for name in names), len(names)


def _decoded(content: bytes, path: Path) -> tuple[str, str]:
    """Text of a file, and what to check."""
    for begin, what in OF_OTHERS.items():
        if content.startswith(begin):
            raise InputError(f"{path} is {what}, not a table: {_SAVE_AS}.")
    encoding = next((name for bom, name in BOMS.items() if content.startswith(bom)), "utf-8")
    n_zeros = 0 if encoding == "utf-16" else content.count(0)
    if n_zeros > len(content) * MANY_ZEROS:
        raise InputError(f"{path} is not a text file: {_SAVE_AS}.")
    try:
        return content.decode(encoding), ""
    except UnicodeDecodeError:
        if encoding != "utf-8":
            raise InputError(f"{path} is damaged: {_SAVE_AS}.") from None
        if n_zeros:
            raise InputError(f"{path} is not a text file: {_SAVE_AS}.") from None
    text = content.decode("cp1252", errors="replace")
    odd = next(line for line in text.splitlines() if not line.isascii()).strip()
    note = (
        f"{path} isn't saved as UTF-8; it was read as Windows-1252 (Latin-1). If letters are wrong "
        f"in '{odd[:60]}', save the table as 'CSV UTF-8'."
    )
    return text, note


_SAVE_AS = "in the spreadsheet program, save the table as 'CSV UTF-8' and give that file"
