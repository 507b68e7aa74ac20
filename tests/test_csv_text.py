from __future__ import annotations

import csv
import io

import pytest

from napari_zstack_align.csv_text import csv_cell, csv_text


def test_a_table_reads_back() -> None:
    rows = [[1, "a, b", 0.5], [2, 'said "no"', ""]]
    text = csv_text(("id", "name", "value"), rows)
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["id", "name", "value"],
        ["1", "a, b", "0.5"],
        ["2", 'said "no"', ""],
    ]


@pytest.mark.parametrize("text", ["plain", "a, b", 'said "no"', "two\nlines", "", "µm"])
def test_a_cell_reads_back(text: str) -> None:
    line = f"1,{csv_cell(text)},2"
    assert list(csv.reader(io.StringIO(line, newline=""))) == [["1", text, "2"]]
