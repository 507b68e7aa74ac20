"""Texts of a column of a table, each with the row in which it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import isfinite

from napari_zstack_align.errors import InputError


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    title : str
        As it stands in the table.
    texts : list of str
        Of its cells.
    lines : list of int
        Row of each in the file, counted from 1.
    """

    title: str
    texts: list[str]
    lines: list[int]

    def where(self, rows: Iterable[int]) -> Column:
        """Return some of its cells."""
        rows = list(rows)
        return Column(self.title, [self.texts[i] for i in rows], [self.lines[i] for i in rows])


def finite(column: Column) -> list[float]:
    """Numbers of the cells.

    Raises
    ------
    InputError
        Where one is none; it names row and column.
    """
    return [
        _finite(text, line, column) for text, line in zip(column.texts, column.lines, strict=True)
    ]


def whole(column: Column) -> list[int]:
    """Whole numbers of the cells; other programs may write 3 as 3.0.

    Raises
    ------
    InputError
        Where one is none; it names row and column.
    """
    numbers = _checked(column, lambda number: number == int(number), "is no whole number")
    return [int(number) for number in numbers]


def above_zero(column: Column) -> list[float]:
    """Numbers of the cells, all above 0.

    Raises
    ------
    InputError
        Where one is not; it names row and column.
    """
    return _checked(column, lambda number: number > 0, "is not above 0")


def _checked(column: Column, is_right: Callable[[float], bool], otherwise: str) -> list[float]:
    numbers = finite(column)
    for number, text, line in zip(numbers, column.texts, column.lines, strict=True):
        if not is_right(number):
            raise InputError(_in_cell(column, line, f"'{text}' {otherwise}"))
    return numbers


def of_each(column: Column, change: Callable[[float], float]) -> Column:
    """Return the column with another number in each cell."""
    return Column(column.title, [repr(change(n)) for n in finite(column)], column.lines)


def _finite(text: str, line: int, column: Column) -> float:
    try:
        number = float(text)
    except ValueError:
        raise InputError(_in_cell(column, line, f"'{text}' is no number")) from None
    if not isfinite(number):
        raise InputError(_in_cell(column, line, f"'{text}' is no finite number"))
    return number


def _in_cell(column: Column, line: int, what: str) -> str:
    return f"row {line}, column {column.title or 1}: {what}; mend it, or leave out that row."
