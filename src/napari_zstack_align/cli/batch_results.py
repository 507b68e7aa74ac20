"""``results.csv`` of ``zstack-align batch``: what became of the rows of this table, and others."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from napari_zstack_align.alignment.tables import Table as QualityTable
from napari_zstack_align.cli.table import Row
from napari_zstack_align.counting import counted
from napari_zstack_align.csv_text import as_it_was, csv_bytes
from napari_zstack_align.errors import InputError
from napari_zstack_align.flags import are_flagged
from napari_zstack_align.saved import Table, check_table, save_table, sentences_for
from napari_zstack_align.saved.origin import real_place

RESULTS = "results.csv"
IN_USE = "in use"
"""State of a row that another run works on."""


class Result(NamedTuple):
    """What became of a row; the columns of results.csv."""

    name: str
    state: str
    out: str
    recordings: int | None = 0
    frames: int | None = 0
    flagged: int | None = 0
    message: str = ""


RESULTS_TABLE = Table("table of results of this command", frozenset(Result._fields))


def result_of(
    row: Row, state: str, message: str, qualities: Sequence[QualityTable], out: Path
) -> Result:
    """Count what the quality tables of a row's recordings say."""
    frames = sum(map(len, qualities))
    flagged = sum(int(are_flagged(quality["flag"]).sum()) for quality in qualities)
    return Result(row.name, state, str(out), len(qualities), frames, flagged, message)


def check_results(path: Path, table: Path) -> None:
    """Raise InputError where results can't be written, or would replace the table of rows."""
    if path.absolute() == table.absolute():
        raise InputError(
            f"The results would be written over the table {table}: give it another name."
        )
    with sentences_for(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    check_table(path, RESULTS_TABLE, overwrite=True)
    read_results(path)


def write_results(path: Path, results: Sequence[tuple[Row, Result]]) -> None:
    """Write what became of some rows; what is there of other sessions stays.

    Another batch may write there at the same time: what it wrote is read under the lock, and stays
    where it says what became of a row that it was working on.
    """

    def content() -> bytes:
        known = _finished(path)
        own = [
            (row, each)
            for row, each in results
            if each.state != IN_USE or real_place(row.out) not in known
        ]
        new = [each._replace(out=_as_listed(path.parent, each.out)) for _, each in own]
        return csv_bytes(Result._fields, [*_of_others(path, own), *new])

    save_table(path, content, RESULTS_TABLE, overwrite=True)


def counts_of(results: Sequence[Result], n_rows: int) -> str:
    """'3 rows: 2 done, 1 failed.'."""
    states = [result.state for result in results]
    told = [f"{states.count(state)} {state}" for state in dict.fromkeys(states)]
    if left := n_rows - len(results):
        told.append(f"{left} not begun")
    return f"{counted(n_rows, 'row')}: {', '.join(told)}."


def _of_others(path: Path, results: Sequence[tuple[Row, Result]]) -> list[list[str]]:
    """Lines of sessions that none of these results is of."""
    now = {
        real_place(out) for row, new in results for out in (row.out, new.out, row.of_all or row.out)
    }
    rows = [row for row, _ in results]
    return [
        list(line.values())
        for line in read_results(path)
        if now.isdisjoint(_places(path.parent, line["out"]))
        and not any(_is_beside(path.parent / line["out"], line["name"], row) for row in rows)
    ]


def _finished(path: Path) -> set[str]:
    """Places of the sessions of which a table says more than that a run works on them."""
    lines = [line for line in read_results(path) if line["state"] != IN_USE]
    return {place for line in lines for place in _places(path.parent, line["out"])}


def _as_listed(folder: Path, out: str) -> str:
    """A session's place from the folder of the table, whole where it isn't inside."""
    place = Path(out).absolute()
    inside = place.is_relative_to(folder.absolute())
    return str(place.relative_to(folder.absolute()) if inside else place)


def _places(folder: Path, out: str) -> set[str]:
    """Where a session may be: earlier versions wrote its place from where they were called."""
    return {real_place(folder / out), real_place(out)}


def read_results(path: Path) -> list[dict[str, str]]:
    """What a table of results says; nothing where there is none yet.

    Raises
    ------
    InputError
        Where it is damaged.
    """
    if not path.is_file():
        return []
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            names, *rows = [row for row in csv.reader(file) if row] or [[]]
    except csv.Error as error:
        raise InputError(f"{path} can't be read as a CSV table: {error}.") from error
    known = [dict(zip(map(str.strip, names), row, strict=False)) for row in rows]
    return [{name: as_it_was(line.get(name, "")) for name in Result._fields} for line in known]


def _is_beside(out: Path, name: str, row: Row) -> bool:
    """Whether a place is what was saved beside the session of a row: an unfinished one."""
    same_name = name == row.name and out.name.startswith(f"{row.out.name}-")
    return same_name and real_place(out.parent) == real_place(row.out.parent)
